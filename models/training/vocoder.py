"""Train the vocoder: spectra of several lengths and the mel picture, by a distance that tells hiss from a steady sound.

    python -m models.training.vocoder --data arctic_bdl.zip arctic_slt.zip vcc2016_pool.zip --minutes 80 --threads 1

Every recording's pitch is found once (DIO and StoneMask, Morise et al. 2016: `pip install pyworld`) and kept as pitch.npz in `--out`.
"""
import math
from collections import Counter
from dataclasses import asdict

import numpy as np
import scipy.signal
import soundfile
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from models import audio, pictures, vocoder
from models.pitch import bell
from models.training import recordings as speech
from models.training.loop import Run, arguments
from models.training.voices import filled

TINY = vocoder.Vocoder.Config(width=16, blocks=1, pitch_width=16, pitch_blocks=1)
WINDOWS = (128, 256, 512, 1024, 2048)  # samples: the short ones see when, the long ones at which pitch
REPULSION = 0.5  # with a whole one, what the network can't know of a voice becomes hiss too: DNSMOS falls by 0.1
GROWN = 0.4  # share of the time after which the repulsion has grown to that


# -- phase of the recordings ---------------------------------------------------------------------------------------------

def locked(wave, hz, hop):
    """Phase (T + 1,) of a recording's pulses (T,), in -pi..pi, T a multiple of hop: that of its pitch `hz` (F,), turned to the true one where voiced.

    With it the pulses lie where the voice has its own, so that spectra short enough to see single pulses can be compared. It is found in two steps:
    brought down by its pitch and smoothed over 40 ms, the recording turns as the fundamental is off; then the loudness between 1 and 5 kHz, brought
    down likewise and smoothed over 100 ms, as the bursts are off, with which the glottis closes.
    """
    samples = np.interp(np.arange(len(wave) + 1), np.arange(len(hz)) * hop, filled(hz)).astype(np.float64)
    phase = 2 * np.pi * np.cumsum(samples) / audio.RATE
    at = np.arange(0, len(wave), hop // 4)
    voiced = (hz[at // hop] > 0) & (hz[at // hop + 1] > 0)
    band = scipy.signal.sosfiltfilt(scipy.signal.butter(4, (1000, 5000), "bandpass", fs=audio.RATE, output="sos"), wave)
    if voiced.any():
        for seen, length in ((wave, 641), (np.abs(scipy.signal.hilbert(band)), 1601)):
            down = scipy.signal.fftconvolve(seen * np.exp(-1j * phase[:-1]), np.hanning(length), "same")
            phase += np.interp(np.arange(len(phase)), at[voiced], np.unwrap(np.angle(down[at][voiced])))
    return torch.from_numpy((phase + np.pi) % (2 * np.pi) - np.pi).float()


# -- passages --------------------------------------------------------------------------------------------------------------

class Passages:
    """Random passages: `batch(n)` is mel (n, 1, M, frames), wave (n, T), pitch (n, frames), voiced (n, frames), phases (n, T + 1), T = (frames - 1) * hop."""

    def __init__(self, found, hz, frames, hop, pairs):
        self.frames, self.hop, self.entries = frames, hop, []
        for r in found:
            whole = (r.mel.shape[-1] - 1) * hop
            wave, known = r.wave[:whole], hz[r.name]
            if r.mel.shape[-1] < frames or not known.any():
                continue
            rest = wave, torch.from_numpy(filled(known)), torch.from_numpy(known > 0), locked(wave.numpy(), known, hop)
            self.entries += [(mel, *rest) for mel in (r.mel, pairs.get(r.name)) if mel is not None]
        self.lengths = torch.tensor([float(e[0].shape[-1]) for e in self.entries])

    def batch(self, n, device):
        parts = []
        for i in torch.multinomial(self.lengths, n, replacement=True).tolist():
            mel, wave, hz, voiced, phase = self.entries[i]
            a = int(torch.randint(mel.shape[-1] - self.frames + 1, ()))
            b, start, end = a + self.frames, a * self.hop, (a + self.frames - 1) * self.hop
            parts.append((mel[..., a:b], wave[start:end], hz[a:b], voiced[a:b], phase[start:end + 1]))
        return [torch.stack(part).to(device) for part in zip(*parts)]


def pairs_of(path, found):
    """More spectrograms of the same recordings by name, from a .safetensors file of (M, F) or (1, M, F), such as a converter's; each F as the recording's own."""
    frames = {r.name: r.mel.shape[-1] for r in found}
    read = {name: mel.float().reshape(1, -1, mel.shape[-1]) for name, mel in load_file(path).items()}
    if not read or any(name not in frames or mel.shape[-1] != frames[name] for name, mel in read.items()):
        raise ValueError(f"{path} does not fit: each of its spectrograms must bear the name of a recording in --data and be as long.")
    return read


def worn(mel):
    """Some of (B, 1, M, F) blurred a little along time and frequency and made uneven: pictures that a network painted are smoother than true ones."""
    def weights():
        spread = 0.3 + 0.9 * torch.rand(()).item()
        bell = torch.exp(-torch.arange(-3.0, 4.0) ** 2 / (2 * spread ** 2)).to(mel)
        return bell / bell.sum()
    blurred = F.conv2d(F.pad(mel, (3, 3, 3, 3), mode="replicate"), (weights()[:, None] * weights())[None, None])
    blurred = blurred + 0.03 * torch.rand(len(mel), 1, 1, 1, device=mel.device) * torch.randn_like(mel)
    return torch.where(torch.rand(len(mel), 1, 1, 1, device=mel.device) < 0.35, blurred, mel)


# -- losses ----------------------------------------------------------------------------------------------------------------

def transform(wave, window):
    return torch.stft(wave, window, window // 4, window=torch.hann_window(window, device=wave.device), center=False, return_complex=True)


class Distances(nn.Module):
    """Two sounds made of one picture, with other noise, and the recording, all (B, T) -> how far apart: spectra at several lengths, and the mel picture, in logarithms.

    A distance to the recording alone is least for what is steady, so that hiss would become a buzz. The energy distance, (|fake - real| + |other - real| -
    repulsion * |fake - other|) / 2 with a repulsion of 1, is least where both are alike in their distribution (Gritsenko et al. 2020, arXiv:2008.01160).
    """

    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.register_buffer("filters", audio.mel_filters(settings))

    def forward(self, fake, other, real, repulsion=1.0):
        def energy(pictures):
            a, b, c = pictures
            return ((a - c).abs().mean() + (b - c).abs().mean() - repulsion * (a - b).abs().mean()) / 2
        apart = 0.0
        for window in WINDOWS:
            a, b, c = (transform(x, window).abs() for x in (fake, other, real))
            apart = apart + energy([(x + 3e-4 * (window / 1024) ** 0.5).log() for x in (a, b, c)]) + energy((a, b, c)) / c.mean().clamp_min(1e-3)
        mels = [(self.filters @ transform(x, self.settings.window).abs()).clamp_min(3e-5).log() for x in (fake, other, real)]
        return apart / len(WINDOWS), energy(mels)


class Losses(nn.Module):
    """One batch -> loss and its parts.

    2 * spectra + 4 * mel picture + 0.3 * cross entropy of the pitch + that of being voiced.
    """

    def __init__(self, net, settings):
        super().__init__()
        self.net, self.distances = net, Distances(settings)

    def forward(self, mel, wave, hz, voiced, phases, repulsion):
        steps, sounds = self.net.listen(mel)
        # The pitch as a bell of 25 cents over the steps; where nothing is voiced it counts little.
        target = bell(hz, self.net.steps, 25)
        weight = voiced + 0.05
        pitch = (F.cross_entropy(steps, target, reduction="none") * weight).sum() / weight.sum()
        heard = F.binary_cross_entropy_with_logits(sounds, voiced.float())

        filtered = self.net.filtered(mel, hz, phases)
        fake, other = (self.net.sound(*filtered, torch.randn_like(wave)) for _ in range(2))
        spectra, picture = self.distances(fake, other, wave, repulsion)
        return 2 * spectra + 4 * picture + 0.3 * pitch + heard, torch.stack([spectra, picture, pitch, heard]).detach()


# -- the run ---------------------------------------------------------------------------------------------------------------

def opinion(net, found, hz):
    """On recordings never heard, from the picture alone: the sounds by name, and distance of the mel pictures, share of voiced frames whose pitch is off by over 20 %, share of wrong voicing."""
    apart, gross, voicing, made = [], [], [], {}
    for r in found:
        mel = r.mel[None].to(next(net.parameters()).device)
        wave = net(mel)[0].cpu()
        apart.append((audio.to_mel(wave, net.settings) - r.mel).abs().mean().item() * net.settings.scale)
        heard, voiced = (part[0].cpu().numpy() for part in net.pitch(mel))
        known = hz[r.name]
        both = (known > 0) & (voiced > 0.5)
        gross.append(np.abs(heard / np.maximum(known, 1) - 1)[both] > 0.2)
        voicing.append((known > 0) != (voiced > 0.5))
        made[r.name] = wave
    return made, {"mel distance": round(float(np.mean(apart)), 4), "gross pitch errors": round(float(np.concatenate(gross).mean()), 4),
                  "voicing errors": round(float(np.concatenate(voicing).mean()), 4), "recordings": len(found)}


def main(arguments_=None):
    parser = arguments(__doc__.splitlines()[0], batch=8)
    parser.add_argument("--frames", type=int, default=48, help="frames of 16 ms in a passage")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate, falling along a half cosine")
    parser.add_argument("--pairs", help="a .safetensors file of further spectrograms of the same recordings by name, such as a converter's")
    choices = parser.parse_args(arguments_)
    settings = audio.MelConfig()
    if choices.dry_run:
        choices.batch, choices.frames, config = 2, 12, TINY
        found, hz = synthetic(settings)
        kept = found[:2]
    else:
        config = vocoder.Vocoder.Config()
        everything = speech.recordings(choices.data, settings)
        back = speech.held_back_recordings([r.name for r in everything])
        hz = speech.pitches(everything, choices.out / "pitch.npz")
        found, kept = [r for r in everything if r.name not in back], [r for r in everything if r.name in back]
    shown = [[r for r in kept if r.speaker == s][:4] for s in sorted({r.speaker for r in kept})]

    run = Run(choices)
    run.bfloat16 = False  # spectra and phases need every digit
    pairs = pairs_of(choices.pairs, found) if choices.pairs else {}
    passages = Passages(found, hz, choices.frames, settings.hop, pairs)
    net = run.place(vocoder.Vocoder(config))
    average = run.average(net, 0.998)
    optimizer = torch.optim.AdamW(net.parameters(), choices.rate, (0.8, 0.99), weight_decay=0.01)
    repulsion = run.resume(net, average, [optimizer]).get("repulsion", 0.0)
    losses = run.parallel(Losses(net, settings).to(run.device))

    def leave():
        if run.rank:
            return
        released = average.module.eval()
        with torch.no_grad():
            made, metrics = opinion(released, sum(shown, []), hz)
        run.line(**{k.replace(" ", "_"): v for k, v in metrics.items()})
        for r in (of_one[0] for of_one in shown):
            sheet = torch.stack([x.flip(1)[..., :150].expand(3, -1, -1) for x in (r.mel, audio.to_mel(made[r.name], settings)[0])])
            run.picture(r.speaker, pictures.sheet(sheet, 1))
            soundfile.write(choices.out / "samples" / f"{r.speaker}_{run.step:07d}.wav", made[r.name].numpy(), audio.RATE)
        run.save("vocoder", net, average, [optimizer], {"rate": audio.RATE, "mel": asdict(settings)},
                 {"data": speech.SOURCES, "recordings": dict(Counter(r.speaker for r in found)), "kept back": speech.KEPT_BACK,
                  "pitch for training": "DIO and StoneMask (Morise et al. 2016), from the recordings", "batch": choices.batch, "frames": choices.frames, "converted pictures": len(pairs),
                  "held-back metrics": metrics, "progress": {"repulsion": repulsion}}, repulsion=repulsion)

    while run.goes_on():
        # Pulses first, by the distance alone; then the noise, as the sounds of one picture come to repel each other. The learning rate falls.
        repulsion = max(repulsion, REPULSION * min(1.0, run.fraction / GROWN))
        optimizer.param_groups[0]["lr"] = choices.rate * (0.02 + 0.98 * (1 + math.cos(math.pi * run.fraction)) / 2)

        # A passage, louder or softer; its picture sometimes as a converter would paint it.
        mel, wave, pitch, voiced, phases = passages.batch(choices.batch, run.device)
        gain = torch.exp2(2 * torch.rand(len(wave), 1, device=run.device) - 1.3)
        wave, mel = wave * gain, worn(mel + gain.log()[..., None, None] / settings.scale)
        loss, parts = losses(mel, wave, pitch, voiced, phases, repulsion)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()

        average.update_parameters(net)
        run.advance(choices.batch)
        if run.due():
            run.line(loss=loss.detach(), spectra=parts[0], mel=parts[1], pitch=parts[2], voiced=parts[3], repulsion=repulsion)
        if run.due("save"):
            leave()
    leave()
    run.close()


def synthetic(settings):
    """Recordings of a hummed glide in noise, and their pitch, for the dry run."""
    found, hz = [], {}
    for i in range(4):
        samples = np.linspace(110 + 20 * i, 160 + 20 * i, 40 * settings.hop)
        wave = torch.from_numpy(0.1 * np.sign(np.sin(2 * np.pi * np.cumsum(samples) / settings.rate))).float() + 0.01 * torch.randn(len(samples))
        found.append(speech.Recording(f"{'ab'[i % 2]}/{i}.wav", wave, audio.to_mel(wave, settings)[0]))
        hz[found[-1].name] = samples[::settings.hop].astype(np.float32)
        hz[found[-1].name] = np.append(hz[found[-1].name], 0.0).astype(np.float32)
    return found, hz


if __name__ == "__main__":
    main()
