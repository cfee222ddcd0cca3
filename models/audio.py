"""Recordings, mel spectrograms as one-channel pictures, and the way back to a waveform.

One frame is `hop` samples (16 ms), one row a mel band: a spectrogram (1, 1, M, F) is a picture that a CycleGAN can translate.
"""
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from models import ffmpeg

RATE = 16_000  # samples a second, everywhere
SHORTEST = 0.3  # seconds: less holds no syllable
LONGEST = 60.0  # seconds that are read of a longer recording
MARGIN = 800  # samples that are left of the silence at both ends
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


@dataclass(frozen=True)
class Recording:
    """What a person has recorded: `wave` (T,) as `read` gives it without the silence at both ends, the seconds of silence that were cut off `before` and
    `after`, and whether it is only the first minute of a `longer` one."""

    wave: torch.Tensor
    before: float
    after: float
    longer: bool


def read(source) -> torch.Tensor:
    """(T,) float32 at 16 kHz from a WAV, FLAC, OGG or MP3 file (a path, bytes or a binary file) of any rate and number of channels; from an M4A, AAC, MP4
    or WEBM file where ffmpeg is installed.

    Channels are averaged, rumble below 60 Hz is filtered out, the loudness is made even, and at most the first 60 s are read.
    ValueError with a sentence for a person where there is no sound, none that can be read, or too little of it.
    """
    return _even(_filtered(source)[0])


def listen(source) -> Recording:
    """`read` for a person's own recording: silence at both ends, 40 dB below the loudest moment, is cut off. ValueError as `read`, and where hardly anything is left."""
    import librosa
    samples, longer = _filtered(source)
    _, (start, end) = librosa.effects.trim(samples, top_db=40, frame_length=1024, hop_length=256)
    start, end = max(0, start - MARGIN), min(len(samples), end + MARGIN)
    if end - start < SHORTEST * RATE:
        raise ValueError(f"Only {(end - start) / RATE:.1f} s of this recording are more than silence: at least {SHORTEST} s are needed. Record a whole word or sentence.")
    return Recording(_even(samples[start:end]), start / RATE, (len(samples) - end) / RATE, longer)


def _filtered(source):
    """Samples (T,) at 16 kHz without rumble, and whether there is more than the minute that was read. ValueError where there is too little, or silence."""
    import librosa
    import scipy.signal
    samples, rate = _decoded(source)
    samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0).clip(-1e4, 1e4)
    if len(samples) < SHORTEST * rate:
        raise ValueError(f"This recording lasts {len(samples) / rate:.1f} s: at least {SHORTEST} s are needed. Record a whole word or sentence.")
    longer = len(samples) > LONGEST * rate
    samples = librosa.resample(samples[:int(LONGEST * rate)], orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
    samples = scipy.signal.sosfilt(scipy.signal.butter(4, 60, "highpass", fs=RATE, output="sos"), samples)
    if np.sqrt((samples ** 2).mean()) < 1e-4:
        raise ValueError("This recording is silent: check that the right microphone is chosen and not muted.")
    return samples, longer


def _decoded(source):
    """Samples (T,), the mean of all channels, and their rate; of a long file a little more than a minute."""
    import soundfile
    if source is None:
        raise ValueError("There is no recording yet: press record, upload a file, or choose an example.")
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
            return file.read(int((LONGEST + 1) * file.samplerate), dtype="float32", always_2d=True).mean(axis=1), file.samplerate
    except (soundfile.LibsndfileError, OSError, TypeError, RuntimeError) as error:
        demuxer = ffmpeg.demuxer_of(source)
        if demuxer is None:
            raise ValueError("This file could not be read as a recording: use WAV, FLAC, OGG or MP3.") from error
    return ffmpeg.decoded(source, demuxer, LONGEST + 1)


def _even(samples):
    """(T,) -> a tensor brought to the loudness that all recordings have, and into -1..1."""
    samples = samples * (LOUDNESS / np.sqrt((samples ** 2).mean()))
    return torch.from_numpy((samples / max(1.0, np.abs(samples).max())).astype(np.float32))


@lru_cache
def mel_filters(settings: MelConfig) -> torch.Tensor:
    """(M, window / 2 + 1): magnitudes of the spectrum -> mel bands, each triangle of area 1 Hz (Slaney 1998)."""
    import librosa
    bank = librosa.filters.mel(sr=settings.rate, n_fft=settings.window, n_mels=settings.mels, fmin=settings.lowest, fmax=settings.highest)
    return torch.from_numpy(bank)


def spectrum(wave: torch.Tensor, settings: MelConfig = MelConfig()) -> torch.Tensor:
    """(T,) -> short-time Fourier transform, complex (window / 2 + 1, F), F = T // hop + 1."""
    return torch.stft(wave, settings.window, settings.hop, window=torch.hann_window(settings.window), pad_mode="constant", return_complex=True)


def to_mel(wave: torch.Tensor, settings: MelConfig = MelConfig()) -> torch.Tensor:
    """(T,) -> log-mel magnitudes (1, 1, M, F) in about -1..1, F = T // hop + 1, row 0 the lowest band."""
    mel = (mel_filters(settings) @ spectrum(wave, settings).abs()).clamp_min(settings.floor).log()
    return ((mel - settings.center) / settings.scale)[None, None]


def to_wave(mel: torch.Tensor, settings: MelConfig = MelConfig(), rounds: int = 32, seed: int = 0) -> torch.Tensor:
    """(1, 1, M, F) -> (T,), T = (F - 1) * hop: the inverse of `to_mel` up to what a spectrogram does not keep, the phase.

    Magnitudes come back through the mel filters by non-negative least squares (multiplicative updates, Lee & Seung 2001), the phase
    by `rounds` rounds of fast Griffin-Lim (Griffin & Lim 1984; Perraudin et al. 2013) from a random start given by `seed`.
    """
    target = (mel[0, 0].float().cpu().clamp(-2, 2) * settings.scale + settings.center).exp()
    filters = mel_filters(settings)
    magnitudes = (torch.linalg.pinv(filters) @ target).clamp_min(1e-6)
    for _ in range(20):
        magnitudes *= (filters.T @ target) / (filters.T @ (filters @ magnitudes)).clamp_min(1e-8)
    return griffin_lim(magnitudes, settings, rounds, seed)


def griffin_lim(magnitudes: torch.Tensor, settings: MelConfig = MelConfig(), rounds: int = 32, seed: int = 0) -> torch.Tensor:
    """(window / 2 + 1, F) -> (T,), T = (F - 1) * hop: a sound whose spectrogram has nearly these magnitudes; with 0 rounds the phases stay random."""
    import librosa
    wave = librosa.griffinlim(magnitudes.numpy(), n_iter=rounds, hop_length=settings.hop, win_length=settings.window, n_fft=settings.window,
                              random_state=seed, pad_mode="constant")
    return torch.from_numpy(wave).clamp(-1, 1)


def to_pcm(wave: torch.Tensor) -> np.ndarray:
    """(T,) in -1..1 -> int16 samples, which a page plays as they are (floats would be made as loud as can be)."""
    return (wave.clamp(-1, 1).numpy() * 32767).astype(np.int16)
