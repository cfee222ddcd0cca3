"""Train the face GAN as it grows: non-saturating loss, R1, differentiable augmentation, people weighted evenly.

    python -m models.training.gan --data lfw_faces.zip --projected 1 --minutes 100

`--data` holds photos as <Person>/<photo>; 5 % of the people are kept back. With `--projected` a second critic, which is not released, looks at the faces
through a network trained on ImageNet (`models.training.projected`): many times less training for faces as good.
"""
import torch
from torch import nn
from torch.nn import functional as F

from models import gan, pictures
from models.training import data
from models.training.coarser import fit_colours
from models.training.loop import Run, arguments, hardware
from models.training.moments import Keeper
from models.training.projected import NOTE, Features, ProjectedCritic, told_apart

LOOKED_AT = 96  # pixels at which the projected critic looks, whatever the size that has been reached
TINY = gan.GAN.Config(size=16, latents=8, channels=(8, 8, 8))
STAGE_SHARES = {4: 0.01, 8: 0.03, 16: 0.06, 32: 0.1, 64: 0.8, 128: 1.0}  # of the time, before they are brought to sum 1


def growth(fraction, start, until):
    """Resolution and alpha after `fraction` of the time: each stage fades in over its first 15 %, the one that is resumed does not."""
    stages = [r for r in STAGE_SHARES if start <= r <= until]
    total = sum(STAGE_SHARES[r] for r in stages)
    for stage in stages:
        share = STAGE_SHARES[stage] / total
        if fraction < share or stage == stages[-1]:
            return stage, 1.0 if stage == start else min(1.0, fraction / share / 0.15)
        fraction -= share


def looked_at(x):
    """As the projected critic is shown them: all of one size, and all augmented, without which it soon knows better than any generator can learn from."""
    return F.interpolate(data.augment(x.float(), 1.0), (LOOKED_AT, LOOKED_AT), mode="bilinear", antialias=x.shape[-1] > LOOKED_AT)


class ProjectedLoss(nn.Module):
    """Step of the projected critic: hinge."""

    def __init__(self, projected):
        super().__init__()
        self.projected = projected

    def forward(self, real, fake):
        return told_apart(self.projected(looked_at(real)), self.projected(looked_at(fake)))


class DiscriminatorLoss(nn.Module):
    """D step: softplus(D(fake)) + softplus(-D(real)), and every eighth step R1, gamma / 2 * |dD / d real|^2 (Mescheder et al. 2018)."""

    def __init__(self, net, augmented):
        super().__init__()
        self.D, self.augmented = net.D, augmented

    def forward(self, real, fake, resolution, alpha, gamma):
        seen = data.augment(real, self.augmented).detach().requires_grad_(gamma > 0)
        judge = self.D.forward if gamma > 0 else self.D  # compiled code can't be differentiated twice
        on_real, on_fake = judge(seen, resolution, alpha).float(), judge(data.augment(fake, self.augmented), resolution, alpha).float()
        loss = F.softplus(on_fake).mean() + F.softplus(-on_real).mean()
        if gamma > 0:
            gradient, = torch.autograd.grad(on_real.sum(), seen, create_graph=True)
            loss = loss + gamma / 2 * (gradient.float() ** 2).sum((1, 2, 3)).mean()
        return loss, torch.stack([on_real.mean(), on_fake.mean()]).detach()


def at(net, resolution, alpha):
    """The network's config brought up to where it has grown, so that the checkpoint says so."""
    net.config = gan.GAN.Config(**{**vars(net.config), "resolution": resolution, "alpha": round(alpha, 3)})


def main(arguments_=None):
    parser = arguments(__doc__.splitlines()[0], batch=32)
    parser.add_argument("--until", type=int, default=128, help="resolution to grow to: 4, 8, ... 128")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate of both networks; all rates fall in the end")
    parser.add_argument("--gamma", type=float, default=0.1, help="weight of R1 at 64 pixels; it grows with the number of pixels (Karras et al. 2020b)")
    parser.add_argument("--projected", type=float, default=0.0, help="weight of a second critic that looks through a network trained on ImageNet; 0 for none")
    parser.add_argument("--projected-rate", type=float, default=2e-4, help="learning rate of that critic")
    parser.add_argument("--augment", type=float, default=0.2, help="share of pictures that are augmented; more for long runs on few pictures")
    choices = parser.parse_args(arguments_)
    if choices.dry_run:
        config, choices.batch, choices.until = TINY, 4, 16
        names, stored = [f"{p}/{i}.png" for p in "ab" for i in range(4)], torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8)
        kept_photos = stored[:2]
    else:
        config = gan.GAN.Config()
        names, stored, kept_photos = data.faces(choices.data, min(config.size, choices.until))

    run = Run(choices)
    people = data.People(names, stored, run.device)
    net = run.place(gan.GAN(config))
    average = run.average(net, 0.999)
    styles = list(net.G.mapping.parameters())  # they learn slower, as every layer depends on them
    optimizers = [torch.optim.Adam([{"params": styles, "lr": choices.rate / 10}, {"params": [p for name, p in net.G.named_parameters() if not name.startswith("mapping")]}],
                                   choices.rate, (0.0, 0.99)),
                  torch.optim.Adam(net.D.parameters(), choices.rate, (0.0, 0.99))]
    projected = None
    if choices.projected:
        projected = run.place(ProjectedCritic(run.place(Features())))
        optimizers.append(torch.optim.Adam(projected.heads.parameters(), choices.projected_rate, (0.0, 0.99)))
        projected_loss = run.parallel(ProjectedLoss(projected))
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    grown = run.resume(net, average, optimizers)
    if projected is not None and "projected" in grown:
        projected.load_state_dict(grown["projected"])
    keeper = Keeper(choices.resume)
    start = min(grown.get("resolution", min(STAGE_SHARES)), choices.until)
    resolution, alpha = growth(0.0, start, choices.until)
    generator, discriminator_loss = run.parallel(net.G), run.parallel(DiscriminatorLoss(net, choices.augment))
    compiled = False
    torch.backends.cudnn.benchmark = run.device.type == "cuda"  # few sizes, each for long
    latents = lambda n: torch.randn(n, config.latents, device=run.device)

    def remember():
        """The sixteen latents as the average draws them at this moment."""
        if run.rank == 0:
            with run.autocast():
                keeper.keep(average.module, resolution, alpha, run.images, run.hours())

    def leave():
        """The same sixteen latents as they look now; the critic's opinion of photos it never saw; release and full state."""
        if run.rank:
            return
        for one in (net, average.module):
            at(one, resolution, alpha)
        released = average.module.eval()
        fit_colours(released.G, resolution, alpha)
        with torch.no_grad(), run.autocast():
            run.picture("faces", pictures.sheet(F.interpolate(released.sample(range(16)), (64, 64)), 8))
            x = F.interpolate(data.as_floats(kept_photos[:64].to(run.device)), (resolution, resolution), mode="area")
            metrics = {"D_held_back": round(net.D.forward(x, resolution, alpha).float().mean().item(), 3)}
        run.line(resolution=resolution, alpha=alpha, **metrics)
        progress = {"resolution": resolution, "alpha": alpha}
        kept_back = f"{len(kept_photos)} photos: 5 % of the people, by hash of the name"
        keeper.save(choices.out, {"words": f"Sixteen seeds as the face GAN drew them at {len(keeper.moments)} moments of its training, for the dial and the levels of the quiz.",
                                  "data": data.FACES, "kept back": kept_back, "steps": run.step, "images seen": run.images, "seed": choices.seed,
                                  "hours": round(run.hours(), 3), "hardware": hardware(run.device, run.world)})
        run.save("face_gan", net, average, optimizers, {"size": resolution, "range": [-1, 1], "crop": data.FACE_CROP},
                 {"data": data.FACES,
                  "pictures": len(names), "people": len(people.people), "kept back": kept_back,
                  "held-back metrics": metrics, "batch": choices.batch, "progress": progress,
                  **({"critics": NOTE} if projected is not None else {})},
                 **progress, **({"projected": projected.state_dict()} if projected is not None else {}))

    while run.goes_on():
        grown_to, faded = growth(run.fraction, start, choices.until)
        if grown_to > resolution:
            remember()  # as it was when it grew
        resolution, alpha = grown_to, faded
        if keeper.due(resolution, alpha, run.images):
            remember()

        # The learning rates fall linearly to a tenth over the last quarter of the time.
        for optimizer, given in zip(optimizers, rates):
            for group, rate in zip(optimizer.param_groups, given):
                group["lr"] = rate * min(1.0, max(0.1, 4 * (1 - run.fraction)))
        batch = choices.batch if resolution < 128 else max(4, choices.batch // 2)
        if choices.compile and not compiled and resolution >= 32:  # below, compiling takes longer than training
            compiled = True
            net.G.compile(dynamic=False)
            net.D.compile(dynamic=False)
        fade = torch.tensor(alpha, device=run.device)

        with run.autocast():
            fake = generator(latents(batch), resolution, fade)
        shown, real = fake.detach().float(), people.batch(batch, resolution)
        if alpha < 1:  # photos fade in like inventions
            real = torch.lerp(F.interpolate(F.avg_pool2d(real, 2), scale_factor=2), real, alpha)

        # Discriminator: higher for photos, lower for inventions; R1 keeps it smooth around photos.
        net.D.requires_grad_(True)
        lazy = run.step % 8 == 0
        with run.autocast():
            d_loss, told = discriminator_loss(real, shown, resolution, fade, 8 * choices.gamma * (resolution / 64) ** 2 if lazy else 0.0)
        optimizers[1].zero_grad()
        d_loss.backward()
        optimizers[1].step()
        net.D.requires_grad_(False)
        with run.autocast():
            g_loss = F.softplus(-net.D(data.augment(fake, choices.augment), resolution, fade).float()).mean()
        numbers = {"D": d_loss.detach(), "D_real": told[0], "D_fake": told[1]}

        # The same for the critic that looks through a trained network.
        if projected is not None:
            projected.heads.requires_grad_(True)
            with run.autocast():
                p_loss = projected_loss(real, shown)
            optimizers[2].zero_grad()
            p_loss.backward()
            optimizers[2].step()
            projected.heads.requires_grad_(False)
            with run.autocast():
                g_loss = g_loss - choices.projected * projected(looked_at(fake)).float().mean()
            numbers["P"] = p_loss.detach()

        # Generator: what it invents should be taken for photos.
        optimizers[0].zero_grad()
        g_loss.backward()
        optimizers[0].step()

        average.update_parameters(net)
        run.advance(batch)
        if run.due():
            run.line(resolution=resolution, alpha=alpha, G=g_loss.detach(), **numbers)
        if run.due("save"):
            leave()
    leave()
    run.close()


if __name__ == "__main__":
    main()
