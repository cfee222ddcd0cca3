"""Why a spectrogram is not a sound: the same magnitudes with phases from elsewhere.

A short-time Fourier transform answers with complex numbers, and a spectrogram keeps their magnitudes only: how much of each tone, not where in its swing each
one is. Neighbouring windows overlap by three quarters, so that phases are not free: most sets of magnitudes and phases belong to no sound at all.
"""
import torch

from models import audio
from models.audio import spectrum

NOTHING = -100.0  # dB, printed where the magnitudes agree to the last digit


def sound(spectrum: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """Complex (window / 2 + 1, F) -> (T,), T = (F - 1) * hop: where windows contradict each other, their mean."""
    return torch.istft(spectrum, settings.window, settings.hop, window=torch.hann_window(settings.window)).clamp(-1, 1)


def with_true_phase(wave: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(T,) through the transform and back."""
    return sound(spectrum(wave, settings), settings)


def with_zero_phase(magnitudes: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(window / 2 + 1, F) -> (T,): every tone at its crest in the middle of every window, half a window after it begins."""
    centred = torch.ones(len(magnitudes), 1)
    centred[1::2] = -1  # a shift by half a window
    return sound(torch.complex(magnitudes * centred, torch.zeros_like(magnitudes)), settings)


def with_random_phase(magnitudes: torch.Tensor, settings: audio.MelConfig = audio.MelConfig(), seed: int = 0) -> torch.Tensor:
    """(window / 2 + 1, F) -> (T,): every tone of every window anywhere in its swing. Griffin-Lim of the same seed begins here."""
    return audio.griffin_lim(magnitudes, settings, rounds=0, seed=seed)


def convergence(wave: torch.Tensor, magnitudes: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> float:
    """How far the spectrogram of `wave` (T,) is from the magnitudes (window / 2 + 1, F), in dB: 20 log10(||S - A|| / ||A||), the spectral convergence of
    Griffin & Lim (1984). 0 dB: as far as silence; every 20 dB less are a tenth."""
    got = spectrum(wave, settings).abs()[:, :magnitudes.shape[1]]
    wanted = magnitudes[:, :got.shape[1]]
    return max(NOTHING, float(20 * ((got - wanted).norm() / wanted.norm().clamp_min(1e-9)).clamp_min(1e-9).log10()))
