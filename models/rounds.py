"""Rounds of the quiz: which faces are shown, in what order, and what was said of them. Both kinds of face go one and the same way to the file that is shown."""
import hashlib
import io
import math
import random
from dataclasses import dataclass, replace

from PIL import Image

from models.moments import Level
from models.photographs import SMALL_SIZE, Photographs, small_part, whole_face

MODES = ("opening", "one", "moment")
OPENING = 3  # faces in the lecture's opening
SIZES = (25, 64, 128)  # pixels that a face may be reduced to
SHOWN = 256  # pixels of every file that is shown
REASONS = ("eyes", "hair", "background", "teeth", "symmetry", "gut")
GUESS, CERTAIN = 1, 3  # how sure one may be: 1 a guess, 2 fairly sure, 3 certain


@dataclass(frozen=True)
class Face:
    """One face of a round: `jpeg` as it is shown, `pixels` as they went into it (RGB R x R, or grey 25 x 25), and what is told only after the vote."""

    jpeg: bytes
    pixels: Image.Image
    level: Level
    real: bool
    seed: int | None = None  # of an invented face
    own: bool = False  # the player's


@dataclass(frozen=True)
class Vote:
    """What was said of a face."""

    real: bool
    sure: int | None = None  # 1 a guess, 2 fairly sure, 3 certain; None where nobody asked
    why: tuple[str, ...] = ()  # of REASONS

    def __post_init__(self):
        if type(self.real) is not bool:
            raise ValueError("A vote says real (true) or invented (false).")
        if self.sure is not None and (type(self.sure) is not int or not GUESS <= self.sure <= CERTAIN):
            raise ValueError("How sure: 1 a guess, 2 fairly sure, 3 certain.")
        if not set(self.why) <= set(REASONS):
            raise ValueError(f"The reasons to choose from are {', '.join(REASONS)}.")


@dataclass(frozen=True)
class Round:
    """Faces in the order they are shown, and the votes so far. It stays on the server: of a face that waits for its vote only the file leaves it."""

    mode: str
    faces: tuple[Face, ...]
    size: int  # pixels of a face before it is enlarged
    votes: tuple[Vote, ...] = ()

    @property
    def over(self) -> bool:
        return len(self.votes) == len(self.faces)

    @property
    def open(self) -> int:
        """How many faces may be looked at, from the first: those that were voted on and those whose turn it is."""
        return len(self.faces) if self.mode == "opening" else min(len(self.faces), len(self.votes) + 1)


def sizes(level: Level, grey: bool = False) -> list[int]:
    """The sizes in pixels that faces of a level can be shown at: no picture is shown larger than it is, except that all are enlarged alike in the end."""
    if grey:
        return [SMALL_SIZE]
    smaller = [size for size in SIZES if size < level.resolution]
    return [*smaller, level.resolution]


def new_round(levels: list[Level], photographs: Photographs, mode: str = "one", count: int = 10, size: int | None = None, seed: int | None = None,
              lecture: bool = False, own: Image.Image | None = None) -> Round:
    """A round of `count` faces, invented at `levels`: with several, one after the other, in equal parts.

    From 30 % to 70 % are real, so that counting does not help; in the opening none to three, or, where it is to be as in the `lecture`, none. As many
    of both kinds are made ready however many are chosen: how long it takes tells nothing. `size`: pixels, by default all there are. `own`: a
    training-like crop that takes the place of a real one. The same `seed` gives the same round.
    """
    if mode not in MODES:
        raise ValueError(f"The modes of the quiz are {', '.join(MODES)}.")
    if mode == "opening":
        count, levels = OPENING, levels[-1:]
    if not 2 <= count <= 40:
        raise ValueError("A round has 2 to 40 faces.")
    possible = sizes(levels[-1], photographs.grey)
    if size is not None and size not in possible:
        raise ValueError(f"These faces can be shown at {' or '.join(map(str, possible))} pixels.")
    rng = random.Random(seed)
    fewest, most = (0, OPENING) if mode == "opening" else (math.ceil(count * 0.3), math.floor(count * 0.7))
    reals = rng.randint(fewest, most)
    if lecture and mode == "opening":
        reals = 0
    truths = [True] * reals + [False] * (count - reals)
    rng.shuffle(truths)
    at = [levels[i * len(levels) // count] for i in range(count)]
    invented = {level.key: _invented(level, min(most, at.count(level)), rng) for level in dict.fromkeys(at)}
    photos = iter(photographs.draw(rng, most))
    mine = rng.choice([i for i, real in enumerate(truths) if real]) if own is not None and reals else None
    made = []
    for i, (real, level) in enumerate(zip(truths, at)):
        picture, number = (own if i == mine else next(photos), None) if real else next(invented[level.key])
        made.append((as_pixels(picture, level.resolution, photographs.grey), level, real, number, i == mine))
    side = size or possible[-1]
    files = of_one_length([as_file(pixels, side) for pixels, *_ in made])
    return Round(mode, tuple(Face(file, *face) for file, face in zip(files, made)), side)


def _invented(level, count, rng):
    """Pairs of a picture and its seed, one after the other."""
    if count > level.seeds:
        raise ValueError(f"Only {level.seeds} faces were kept of this moment: choose a shorter round.")
    seeds = rng.sample(range(level.seeds), count)
    return zip(level.invent(seeds), seeds)


def vote(game: Round, number: int, said: Vote) -> Round:
    """The round after a vote on face `number`, counted from 0; unchanged where it was voted on already (a double click)."""
    if type(number) is not int or not 0 <= number < len(game.faces):
        raise ValueError(f"There is no face {number}: this round has {len(game.faces)}, counted from 0.")
    if number > len(game.votes):
        raise ValueError("One face after the other: vote on those before it first.")
    return game if number < len(game.votes) else replace(game, votes=(*game.votes, said))


# -- one way for both kinds --------------------------------------------------------------------------------------------

def as_pixels(picture: Image.Image, resolution: int, grey: bool) -> Image.Image:
    """A face, photographed or invented, with the pixels that both kinds have: RGB of `resolution`, or out of those grey ones of 25.

    How a photograph is reduced was chosen by sharpness (mean Laplacian), by which alone a machine might tell 80 photographs from 80 inventions (1 or 0: always,
    0.5: never). The area below the ROC for the network that ships: 0.65 where both are grey and of 25 pixels, as photographs of that size are laid where they would
    lie in a face of `resolution` first; in colour 0.48 at 25 pixels, 0.41 at 64 and 0.24 at 128, where these news photographs are softer than what is invented.
    """
    if picture.mode == "L":
        picture = whole_face(picture, resolution)
    elif picture.width != resolution:
        picture = picture.resize((resolution, resolution), Image.LANCZOS)
    return small_part(picture) if grey else picture


def as_file(pixels: Image.Image, size: int) -> bytes:
    """Pixels -> the JPEG file that is shown: reduced to `size`, enlarged to 256."""
    if pixels.width > size:
        pixels = pixels.resize((size, size), Image.LANCZOS)
    file = io.BytesIO()
    pixels.convert("RGB").resize((SHOWN, SHOWN), Image.BICUBIC).save(file, "JPEG", quality=92)
    return file.getvalue()


def of_one_length(files: list[bytes]) -> list[bytes]:
    """JPEG files brought to the same number of bytes by comments of noise: a length tells nothing.

    The noise is a hash of the file: nothing on the way can squeeze it, and it depends on the pixels alone, where that of the generator that drew the
    truths would let one who has seen enough of it reckon back to them.
    """
    length = 1024 * (max(map(len, files)) // 1024 + 1) + 4
    return [_longer(file, length) for file in files]


def _longer(file, length):
    gap, comments = length - len(file), b""
    noise = io.BytesIO(hashlib.shake_256(file).digest(gap))
    while gap:  # a comment takes 4 bytes and up to 65533 of noise
        part = gap if gap <= 65_537 else min(65_537, gap - 4)
        comments += b"\xff\xfe" + (part - 2).to_bytes(2, "big") + noise.read(part - 4)
        gap -= part
    return file[:2] + comments + file[2:]
