"""What a page needs to draw a mel spectrogram: a byte for every place, and what the bytes mean."""
import base64

import torch

from models.audio import MelConfig
from models.likeness import decibels

QUIET, LOUD = -1.0, 0.9  # the values at both ends of the colours, the same in every picture
COLOURS = ("#000004", "#1c1044", "#4f127b", "#812581", "#b5367a", "#e55064", "#fb8761", "#fec287", "#fcfdbf")  # matplotlib's magma at every eighth
MARKS = (100, 250, 500, 1000, 2000, 4000, 7000)  # Hz that stand beside a picture


def to_bytes(mel: torch.Tensor) -> bytes:
    """(1, 1, M, F) in about -1..1 -> M rows of F bytes, the lowest band first; 0 is `QUIET` or less, 255 is `LOUD` or more."""
    return ((mel[0, 0].float().cpu() - QUIET) / (LOUD - QUIET) * 255).clamp(0, 255).round().byte().numpy().tobytes()


def meaning(settings: MelConfig = MelConfig()) -> dict:
    """`hz`, the centre of each band; `seconds` of one frame; `step`, dB between two neighbouring bytes; `colours` from 0 to 255; `marks` for the axis."""
    return {"hz": [round(float(hertz), 1) for hertz in centres(settings)], "seconds": settings.hop / settings.rate,
            "step": (LOUD - QUIET) / 255 * decibels(settings), "colours": COLOURS, "marks": [mark for mark in MARKS if settings.lowest < mark < settings.highest]}


def centres(settings: MelConfig = MelConfig()):
    """(M,) the frequency in Hz of each band, the lowest first."""
    import librosa
    return librosa.mel_frequencies(settings.mels + 2, fmin=settings.lowest, fmax=settings.highest)[1:-1]


def text(content: bytes) -> str:
    """Bytes as a page takes them, base64."""
    return base64.b64encode(content).decode()
