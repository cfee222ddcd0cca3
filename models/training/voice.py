"""Train the voice converter: anyone's spectrogram into that of each target voice.

    python -m models.training.voice --data arctic_bdl.zip arctic_slt.zip vcc2016_pool.zip --minutes 90

`--data` holds recordings as <speaker>/<sentence>.flac; the speakers named by `--targets` are the voices to be had, all others are "anyone".
The first part of the time (`--alone`) goes to the targets in disguise alone; then both targets' recordings of one sentence are aligned, and
the critic, the cycle and the other people join.
"""
from dataclasses import asdict
from pathlib import PurePosixPath

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from models import audio, conversion, likeness, pictures
from models.pitch import bell
from models.training import recordings, voices
from models.training.loop import Run, arguments

TINY = dict(width=16, blocks=1, patches=4, condition=8, critic_width=4)
SHOWN = 6  # held-back sentences that are converted for the log


class GeneratorLosses(nn.Module):
    """G step: voice * |G(disguise) - real| + pair * |cepstra(G(real_A)) - cepstra(B as A)| + adversarial * (D(fake) - 1)^2
    + adversarial / 2 * (D(rec) - 1)^2 + cycle * |rec - real| + agree * |G_B(G_A(x)) - G_B(x)| + spectrum * |average spectrum of G_B(x) - that of B|, x being
    anyone's; and P's cross entropy. The critic normalizes what it sees and would let a stranger's general colour pass: hence the last but one."""

    def __init__(self, nets, choices):
        super().__init__()
        self.G, self.P = nets.G, nets.P
        self.judged = (nets.D, nets.tones, nets.spectra)  # in a tuple: used, not trained
        self.choices = choices

    def fooled(self, mel, target):
        return ((chosen(self.judged[0](mel), target) - 1) ** 2).mean()

    def pitch(self, mel, hz, voiced):
        """Cross entropy of the pitch, a bell of 60 cents over the steps, where voiced; and of being voiced."""
        steps, sounds = self.P(mel)
        off = F.cross_entropy(steps.float(), bell(hz, self.P.steps, 60), reduction="none")
        return (off * voiced).sum() / voiced.sum().clamp_min(1) + F.binary_cross_entropy_with_logits(sounds.float(), voiced)

    def forward(self, disguise, high, whose, real, hz, voiced, pairs=None, strangers=None):
        choices, (_, tones, spectra) = self.choices, self.judged
        pitch = self.pitch(disguise, high, voiced)
        if pairs is None:
            fake = self.G(disguise, whose, tones(hz), voiced, masks(disguise))
            voice = F.l1_loss(fake.float(), real)
            return choices.voice * voice + choices.pitch * pitch, None, None, torch.stack([pitch, voice]).detach()
        source, to, fitted, own, wanted, sounds = pairs
        stranger, either, as_either, as_other, their_sounds = strangers
        back, other = 1 - to, 1 - either
        # Three kinds of listening in one call: those in disguise, the other target, a stranger.
        heard, targets = torch.cat([disguise, source, stranger]), torch.cat([whose, to, either])
        fakes = self.G(heard, targets, tones(torch.cat([hz, wanted, as_either])), torch.cat([voiced, sounds, their_sounds]), masks(heard)).float()
        fake, fake_pair, fake_stranger = fakes.split([len(disguise), len(source), len(stranger)])
        voice = F.l1_loss(fake, real)
        pair = F.l1_loss(voices.envelope_cepstra(fake_pair), voices.envelope_cepstra(fitted))
        # The way back: to the source where it is a target itself; to the other voice by two ways where it is not.
        rec, twice, once = self.G(torch.cat([fake_pair, fake_stranger, stranger]), torch.cat([back, other, other]), tones(torch.cat([own, as_other, as_other])),
                                  torch.cat([sounds, their_sounds, their_sounds])).float().split([len(source), len(stranger), len(stranger)])
        cycle, agree = F.l1_loss(rec, source), F.l1_loss(twice, once.detach())
        spectrum = sum(F.l1_loss(likeness.spectrum_of(torch.cat(tuple(fake_stranger[either == t]), -1)[None]), spectra[t]) for t in either.unique().tolist()) / len(either.unique())
        fooled, fooled_back = self.fooled(fakes, targets), self.fooled(rec, back)
        loss = (choices.voice * voice + choices.pair * pair + choices.adversarial * (fooled + fooled_back / 2) + choices.cycle * cycle + choices.agree * agree
                + choices.spectrum * spectrum + choices.pitch * pitch)
        return loss, fakes.detach(), rec.detach(), torch.stack([pitch, voice, pair, fooled, cycle, agree, spectrum]).detach()


class CriticLosses(nn.Module):
    """D step: ((D(real) - 1)^2 + D(fake)^2 + D(rec)^2 / 2) / 2, each at the place of its target."""

    def __init__(self, nets):
        super().__init__()
        self.D = nets.D

    def forward(self, real, whose, fakes, targets, rec, back):
        told_real = ((chosen(self.D(real), whose) - 1) ** 2).mean()
        told_fake = (chosen(self.D(torch.cat([fakes, rec])), torch.cat([targets, back])) ** 2).flatten(1).mean(1)
        weight = torch.cat([torch.ones(len(fakes)), torch.full((len(rec),), 0.5)]).to(told_fake)
        return (told_real + (told_fake * weight).sum() / len(fakes)) / 2


def chosen(maps, target):
    """(B, S, h, w) -> (B, h, w): for each picture the map of its target."""
    return maps.float()[torch.arange(len(maps), device=maps.device), target]


def masks(mels, longest=24):
    """(B, 1, 1, F): half of them hide a stretch of up to `longest` frames, to be filled in."""
    batch, frames = len(mels), mels.shape[-1]
    start = torch.randint(frames, (batch, 1), device=mels.device)
    length = torch.randint(1, longest, (batch, 1), device=mels.device) * torch.randint(2, (batch, 1), device=mels.device)
    place = torch.arange(frames, device=mels.device)[None]
    return 1 - ((place >= start) & (place < start + length)).to(mels)[:, None, None]


def main(arguments_=None):
    parser = arguments(__doc__.splitlines()[0], batch=24)
    parser.add_argument("--name", default="voice", help="name of the checkpoint")
    parser.add_argument("--targets", nargs=2, default=("bdl", "slt"), help="speakers whose voices are to be had")
    parser.add_argument("--frames", type=int, default=128, help="length of the training passages (16 ms each)")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate, rising for 200 steps, falling linearly to a twentieth over the last half")
    parser.add_argument("--alone", type=float, default=0.3, help="share of the time before critic, cycle and other people join")
    for weight, default in (("voice", 10.0), ("pair", 3.0), ("adversarial", 1.0), ("cycle", 5.0), ("agree", 3.0), ("spectrum", 5.0), ("pitch", 0.3)):
        parser.add_argument(f"--{weight}", type=float, default=default, help=f"weight of the {weight} loss")
    choices = parser.parse_args(arguments_)
    settings = audio.MelConfig()
    if choices.dry_run:
        choices.frames, choices.batch, config = 32, 4, conversion.VoiceGAN.Config(tuple(choices.targets), **TINY)
        told, hz = synthetic(choices.targets, settings)
        kept = told
    else:
        config = conversion.VoiceGAN.Config(tuple(choices.targets))
        everyone = recordings.recordings(choices.data, settings)
        back = recordings.held_back_recordings([r.name for r in everyone])
        told, kept = [r for r in everyone if r.name not in back], [r for r in everyone if r.name in back]
        hz = recordings.pitches(told, choices.out / "pitch.npz")
    nets = conversion.VoiceGAN(config)
    for i, target in enumerate(config.targets):
        theirs = [r for r in told if r.speaker == target]
        nets.spectra[i] = torch.stack([likeness.spectrum_of(r.mel[None], settings) for r in theirs]).mean(0)
        nets.G.quiet[i] = torch.stack([quiet_average(r.mel) for r in theirs]).mean(0)
        spoken = np.concatenate([hz[r.name] for r in theirs])
        nets.pitches[i] = torch.from_numpy(np.percentile(spoken[spoken > 0], (10, 50, 90)))
    train(choices, nets, told, hz, kept, settings)


def quiet_average(mel):
    """(1, M, F) -> (M,): the mean over the quietest sixteenth of the frames, at least one."""
    level = mel[0].mean(0)
    return mel[0][:, level <= level.quantile(1 / 16)].mean(1)


def train(choices, nets, told, hz, kept, settings):
    """Train on the recordings `told` with their pitches `hz`, measure on `kept`, and save."""
    run = Run(choices)
    nets = run.place(nets)
    average = run.average(nets, decay=0.998)
    optimizers = [torch.optim.AdamW([*nets.G.parameters(), *nets.P.parameters()], choices.rate, (0.8, 0.99), weight_decay=0.01), torch.optim.Adam(nets.D.parameters(), choices.rate / 3, (0.5, 0.99))]
    progress = run.resume(nets, average, optimizers)
    if choices.compile:
        nets.G.compile(), nets.D.compile()
    generator_losses, critic_losses = run.parallel(GeneratorLosses(nets, choices)), run.parallel(CriticLosses(nets))
    passages = voices.Voices(told, nets.config.targets, hz, nets.pitches[:, 1].tolist(), choices.frames, settings)
    on = lambda *tensors: [t.to(run.device) for t in tensors]
    joined = progress.get("joined", False)
    if joined:
        passages.align(lambda mel, target: converted(average, mel, target, run))

    while run.goes_on():
        for optimizer, rate in zip(optimizers, (choices.rate, choices.rate / 3)):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (run.step + 1) / 200, max(0.05, 2 - 2 * run.fraction))
        if not joined and run.fraction >= choices.alone:
            passages.align(lambda mel, target: converted(average, mel, target, run))
            joined = True

        # First the targets in disguise alone; later half of the batch, a quarter pairs, a quarter strangers.
        share = choices.batch // 4
        disguise, high, whose, real, own, voiced = on(*passages.in_disguise(choices.batch if not joined else choices.batch - 2 * share))
        disguise = voices.worn(disguise, settings)
        pairs, strangers = (on(*passages.paired(share)), on(*passages.anyone(share))) if joined else (None, None)

        # Generator: the voice in disguise as it was, the other's envelope, fool the critic, find the way back.
        nets.D.requires_grad_(False)
        with run.autocast():
            loss, fakes, rec, parts = generator_losses(disguise, high, whose, real, own, voiced, pairs, strangers)
        optimizers[0].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(nets.G.parameters(), 5.0)
        optimizers[0].step()
        numbers = dict(zip(("pitch", "voice", "pair", "fooled", "cycle", "agree", "spectrum"), parts))

        # Critic: tell real spectrograms of each target from converted ones.
        if joined:
            nets.D.requires_grad_(True)
            with run.autocast():
                critic = critic_losses(real, whose, fakes, torch.cat([whose, pairs[1], strangers[1]]), rec, 1 - pairs[1])
            optimizers[1].zero_grad()
            critic.backward()
            optimizers[1].step()
            numbers["critic"] = critic.detach()

        average.update_parameters(nets)
        run.advance(choices.batch)
        if run.due():
            run.line(**numbers)
        if run.due("save"):
            leave(run, choices, nets, average, optimizers, kept, settings, joined)
    leave(run, choices, nets, average, optimizers, kept, settings, joined)
    run.close()


@torch.no_grad()
def converted(average, mel, target, run):
    """(1, M, F) -> (1, M, F) by the average of the weights."""
    with run.autocast():
        return average.module.convert(mel[None].to(run.device), average.module.config.targets[target])[0].float().cpu()


def leave(run, choices, nets, average, optimizers, kept, settings, joined):
    """Sample sheets and metrics of the average, then the release and the full state. Says so where a voice collapses into its source."""
    if run.rank:
        return
    average.module.eval()
    metrics = {}
    for target, name in enumerate(nets.config.targets):
        theirs = {PurePosixPath(r.name).stem: r for r in kept if r.speaker == name}
        sources = [r for r in kept if r.speaker in nets.config.targets and r.speaker != name and PurePosixPath(r.name).stem in theirs][:SHOWN]
        fakes = [converted(average, r.mel, target, run) for r in sources]
        there = np.mean([voices.distance_db(fake, theirs[PurePosixPath(r.name).stem].mel, settings) for fake, r in zip(fakes, sources)])
        stays = np.mean([voices.distance_db(fake, r.mel, settings) for fake, r in zip(fakes, sources)])
        metrics[f"dB to {name}"], metrics[f"dB to {name}'s source"] = round(float(there), 3), round(float(stays), 3)
        if stays < there and not choices.dry_run:
            print(f"collapse: what is made for {name} stays nearer to its source ({stays:.2f} dB) than to {name} ({there:.2f} dB)")
        visitors = [r for r in kept if r.speaker not in nets.config.targets][:SHOWN]
        colours = [likeness.spectral_distance(likeness.spectrum_of(converted(average, r.mel, target, run)[None]), nets.spectra[target].cpu(), settings) for r in visitors]
        metrics[f"dB of strangers' spectrum to {name}'s"] = round(float(np.mean(colours)), 3) if colours else 0.0
        shown = [r.mel for r in sources[:2]] + fakes[:2] + [r.mel for r in visitors[:2]] + [converted(average, r.mel, target, run) for r in visitors[:2]]
        width = 192
        shown = torch.stack([F.pad(m, (0, max(0, width - m.shape[-1])), value=-1)[..., :width] for m in shown])
        run.picture(f"to_{name}", pictures.sheet(shown.flip(2).clamp(-1, 1), 2))
    run.line(**metrics)
    facts = {"data": recordings.SOURCES, "kept back": recordings.KEPT_BACK, "held-back metrics": metrics, "passages": f"{choices.frames} frames", "batch": choices.batch}
    run.save(choices.name, nets, average, optimizers, {"rate": audio.RATE, "mel": asdict(settings)}, facts, joined=joined)


def synthetic(targets, settings):
    """Recordings of buzzing nobodies and their pitches, for a dry run."""
    t, made, hz = torch.arange(audio.RATE) / audio.RATE, [], {}
    for i, speaker in enumerate((*targets, "someone")):
        for sentence in range(3):
            pitch = 110 + 60 * i + 5 * sentence
            wave = 0.2 * sum(torch.sin(2 * torch.pi * pitch * k * t) / k for k in range(1, 12))
            made.append(recordings.Recording(f"{speaker}/{sentence}.flac", wave, audio.to_mel(wave, settings)[0]))
            hz[made[-1].name] = np.full(made[-1].mel.shape[-1], pitch, np.float32)
    return made, hz


if __name__ == "__main__":
    main()
