"""The discriminator's opinion is of the pixels that are shown, and its map points at what moves its score."""
import pytest
import torch
from PIL import Image

from models import gan, opinion


class Corner(torch.nn.Module):
    """Looks at the upper left quarter alone."""

    def forward(self, x, resolution):
        return x[:, :, :resolution // 2, :resolution // 2].sum((1, 2, 3))


@pytest.fixture
def net():
    net = gan.GAN(gan.GAN.Config(size=16, latents=4, channels=(8, 8, 8), resolution=16)).eval()
    return net


def test_grey_faces_lie_where_they_would_in_a_training_face():
    x = opinion.as_critic_sees(Image.new("L", (25, 25), 255), 32)
    assert x.shape == (1, 3, 32, 32) and torch.allclose(x, torch.ones_like(x))
    assert opinion.as_critic_sees(Image.new("RGB", (8, 8), "black"), 32).shape == (1, 3, 32, 32)


def test_the_map_shows_what_the_score_depends_on(net):
    net.D = Corner()
    heat = opinion.looked_at(net, Image.new("RGB", (16, 16), (250, 250, 250)))
    opaque = heat.getchannel("A")
    assert heat.size == (16, 16) and opaque.getpixel((3, 3)) > 100 and opaque.getpixel((13, 13)) == 0


def test_scores_and_where_they_turn(net):
    net.D = Corner()
    dark, light = Image.new("RGB", (16, 16), "black"), Image.new("RGB", (16, 16), "white")
    assert opinion.score(net, light) == pytest.approx(192) and opinion.score(net, dark) == pytest.approx(-192)
    assert opinion.turning_point(net, [light, light], [dark]) == pytest.approx(0)
    assert opinion.Opinion(1.0, 0.5).real and opinion.Opinion(1.0, None).real is None


def test_a_map_of_grey_pixels_and_of_the_same_face_again(net):
    grey = Image.effect_noise((25, 25), 60)
    once, twice = opinion.looked_at(net, grey), opinion.looked_at(net, grey)
    assert once.tobytes() == twice.tobytes() and abs(once.width - once.height) <= 1
