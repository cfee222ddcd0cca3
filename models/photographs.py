"""Where the quiz has its real photographs from: a person's own, Labeled Faces in the Wild, or the small grey ones that come with scikit-image."""
import functools
import random

import numpy as np
from PIL import Image

from models import faces, sources
from models.collection import PICTURES, Collection
from models.pictures import read_picture

SMALL_SIZE = 25  # pixels of the photographs that come with scikit-image
SMALL_CROP = (17 / 128, 17 / 128, 124 / 128, 124 / 128)  # where those lie within a training face: best match of the two mean faces


class Photographs:
    """The best source at hand: `draw(rng, count)` gives square RGB crops as the training faces were cut, or, where `grey`, grey ones of 25 pixels.

    `data`: a folder or zip file of one's own, or None; `wild`: the download of Labeled Faces in the Wild, used once it is there.
    """

    def __init__(self, data=None, wild=None):
        self.grey = False
        if data:
            try:
                own = Collection(data, PICTURES)
            except ValueError:
                own = None  # recordings only: the other sources serve this tab
            if own:
                self.credit, self.names, self.read = f"{len(own.names)} pictures of your own.", own.names, functools.partial(_face_of, own)
                return
        if wild is not None and wild.state == "ready":
            photos = wild.result()
            self.credit, self.names, self.read = wild.credit, photos, lambda path: sources.face_crop(read_picture(path))
            return
        small = sources.small_faces()
        self.grey, self.credit, self.names, self.read = True, sources.CREDITS["small faces"], range(len(small)), lambda i: small[i]

    def draw(self, rng: random.Random, count: int) -> list[Image.Image]:
        """`count` different photographs. ValueError where there are fewer with a face in them."""
        found = []
        for name in rng.sample(list(self.names), len(self.names)):
            if len(found) == count:
                break
            picture = self.read(name)
            if picture is not None:
                found.append(picture)
        if len(found) < count:
            raise ValueError(f"Only {len(found)} pictures with a face were found, {count} are needed: give more with --data, or none.")
        return found


def small_part(picture: Image.Image) -> Image.Image:
    """A training-like face brought to what scikit-image's photographs show: the same part of it, grey, 25 x 25."""
    box = [edge * picture.width for edge in SMALL_CROP]
    return picture.convert("L").resize((SMALL_SIZE, SMALL_SIZE), Image.LANCZOS, box=box)


def whole_face(small: Image.Image, resolution: int) -> Image.Image:
    """The way back: grey pixels of a part where they lie in a face of `resolution` pixels, what is around them filled by their edges."""
    left, top, right, bottom = (round(edge * resolution) for edge in SMALL_CROP)
    part = np.asarray(small.resize((right - left, bottom - top), Image.LANCZOS))
    return Image.fromarray(np.pad(part, ((top, resolution - bottom), (left, resolution - right)), mode="edge"))


@functools.lru_cache(maxsize=512)  # finding a face takes a third of a second
def _face_of(collection, name):
    """The face on a picture, cut as the training faces were; None where no face is found or the file can't be read."""
    try:
        with collection.open(name) as file:
            crop, found = faces.training_crop(read_picture(file), 128)
    except ValueError:
        return None
    return crop if found else None
