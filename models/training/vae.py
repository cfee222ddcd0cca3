"""Train the face VAE: squared error + beta * KL, the KL warmed up over the first tenth of the time.

    python -m models.training.vae --data lfw_faces.zip --minutes 30

`--data` holds photos as <Person>/<photo>; 5 % of the people are kept back.
"""
import torch
from torch import nn

from models import pictures, vae
from models.training import data
from models.training.loop import Run, arguments

TINY = vae.VAE.Config(size=32, latents=8, width=8)


class Losses(nn.Module):
    """x (B, 3, S, S), beta -> loss, [squared error summed over a picture, KL in nats], both averaged over the batch."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, beta):
        rec, mean, log_variance = self.net(x)
        error = ((rec.float() - x) ** 2).sum((1, 2, 3)).mean()
        kl = vae.kl_divergence(mean.float(), log_variance.float()).sum(1).mean()
        return error + beta * kl, torch.stack([error, kl]).detach()


def opinion(net, x):
    """On photos (N, 3, S, S) never seen: PSNR of the reconstruction in dB, and KL and spread of each latent."""
    mean, log_variance = (part.float() for part in net.encode(x))
    rec = net.decode(mean).float().clamp(-1, 1)
    error = (((rec - x) / 2) ** 2).mean((1, 2, 3))
    return rec, (-10 * error.log10()).mean().item(), vae.kl_divergence(mean, log_variance).mean(0), mean.std(0)


def main(arguments_=None):
    parser = arguments(__doc__.splitlines()[0], batch=64)
    parser.add_argument("--beta", type=float, default=1.0, help="weight of the KL against the squared error summed over a picture in -1..1")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate, falling along a half cosine")
    choices = parser.parse_args(arguments_)
    config = TINY if choices.dry_run else vae.VAE.Config()
    if choices.dry_run:
        choices.batch = 4
        names, stored = [f"{p}/{i}.png" for p in "abcd" for i in range(2)], torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
        names, stored, kept_photos = names[2:], stored[2:], stored[:2]
    else:
        names, stored, kept_photos = data.faces(choices.data, config.size)

    run = Run(choices)
    people = data.People(names, stored, run.device)
    net = run.place(vae.VAE(config))
    average = run.average(net)
    optimizer = torch.optim.Adam(net.parameters(), choices.rate)
    warm = run.resume(net, average, [optimizer]).get("warm", 0.0)
    losses = run.parallel(Losses(net))

    def leave():
        if run.rank:
            return
        released = average.module.eval()
        with torch.no_grad(), run.autocast():
            x = data.as_floats(kept_photos[:500].to(run.device))
            rec, psnr, kl, spread = opinion(released, x)
            run.picture("faces", pictures.sheet(torch.cat([x[:12], rec[:12], released.sample(12).float()]), min(12, len(x))))
        run.line(psnr_held_back=psnr, kl=kl.sum(), active=(kl > 0.1).sum())
        metrics = {"psnr_db": round(psnr, 2), "kl_nats": round(kl.sum().item(), 1), "active latents": int((kl > 0.1).sum()), "photos": len(x)}
        run.save("face_vae", net, average, [optimizer], {"size": config.size, "range": [-1, 1], "crop": data.FACE_CROP},
                 {"data": data.FACES,
                  "pictures": len(names), "people": len(people.people), "kept back": f"{len(kept_photos)} photos: 5 % of the people, by hash of the name",
                  "held-back metrics": metrics, "batch": choices.batch, "beta": choices.beta, "progress": {"warm": warm},
                  "kl_per_latent": [round(v, 3) for v in kl.tolist()], "mean_std_per_latent": [round(v, 3) for v in spread.tolist()]}, warm=warm)

    while run.goes_on():
        # The KL grows to its full weight, the learning rate falls.
        warm = min(1.0, max(warm, run.fraction * 10))
        for group in optimizer.param_groups:
            group["lr"] = choices.rate * (0.02 + 0.98 * (1 + torch.cos(torch.tensor(3.1416 * run.fraction)).item()) / 2)

        # Encode, sample z by the reparameterization trick, decode, compare.
        x = people.batch(choices.batch, config.size)
        with run.autocast():
            loss, parts = losses(x, choices.beta * warm)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1000.0)
        optimizer.step()

        average.update_parameters(net)
        run.advance(choices.batch)
        if run.due():
            run.line(loss=loss.detach(), squared_error=parts[0], kl=parts[1], warm=warm)
        if run.due("save"):
            leave()
    leave()
    run.close()


if __name__ == "__main__":
    main()
