"""Measured attributes on drawn faces: each formula answers what it is asked, and the mirror turns left into right."""
import pytest
import torch

from models import attributes

Y, X = torch.meshgrid((torch.arange(96) + 0.5) / 96, (torch.arange(96) + 0.5) / 96, indexing="ij")


def face(nose=(0.5, 0.594), left_light=0.0, hair=-0.5, background=-0.2, half=0.31, skin=0.3, rims=0.0):
    """A drawn face (3, 96, 96): a skin-coloured oval with dark blobs for eyes, nose and mouth."""
    grey = torch.full((96, 96), float(background))
    oval = ((X - 0.5) / half) ** 2 + ((Y - 0.55) / 0.45) ** 2 < 1
    grey[oval] = skin + left_light * (0.5 - X)[oval]
    grey[(Y < 0.12) & ((X - 0.5).abs() < half)] = hair
    for x, y, wide, high, dark in ((0.344, 0.406, 0.05, 0.02, 0.7), (0.656, 0.406, 0.05, 0.02, 0.7), (*nose, 0.035, 0.02, 0.5), (0.5, 0.719, 0.09, 0.02, 0.5)):
        grey = grey - dark * torch.exp(-(((X - x) / wide) ** 2 + ((Y - y) / high) ** 2))
    for x in (0.344, 0.656):
        grey = grey - rims * torch.exp(-((Y - 0.5) / 0.012) ** 2) * ((X - x).abs() < 0.1)
    return grey.clamp(-1, 1).expand(3, 96, 96) * torch.tensor([1.0, 0.9, 0.8])[:, None, None]


@pytest.fixture(scope="module")
def measure():
    patches = attributes.patches(face())

    def of(*faces):
        seen = attributes.look(torch.stack(faces), patches)
        return {a.key: a.measure(seen) for a in attributes.ATTRIBUTES if a.measure}
    return of


@pytest.mark.parametrize("key,low,high", [
    ("turn", {"nose": (0.46, 0.594)}, {"nose": (0.54, 0.594)}), ("nod", {"nose": (0.5, 0.56)}, {"nose": (0.5, 0.63)}),
    ("light", {"left_light": -0.5}, {"left_light": 0.5}), ("skin", {"skin": 0.1}, {"skin": 0.6}),
    ("hair", {"hair": -0.9}, {"hair": 0.5}), ("background", {"background": -0.9}, {"background": 0.8}),
    ("width", {"half": 0.26}, {"half": 0.36}), ("glasses", {}, {"rims": 0.8})])
def test_a_formula_tells_low_from_high(measure, key, low, high):
    lower, middle, higher = measure(face(**low), face(), face(**high))[key]
    assert lower <= middle <= higher and higher - lower > 1e-2


def test_the_mirror_turns_left_into_right_and_nothing_else(measure):
    one = face(nose=(0.53, 0.6), left_light=0.4, background=0.3)
    plain, mirrored = (measure(picture) for picture in (one, one.flip(2)))
    for attribute in attributes.ATTRIBUTES:
        if attribute.measure:
            assert torch.allclose(mirrored[attribute.key], -plain[attribute.key] if attribute.odd else plain[attribute.key], atol=2e-3), attribute.key


def test_any_size_is_measured_alike(measure):
    one = face(nose=(0.53, 0.6), left_light=0.4)
    large = torch.nn.functional.interpolate(one[None], (192, 192), mode="bilinear")[0]
    for key, value in measure(one).items():
        assert torch.allclose(value, measure(large)[key], atol=0.03), key


def test_grey_is_the_mean_of_luma():
    picture = torch.zeros(1, 3, 96, 96)
    picture[:, 0, :2, :2] = 5.0  # cut to 1
    assert attributes.grey(picture)[0, 0, 0] == pytest.approx(0.299)
    assert attributes.grey(picture)[0, 1, 1] == 0


def test_words_are_there_for_every_attribute():
    assert len({a.key for a in attributes.ATTRIBUTES}) == len(attributes.ATTRIBUTES)
    assert all(a.label and a.low and a.high and a.how.endswith(".") for a in attributes.ATTRIBUTES)
