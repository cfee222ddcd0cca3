"""Recordings, mel spectrograms as one-channel pictures, and the way back to a waveform.

One frame is `hop` samples (16 ms), one row a mel band: a spectrogram (1, 1, M, F) is a picture that a CycleGAN can translate.
"""
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

RATE = 16_000  # samples a second, everywhere
SHORTEST = 0.3  # seconds: less holds no syllable
LONGEST = 60.0  # seconds that are read of a longer recording
LOUDNESS = 0.06  # root mean square that every recording is brought to, of the full scale 1


@dataclass(frozen=True)
class MelConfig:
    """Settings of the spectrogram; `center` and `scale` bring the natural logarithm of the mel magnitudes to about -1..1."""

    rate: int = RATE
    window: int = 1024
    hop: int = 256
    mels: int = 80
    lowest: float = 60.0
    highest: float = 7600.0
    floor: float = 1e-5
    center: float = -5.0
    scale: float = 6.0


def read(source) -> torch.Tensor:
    """(T,) float32 at 16 kHz from a WAV, FLAC, OGG or MP3 file (a path, bytes or a binary file) of any rate and number of channels.

    Channels are averaged, rumble below 60 Hz is filtered out, the loudness is made even, and at most the first 60 s are read.
    ValueError with a sentence for a person where there is no sound, none that can be read, or too little of it.
    """
    import librosa
    import scipy.signal
    import soundfile
    if source is None:
        raise ValueError("There is no recording yet: press record, upload a file, or choose an example.")
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
            rate = file.samplerate
            samples = file.read(int(LONGEST * rate), dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError, TypeError, RuntimeError) as error:
        raise ValueError("This file could not be read as a recording: use WAV, FLAC, OGG or MP3 (M4A and video files must be converted first).") from error
    samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0).clip(-1e4, 1e4)
    if len(samples) < SHORTEST * rate:
        raise ValueError(f"This recording lasts {len(samples) / rate:.1f} s: at least {SHORTEST} s are needed. Record a whole word or sentence.")
    samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
    samples = scipy.signal.sosfilt(scipy.signal.butter(4, 60, "highpass", fs=RATE, output="sos"), samples)
    loudness = np.sqrt((samples ** 2).mean())
    if loudness < 1e-4:
        raise ValueError("This recording is silent: check that the right microphone is chosen and not muted.")
    samples = samples * (LOUDNESS / loudness)
    return torch.from_numpy((samples / max(1.0, np.abs(samples).max())).astype(np.float32))


def seconds(source) -> float:
    """How long a recording lasts, as its file says. ValueError where it can't be read."""
    import soundfile
    try:
        return soundfile.info(source).duration
    except (soundfile.LibsndfileError, OSError, TypeError, RuntimeError) as error:
        raise ValueError("This file could not be read as a recording: use WAV, FLAC, OGG or MP3.") from error


@lru_cache
def _filters(settings):
    import librosa
    bank = librosa.filters.mel(sr=settings.rate, n_fft=settings.window, n_mels=settings.mels, fmin=settings.lowest, fmax=settings.highest)
    return torch.from_numpy(bank)


def to_mel(wave: torch.Tensor, settings: MelConfig = MelConfig()) -> torch.Tensor:
    """(T,) -> log-mel magnitudes (1, 1, M, F) in about -1..1, F = T // hop + 1, row 0 the lowest band."""
    window = torch.hann_window(settings.window)
    magnitudes = torch.stft(wave, settings.window, settings.hop, window=window, pad_mode="constant", return_complex=True).abs()
    mel = (_filters(settings) @ magnitudes).clamp_min(settings.floor).log()
    return ((mel - settings.center) / settings.scale)[None, None]


def to_wave(mel: torch.Tensor, settings: MelConfig = MelConfig(), rounds: int = 32, seed: int = 0) -> torch.Tensor:
    """(1, 1, M, F) -> (T,), T = (F - 1) * hop: the inverse of `to_mel` up to what a spectrogram does not keep, the phase.

    Magnitudes come back through the mel filters by non-negative least squares (multiplicative updates, Lee & Seung 2001), the phase
    by `rounds` rounds of fast Griffin-Lim (Griffin & Lim 1984; Perraudin et al. 2013) from a random start given by `seed`.
    """
    import librosa
    target = (mel[0, 0].float().cpu().clamp(-2, 2) * settings.scale + settings.center).exp()
    filters = _filters(settings)
    magnitudes = (torch.linalg.pinv(filters) @ target).clamp_min(1e-6)
    for _ in range(20):
        magnitudes *= (filters.T @ target) / (filters.T @ (filters @ magnitudes)).clamp_min(1e-8)
    wave = librosa.griffinlim(magnitudes.numpy(), n_iter=rounds, hop_length=settings.hop, win_length=settings.window, n_fft=settings.window,
                              random_state=seed, pad_mode="constant")
    return torch.from_numpy(wave).clamp(-1, 1)


def to_pcm(wave: torch.Tensor) -> np.ndarray:
    """(T,) in -1..1 -> int16 samples, which a page plays as they are (floats would be made as loud as can be)."""
    return (wave.clamp(-1, 1).numpy() * 32767).astype(np.int16)
