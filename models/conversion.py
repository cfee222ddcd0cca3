"""Voice conversion: anyone's mel spectrogram -> the one of a chosen voice, by a CycleGAN whose generators share their layers."""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from models import audio, pitch

LOBE = 14.0  # Hz: half the width of a tone in the spectrum of a window of 64 ms


class ConvNextBlock(nn.Module):
    """(B, F, C) and a condition (B, D) or none -> (B, F, C): a convolution in time for each channel alone, then two layers for each frame alone (Liu et al.
    2022, arXiv:2201.03545); the condition scales and shifts what is between them (Perez et al. 2018, arXiv:1709.07871)."""

    def __init__(self, channels, expansion, kernel, dilation=1, condition=0):
        super().__init__()
        self.time = nn.Conv1d(channels, channels, kernel, padding=kernel // 2 * dilation, dilation=dilation, groups=channels, padding_mode="replicate")
        self.norm = nn.LayerNorm(channels, elementwise_affine=not condition)
        self.film = nn.Linear(condition, 2 * channels) if condition else None
        self.widen, self.narrow = nn.Linear(channels, expansion * channels), nn.Linear(expansion * channels, channels)

    def forward(self, x, condition=None):
        h = self.norm(self.time(x.transpose(1, 2)).transpose(1, 2))
        if self.film is not None:
            scale, shift = self.film(condition)[:, None].chunk(2, -1)
            h = h * (1 + scale) + shift
        return x + self.narrow(F.gelu(self.widen(h)))


class PitchListener(nn.Module):
    """Mels (B, 1, M, F) -> logits of the steps of pitch (B, P, F), evenly spaced in log Hz, and of being voiced (B, F)."""

    @dataclass(frozen=True)
    class Config:
        mels: int = 80
        width: int = 64
        steps: int = 96

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = c = config
        self.enter = nn.Conv1d(c.mels, c.width, 3, padding=1)
        self.blocks = nn.Sequential(ConvNextBlock(c.width, 2, 7), ConvNextBlock(c.width, 2, 7))
        self.leave = nn.Linear(c.width, c.steps + 1)
        self.register_buffer("steps", pitch.scale(c.steps), persistent=False)

    def forward(self, mel):
        mel = mel[:, 0]
        heard = self.leave(self.blocks(self.enter(mel - mel.mean((1, 2), keepdim=True)).transpose(1, 2))).transpose(1, 2)
        return heard[:, :-1], heard[:, -1]

    def pitch(self, mel):
        """(B, 1, M, F) -> fundamental frequency in Hz (B, F), a guess where there is none, and the probability 0..1 that the voice sounds (B, F)."""
        steps, voiced = self(mel)
        return pitch.likeliest(steps.float(), self.steps), voiced.float().sigmoid()


class VoiceGenerator(nn.Module):
    """Mels (B, 1, M, F) in about -1..1, targets (B,), tones (B, 1, M, F), voiced (B, F) -> (B, 1, M, F) as the target would say it, frame for frame.

    Two-dimensional, one-dimensional, two-dimensional as in CycleGAN-VC2 (Kaneko et al. 2019, arXiv:1904.04631): small patches of the picture, then
    whole frames and their neighbours in time, then patches again. One generator serves all targets (StarGAN-VC2, Kaneko et al. 2019, arXiv:1907.12279).
    What frames alone don't tell, how dark the speaker's voice and room are in general, comes from the recording's mean and deviation in each band.
    Which melody the result shall have is not left to chance either: `tones` of `VoiceGAN.tones` draws the harmonics of the pitch that is wanted, and the
    network says how deep the picture is cut between them.
    The quiet of the target's own recordings, `quiet` (S, M), is laid under what is heard, as noises add: silence that is deeper than any in the training
    would be filled with chance. `mask` (B, 1, 1, F), 1 where frames are given and 0 where they are to be filled in, is for training (MaskCycleGAN-VC,
    Kaneko et al. 2021, arXiv:2102.12841).
    """

    @dataclass(frozen=True)
    class Config:
        targets: int = 2
        mels: int = 80
        width: int = 192
        blocks: int = 6
        expansion: int = 3
        kernel: int = 7
        patches: int = 12  # channels of the two-dimensional layers
        condition: int = 64

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = c = config
        self.reads = nn.Sequential(nn.Conv2d(4, c.patches, 3, padding=1, padding_mode="replicate"), nn.ReLU(),
                                   nn.Conv2d(c.patches, c.patches, (4, 3), stride=(2, 1), padding=1, padding_mode="replicate"), nn.ReLU())
        self.register_buffer("quiet", torch.full((c.targets, c.mels), -2.0))
        self.double = 2 * audio.MelConfig().scale  # from the picture's units to log power
        self.enter = nn.Linear(c.patches * c.mels // 2, c.width)
        self.target = nn.Embedding(c.targets, c.condition)
        self.speaker = nn.Sequential(nn.Linear(2 * c.mels, c.condition), nn.GELU(), nn.Linear(c.condition, c.condition))
        self.blocks = nn.ModuleList(ConvNextBlock(c.width, c.expansion, c.kernel, 2 ** (i % 3), c.condition) for i in range(c.blocks))
        self.leave = nn.Linear(c.width, c.patches * c.mels // 2)
        self.writes = nn.Sequential(nn.ReLU(), nn.Conv2d(c.patches // 2, c.patches, 3, padding=1, padding_mode="replicate"), nn.ReLU(),
                                    nn.Conv2d(c.patches, 2, 3, padding=1, padding_mode="replicate"))
        nn.init.constant_(self.writes[-1].bias[1:], 0.2)

    def forward(self, mel, target, tones, voiced, mask=None):
        batch, _, mels, frames = mel.shape
        mel = torch.logaddexp(self.double * mel, self.double * self.quiet[target][:, None, :, None]) / self.double
        given = torch.ones_like(mel[:, :, :1]) if mask is None else mask
        seen = given.sum(-1).clamp_min(1)
        mean = (mel * given).sum(-1) / seen
        deviation = (((mel - mean[..., None]) ** 2 * given).sum(-1) / seen + 1e-6).sqrt()
        condition = self.target(target) + self.speaker(torch.cat([mean, deviation], -1)[:, 0])
        given = given.expand(batch, 1, mels, frames)
        sounds = voiced[:, None, None].expand(batch, 1, mels, frames)
        x = self.reads(torch.cat([mel * given, given, tones * sounds, sounds], 1))
        x = self.enter(x.flatten(1, 2).transpose(1, 2))
        for block in self.blocks:
            x = block(x, condition)
        x = self.leave(x).transpose(1, 2).reshape(batch, -1, mels, frames)
        picture, depth = self.writes(x).chunk(2, 1)
        return picture + depth * tones * sounds


class VoiceCritic(nn.Module):
    """(B, 1, M, F) -> (B, S, M/8, F/8), one map for each target voice: how real the patch at that place sounds as that voice; 1 real, 0 invented."""

    @dataclass(frozen=True)
    class Config:
        targets: int = 2
        width: int = 20

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        w = config.width
        layers = [nn.Conv2d(1, w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for wide in (2, 4):
            layers += [nn.Conv2d(w * wide // 2, w * wide, 4, stride=2, padding=1), nn.InstanceNorm2d(w * wide), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(4 * w, 8 * w, 3, padding=1), nn.InstanceNorm2d(8 * w), nn.LeakyReLU(0.2), nn.Conv2d(8 * w, config.targets, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, mel):
        return self.layers(mel)


class VoiceGAN(nn.Module):
    """Generator `G`: anyone -> each of `targets`; critic `D`: how real each target's spectrograms look; `P` listens to the pitch. From one target to the other
    and back is the cycle of a CycleGAN (Zhu et al. 2017, arXiv:1703.10593), G_AB and G_BA being one network with a switch.

    `spectra` (S, M): average spectrum of each target's loud frames, in units of the picture. `pitches` (S, 3): 10th, 50th and 90th percentile of its pitch in Hz.
    """

    @dataclass(frozen=True)
    class Config:
        targets: tuple[str, ...] = ("bdl", "slt")
        mels: int = 80
        width: int = 192
        blocks: int = 6
        expansion: int = 3
        kernel: int = 7
        patches: int = 12
        condition: int = 64
        critic_width: int = 20
        pitch_width: int = 64
        pitch_steps: int = 96

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = c = config
        self.settings = audio.MelConfig(mels=c.mels)
        self.G = VoiceGenerator(VoiceGenerator.Config(len(c.targets), c.mels, c.width, c.blocks, c.expansion, c.kernel, c.patches, c.condition))
        self.D = VoiceCritic(VoiceCritic.Config(len(c.targets), c.critic_width))
        self.P = PitchListener(PitchListener.Config(c.mels, c.pitch_width, c.pitch_steps))
        self.register_buffer("filters", audio.mel_filters(self.settings), persistent=False)
        self.register_buffer("spectra", torch.zeros(len(c.targets), c.mels))
        self.register_buffer("pitches", torch.ones(len(c.targets), 3))

    def index(self, target: str) -> int:
        """The place of a target's name. ValueError where there is no such voice."""
        if target not in self.config.targets:
            raise ValueError(f"There is no voice {target}: choose {' or '.join(self.config.targets)}.")
        return self.config.targets.index(target)

    def tones(self, hz: torch.Tensor) -> torch.Tensor:
        """Pitch (B, F) in Hz -> (B, 1, M, F): where its harmonics lie in the picture, above 0 on a harmonic and below between, flat where bands hold several."""
        bins = torch.arange(self.filters.shape[1], device=hz.device) * (self.settings.rate / self.settings.window)
        bins, hz = bins[:, None], hz[:, None]
        away = bins - (bins / hz).round().clamp_min(1) * hz
        heights = self.filters @ (-(away / LOBE) ** 2).exp() / self.filters.sum(1, keepdim=True)
        return ((heights + 0.03).log() - (LOBE * math.pi ** 0.5 / hz + 0.03).log())[:, None]

    def melody(self, mel: torch.Tensor, target: str, semitones: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, 1, M, F) -> the pitch in Hz (1, F) that the target sings it at, and the probability 0..1 that the voice sounds (1, F).

        It is the speaker's own, moved so that its median is the target's, and by `semitones`.
        """
        hz, voiced = self.P.pitch(mel)
        heard = hz[voiced > 0.5]
        middle = heard.median() if heard.numel() else hz.median()
        return (hz * self.pitches[self.index(target), 1] / middle * 2 ** (semitones / 12)).clamp(pitch.LOWEST, pitch.HIGHEST), voiced

    def convert(self, mel: torch.Tensor, target: str, semitones: float = 0.0) -> torch.Tensor:
        """(1, 1, M, F) of any speaker and length -> (1, 1, M, F) in the target's voice, at its usual pitch moved by `semitones`.

        ValueError where there is no such voice.
        """
        hz, voiced = self.melody(mel, target, semitones)
        return self.G(mel, torch.tensor([self.index(target)], device=mel.device), self.tones(hz), voiced)

    def realness(self, mel: torch.Tensor, target: str) -> torch.Tensor:
        """(1, 1, M, F), F >= 16 -> the critic's map (1, 1, M/8, F/8) for that target: about 1 real, 0 invented."""
        i = self.index(target)
        return self.D(mel)[:, i:i + 1]
