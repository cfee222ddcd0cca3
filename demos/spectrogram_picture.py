"""A mel spectrogram as a picture with a time and a frequency axis: a lookup table and a few lines of text, in milliseconds."""
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from models.audio import MelConfig

SIZE = (760, 500)  # pixels; shown at less than half that on a phone, where the text still is 12 pixels high
LEFT, RIGHT, TOP, BOTTOM = 108, 30, 80, 62  # margins around the spectrogram; the page lays its label and buttons over the upper one
TEXT = 28  # pixels
GROUND, INK = "#000004", "#e7e5ec"
QUIET, LOUD = -1.0, 0.9  # the values at both ends of the colours
COLOURS = ("#000004", "#1c1044", "#4f127b", "#812581", "#b5367a", "#e55064", "#fb8761", "#fec287", "#fcfdbf")  # matplotlib's magma at every eighth
FREQUENCIES = {250: "250", 500: "500", 1000: "1k", 2000: "2k", 4000: "4k", 7000: "7k"}
STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # seconds between two marks on the time axis


@lru_cache
def _table():
    corners = [[int(colour[i:i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS]
    return np.stack([np.interp(np.arange(256), np.linspace(0, 255, len(corners)), channel) for channel in zip(*corners)], 1).round().astype(np.uint8)


def row_of(frequency: float, settings: MelConfig = MelConfig()) -> float:
    """The mel band, counted from the lowest as 0, whose centre lies at `frequency` Hz; a fraction between two bands."""
    import librosa
    centres = librosa.mel_frequencies(settings.mels + 2, fmin=settings.lowest, fmax=settings.highest)[1:-1]
    return float(np.interp(frequency, centres, np.arange(settings.mels)))


def draw(mel: torch.Tensor, settings: MelConfig = MelConfig()) -> Image.Image:
    """(1, 1, M, F) in about -1..1 -> a picture of `SIZE`, low tones below. The colours mean the same in every picture."""
    width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
    levels = ((mel[0, 0].float().cpu().flip(0) - QUIET) / (LOUD - QUIET) * 255).clamp(0, 255).round().byte().numpy()
    levels = np.asarray(Image.fromarray(levels).resize((width, height), Image.BILINEAR))  # averages where there are more frames than pixels
    picture = Image.new("RGB", SIZE, GROUND)
    picture.paste(Image.fromarray(_table()[levels]), (LEFT, TOP))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT)

    for frequency, text in FREQUENCIES.items():
        y = TOP + height * (1 - (row_of(frequency, settings) + 0.5) / settings.mels)
        pen.line((LEFT - 8, y, LEFT - 2, y), INK, 2)
        pen.text((LEFT - 14, y), text, INK, font, anchor="rm")
    pen.text((10, TOP), "Hz", INK, font, anchor="lt")

    seconds = mel.shape[-1] * settings.hop / settings.rate
    step = next((step for step in STEPS if seconds / step < 7.5), STEPS[-1])
    for i in range(int(seconds / step) + 1):
        x = LEFT + width * i * step / seconds
        pen.line((x, SIZE[1] - BOTTOM + 2, x, SIZE[1] - BOTTOM + 8), INK, 2)
        pen.text((x, SIZE[1] - BOTTOM + 14), f"{i * step:g}" + (" s" if i == 0 else ""), INK, font, anchor="mt")
    return picture
