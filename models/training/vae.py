"""Train the face VAE: squared error + ssim * (1 - SSIM) + beta * KL, the KL warmed up over the first tenth of the time.

    python -m models.training.vae --data lfw_faces.zip --minutes 30

`--data` holds photos as <Person>/<photo>; 5 % of the people are kept back. With `--sharpness` a critic learns beside it to tell photos from
reconstructions, and sharpens them (VAE-GAN, Larsen et al. 2016, arXiv:1512.09300).
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from models import pictures, vae
from models.training import data
from models.training.loop import Run, arguments

TINY = vae.VAE.Config(size=32, latents=8, width=8)
SEEN_FIRST = 4000  # photos that the principal components are taken of


class Critic(nn.Module):
    """Picture (B, 3, S, S) -> how real its overlapping patches look (B, 1, S / 8, S / 8), and the features on the way (spectral normalization, Miyato et al. 2018)."""

    def __init__(self, width):
        super().__init__()
        sizes = (12, width, 2 * width, 3 * width)
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 3 if i == 0 else 4, 1 if i == 0 else 2, 1)) for i, (a, b) in enumerate(zip(sizes, sizes[1:])))
        self.judge = spectral_norm(nn.Conv2d(sizes[-1], 1, 3, 1, 1))

    def forward(self, x):
        features = []
        x = F.pixel_unshuffle(x, 2)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.judge(x), features


class Losses(nn.Module):
    """x (B, 3, S, S), beta -> loss, [squared error summed over a picture, SSIM, KL in nats, the critic's opinion of it], all averaged over the batch, and the reconstruction.

    VAE step: squared error + ssim * (1 - SSIM) + beta * KL - weight * D(rec), `weight` such that at the decoder's last layer the critic pulls
    `sharpness` times as strongly as the reconstruction terms do (Esser et al. 2021, arXiv:2012.09841).
    """

    def __init__(self, net, critic, ssim, sharpness):
        super().__init__()
        self.net, self.critics, self.ssim, self.sharpness = net, (critic,), ssim, sharpness  # in a tuple: judged by, not trained

    def forward(self, x, beta):
        rec, mean, log_variance = self.net(x)
        rec = rec.float()
        error = ((rec - x) ** 2).sum((1, 2, 3)).mean()
        similarity = vae.structural_similarity(rec, x, step=2).mean()  # every second window tells as much in a quarter of the time
        kl = vae.kl_divergence(mean.float(), log_variance.float()).sum(1).mean()
        likeness, opinion = error + self.ssim * (1 - similarity), torch.zeros_like(error)
        loss = likeness + beta * kl
        if self.sharpness:
            opinion = self.critics[0](rec)[0].float().mean()
            last = self.net.decoder[-2].weight
            pull = [torch.autograd.grad(term, last, retain_graph=True)[0].norm() for term in (likeness, opinion)]
            loss = loss - self.sharpness * (pull[0] / (pull[1] + 1e-6)).clamp(max=1e4).detach() * opinion
        return loss, torch.stack([error, similarity, kl, opinion]).detach(), rec.detach()


class CriticLoss(nn.Module):
    """D step, hinge: relu(1 - D(x)) + relu(1 + D(rec))."""

    def __init__(self, critic):
        super().__init__()
        self.critic = critic

    def forward(self, x, rec):
        return F.relu(1 - self.critic(x)[0].float()).mean() + F.relu(1 + self.critic(rec)[0].float()).mean()


def lit(x):
    """Each picture of (B, 3, S, S) in -1..1 a little brighter or darker, with more or less contrast: many people have one photo only."""
    gain, offset = 0.9 + 0.2 * torch.rand(len(x), 1, 1, 1, device=x.device), 0.2 * torch.rand(len(x), 1, 1, 1, device=x.device) - 0.1
    return (gain * x + offset).clamp(-1, 1)


def opinion(net, x):
    """On photos (N, 3, S, S) never seen: reconstructions, their mean PSNR in dB and mean SSIM, and KL and spread of each latent."""
    mean, log_variance = (part.float() for part in net.encode(x))
    rec = net.decode(mean).float().clamp(-1, 1)
    error = (((rec - x) / 2) ** 2).mean((1, 2, 3))
    return rec, (-10 * error.log10()).mean().item(), vae.structural_similarity(rec, x).mean().item(), vae.kl_divergence(mean, log_variance).mean(0), mean.std(0)


def main(arguments_=None):
    parser = arguments(__doc__.splitlines()[0], batch=64)
    parser.add_argument("--beta", type=float, default=1.0, help="weight of the KL against the squared error summed over a picture in -1..1")
    parser.add_argument("--ssim", type=float, default=2500.0, help="weight of 1 - SSIM against the squared error")
    parser.add_argument("--sharpness", type=float, default=0.0, help="pull of the critic, as a share of the pull of the reconstruction terms; 0 does without one")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate, falling along a half cosine")
    choices = parser.parse_args(arguments_)
    config = TINY if choices.dry_run else vae.VAE.Config()
    if choices.dry_run:
        choices.batch, choices.sharpness = 4, 0.3
        names, stored = [f"{p}/{i}.png" for p in "abcd" for i in range(2)], torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
        names, stored, kept_photos = names[2:], stored[2:], stored[:2]
    else:
        names, stored, kept_photos = data.faces(choices.data, config.size)

    run = Run(choices)
    people = data.People(names, stored, run.device)
    net = run.place(vae.VAE(config))
    if choices.resume is None:
        net.start_from_principal_components(data.as_floats(people.stored[torch.randperm(len(names))[:SEEN_FIRST]]))
    average = run.average(net)
    critic = run.place(Critic(config.width))
    optimizer, critic_optimizer = torch.optim.Adam(net.parameters(), choices.rate), torch.optim.Adam(critic.parameters(), choices.rate / 2, (0.5, 0.99))
    progress = run.resume(net, average, [optimizer, critic_optimizer])
    warm = progress.get("warm", 0.0)
    if "critic" in progress:
        critic.load_state_dict(progress["critic"])
    losses, critic_loss = run.parallel(Losses(net, critic, choices.ssim, choices.sharpness)), run.parallel(CriticLoss(critic))

    def leave():
        if run.rank:
            return
        released = average.module.eval()
        with torch.no_grad(), run.autocast():
            x = data.as_floats(kept_photos[:500].to(run.device))
            rec, psnr, ssim, kl, spread = opinion(released, x)
            run.picture("faces", pictures.sheet(torch.cat([x[:12], rec[:12], released.sample(12).float()]), min(12, len(x))))
        run.line(psnr_held_back=psnr, ssim_held_back=ssim, kl=kl.sum(), active=(kl > 0.1).sum())
        metrics = {"psnr_db": round(psnr, 2), "ssim": round(ssim, 4), "kl_nats": round(kl.sum().item(), 1), "active latents": int((kl > 0.1).sum()), "photos": len(x)}
        run.save("face_vae", net, average, [optimizer, critic_optimizer], {"size": config.size, "range": [-1, 1], "crop": data.FACE_CROP},
                 {"data": data.FACES,
                  "pictures": len(names), "people": len(people.people), "kept back": f"{len(kept_photos)} photos: 5 % of the people, by hash of the name",
                  "held-back metrics": metrics, "batch": choices.batch, "beta": choices.beta, "ssim weight": choices.ssim, "sharpness": choices.sharpness, "progress": {"warm": warm},
                  "kl_per_latent": [round(v, 3) for v in kl.tolist()], "mean_std_per_latent": [round(v, 3) for v in spread.tolist()]}, warm=warm, critic=critic.state_dict())

    while run.goes_on():
        # The KL grows to its full weight, the learning rate falls.
        warm = min(1.0, max(warm, run.fraction * 10))
        for group in optimizer.param_groups:
            group["lr"] = choices.rate * (0.02 + 0.98 * (1 + torch.cos(torch.tensor(3.1416 * run.fraction)).item()) / 2)

        # Encode, sample z by the reparameterization trick, decode, compare.
        x = lit(people.batch(choices.batch, config.size))
        critic.requires_grad_(False)
        with run.autocast():
            loss, parts, rec = losses(x, choices.beta * warm)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1000.0)
        optimizer.step()

        # The critic: higher for photos, lower for reconstructions.
        if choices.sharpness:
            critic.requires_grad_(True)
            with run.autocast():
                d_loss = critic_loss(x, rec)
            critic_optimizer.zero_grad()
            d_loss.backward()
            critic_optimizer.step()

        average.update_parameters(net)
        run.advance(choices.batch)
        if run.due():
            run.line(loss=loss.detach(), squared_error=parts[0], ssim=parts[1], kl=parts[2], D_rec=parts[3], warm=warm)
        if run.due("save"):
            leave()
    leave()
    run.close()


if __name__ == "__main__":
    main()
