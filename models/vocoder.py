"""From a mel spectrogram back to sound: pulses at the voice's pitch and noise, filtered by what a small network reads in the picture."""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from models import audio, pitch

FINER = 4  # short spectra per frame of the picture


class Block(nn.Module):
    """ConvNeXt block in one dimension (Liu et al. 2022, arXiv:2201.03545; Siuzdak 2023, arXiv:2306.00814): (B, C, F) -> (B, C, F)."""

    def __init__(self, width, expansion):
        super().__init__()
        self.along = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, expansion * width), nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x):
        y = self.norm(self.along(x).transpose(1, 2))
        return x + (self.scale * self.down(F.gelu(self.up(y)))).transpose(1, 2)


class Trunk(nn.Module):
    """(B, inputs, F) -> (B, outputs, F): a convolution, blocks, and a layer that starts near zero."""

    def __init__(self, inputs, width, blocks, expansion, outputs):
        super().__init__()
        self.first = nn.Conv1d(inputs, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, expansion) for _ in range(blocks)))
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, outputs)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(self, x):
        return self.last(self.norm(self.blocks(self.first(x)).transpose(1, 2))).transpose(1, 2)


class Vocoder(nn.Module):
    """Spectrogram (B, 1, M, F) of `audio.to_mel`, about -1..1 -> waveform (B, T), T = (F - 1) * hop, float32 in -1..1 at 16 kHz.

    A voice is a source and a filter. The source is made, not learnt: band-limited pulses at the pitch that `pitch` reads from the picture, and white
    noise (neural source-filter models, Wang et al. 2019, arXiv:1904.12088; HiFTNet, Li et al. 2023, arXiv:2309.09493). The filter is learnt: for every
    bin of a short-time spectrum of 16 ms, four times as often as the picture has frames, a gain for the pulses, a turn of their phase, and a gain
    for the noise, which swells and fades with the pulses as breath does. The gains start from the picture's own envelope, and the phase from the
    pulses', so that both are nearly right before any training. The inverse short-time Fourier transform of the sum is the sound (iSTFTNet, Kaneko et
    al. 2022, arXiv:2203.02395; Vocos, Siuzdak 2023, arXiv:2306.00814). The same picture and `seed` give the same sound.
    """

    @dataclass(frozen=True)
    class Config:
        mels: int = 80
        hop: int = 256  # samples of a frame
        width: int = 160
        blocks: int = 5
        expansion: int = 2
        pitch_width: int = 96  # of the network that listens to the pitch
        pitch_blocks: int = 2
        pitch_steps: int = 128  # from 60 to 500 Hz, 29 cents each

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.short = config.hop // FINER  # samples between two short spectra; their window is four times that
        self.bins = 2 * self.short + 1
        self.trunk = Trunk(config.mels + 2 * FINER + 1, config.width, config.blocks, config.expansion, FINER * (3 * self.bins + 2))
        self.listener = Trunk(config.mels, config.pitch_width, config.pitch_blocks, config.expansion, config.pitch_steps + 1)
        settings = audio.MelConfig(hop=config.hop, mels=config.mels)
        self.settings = settings
        self.register_buffer("window", torch.hann_window(4 * self.short), persistent=False)
        self.register_buffer("steps", pitch.scale(config.pitch_steps), persistent=False)
        for name, value in zip(("envelope", "level"), _envelope(settings, self.bins)):
            self.register_buffer(name, value, persistent=False)

    def forward(self, mel, seed: int = 0):
        if mel.shape[-1] < 2:
            return mel.new_zeros(len(mel), 0)
        hz, _ = self.pitch(mel)
        noise = torch.randn((mel.shape[-1] - 1) * self.config.hop, generator=torch.Generator().manual_seed(seed)).to(mel)
        return self.sound(*self.filtered(mel, hz, self.angles(hz)), noise.expand(len(mel), -1)).clamp(-1, 1)

    def listen(self, mel):
        """(B, 1, M, F) -> logits of the steps of pitch (B, P, F), of log2 Hz, and of being voiced (B, F)."""
        heard = self.listener(mel[:, 0])
        return heard[:, :-1], heard[:, -1]

    def pitch(self, mel):
        """(B, 1, M, F) -> fundamental frequency in Hz (B, F), a guess where there is none, and the probability 0..1 that the voice sounds (B, F)."""
        steps, voiced = self.listen(mel)
        return pitch.likeliest(steps, self.steps), voiced.sigmoid()

    def angles(self, hz):
        """Pitch (B, F) -> phase of the fundamental at every sample (B, T + 1), in -pi..pi; summed in double precision, so that a minute stays exact."""
        samples = F.interpolate(hz[:, None].double(), (hz.shape[-1] - 1) * self.config.hop + 1, mode="linear", align_corners=True)[:, 0]
        turns = (samples / self.settings.rate).cumsum(1)
        return (2 * math.pi * (turns - turns.round())).float()

    def pulses(self, hz, angles):
        """Pitch (B, F), phases (B, T + 1) -> pulses (B, T) of power 1: all harmonics below 7.8 kHz at equal strength, their sum in closed form (Dirichlet's kernel)."""
        samples = F.interpolate(hz[:, None], angles.shape[-1], mode="linear", align_corners=True)[:, 0]
        harmonics = 7800 / samples
        whole, half = harmonics.floor(), angles / 2
        near = half.abs() < 1e-4
        kernel = (whole * half).sin() * ((whole + 1) * half).cos() / half.masked_fill(near, 1.0).sin()
        rising = (harmonics - whole) * ((whole + 1) * angles).cos()  # the next harmonic fades in, as the pitch falls
        return ((torch.where(near, whole, kernel) + rising) * (2 / harmonics).sqrt())[:, :-1]

    def spectrum(self, wave):
        """(B, T) -> short spectra (B, bins, 4 * (F - 1) + 1)."""
        return torch.stft(wave, 4 * self.short, self.short, window=self.window, pad_mode="constant", return_complex=True)

    def filtered(self, mel, hz, angles):
        """Picture (B, 1, M, F), pitch (B, F), phase of the fundamental (B, T + 1) -> short spectra of the filtered pulses, gains for those of the noise, and its swell (B, T)."""
        batch, frames = len(mel), mel.shape[-1]
        mel = mel[:, 0].clamp(-2, 2)
        at = angles[:, ::self.short]
        turning = F.pad(torch.stack([at.cos(), at.sin()], 1), (2, 1)).reshape(batch, 2, frames, FINER).transpose(2, 3).flatten(1, 2)
        read = self.trunk(torch.cat([mel, turning, hz.log2()[:, None] - 7.5], 1))
        read = read.unflatten(1, (-1, FINER)).transpose(2, 3).flatten(2)[..., 2:-1]
        voiced, turn, unvoiced, beat = read.split([self.bins, self.bins, self.bins, 2], 1)
        envelope = self.envelope @ (mel * self.settings.scale) + self.level[:, None]
        envelope = F.interpolate(envelope, read.shape[-1], mode="linear", align_corners=True)
        pulses = torch.polar((envelope + voiced).clamp(max=6).exp(), turn) * self.spectrum(self.pulses(hz, angles))
        # Breath comes in puffs, one a pulse: a bell around the circle (von Mises'), of mean power 1, whose height and place are read too.
        beat = 4 * (F.interpolate(beat, angles.shape[-1], mode="linear", align_corners=True)[..., :-1] / 4).tanh()
        steep = beat.square().sum(1).add(1e-6).sqrt()
        swell = ((beat * torch.stack([angles.cos(), angles.sin()], 1)[..., :-1]).sum(1) - steep).exp() / torch.special.i0e(2 * steep).sqrt()
        return pulses, (envelope + unvoiced - 1).clamp(max=6).exp(), swell

    def sound(self, pulses, gains, swell, noise):
        """What `filtered` gives, and white noise (B, T) -> waveform (B, T)."""
        return torch.istft(pulses + gains * self.spectrum(swell * noise), 4 * self.short, self.short, window=self.window, length=noise.shape[-1])


def _envelope(settings, bins):
    """(bins, M) and (bins,): log magnitudes of a filter that brings white noise of power 1 to a picture, as envelope @ (scale * mel) + level."""
    filters = audio.mel_filters(settings)
    weights = filters.sum(1)
    centers = (filters @ torch.linspace(0, settings.rate / 2, filters.shape[1])) / weights
    hz = torch.linspace(0, settings.rate / 2, bins).clamp(centers[0], centers[-1])
    right = torch.searchsorted(centers, hz).clamp(1, len(centers) - 1)
    share = (hz - centers[right - 1]) / (centers[right] - centers[right - 1])
    envelope = F.one_hot(right, len(centers)) * share[:, None] + F.one_hot(right - 1, len(centers)) * (1 - share)[:, None]
    loud = 0.886 * torch.hann_window(settings.window).square().sum().sqrt()  # mean magnitude of white noise in a bin of the picture's spectrum
    return envelope, settings.center - envelope @ weights.log() - loud.log()
