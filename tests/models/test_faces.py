import numpy as np
import pytest
from PIL import Image

from models import sources
from models.faces import face_box, find_face, find_faces, training_crop
from models.pictures import psnr


@pytest.fixture(scope="module")
def astronaut():
    return sources.portrait()


def near(box, expected, tolerance):
    return np.abs(np.subtract(box, expected)).max() < tolerance


def test_the_face_is_found_at_every_size(astronaut):
    for size in (160, 512, 4000):
        box = face_box(astronaut.resize((size, size), Image.LANCZOS))
        assert near(np.multiply(box, 512 / size), (173, 65, 274, 166), 8)


def test_a_tilted_head_is_turned_level(astronaut):
    left, right = (astronaut.rotate(degrees, Image.BICUBIC, center=(223, 116)) for degrees in (15, -15))
    assert find_face(right).tilt - find_face(left).tilt == pytest.approx(30, abs=8)
    assert psnr(training_crop(left, 64)[0], training_crop(right, 64)[0]) > 14  # 11 where they are left tilted


def test_a_crop_is_cropped_to_itself(astronaut):
    crop, _ = training_crop(astronaut, 200)
    box = face_box(crop)
    assert near(box, (20, 20, 180, 180), 16)  # the box is 1 / 1.25 of it, about its centre


def test_the_largest_face_is_taken(astronaut):
    photo = Image.new("RGB", (1000, 600), "grey")
    photo.paste(astronaut.resize((300, 300)), (20, 100))
    photo.paste(astronaut, (450, 50))
    box = face_box(photo)
    assert near(box, (450 + 173, 50 + 65, 450 + 274, 50 + 166), 10)


def test_every_face_is_found_once_largest_first(astronaut):
    photo = Image.new("RGB", (1400, 800), "grey")
    pasted = ((512, (400, 50)), (400, (950, 300)), (300, (20, 100)))
    for side, place in pasted:
        photo.paste(astronaut.resize((side, side), Image.LANCZOS), place)
    found = find_faces(photo)
    assert len(found) == 3 and find_faces(photo, 2) == found[:2]
    for face, (side, (left, top)) in zip(found, pasted):
        assert near((face.x, face.y, face.side), (left + 223 / 512 * side, top + 116 / 512 * side, 101 / 512 * side), 0.03 * side)


@pytest.mark.parametrize("size", [(8, 300), (300, 8), (40, 40), (640, 480)])
def test_without_a_face_the_centre_is_taken(size):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    assert face_box(noise) is None
    crop, found = training_crop(noise, 32)
    assert crop.size == (32, 32) and not found
