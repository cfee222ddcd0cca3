"""Zebras disguised as horses: pairs of pictures from a set that has none.

A zebra painted over in the plain coat of a horse, with its outline, its legs and its meadow left as they are, is the same animal before and after. From such
pairs a generator learns within minutes what the cycle alone teaches it late: that stripes belong on the body, follow it, and end where it ends.

Nobody drew where a zebra is. A small network that only tells photographs of horses from those of zebras, and that has to point at the sixth of the picture
that convinced it, points at the stripes (weak supervision: Oquab, Bottou, Laptev & Sivic 2015). Mixtures of Gaussians over the colours of what it points at
and of what it does not then find the outline, as in GrabCut (Rother, Kolmogorov & Blake 2004). Where they find none that can be believed, the zebra stays as it is.
"""
import os
import warnings
from multiprocessing import get_context

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

from models.training import data

# Coats in CIE Lab, with a spread of (4, 2, 3): bay, chestnut, dark bay, black, light chestnut, palomino, grey, white, liver.
COATS = ((30, 14, 16), (42, 22, 30), (24, 6, 8), (16, 2, 2), (55, 14, 30), (68, 6, 20), (62, 1, 4), (80, 1, 5), (36, 18, 22))


SIDE = 144  # pixels at which outlines are sought: all distances in `outline` are made for it


class Finder(nn.Module):
    """(B, 3, H, W) in -1..1 -> (B, 2, H/4, W/4): logits of how much this place speaks for a picture of A, and for one of B."""

    def __init__(self):
        super().__init__()

        def layer(channels, width, stride=1, dilation=1):
            return nn.Sequential(nn.Conv2d(channels, width, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.layers = nn.Sequential(nn.PixelUnshuffle(2), layer(12, 32), layer(32, 64, 2), layer(64, 64), layer(64, 96), layer(96, 96, dilation=2),
                                    nn.Dropout2d(0.2), nn.Conv2d(96, 2, 1))

    def forward(self, x):
        return self.layers(x)


def convincing(places: torch.Tensor) -> torch.Tensor:
    """(B, 2, h, w) -> (B, 2): the mean over the sixth of the places that speak most for it."""
    flat = places.flatten(2)
    return flat.topk(max(1, flat.shape[-1] // 6), -1)[0].mean(-1)


def recoloured(x: torch.Tensor) -> torch.Tensor:
    """Paler, tinted, brighter or darker at random, so that a meadow's colour tells nothing."""
    n, grey = len(x), x.mean(1, keepdim=True)
    x = grey + (x - grey) * torch.rand(n, 1, 1, 1, device=x.device) + 0.1 * torch.randn(n, 3, 1, 1, device=x.device)
    return x * (0.7 + 0.6 * torch.rand(n, 1, 1, 1, device=x.device)) + 0.2 * torch.randn(n, 1, 1, 1, device=x.device)


def learn_to_find(stored_A: torch.Tensor, stored_B: torch.Tensor, device, steps=900, batch=12) -> Finder:
    """A finder from two stores of pictures (N, 3, S, S) in bytes, of which it is told no more than which is which; a minute on a CPU."""
    finder = Finder().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(finder.parameters(), weight_decay=1e-3)
    side = stored_A.shape[-1] // 8 * 8
    crops = [data.Crops(stored.to(device), side) for stored in (stored_A, stored_B)]
    truth = torch.eye(2, device=device).repeat_interleave(batch, 0)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step / steps) + 1e-5
        places = finder(recoloured(torch.cat([domain.batch(batch) for domain in crops])))
        # Little may be pointed at: the second term asks every place to be silent.
        loss = F.binary_cross_entropy_with_logits(convincing(places), truth) + 0.02 * places.clamp(min=-4).sigmoid().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return finder.eval().requires_grad_(False)


def pointed_at(finder: nn.Module, stored: torch.Tensor, batch=64) -> np.ndarray:
    """Bytes (N, 3, S, S) -> (N, S, S) in 0..1: how much each pixel speaks for a picture of B, or for an animal, by the last map of what `finder` gives."""
    device, found = next(finder.parameters()).device, []
    with torch.no_grad():
        for part in stored.split(batch):
            x = data.as_floats(part.to(device))
            places = (finder(x) + finder(x.flip(3)).flip(3)) / 2
            found.append(F.interpolate(places, part.shape[-2:], mode="bilinear")[:, -1].sigmoid().cpu())
    return torch.cat(found).numpy()


def outline(picture: np.ndarray, pointed: np.ndarray) -> np.ndarray:
    """Bytes (H, W, 3) and (H, W) in 0..1 -> bool (H, W), True on the animal; False everywhere where none can be believed. Made for sides of about `SIDE`."""
    from scipy import ndimage
    from skimage import color
    lab, nowhere = color.rgb2lab(picture), np.zeros(pointed.shape, bool)
    light = lab[..., 0]
    busy = ndimage.gaussian_filter(np.abs(light - ndimage.gaussian_filter(light, 4)), 2.5)

    # Roughly: colours here and around, and how busy it is; where the finder points counts as much.
    seen = np.concatenate([lab, ndimage.gaussian_filter(lab, (2, 2, 0)), busy[..., None]], -1)
    told = _likelier(seen, pointed > 0.75, pointed < 0.15, 4, 4)
    if told is None:
        return nowhere
    near = ndimage.gaussian_filter(pointed, 3)
    rough = 0.7 * ndimage.gaussian_filter(told.clip(-6, 6), 1) + 1.5 * np.log((near + 0.03) / (1.03 - near)) > 0
    rough = _largest(ndimage.binary_opening(ndimage.binary_fill_holes(ndimage.binary_closing(rough, iterations=2))), 0.1)

    # Finely: the band around that edge, by the colours well inside it and just beyond it.
    inner, outer = ndimage.binary_erosion(rough, iterations=6, border_value=1), ndimage.binary_dilation(rough, iterations=3)
    beyond = ndimage.binary_dilation(rough, iterations=22) & ~ndimage.binary_dilation(rough, iterations=2)
    told = _likelier(np.concatenate([lab, ndimage.gaussian_filter(lab, (1, 1, 0))], -1), inner, beyond, 5, 6)
    if told is None:
        return nowhere
    depth = ndimage.distance_transform_edt(rough) - ndimage.distance_transform_edt(~rough)
    fine = (ndimage.gaussian_filter(told.clip(-5, 5), 1.3) + 0.35 * (depth - 3) > 0) & outer | inner
    fine = _largest(ndimage.binary_opening(ndimage.binary_closing(ndimage.binary_fill_holes(fine))), 0.08)
    return fine if 0.05 < fine.mean() < 0.85 else nowhere


def _likelier(seen, ours, theirs, parts, floor):
    """How much likelier each pixel of `seen` (H, W, D) is among those of `ours` than among `theirs` (log ratio); None where either has too few."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    if min(ours.sum(), theirs.sum()) < 150:
        return None
    chance, told = np.random.default_rng(0), []
    for among in (seen[ours], seen[theirs]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture = GaussianMixture(parts, reg_covar=floor, random_state=0, max_iter=40).fit(among[chance.permutation(len(among))[:2500]])
        told.append(mixture.score_samples(seen.reshape(-1, seen.shape[-1])))
    return (told[0] - told[1]).reshape(seen.shape[:2])


def _largest(mask, share):
    """Those parts of a mask that are at least `share` of its largest."""
    from scipy import ndimage
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.isin(parts, np.flatnonzero(sizes >= max(1, share * sizes.max()))) & mask


def repainted(picture: np.ndarray, mask: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Bytes (H, W, 3) -> the same with a plain coat of a random colour where the mask is True; its light and shadow stay, and noise hides what is left of stripes."""
    from scipy import ndimage
    from skimage import color
    if not mask.any():
        return picture
    lab, weight = color.rgb2lab(picture), mask.astype(float)
    shade = ndimage.gaussian_filter(lab[..., 0] * weight, 4.5) / np.maximum(ndimage.gaussian_filter(weight, 4.5), 1e-3)
    shade -= shade[mask].mean()
    noise = [ndimage.gaussian_filter(chance.normal(size=mask.shape), sigma) * chance.uniform(0, most) for sigma, most in ((0.7, 6), (3, 25))]
    light, a, b = np.array(COATS[chance.integers(len(COATS))]) + chance.normal(0, (4, 2, 3))
    coat = np.stack([(light + shade * chance.uniform(0.6, 1.2) + sum(noise)).clip(2, 97), a + 0.1 * shade, b + 0.2 * shade], -1)
    edge = ndimage.gaussian_filter(weight, 0.7)[..., None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colours that no screen has are cut
        rgb = color.lab2rgb(coat * edge + lab * (1 - edge))
    return (rgb * 255).round().clip(0, 255).astype(np.uint8)


def sought_in(stored: torch.Tensor) -> torch.Tensor:
    """Bytes (N, 3, S, S) -> the same, of no more than `SIDE` pixels a side."""
    return torch.cat([F.interpolate(part.float(), (SIDE, SIDE), mode="area").round().byte() for part in stored.split(64)]) if stored.shape[-1] > SIDE else stored


def enlarged(mask: np.ndarray, side: int) -> np.ndarray:
    """Bool (h, w) -> bool (side, side)."""
    from skimage.transform import resize
    return resize(mask.astype(np.float32), (side, side), order=1) > 0.5 if len(mask) != side else mask


def _one(asked):
    picture, small, pointed, seed = asked
    mask = enlarged(outline(small, pointed), len(picture))
    return repainted(picture, mask, np.random.default_rng(seed)), mask


def on_all_cores(work, asked):
    """[work(one) for one of asked], on all cores."""
    with get_context("spawn").Pool(os.cpu_count(), threadpool_limits, (1,)) as workers:  # threads of many processes wait for each other
        return workers.map(work, asked, chunksize=8)


class Disguised:
    """Pictures of B (N, 3, S, S) in bytes, each beside its disguise and the mask of what was painted over; `batch(n)` cuts the same crop out of all three."""

    def __init__(self, stored_B, disguises, masks, size):
        self.found = masks.flatten(1).any(1)  # those whose animal was found
        packed = torch.cat([stored_B, disguises, masks[:, None].byte() * 255], 1)
        self.crops = data.Crops(packed, size)

    @classmethod
    def of(cls, stored_A, stored_B, size, device, steps=900):
        """Learn to find, find and repaint: some minutes."""
        small_A, small_B = sought_in(stored_A), sought_in(stored_B)
        pointed = pointed_at(learn_to_find(small_A, small_B, device, steps), small_B)
        asked = [(picture.permute(1, 2, 0).numpy(), small.permute(1, 2, 0).numpy(), where, seed)
                 for seed, (picture, small, where) in enumerate(zip(stored_B, small_B, pointed))]
        done = on_all_cores(_one, asked)
        return cls(stored_B, torch.from_numpy(np.stack([picture for picture, _ in done])).permute(0, 3, 1, 2),
                   torch.from_numpy(np.stack([mask for _, mask in done])), size)

    def to(self, device):
        """All of it in that device's memory."""
        self.crops.to(device)
        return self

    def batch(self, n):
        """real, disguise (n, 3, size, size) in -1..1 and mask (n, 1, size, size), 1 on what was painted over."""
        packed = self.crops.batch(n)
        real, disguise = (packed[:, part].contiguous(memory_format=torch.channels_last) for part in (slice(0, 3), slice(3, 6)))
        return real, disguise, (packed[:, 6:] + 1) / 2
