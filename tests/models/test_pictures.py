import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from models import pictures


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(8, 40), st.integers(8, 40), st.just(3))))
def test_round_trip_is_exact(array):
    picture = Image.fromarray(array)
    tensor = pictures.to_tensor(picture)
    assert tensor.shape == (1, 3, *array.shape[:2]) and -1 <= tensor.min() and tensor.max() <= 1
    assert np.array_equal(np.asarray(pictures.to_picture(tensor)), array)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_picture_or_a_sentence(data):
    try:
        assert pictures.read_picture(data).mode == "RGB"
    except ValueError as error:
        assert str(error).endswith(".") and "Traceback" not in str(error)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["RGB", "L", "P", "CMYK", "RGBA", "LA", "1", "I;16", "F", "YCbCr", "HSV", "LAB"]), st.integers(8, 60), st.integers(8, 60))
def test_every_mode_becomes_rgb(mode, width, height):
    picture = Image.new("L", (width, height), 128)
    picture = Image.fromarray(np.full((height, width), 32768, np.uint16)) if mode == "I;16" else picture.convert("RGB").convert(mode) if mode in ("LAB", "HSV", "YCbCr", "CMYK", "LA") else picture.convert(mode)
    assert pictures.read_picture(picture).mode == "RGB" and pictures.read_picture(picture).size == (width, height)


def test_alpha_lies_on_white():
    assert pictures.read_picture(encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0)), "PNG")).getpixel((4, 4)) == (255, 255, 255)
    half = pictures.read_picture(encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 128)), "PNG")).getpixel((4, 4))
    assert half == pytest.approx((127, 127, 127), abs=1)


def test_cmyk_keeps_its_colour():
    red = pictures.read_picture(encoded(Image.new("RGB", (16, 16), (220, 30, 30)).convert("CMYK"), "JPEG"))
    assert red.getpixel((8, 8)) == pytest.approx((220, 30, 30), abs=12)


def test_sixteen_bits_are_scaled_and_not_cut():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    grey = np.asarray(pictures.read_picture(encoded(Image.fromarray(ramp), "PNG")))[..., 0]
    assert grey.min() == 0 and grey.max() == 255 and abs(int(grey[32, 0]) - 127) < 3


def test_the_camera_was_held_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    wide = Image.new("RGB", (40, 20), "white")
    wide.paste("black", (0, 0, 20, 20))
    upright = pictures.read_picture(encoded(wide, "JPEG", exif=exif))
    assert upright.size == (20, 40) and upright.getpixel((10, 5)) == (0, 0, 0) and upright.getpixel((10, 35)) == (255, 255, 255)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (12, 12), colour) for colour in ("red", "blue")]
    assert pictures.read_picture(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).getpixel((5, 5)) == (255, 0, 0)


def test_a_phone_photo_is_read():
    photo = encoded(Image.new("RGB", (4032, 3024), (10, 200, 30)), "JPEG")
    assert min(pictures.read_picture(photo).size) >= 1500


@pytest.mark.parametrize("source, said", [
    (None, "no picture yet"), (b"", "could not be read"), (b"just text", "could not be read"),
    (encoded(Image.effect_noise((300, 300), 60), "JPEG")[:2000], "could not be read"),
    (encoded(Image.new("RGB", (4, 4)), "PNG"), "too small"), (encoded(Image.new("L", (2000, 9)), "PNG"), "too narrow"),
])
def test_what_is_no_picture_is_one_sentence(source, said):
    with pytest.raises(ValueError, match=said):
        pictures.read_picture(source)


def test_a_decompression_bomb_is_not_opened():
    bomb = encoded(Image.new("1", (20_000, 10_000)), "PNG")  # 200 megapixels in a few kilobytes
    with pytest.raises(ValueError, match="megapixels"):
        pictures.read_picture(bomb)


def test_sizes():
    wide = Image.new("RGB", (300, 100))
    assert pictures.square(wide, 64).size == (64, 64)
    assert pictures.fit_within(wide, 96).size == (96, 32)
    assert pictures.sheet(torch.zeros(6, 1, 10, 12), 3).size == (3 * 14, 2 * 12)
