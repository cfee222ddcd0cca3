"""A strip of pictures, each with a number: the same horse over the course of a training, as one small PNG that knows its steps."""
import json
from pathlib import Path

from PIL import Image, PngImagePlugin

LABEL = "steps"


def save_strip(path, pictures: list[Image.Image], steps: list[int]):
    """RGB pictures of one size side by side, `steps` beside them in the file. Of a length beyond ten the first and the last ones are kept."""
    if not pictures or len(pictures) != len(steps):
        raise ValueError("A strip is made of at least one picture, and a number for each.")
    chosen = list(range(len(pictures)))
    chosen = chosen[:1] + chosen[-9:] if len(chosen) > 10 else chosen
    width, height = pictures[0].size
    strip = Image.new("RGB", (width * len(chosen), height))
    for place, i in enumerate(chosen):
        strip.paste(pictures[i], (place * width, 0))
    notes = PngImagePlugin.PngInfo()
    notes.add_text(LABEL, json.dumps([steps[i] for i in chosen]))
    strip.save(path, "PNG", optimize=True, pnginfo=notes)


def read_strip(path) -> list[tuple[int, Image.Image]]:
    """(step, picture) of each; none where there is no such file. ValueError for a file of another kind."""
    if not Path(path).is_file():
        return []
    try:
        with Image.open(path) as strip:
            strip.load()
            steps = json.loads(strip.text[LABEL])
        width = strip.width // len(steps)
        return [(int(step), strip.crop((i * width, 0, (i + 1) * width, strip.height))) for i, step in enumerate(steps)]
    except (OSError, KeyError, AttributeError, TypeError, ValueError, ZeroDivisionError):
        raise ValueError(f"{Path(path).name} is no strip of a training: remove it, or train again.") from None
