"""A mark in a sound that nobody should hear and a program finds: spread spectrum (Cox et al. 1997, "Secure spread spectrum watermarking for multimedia").

A noise that only the key tells is laid under the sound, in every band of every moment a fixed number of decibels below what sounds there, so that the sound
covers it as it covers the noise of a coder. No single sample tells of it. But the noise is known, and over tens of thousands of samples everything else
averages out where the two are laid on each other. It comes again every four seconds, so that any piece of the sound holds it.
"""
import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from models.audio import RATE

KEY = b"deep generative modeling, to play with"  # as public as this program: it answers an honest question, and stops nobody who wants to forge
PERIOD = 65_536  # samples until the noise comes again
WINDOW, HOP = 1024, 256
LOWEST, HIGHEST = 150.0, 7000.0  # Hz
NEIGHBOURS = 9  # bins, 140 Hz: about what the ear hears as one band, over which the level of the sound is taken
STRENGTH = -22.0  # dB, the noise against the sound in the same band
QUIET = 10 ** (-60 / 20)  # of the loudest place: what is softer counts less and less, as coders put there what they like
CERTAIN = 1e-6  # chance below which the mark is said to be there


@dataclass(frozen=True)
class Found:
    """What the detector saw: `score`, by how many standard deviations the best of all places stands out from the others, and `chance`, the probability
    that an unmarked sound has a place that stands out as far, its places being distributed like a bell curve."""

    score: float
    chance: float

    @property
    def marked(self) -> bool:
        return self.chance < CERTAIN


@lru_cache(maxsize=4)
def noise(key: bytes = KEY) -> torch.Tensor:
    """(PERIOD,) white noise of variance 1, the same on every machine: every frequency equally strong, its phase told by the key."""
    angles = np.frombuffer(hashlib.shake_256(key).digest(2 * (PERIOD // 2 + 1)), "<u2") / 2 ** 16 * 2 * np.pi
    lines = torch.polar(torch.ones(PERIOD // 2 + 1), torch.from_numpy(angles).float())
    lines[0] = lines[-1] = 0
    return torch.fft.irfft(lines, PERIOD) * PERIOD ** 0.5


def embed(wave: torch.Tensor, strength: float = STRENGTH, key: bytes = KEY) -> torch.Tensor:
    """(T,) in -1..1 at 16 kHz -> the same with the mark, `strength` dB against the sound around it."""
    if not len(wave):
        return wave
    below = noise(key).repeat(-(-len(wave) // PERIOD))[:len(wave)]
    sound, mark = _stft(wave), _stft(below) / WINDOW ** 0.5 / 0.375 ** 0.5  # of magnitude 1 in the mean of the squares; 3/8 is that of the squared window
    return (wave + _istft(mark * _level(sound) * 10 ** (strength / 20), len(wave))).clamp(-1, 1)


def detect(wave: torch.Tensor, key: bytes = KEY) -> Found:
    """Whether a recording (T,) at 16 kHz, of any loudness and cut from wherever, holds the mark of `key`."""
    sound = _stft(wave)
    level = _level(sound)
    flat = _istft(sound / (level + QUIET * level.max() + 1e-9), len(wave))
    folded = F.pad(flat, (0, -len(flat) % PERIOD)).unflatten(0, (-1, PERIOD)).sum(0)
    matches = torch.fft.irfft(torch.fft.rfft(folded) * torch.fft.rfft(noise(key)).conj(), PERIOD)  # one for each sample at which the noise may begin
    score = float(matches.abs().max() / matches.square().mean().sqrt().clamp_min(1e-12))  # of either sign, as some players turn the wave over
    return Found(score, -math.expm1(PERIOD * math.log1p(-min(math.erfc(score / 2 ** 0.5), 1 - 1e-9))))


def _stft(wave):
    """(T,) -> (WINDOW / 2 + 1, frames) with the frequencies that are marked."""
    spectrum = torch.stft(wave, WINDOW, HOP, window=torch.hann_window(WINDOW), pad_mode="constant", return_complex=True)
    hertz = torch.arange(WINDOW // 2 + 1) * RATE / WINDOW
    return spectrum * ((hertz >= LOWEST) & (hertz <= HIGHEST))[:, None]


def _istft(spectrum, length):
    return torch.istft(spectrum, WINDOW, HOP, window=torch.hann_window(WINDOW), length=length)


def _level(spectrum):
    """Root mean square over neighbouring frequencies, of the same shape."""
    power = F.pad(spectrum.abs().square().T[:, None], (NEIGHBOURS // 2, NEIGHBOURS // 2), mode="replicate")
    return F.avg_pool1d(power, NEIGHBOURS, 1)[:, 0].T.sqrt()
