"""The recordings of many speakers, decoded once, and which of them no training ever hears.

A recording is named `<speaker>/<sentence>.flac`, as in the zip files of CMU ARCTIC and of the Voice Conversion Challenge 2016.
"""
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import torch

from models import audio
from models.collection import RECORDINGS, gathered
from models.pitch import HIGHEST, LOWEST
from models.training.data import kept_back

UNSEEN = ("SF2", "TM2")  # a woman and a man of the pool who are kept back whole: the strangers at the microphone
LAST = 100_100  # sentences of the pool above this number are kept back of every speaker
SOURCES = ("CMU ARCTIC (Carnegie Mellon University 2003), one US man (bdl) and one US woman (slt): any use, notice kept; "
           "Voice Conversion Challenge 2016 (Toda et al.), eight speakers of English: CC BY 4.0")
KEPT_BACK = "40 sentences of bdl and slt, lowest hash of the file name; of the pool the sentences above 100100, and all of the woman SF2 and the man TM2"
COUNT = 40  # sentences of the named ones (arctic_a0001, ...) that are kept back, the same of every speaker


class Recording(NamedTuple):
    """`wave` (T,) float32 in -1..1 at 16 kHz as `audio.read` gives it, and its spectrogram `mel` (1, M, F), F = T // hop + 1."""

    name: str
    wave: torch.Tensor
    mel: torch.Tensor

    @property
    def speaker(self) -> str:
        return speaker(self.name)


def speaker(name: str) -> str:
    """Who speaks in a recording of that name: the folder it lies in."""
    return PurePosixPath(name).parent.name


def held_back_recordings(names) -> set[str]:
    """Those of `names` kept for evaluation, the same on every machine and for every network of the voice.

    The 40 named sentences of lowest hash (of every speaker the same), the numbered sentences above 100100, and all of the two unseen speakers.
    """
    names = list(names)

    def numbered(name):
        return PurePosixPath(name).stem.isdigit()

    sentences = kept_back((PurePosixPath(name).stem for name in names if not numbered(name)), COUNT)
    return {name for name in names if speaker(name) in UNSEEN
            or (int(PurePosixPath(name).stem) > LAST if numbered(name) else PurePosixPath(name).stem in sentences)}


def pitches(found, path) -> dict[str, np.ndarray]:
    """Fundamental frequency (F,) in Hz of every recording by name, 0 where nothing is voiced; kept at `path`, for it takes minutes.

    DIO and StoneMask (Morise et al. 2016). ValueError where pyworld is not installed.
    """
    known = dict(np.load(path)) if path.exists() else {}
    missing = [r for r in found if r.name not in known]
    if missing:
        try:
            import pyworld
        except ImportError:
            raise ValueError("This training needs the pitch of its recordings: pip install pyworld") from None
        for r in missing:
            wave, frames = r.wave.double().numpy(), r.mel.shape[-1]
            rough, seconds = pyworld.dio(wave, audio.RATE, LOWEST, HIGHEST, frame_period=4.0)  # four times a frame: it drops pitch that leaps
            hz = pyworld.stonemask(wave, rough, seconds, audio.RATE)[::4][:frames]
            middle = np.median(hz[hz > 0]) if hz.any() else 0.0
            hz[(hz < middle / 2) | (hz > 2.2 * middle)] = 0.0  # octave errors, mostly in hiss
            known[r.name] = np.pad(hz, (0, frames - len(hz))).astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **known)
    return known


def recordings(paths, settings: audio.MelConfig = audio.MelConfig()) -> list[Recording]:
    """All recordings in the folders or zip files, in order of their names. Unreadable ones are left out, and named; a second call costs nothing."""
    return list(_decoded(tuple(str(path) for path in paths), settings))


@lru_cache(maxsize=1)
def _decoded(paths, settings):
    found = []
    for name, opened in gathered(paths, RECORDINGS):
        try:
            with opened() as file:
                wave = audio.read(file.read())
            found.append(Recording(name, wave, audio.to_mel(wave, settings)[0]))
        except ValueError as error:
            print(f"left out {name}: {error}")
    return tuple(found)
