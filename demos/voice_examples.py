"""Recordings to start from: two voices that nobody has, one's own from `--data`, and three that are fetched."""
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from models import audio, speaking
from models.collection import RECORDINGS, Collection
from models.download import Download

MOST_OWN = 12  # of one's own recordings among the examples
CREDITS = "Examples: the two voices are nobody's; a program computes them, a buzz sent through five resonances."
READERS = {"5703-47212-0000": ("Garth Comira reads", "slt"), "3436-172162-0000": ("Anders Lankford reads", "slt"),
           "198-209-0000": ("Heather Barnett reads", "bdl")}  # LibriVox clips by file name


@dataclass(frozen=True)
class Example:
    """A recording to start from: its name on the page, the target that suits it (None: whatever is chosen), how to get its file's content."""

    name: str
    target: str | None
    content: Callable[[], bytes]


def at_hand(data=None) -> list[Example]:
    """What there is without a network: two voices made of formulas, and the first recordings of `data`."""
    found = [Example("“We were away a year ago”, a man made of formulas", "slt", lambda: wav(speaking.spoken_by_formulas())),
             Example("the same, a woman", "bdl", lambda: wav(speaking.spoken_by_formulas(200.0, 1.16)))]
    try:
        own = Collection(data, RECORDINGS) if data else None
    except ValueError:
        own = None  # pictures only, for the other tabs
    for name in own.names[:MOST_OWN] if own else ():
        found.append(Example(Path(name).stem, None, lambda name=name: own.open(name).read()))
    return found


def fetched(clips: Download) -> list[Example]:
    """The downloaded recordings, or none where they are not here."""
    found = clips.result() if clips.state == "ready" else []
    return [Example(*READERS[clip.stem], clip.read_bytes) for clip in found]


def wav(wave: torch.Tensor) -> bytes:
    """(T,) in -1..1 -> a 16-bit WAV file."""
    import soundfile
    file = io.BytesIO()
    soundfile.write(file, audio.to_pcm(wave), audio.RATE, format="WAV")
    return file.getvalue()
