"""The trainer's moments, and the sheet that shows whether faces were learned by heart."""
import pytest
import torch
from PIL import Image

from models import checkpoint, gan
from models.moments import SEEDS, Moments, levels
from models.training import memorization
from models.training.moments import MOST, Keeper


@pytest.fixture
def net():
    return gan.GAN(gan.GAN.Config(size=16, latents=6, channels=(8, 8, 8), resolution=16)).eval()


def trained(keeper, net, plan):
    """What is kept of (resolution, alpha, pictures seen) one after the other."""
    for resolution, alpha, images in plan:
        if keeper.due(resolution, alpha, images):
            keeper.keep(net, resolution, alpha, images, images / 1e5)
    return [(moment["resolution"], moment["alpha"]) for moment in keeper.moments]


def test_a_moment_is_kept_when_a_layer_is_half_and_wholly_faded_in_and_later(net):
    plan = [(4, 1.0, 0), (4, 1.0, 50), (8, 0.1, 100), (8, 0.5, 200), (8, 0.6, 250), (8, 1.0, 300), (8, 1.0, 400), (8, 1.0, 3300), (8, 1.0, 3400)]
    assert trained(Keeper(), net, plan) == [(4, 1.0), (8, 0.5), (8, 1.0), (8, 1.0)]


def test_of_many_moments_the_ends_and_every_size_stay(net):
    keeper = Keeper()
    plan = [(4, 1.0, 0), (8, 0.5, 900), (8, 1.0, 1000)] + [(16, min(1.0, i / 10), 2000 + 500 * i ** 2) for i in range(200)]
    kept = trained(keeper, net, plan)
    assert len(kept) == MOST and kept[0] == (4, 1.0) and (8, 1.0) in kept and kept[-1] == (16, 1.0)
    assert [moment["images"] for moment in keeper.moments] == sorted(moment["images"] for moment in keeper.moments)


def test_moments_are_saved_and_gone_on_from(net, tmp_path):
    keeper = Keeper()
    trained(keeper, net, [(4, 1.0, 0), (8, 0.5, 900), (8, 1.0, 1000)])
    keeper.save(tmp_path, {"words": "Of a test."})
    kept = checkpoint.load(tmp_path / "face_gan_moments.safetensors", Moments)
    assert kept.faces_2.dtype == torch.uint8 and torch.equal(kept.faces_2, keeper.faces[2]) and kept.faces_2.shape == (SEEDS, 3, 8, 8)
    with Image.open(tmp_path / "face_gan_moments.png") as strip:
        assert strip.size == (SEEDS * 64, 3 * 64)
    assert [level.key for level in levels(net, kept)] == ["moment-2", "final"]
    again = Keeper(tmp_path / "face_gan.pt")
    assert again.moments == [*kept.config.moments] and not again.due(8, 1.0, 1200) and again.due(16, 0.5, 1200)
    assert Keeper(tmp_path / "elsewhere" / "face_gan.pt").moments == []


def test_the_nearest_photo_of_a_copy_is_its_original():
    chance = torch.Generator().manual_seed(0)
    photos = torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8, generator=chance)
    held_back = torch.randint(0, 256, (200, 3, 16, 16), dtype=torch.uint8, generator=chance)
    invented = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8, generator=chance)
    invented[3] = photos[17] ^ 1  # all but a copy
    found, told = memorization.compare(invented, photos, held_back, lambda x: x.flatten(1)[:, ::7])
    assert found.index[3] == 17 and told["nearer than 99 % of people held back"] == 1 and told["n"] == [8, 200, 40]
    assert memorization.sheet(invented, photos[found.index]).size == (8 * 200, 104)
