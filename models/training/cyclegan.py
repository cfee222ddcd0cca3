"""Train the CycleGAN between two folders of pictures: least squares, cycle and identity losses, a pool of earlier fakes, linear decay.

    python -m models.training.cyclegan --data horse2zebra.zip --minutes 60

`--data` holds pictures below two folders named by `--domains` (A first).
"""
from pathlib import PurePosixPath

import torch
from torch import nn
from torch.nn import functional as F

from models import cyclegan, pictures
from models.training import data
from models.training.loop import Run, arguments

SMALL = cyclegan.CycleGAN.Config(width=48, blocks=6, downs=1, unshuffle=2, resize_convolution=True, residual=True, critic_width=32)
TINY = cyclegan.CycleGAN.Config(width=8, blocks=1, downs=1, unshuffle=2, resize_convolution=True, residual=True, critic_width=4)


class GeneratorLosses(nn.Module):
    """G step: (D_B(G_AB(A)) - 1)^2 + (D_A(G_BA(B)) - 1)^2 + cycle * |rec - real| + identity * |idt - real|."""

    def __init__(self, nets, cycle, identity):
        super().__init__()
        self.G_AB, self.G_BA = nets.G_AB, nets.G_BA
        self.critics = (nets.D_A, nets.D_B)  # in a tuple: judged by, not trained
        self.cycle, self.identity = cycle, identity

    def forward(self, real_A, real_B, with_identity: bool):
        D_A, D_B = self.critics
        fake_B, fake_A = self.G_AB(real_A), self.G_BA(real_B)
        rec_A, rec_B = self.G_BA(fake_B), self.G_AB(fake_A)
        fooled = ((D_B(fake_B).float() - 1) ** 2).mean() + ((D_A(fake_A).float() - 1) ** 2).mean()
        cycle = F.l1_loss(rec_A.float(), real_A) + F.l1_loss(rec_B.float(), real_B)
        loss, idt = fooled + self.cycle * cycle, cycle.new_zeros(())
        if with_identity:
            idt = F.l1_loss(self.G_BA(real_A).float(), real_A) + F.l1_loss(self.G_AB(real_B).float(), real_B)
            loss = loss + self.identity * idt
        return loss, fake_A.detach(), fake_B.detach(), torch.stack([fooled, cycle, idt]).detach()


class CriticLosses(nn.Module):
    """D step: ((D(real) - 1)^2 + D(fake)^2) / 2, for A and for B."""

    def __init__(self, nets):
        super().__init__()
        self.D_A, self.D_B = nets.D_A, nets.D_B

    def forward(self, real_A, real_B, fake_A, fake_B):
        told = [((D(real).float() - 1) ** 2).mean() + (D(fake).float() ** 2).mean()
                for D, real, fake in ((self.D_A, real_A, fake_A), (self.D_B, real_B, fake_B))]
        return sum(told) / 2


class Pool:
    """Up to 50 earlier fakes: half the time a critic is shown one of them in place of a new one (Shrivastava et al. 2017)."""

    def __init__(self, size=50):
        self.size, self.kept = size, []

    def swap(self, fakes):
        shown = []
        for fake in fakes:
            if len(self.kept) < self.size:
                self.kept.append(fake)
            elif torch.rand(()) < 0.5:
                i = int(torch.randint(self.size, ()))
                fake, self.kept[i] = self.kept[i], fake
            shown.append(fake)
        return torch.stack(shown).contiguous(memory_format=torch.channels_last)


def options(description, **defaults):
    """The command line of both trainers of this family, pictures and voices."""
    parser = arguments(description, **defaults)
    parser.add_argument("--name", default=defaults.get("name"), help="name of the checkpoint")
    parser.add_argument("--domains", nargs=2, default=defaults.get("domains"), metavar=("A", "B"), help="inner folders of --data")
    parser.add_argument("--size", type=int, default=defaults.get("size"), help="side of the training crops, in pixels or frames")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate, constant for the first half, then falling linearly to 0")
    parser.add_argument("--cycle", type=float, default=10.0, help="weight of the cycle loss")
    parser.add_argument("--identity", type=float, default=5.0, help="weight of the identity loss, taken every fourth step")
    return parser


def train(choices, config, domain_A, domain_B, shown, preprocessing, facts):
    """Train on `domain_A` and `domain_B` (anything with `to(device)` and `batch(n)`) and save. `shown(average)` gives {name: picture} sample sheets."""
    run = Run(choices)
    nets = run.place(cyclegan.CycleGAN(config))
    average = run.average(nets)
    optimizers = [torch.optim.Adam(nets.generators(), choices.rate, (0.5, 0.999)), torch.optim.Adam(nets.critics(), choices.rate, (0.5, 0.999))]
    run.resume(nets, average, optimizers)
    if choices.compile:
        for net in (nets.G_AB, nets.G_BA, nets.D_A, nets.D_B):
            net.compile()
    generator_losses = run.parallel(GeneratorLosses(nets, choices.cycle, choices.identity))
    critic_losses = run.parallel(CriticLosses(nets))
    pool_A, pool_B = Pool(), Pool()
    domain_A, domain_B = domain_A.to(run.device), domain_B.to(run.device)

    while run.goes_on():
        # The learning rate falls linearly to zero over the second half of the time.
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = choices.rate * min(1.0, 2.02 - 2 * run.fraction)
        real_A, real_B = domain_A.batch(choices.batch), domain_B.batch(choices.batch)

        # Generators: fool the critics, find the way back, leave alone what is of the other kind already.
        for parameter in nets.critics():
            parameter.requires_grad_(False)
        with run.autocast():
            loss, fake_A, fake_B, parts = generator_losses(real_A, real_B, run.step % 4 == 0)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()

        # Critics: tell real pictures from the fakes, new and earlier ones.
        for parameter in nets.critics():
            parameter.requires_grad_(True)
        with run.autocast():
            critic = critic_losses(real_A, real_B, pool_A.swap(fake_A), pool_B.swap(fake_B))
        optimizers[1].zero_grad()
        critic.backward()
        optimizers[1].step()

        average.update_parameters(nets)
        run.advance(2 * choices.batch)
        if run.step % 4 == 1 and run.due():
            run.line(critics=critic.detach(), fooled=parts[0], cycle=parts[1], identity=parts[2])
        if run.due("save"):
            leave(run, choices, nets, average, optimizers, shown, preprocessing, facts)
    leave(run, choices, nets, average, optimizers, shown, preprocessing, facts)
    run.close()


def leave(run, choices, nets, average, optimizers, shown, preprocessing, facts):
    """Sample sheets and metrics of the average, then the release and the full state."""
    if run.rank:
        return
    with torch.no_grad(), run.autocast():
        sheets, metrics = shown(average.module.eval(), run.device)
    for name, picture in sheets.items():
        run.picture(name, picture)
    run.line(**metrics)
    run.save(choices.name, nets, average, optimizers, preprocessing, {**facts, "held-back metrics": metrics, "training crops": choices.size, "batch": choices.batch})


def rows(nets, kept, a_to_b):
    """real, fake and recovered (B, C, H, W) in one direction."""
    there, back = (nets.G_AB, nets.G_BA) if a_to_b else (nets.G_BA, nets.G_AB)
    fake = there(kept)
    return kept, fake.float(), back(fake).float()


def main(arguments=None):
    choices = options(__doc__.splitlines()[0], name="horse2zebra", domains=("horse", "zebra"), size=128, batch=4).parse_args(arguments)
    if choices.dry_run:
        choices.size, choices.batch, config = 32, 2, TINY
        stored = {d: torch.randint(0, 256, (4, 3, 36, 36), dtype=torch.uint8) for d in choices.domains}
        kept = {d: data.as_floats(stored[d]) for d in choices.domains}
    else:
        config, stored, kept = SMALL, {}, {}
        side = round(choices.size * 286 / 256)
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
    train(choices, config, data.Crops(stored[choices.domains[0]], choices.size), data.Crops(stored[choices.domains[1]], choices.size),
          shown, {"size": choices.size, "range": [-1, 1]}, facts)


if __name__ == "__main__":
    main()
