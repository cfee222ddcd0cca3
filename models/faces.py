"""Where the face is in a photo, and the square around it that the faces were cut to for training."""
import functools

import numpy as np
from PIL import Image, ImageOps
from skimage import data
from skimage.feature import Cascade

from models.pictures import fit_within, square

LONG_SIDE = 320  # pixels of the whole photo when it is searched: a face is found from about a tenth of the photo's length
LOOKS = (84, 96, 108, 120)  # pixels across in which the surroundings of a face, SURROUNDINGS boxes wide, are looked at again
SURROUNDINGS = 1.8
CROP = 1.25  # side of a training crop in face boxes, both with one centre: the median over 120 faces that were cut for training


def face_box(picture: Image.Image) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of the largest face in an RGB picture, a square in its pixels; None where none is found.

    What the cascade finds may be a pattern in a curtain, and its boxes jump by a tenth of their side from one size of the same photo to
    another. So each finding is looked at again at several sizes and mirrored: most looks must agree, and their median is the answer.
    """
    small = fit_within(picture, LONG_SIDE)
    room = LONG_SIDE // 8  # a face that fills the photo needs room around it
    found = _faces(_cut(small, (-room, -room, small.width + room, small.height + room)), smallest=28)
    for face in sorted(found, key=lambda face: -face[2]):
        x, y, side = (face - (room, room, 0)) * max(picture.size) / LONG_SIDE
        looks = _looks(picture, x, y, side)
        if len(looks) > len(LOOKS):
            x, y, half = np.median(looks, axis=0) * (1, 1, 0.5)
            return float(x - half), float(y - half), float(x + half), float(y + half)
    return None


def training_crop(picture: Image.Image, size: int) -> tuple[Image.Image, bool]:
    """The largest face cut out as the training faces were, `size` x `size`, and whether one was found; if not, the centre square."""
    box = face_box(picture)
    if box is None:
        return square(picture, size), False
    left, top, right, bottom = box
    margin = (CROP - 1) / 2 * (right - left)
    return _cut(picture, (left - margin, top - margin, right + margin, bottom + margin)).resize((size, size), Image.LANCZOS), True


def _cut(picture, box):
    """The box, rounded to pixels; beyond the picture its outermost pixels go on."""
    left, top, right, bottom = (round(edge) for edge in box)
    beyond = [(max(0, -top), max(0, bottom - picture.height)), (max(0, -left), max(0, right - picture.width)), (0, 0)]
    inside = np.asarray(picture.crop((max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom))))
    return Image.fromarray(np.pad(inside, beyond, mode="edge"))


def _looks(picture, x, y, side):
    """Centre and side, in the picture's pixels, of the face about (x, y) as each look finds it."""
    reach = SURROUNDINGS * side / 2
    surroundings, looks = _cut(picture, (x - reach, y - reach, x + reach, y + reach)), []
    for size in LOOKS:
        look = surroundings.resize((size, size), Image.LANCZOS)
        for view, direction in ((look, 1), (ImageOps.mirror(look), -1)):
            near = [(*(face[:2] - size / 2) * (direction, 1), face[2]) for face in _faces(view, size * 0.3)]
            near = [face for face in near if max(abs(face[0]), abs(face[1])) < size / 6]
            if near:
                right, down, width = np.array(min(near, key=lambda face: abs(face[0]) + abs(face[1]))) * 2 * reach / size
                looks.append((x + right, y + down, width))
    return looks


def _faces(picture, smallest):
    """Centre x, centre y and side of each face box, (n, 3)."""
    most = min(picture.size)
    found = _cascade().detect_multi_scale(np.asarray(picture), scale_factor=1.1, step_ratio=1, min_size=(int(smallest),) * 2, max_size=(most, most))
    return np.array([(f["c"] + f["width"] / 2, f["r"] + f["height"] / 2, f["width"]) for f in found]).reshape(-1, 3)


@functools.cache
def _cascade():
    return Cascade(data.lbp_frontal_face_cascade_filename())
