"""A sentence spoken by formulas: a recording to start from that needs no network and nobody's consent."""
import numpy as np
import torch

from models import audio

SOUNDS = (  # "We were away a year ago": seconds, three formants in Hz, loudness. After the averages for men of Peterson & Barney (1952)
    (0.00, 290, 610, 2150, 0.0), (0.06, 290, 610, 2150, 0.5), (0.16, 270, 2250, 2950, 0.8), (0.24, 280, 2100, 2800, 0.7),
    (0.32, 300, 650, 1900, 0.5), (0.42, 470, 1300, 1690, 0.9), (0.50, 480, 1320, 1700, 0.8), (0.57, 560, 1250, 2300, 0.6),
    (0.66, 300, 620, 2200, 0.5), (0.78, 500, 1850, 2500, 1.0), (0.92, 350, 2200, 2800, 0.8), (0.99, 520, 1500, 2400, 0.5),
    (1.07, 260, 2250, 3000, 0.5), (1.16, 380, 2000, 2600, 0.9), (1.28, 430, 1320, 1680, 0.7), (1.38, 560, 1300, 2300, 0.6),
    (1.43, 300, 1600, 2000, 0.05), (1.49, 300, 1500, 2000, 0.05), (1.55, 540, 1100, 2300, 0.9), (1.72, 440, 850, 2300, 0.8),
    (1.90, 360, 750, 2250, 0.4), (2.02, 340, 740, 2250, 0.0))


def spoken_by_formulas(pitch: float = 110.0, tract: float = 1.0) -> torch.Tensor:
    """(T,) at 16 kHz: "We were away a year ago" from a source and a filter (Klatt 1980): pulses at `pitch` Hz through five resonances.

    `tract` multiplies the resonances: 1 for a man's vocal tract, 1.16 for a woman's, which is shorter.
    """
    import scipy.signal
    times, *tracks = np.array(SOUNDS).T
    t = np.arange(0, times[-1], 1 / audio.RATE)
    *formants, loudness = (np.interp(t, times, track) for track in tracks)
    melody = pitch * np.interp(t, (0, 0.15, 0.45, 0.85, 1.2, 1.6, 2.02), (1, 1.1, 1.05, 1.25, 1.1, 1.05, 0.75)) * (1 + 0.008 * np.sin(33 * t))
    opening = (np.cumsum(melody / audio.RATE) % 1 / 0.6).clip(0, 1)  # of the glottis; closed for the rest of the period
    breath = np.random.default_rng(0).normal(size=t.shape)
    source = loudness * (np.diff(opening ** 2 * (1 - opening), prepend=0) + 0.0015 * breath * (0.4 + opening))
    voice, state, step = np.zeros_like(t), np.zeros((5, 2)), audio.RATE // 200
    for start in range(0, len(t), step):
        resonances = []
        for frequency, bandwidth in zip([f[start] for f in formants] + [3500, 4500], (70, 100, 140, 220, 300)):
            radius = np.exp(-np.pi * bandwidth / audio.RATE)
            turn = 2 * radius * np.cos(2 * np.pi * tract * frequency / audio.RATE)
            resonances.append([1 - turn + radius ** 2, 0, 0, 1, -turn, radius ** 2])
        voice[start:start + step], state = scipy.signal.sosfilt(resonances, source[start:start + step], zi=state)
    return torch.from_numpy(0.7 * voice / np.abs(voice).max()).float()
