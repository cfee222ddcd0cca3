import numpy as np
import pytest
import torch

from models.training import disguise, outlined

STRIPES = (np.arange(96)[None, :] // 3 % 2 * 235 + 10).astype(np.uint8)


def striped_disc(side=96, radius=28):
    """A striped disc on a meadow, and where it is."""
    chance = np.random.default_rng(0)
    picture = np.clip(np.array([70, 130, 50]) + chance.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)
    y, x = np.mgrid[:side, :side]
    disc = (y - side // 2) ** 2 + (x - side // 2) ** 2 < radius ** 2
    picture[disc] = np.repeat(np.broadcast_to(STRIPES, (side, side))[..., None], 3, 2)[disc]
    return picture, disc


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_the_outline_of_what_was_pointed_at_roughly():
    picture, disc = striped_disc()
    y, x = np.mgrid[:96, :96]
    pointed = 1 / (1 + np.exp(((y - 50) ** 2 + (x - 46) ** 2) / 60 - 7))  # not quite in the middle, and too small
    assert overlap(pointed > 0.5, disc) < 0.65
    assert overlap(disguise.outline(picture, pointed), disc) > 0.8


@pytest.mark.parametrize("everywhere", [0.0, 1.0])
def test_no_outline_where_nothing_or_everything_was_pointed_at(everywhere):
    assert not disguise.outline(striped_disc()[0], np.full((96, 96), everywhere)).any()


def test_a_coat_is_plain_and_ends_at_the_mask():
    picture, disc = striped_disc()
    done = disguise.repainted(picture, disc, np.random.default_rng(3))
    beyond = np.abs(np.hypot(*(np.mgrid[:96, :96] - 48))) > 31
    assert np.abs(done[beyond].astype(int) - picture[beyond]).max() <= 1  # there and back through Lab
    within = np.hypot(*(np.mgrid[:96, :96] - 48)) < 20
    along = lambda pixels: np.abs(np.diff(pixels.astype(float).mean(2), axis=1))[within[:, 1:]].mean()
    assert along(done) < 0.15 * along(picture)
    assert not np.array_equal(done, disguise.repainted(picture, disc, np.random.default_rng(4)))
    assert np.array_equal(disguise.repainted(picture, np.zeros_like(disc), np.random.default_rng(3)), picture)


def test_a_crop_is_the_same_of_all_three():
    picture, disc = striped_disc()
    stored = torch.from_numpy(picture).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    painted = torch.from_numpy(disguise.repainted(picture, disc, np.random.default_rng(0))).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    masks = torch.from_numpy(disc)[None].repeat(2, 1, 1)
    masks[1] = False
    pairs = disguise.Disguised(stored, painted, masks, 64)
    assert pairs.found.tolist() == [True, False]
    real, hidden, mask = pairs.batch(8)
    assert real.shape == hidden.shape == (8, 3, 64, 64) and mask.shape == (8, 1, 64, 64) and set(mask.unique().tolist()) == {0.0, 1.0}
    beyond = torch.nn.functional.max_pool2d(mask, 9, 1, 4) == 0
    some = mask.amax((1, 2, 3)) > 0
    assert ((real - hidden).abs() * beyond)[some].max() < 0.02
    assert (real - hidden).abs().mul(mask)[some].mean() > 0.1


def test_the_finder_points_at_the_stripes():
    chance = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    meadow = lambda: (torch.randn(24, 3, 64, 64, generator=chance) * 10 + torch.tensor([70.0, 130, 50]).view(3, 1, 1)).clamp(0, 255).byte()
    plain, striped = meadow(), meadow()
    plain[:, :, 20:44, 16:40] = 60
    striped[:, :, 20:44, 16:40] = torch.from_numpy(STRIPES[:, :24].copy())
    finder = disguise.learn_to_find(plain, striped, "cpu", steps=60, batch=6)
    pointed = disguise.pointed_at(finder, striped)
    assert pointed.shape == (24, 64, 64)
    assert pointed[:, 24:40, 20:36].mean() > 0.5 > 2 * pointed[:, :, 50:].mean()


def discs(striped, places, side=96, radius=18):
    """Discs at `places`, striped or plain, on a meadow: bytes (N, 3, S, S), and masks."""
    chance, y, x = np.random.default_rng(0), *np.mgrid[:side, :side]
    pictures, masks = [], []
    for row, column in places:
        picture = np.array([70, 130, 50]) + chance.normal(0, 8, (side, side, 3))
        mask = (y - row) ** 2 + (x - column) ** 2 < radius ** 2
        picture[mask] = np.repeat(np.broadcast_to(STRIPES, (side, side))[..., None], 3, 2)[mask] if striped else np.array([110, 60, 30]) + chance.normal(0, 8, (mask.sum(), 3))
        pictures.append(torch.from_numpy(picture.clip(0, 255).astype(np.uint8)).permute(2, 0, 1))
        masks.append(torch.from_numpy(mask))
    return torch.stack(pictures), torch.stack(masks)


def test_plain_coats_are_pointed_at_and_outlined_by_what_striped_ones_taught(features):
    torch.manual_seed(0)
    places = [(int(row), int(column)) for row, column in np.random.default_rng(1).integers(24, 72, (24, 2))]
    zebras, masks = discs(True, places)
    pairs = disguise.Disguised(zebras, discs(False, places)[0], masks, 64)
    horses, truth = discs(False, places[::-1])
    told = outlined.Outlined.of(horses, pairs, features, 64, torch.device("cpu"), steps=60)
    assert told.found.float().mean() > 0.8
    found = told.crops.stored[:, 3] > 127
    assert np.mean([overlap(a.numpy(), b.numpy()) for a, b in zip(found, truth)]) > 0.7
    real, mask = told.batch(5)
    assert real.shape == (5, 3, 64, 64) and mask.shape == (5, 1, 64, 64) and set(mask.unique().tolist()) <= {0.0, 1.0}


def test_without_a_single_pair_nothing_is_outlined(features):
    horses, masks = discs(False, [(48, 48)] * 3)
    pairs = disguise.Disguised(horses, horses, masks & False, 64)
    assert not outlined.Outlined.of(horses, pairs, features, 64, torch.device("cpu")).found.any()
