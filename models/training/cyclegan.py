"""Train the CycleGAN between two folders of pictures: least squares, cycle and identity losses, a pool of earlier fakes, linear decay.

    python -m models.training.cyclegan --data horse2zebra.zip --disguise --projected 2 --cycle 0.5 --compile --minutes 200    # a long while on a CPU
    python -m models.training.cyclegan --data horse2zebra.zip --disguise --projected 2 --cycle 0.5 --compile --minutes 13 --batch 16    # a short one on a GPU

`--data` holds pictures below two folders named by `--domains` (A first). They are decoded once and lie on the device, where crops are cut for a whole
batch at a time. What is learned at `--size` pixels is released for pictures of `--shown`, at which it looks reduced. Beside the release lies a strip: our
own painted horse as translated after 0, 1, 2, 4, 8 ... steps.

What is known to go wrong, and what stands against it here:

- ghost stripes on the background: the generator paints over its input through a gate, so that to leave a meadow alone takes nothing; the identity
  loss; pairs (`--disguise`) and outlines of horses, which tell what lies around the animal.
- colours inverted, day turned to night: the identity loss, which asks that a zebra stay that zebra; the cycle loss alone allows any reversible tint.
- only contrast changes: critics that look through a network trained on ImageNet (`--projected`) and know a zebra; others wide enough to know a stripe
  (`critic_width`), a pool of earlier fakes, and no more identity loss than every fourth step, which otherwise teaches to do nothing.
- zebra to horse is mush: the same networks and losses both ways, sheets and metrics of both in every save, so that neither is forgotten, and a zebra of a pair
  that stays near its disguise (`--plain`): without it, three hundred steps were enough to turn zebras into heaps of brown.
- checkerboards: the picture grows by resize-convolution, never by transposed convolution.
- grey veil at the edges: reflection everywhere, in the network and around the picture.

Differentiable augmentation (Zhao et al. 2020) is for the critics of `--projected` alone, which soon know better than any generator can learn from. To the
critics of patches its shifts mean nothing, as they see every shift as it is, and its colours would forgive the very tints that they are to notice.
"""
from pathlib import PurePosixPath

import torch
from torch import nn
from torch.nn import functional as F

from models import cyclegan, painting, pictures, strip
from models.device import pick_device
from models.training import data
from models.training.cycle_losses import CriticLosses, GeneratorLosses, Pool
from models.training.disguise import Disguised
from models.training.loop import Run, arguments, gmac
from models.training.outlined import Outlined
from models.training.projected import NOTE, Features, ProjectedCritic

# 2.5 GMAC for 192 x 192 pixels, 3.4 for 256 x 256 that are looked at reduced (the published generator: 49.6); 1.1 M weights, and 1.1 M in each critic.
SMALL = cyclegan.CycleGAN.Config(width=96, blocks=6, downs=0, unshuffle=4, halfway=32, resize_convolution=True, gate=True, critic_width=40)
TINY = cyclegan.CycleGAN.Config(width=8, blocks=1, downs=0, unshuffle=4, halfway=4, resize_convolution=True, gate=True, critic_width=4)


class Moments:
    """One picture as translated in the course of the training: at the start, and after every power of two steps."""

    def __init__(self, picture: torch.Tensor, earlier: dict | None = None):
        """`picture` (1, 3, H, W); `earlier` what `state` gave when the training that goes on was left."""
        self.picture, self.steps, self.pictures = picture, list((earlier or {}).get("steps", [])), list((earlier or {}).get("pictures", []))

    def look(self, generator, step: int, last=False):
        """Keep what the generator makes of the picture, where this step is one to keep or the last."""
        if step in self.steps or step & (step - 1) and not last:
            return
        with torch.no_grad():
            made = generator.translate(self.picture.to(next(generator.parameters()).device))[0].float()
        self.steps.append(step)
        self.pictures.append(((made.clamp(-1, 1) + 1) * 127.5).round().byte().cpu())

    def state(self) -> dict:
        """What a full state keeps of it."""
        return {"steps": list(self.steps), "pictures": list(self.pictures)}

    def save(self, path, side=128):
        """The strip as a PNG of `side` pixels a moment."""
        small = [pictures.to_picture(one.float() / 127.5 - 1).resize((side, side)) for one in self.pictures]
        path.parent.mkdir(parents=True, exist_ok=True)
        strip.save_strip(path, small, self.steps)


def options():
    """The command line."""
    parser = arguments(__doc__.splitlines()[0], batch=8)
    parser.add_argument("--name", default="horse2zebra", help="name of the checkpoint")
    parser.add_argument("--domains", nargs=2, default=("horse", "zebra"), metavar=("A", "B"), help="inner folders of --data")
    parser.add_argument("--size", type=int, default=192, help="side of the training crops in pixels")
    parser.add_argument("--shown", type=int, default=256, help="side of the pictures that the networks are released for")
    parser.add_argument("--shrink", type=float, default=8 / 7, help="how many times reduced they look at those: at 224 of 256 pixels by default, when whole photographs were learned from at 216")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate of the generators and the critics of patches; all rates are constant for the first half, then fall linearly to 0")
    parser.add_argument("--cycle", type=float, default=10.0, help="weight of the cycle loss")
    parser.add_argument("--identity", type=float, default=5.0, help="weight of the identity loss, taken every fourth step")
    parser.add_argument("--projected", type=float, default=0.0, help="weight of critics that look through a network trained on ImageNet; 0 for none")
    parser.add_argument("--projected-rate", type=float, default=1e-4, help="learning rate of those critics")
    parser.add_argument("--disguise", action="store_true", help="learn from pairs, too: zebras painted over as horses (some minutes to make them)")
    parser.add_argument("--around", type=float, default=50.0, help="weight of the change beside the animal of a pair")
    parser.add_argument("--gated", type=float, default=3.0, help="weight of what the gates leave shut of the animal of a pair, or open beside it")
    parser.add_argument("--painted", type=float, default=10.0, help="weight of the difference on the animal of a pair; from a quarter of the time to its half the cycle takes its place")
    parser.add_argument("--plain", type=float, default=4.0, help="weight of the difference between a pair's zebra made a horse and its disguise, all the time: critics alone let it fall to pieces")
    return parser


def train(choices, config, domain_A, domain_B, shown, preprocessing, facts, features=None):
    """Train on `domain_A` and `domain_B` (anything with `to(device)` and `batch(n)`; B may be `Disguised`, A then `Outlined`) and save.

    `shown(average)` gives {name: picture} sample sheets; `features` are what the critics of `--projected` look through.
    """
    run = Run(choices)
    nets = run.place(cyclegan.CycleGAN(config))
    average = run.average(nets, 0.9995)  # a long one: coats wander in the course of the training
    on_gpu = run.device.type == "cuda"
    optimizers = [torch.optim.Adam(weights, choices.rate, (0.5, 0.999), fused=on_gpu) for weights in (nets.generators(), nets.critics())]
    through = None
    if choices.projected:
        run.place(features)
        through = run.place(nn.ModuleList(ProjectedCritic(features) for _ in "AB"))
        optimizers.append(torch.optim.Adam(heads(through), choices.projected_rate, (0.0, 0.99), fused=on_gpu))
    resumed = run.resume(nets, average, optimizers)
    if through is not None and "through" in resumed:
        through.load_state_dict(resumed["through"])
    moments = Moments(pictures.to_tensor(painting.painted_horse(choices.size)), resumed.get("moments"))
    torch.backends.cudnn.benchmark = on_gpu  # crops are all of one size
    if choices.compile:
        for net in (nets.G_AB.layers, nets.G_BA.layers, nets.D_A, nets.D_B):
            net.compile(dynamic=False)  # two batch sizes: two programs, each the faster for it
    generator_losses = run.parallel(GeneratorLosses(nets, choices.identity, choices.around, choices.gated, choices.projected, through, choices.plain))
    critic_losses = run.parallel(CriticLosses(nets, through))
    judges = nets.critics() + (heads(through) if through is not None else [])
    pool_A, pool_B = Pool(), Pool()
    domain_A, domain_B = domain_A.to(run.device), domain_B.to(run.device)

    while run.goes_on():
        if not run.rank:
            moments.look(average.module.G_AB, run.step)

        # The learning rate falls linearly to zero over the second half of the time.
        for optimizer, rate in zip(optimizers, (choices.rate, choices.rate, choices.projected_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, 2.02 - 2 * run.fraction)
        (real_A, *outlined), (real_B, *pair) = (drawn if isinstance(drawn, tuple) else (drawn,) for drawn in (domain_A.batch(choices.batch), domain_B.batch(choices.batch)))

        # Pairs come first, the cycle takes over from them: at the start it would only teach to do nothing, whose way back is perfect.
        cycle, painted = choices.cycle, 0.0
        if pair:
            share = min(1.0, max(0.0, 4 * run.fraction - 1)) if choices.painted else 1.0
            cycle, painted = cycle * share, choices.painted * (1 - share)
        cycle *= 2 * (1 - run.step % 2)  # every second step, twice: a fourth of the time is saved

        # Generators: fool the critics, find the way back, leave alone what is of the other kind already.
        for parameter in judges:
            parameter.requires_grad_(False)
        with run.autocast():
            loss, fake_A, fake_B, parts = generator_losses(real_A, real_B, run.step % 4 == 0, cycle, *pair, painted=painted, mask_A=outlined[0] if outlined else None)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()

        # Critics: tell real pictures from the fakes, new and earlier ones.
        for parameter in judges:
            parameter.requires_grad_(True)
        with run.autocast():
            critic = critic_losses(real_A, real_B, pool_A.swap(fake_A), pool_B.swap(fake_B))
        for optimizer in optimizers[1:]:
            optimizer.zero_grad()
        critic.backward()
        for optimizer in optimizers[1:]:
            optimizer.step()

        average.update_parameters(nets)
        run.advance(2 * choices.batch)
        if run.step % 4 == 1 and run.due():
            run.line(critics=critic.detach(), fooled=parts[0], cycle=parts[1], identity=parts[2], beside=parts[3])
        if run.due("save"):
            leave(run, choices, nets, average, optimizers, moments, through, shown, preprocessing, facts)
    moments.look(average.module.G_AB, run.step, last=True)
    leave(run, choices, nets, average, optimizers, moments, through, shown, preprocessing, facts)
    run.close()


def heads(through):
    """What is trained of critics that look through a trained network."""
    return [parameter for critic in through for parameter in critic.heads.parameters()]


def leave(run, choices, nets, average, optimizers, moments, through, shown, preprocessing, facts):
    """Sample sheets and metrics of the average, then the release and the full state."""
    if run.rank:
        return
    with torch.no_grad(), run.autocast():
        sheets, metrics = shown(average.module.eval(), run.device)
    for name, picture in sheets.items():
        run.picture(name, picture)
    run.line(**metrics)
    release, side = average.module.enlarged(choices.shrink), choices.shown
    cost = {"GMAC for a picture": round(gmac(release.G_AB, torch.zeros(1, release.config.channels, side, side, device=run.device)), 2),
            "weights": sum(p.numel() for p in release.G_AB.parameters())}
    run.save(choices.name, nets, average, optimizers, {**preprocessing, "size": side},
             {**facts, "a generator": cost, "held-back metrics": metrics, "training crops": choices.size, "batch": choices.batch},
             release=release, moments=moments.state(), **({"through": through.state_dict()} if through is not None else {}))
    moments.save(choices.out / f"{choices.name}_moments.png")


def rows(nets, kept, a_to_b):
    """real, fake and recovered (B, C, H, W) in one direction."""
    there, back = (nets.G_AB, nets.G_BA) if a_to_b else (nets.G_BA, nets.G_AB)
    fake = there(kept)
    return kept, fake.float(), back(fake).float()


def main(arguments=None):
    choices = options().parse_args(arguments)
    if choices.dry_run:
        choices.size, choices.batch, config = 32, 2, TINY
        stored = {d: torch.randint(0, 256, (4, 3, 36, 36), dtype=torch.uint8) for d in choices.domains}
        kept = {d: data.as_floats(stored[d]) for d in choices.domains}
    else:
        config, stored, kept = SMALL, {}, {}
        side = round(choices.size * 286 / 256 / 8) * 8  # as large as the authors take them, and to be halved thrice
        for domain, count in zip(choices.domains, (60, 80)):
            names, decoded = data.pictures(choices.data, side, domain)
            stems = [PurePosixPath(name).stem for name in names]
            back = data.kept_back(stems, count)
            stored[domain] = decoded[[i for i, stem in enumerate(stems) if stem not in back]]
            kept[domain] = data.as_floats(decoded[[i for i, stem in enumerate(stems) if stem in back]][:6])

    def shown(nets, device):
        sheets, metrics = {}, {}
        for domain, a_to_b in zip(choices.domains, (True, False)):
            real, fake, rec = rows(nets, kept[domain].to(device), a_to_b)
            sheets[f"from_{domain}"] = pictures.sheet(torch.cat([real, fake, rec]), len(real))
            metrics[f"cycle_{domain}"] = round(F.l1_loss(rec, real).item(), 4)
            metrics[f"change_{domain}"] = round(F.l1_loss(fake, real).item(), 4)
        return sheets, metrics

    side = stored[choices.domains[0]].shape[-1]
    for domain in choices.domains:  # sides that every network here can take
        kept[domain] = kept[domain][..., :side // 8 * 8, :side // 8 * 8]
    facts = {"domains": list(choices.domains), "data": "horse2zebra (Zhu et al. 2017), photographs from ImageNet: non-commercial research and education",
             "pictures": {d: len(stored[d]) for d in choices.domains}, "kept back": "60 horses and 80 zebras, lowest hash of the file name"}
    features = Features() if choices.projected else None
    if features is not None:
        facts["critics"] = NOTE
    domain_A, domain_B = (data.Crops(stored[domain], choices.size) for domain in choices.domains)
    if choices.disguise:
        domain_B = Disguised.of(*(stored[domain] for domain in choices.domains), choices.size, pick_device(choices.device), 2 if choices.dry_run else 900)
        facts["disguised"] = f"{int(domain_B.found.sum())} of {len(domain_B.found)} pictures of {choices.domains[1]}"
        print(f"pairs of {facts['disguised']}", flush=True)
        if features is not None:
            device = pick_device(choices.device)
            domain_A = Outlined.of(stored[choices.domains[0]], domain_B, features.to(device, memory_format=torch.channels_last), choices.size, device)
            facts["outlined"] = f"{int(domain_A.found.sum())} of {len(domain_A.found)} pictures of {choices.domains[0]}"
            print(f"outlines of {facts['outlined']}", flush=True)
    train(choices, config, domain_A, domain_B, shown, {"size": choices.size, "range": [-1, 1]}, facts, features)


if __name__ == "__main__":
    main()
