"""Where the faces are in a photo, and the level square around each that the faces were cut to for training."""
import functools
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from skimage import data
from skimage.feature import Cascade

from models.pictures import fit_within, square

LONG_SIDE = 320  # pixels of the whole photo when it is searched for faces from about a tenth of its length
FINE_SIDE = 640  # and when it is searched for smaller ones, as in a photo of a group: from a twentieth
SMALLEST = 28  # pixels across of a face when it is searched for
LOOKED_AT = 1280  # pixels of the longer side of the photo that faces are looked at in: more detail helps no look
SURROUNDINGS = 1.8  # face boxes across in which a face is looked at again
LOOKS = (84, 96, 108, 120)  # pixels across of these looks
TURNS = (-30, -20, -10, 0, 10, 20, 30)  # degrees a face is turned by and looked at: the cascade finds what is level within about 10
CROP = 1.25  # face boxes across in a training crop, the centre in common: the median over 150 faces that were cut for training
MOST = 8  # faces that are told apart in one photo


class Face(NamedTuple):
    """A square of `side` pixels about (x, y); it stands level once the picture is turned by `tilt` degrees, counter-clockwise, about (x, y)."""
    x: float
    y: float
    side: float
    tilt: float = 0.0


def find_faces(picture: Image.Image, most: int = MOST) -> list[Face]:
    """The faces in an RGB picture, largest first, none of them twice, at most `most`; an empty list where none is found.

    What the cascade finds may be a pattern in a curtain, and its boxes jump by a tenth of their side from one size of the same photo to
    another. So each finding is looked at again, turned, at several sizes and mirrored: enough looks must agree, and their median is the answer.
    """
    scale = min(1.0, LOOKED_AT / max(picture.size))
    view = fit_within(picture, LOOKED_AT) if scale < 1 else picture
    found = []
    for candidate in _candidates(view):
        if len(found) == most:
            break
        if not any(_same(candidate, face) for face in found):
            face = _looked_at(view, candidate)
            if face and not any(_same(face, other) for other in found):
                found.append(face)
    return sorted((Face(face.x / scale, face.y / scale, face.side / scale, face.tilt) for face in found), key=lambda face: -face.side)


def find_face(picture: Image.Image) -> Face | None:
    """The largest face in an RGB picture; None where none is found."""
    return next(iter(find_faces(picture, 1)), None)


def face_box(picture: Image.Image) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of the largest face in an RGB picture, in its pixels; None where none is found."""
    face = find_face(picture)
    return face and (face.x - face.side / 2, face.y - face.side / 2, face.x + face.side / 2, face.y + face.side / 2)


def crop_of(picture: Image.Image, face: Face | None, size: int) -> Image.Image:
    """A face cut out as the training faces were, `size` x `size`; the centre square where it is None."""
    return _patch(picture, face, CROP, size) if face else square(picture, size)


def training_crop(picture: Image.Image, size: int) -> tuple[Image.Image, bool]:
    """The largest face cut out as the training faces were, `size` x `size`, and whether one was found; if not, the centre square."""
    face = find_face(picture)
    return crop_of(picture, face, size), face is not None


def _candidates(picture):
    """What may be a face, largest first: the whole photo searched as it is and turned, and once more for small faces."""
    found = []
    room = LONG_SIDE // 8  # a face that fills the photo needs room around it
    for long_side, turn, largest, pace in ((LONG_SIDE, 0, None, (1.15, 1.25)), (LONG_SIDE, 20, None, (1.2, 1.5)), (LONG_SIDE, -20, None, (1.2, 1.5)),
                                           (FINE_SIDE, 0, 3 * SMALLEST, (1.2, 1.5))):
        small = fit_within(picture, long_side)
        searched = _cut(small, (-room, -room, small.width + room, small.height + room)).rotate(turn, Image.BICUBIC)
        centre, scale = np.array(searched.size) / 2, max(picture.size) / long_side
        for x, y, side in _faces(searched, SMALLEST, largest, pace, agreeing=2):
            x, y = (centre + _turned((x, y) - centre, turn) - room) * scale
            found.append(Face(float(x), float(y), float(side) * scale, turn))
    return sorted(found, key=lambda face: -face.side)


def _same(one, other):
    """Whether two findings are of one face: their centres nearer than half a side of the larger."""
    return max(abs(one.x - other.x), abs(one.y - other.y)) < max(one.side, other.side) / 2


def _looked_at(picture, face):
    """The face where and how it is by many looks, or None if too few agree that it is one."""
    if not _look(picture, face, LOOKS[0]):
        return None
    agreeing = [tilt for tilt in TURNS for _ in _look(picture, face._replace(tilt=tilt), LOOKS[0])]
    if len(agreeing) < 5:  # of 14; faces come to 6 and more, patterns to 4
        return None
    tilt = float(np.mean(agreeing))  # steady within 2 or 3 degrees
    face = face._replace(tilt=tilt if abs(tilt) >= 6 else 0.0)
    looks = [found for size in LOOKS for found in _look(picture, face, size)]
    if len(looks) < 5:  # of 8
        return None
    right, down, side = np.median(looks, axis=0)
    right, down = _turned((right, down), face.tilt)
    return Face(float(face.x + right), float(face.y + down), float(side), face.tilt)


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


def _faces(picture, smallest, largest=None, pace=(1.1, 1), agreeing=4):
    """Centre x, centre y and side of each box that the cascade finds where `agreeing` windows do, (n, 3); `pace`: from size to size, and across."""
    found = _cascade().detect_multi_scale(np.asarray(picture), scale_factor=pace[0], step_ratio=pace[1], min_size=(int(smallest),) * 2,
                                          max_size=(int(largest or min(picture.size)),) * 2, min_neighbor_number=agreeing)
    return np.array([(f["c"] + f["width"] / 2, f["r"] + f["height"] / 2, f["width"]) for f in found]).reshape(-1, 3)


@functools.cache
def _cascade():
    return Cascade(data.lbp_frontal_face_cascade_filename())
