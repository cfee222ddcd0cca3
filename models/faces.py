"""Where the face is in a photo, and the level square around it that the faces were cut to for training."""
import functools
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from skimage import data
from skimage.feature import Cascade

from models.pictures import fit_within, square

LONG_SIDE = 320  # pixels of the whole photo when it is searched: a face is found from about a tenth of the photo's length
SURROUNDINGS = 1.8  # face boxes across in which a face is looked at again
LOOKS = (84, 96, 108, 120)  # pixels across of these looks
TURNS = (-30, -20, -10, 0, 10, 20, 30)  # degrees a face is turned by and looked at: the cascade finds what is level within about 10
CROP = 1.25  # face boxes across in a training crop, the centre in common: the median over 150 faces that were cut for training


class Face(NamedTuple):
    """A square of `side` pixels about (x, y); it stands level once the picture is turned by `tilt` degrees, counter-clockwise, about (x, y)."""
    x: float
    y: float
    side: float
    tilt: float = 0.0


def face_box(picture: Image.Image) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of the largest face in an RGB picture, in its pixels; None where none is found."""
    face = find_face(picture)
    return face and (face.x - face.side / 2, face.y - face.side / 2, face.x + face.side / 2, face.y + face.side / 2)


def training_crop(picture: Image.Image, size: int) -> tuple[Image.Image, bool]:
    """The largest face cut out as the training faces were, `size` x `size`, and whether one was found; if not, the centre square."""
    face = find_face(picture)
    return (_patch(picture, face, CROP, size), True) if face else (square(picture, size), False)


def find_face(picture: Image.Image) -> Face | None:
    """The largest face in an RGB picture; None where none is found.

    What the cascade finds may be a pattern in a curtain, and its boxes jump by a tenth of their side from one size of the same photo to
    another. So each finding is looked at again, turned, at several sizes and mirrored: enough looks must agree, and their median is the answer.
    """
    small = fit_within(picture, LONG_SIDE)
    scale, room = max(picture.size) / LONG_SIDE, LONG_SIDE // 8  # a face that fills the photo needs room around it
    searched = _cut(small, (-room, -room, small.width + room, small.height + room))
    centre = np.array(searched.size) / 2
    for turn in (0, 20, -20):
        for x, y, side in sorted(_faces(searched.rotate(turn, Image.BICUBIC), 28), key=lambda face: -face[2]):
            x, y = (centre + _turned((x, y) - centre, turn) - room) * scale
            face = Face(x, y, side * scale)
            if not _look(picture, face._replace(tilt=turn), LOOKS[0]):
                continue
            agreeing = [tilt for tilt in TURNS for _ in _look(picture, face._replace(tilt=tilt), LOOKS[0])]
            if len(agreeing) < 5:  # of 14; faces come to 6 and more, patterns to 4
                continue
            tilt = float(np.mean(agreeing))  # steady within 2 or 3 degrees
            face = face._replace(tilt=tilt if abs(tilt) >= 6 else 0.0)
            looks = [found for size in LOOKS for found in _look(picture, face, size)]
            if len(looks) >= 5:  # of 8
                right, down, side = np.median(looks, axis=0)
                right, down = _turned((right, down), face.tilt)
                return Face(float(x + right), float(y + down), float(side), face.tilt)
    return None


def _look(picture, face, size):
    """What is found near the centre of the face's surroundings, seen `size` pixels wide as they are and mirrored: up to 2 (right, down, side)."""
    look, found = _patch(picture, face, SURROUNDINGS, size), []
    for view, direction in ((look, 1), (ImageOps.mirror(look), -1)):
        near = [f for f in _faces(view, 0.4 * size, 0.8 * size) if abs(f[:2] - size / 2).max() < size / 6]
        if near:
            x, y, side = min(near, key=lambda f: abs(f[:2] - size / 2).sum()) * SURROUNDINGS * face.side / size
            found.append(((x - SURROUNDINGS * face.side / 2) * direction, y - SURROUNDINGS * face.side / 2, side))
    return found


def _patch(picture, face, across, size):
    """The level square `across` face boxes wide about the face, `size` x `size` pixels."""
    reach = across * face.side / 2
    if not face.tilt:
        return _cut(picture, (face.x - reach, face.y - reach, face.x + reach, face.y + reach)).resize((size, size), Image.LANCZOS)
    wide = 1.5 * reach  # its corners come into the patch
    patch = _cut(picture, (face.x - wide, face.y - wide, face.x + wide, face.y + wide)).resize((3 * size, 3 * size), Image.LANCZOS)
    return patch.rotate(face.tilt, Image.BICUBIC).resize((size, size), Image.LANCZOS, box=(size / 2, size / 2, 2.5 * size, 2.5 * size))


def _cut(picture, box):
    """The box, rounded to pixels; beyond the picture its outermost pixels go on."""
    left, top, right, bottom = (round(edge) for edge in box)
    beyond = [(max(0, -top), max(0, bottom - picture.height)), (max(0, -left), max(0, right - picture.width)), (0, 0)]
    inside = np.asarray(picture.crop((max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom))))
    return Image.fromarray(np.pad(inside, beyond, mode="edge"))


def _turned(vector, degrees):
    """Where a vector (right, down) seen in a picture turned counter-clockwise by `degrees` lies in the picture as it was."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def _faces(picture, smallest, largest=None):
    """Centre x, centre y and side of each box that the cascade finds, (n, 3)."""
    found = _cascade().detect_multi_scale(np.asarray(picture), scale_factor=1.1, step_ratio=1, min_size=(int(smallest),) * 2,
                                          max_size=(int(largest or min(picture.size)),) * 2)
    return np.array([(f["c"] + f["width"] / 2, f["r"] + f["height"] / 2, f["width"]) for f in found]).reshape(-1, 3)


@functools.cache
def _cascade():
    return Cascade(data.lbp_frontal_face_cascade_filename())
