"""Horses outlined by what disguised zebras taught.

Horses have no stripes to point at. But an animal that was outlined once as a zebra, once in disguise, teaches a few layers on the features of a network trained
on ImageNet what an animal is, whatever its coat, and these find the horses; colours then find their outline, as they found the zebras'.
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from models.training import data
from models.training.disguise import Disguised, enlarged, on_all_cores, outline, pointed_at, recoloured, sought_in
from models.training.projected import CHANNELS, Features


class Pointer(nn.Module):
    """(B, 3, H, W) in -1..1 -> (B, 1, 20, 20): logits of an animal there. A few layers on `features`, which stay as they are."""

    SIDE = 160  # pixels at which it looks

    def __init__(self, features: Features):
        super().__init__()
        self.features = (features,)  # in a tuple: looked through, not trained
        self.layers = nn.Sequential(nn.Conv2d(sum(CHANNELS[1:]), 128, 1), nn.ReLU(), nn.Dropout2d(0.2), nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 1, 1))

    def forward(self, x):
        return self.layers(self.seen(x))

    @torch.no_grad()
    def seen(self, x):
        """What the layers are given: the features but the finest, all at 1/8 of `SIDE`."""
        found = self.features[0](F.interpolate(x, (self.SIDE, self.SIDE), mode="bilinear"))[1:]
        return torch.cat([F.interpolate(one.float(), found[0].shape[-2:], mode="bilinear") for one in found], 1)


def learn_to_point(features: Features, pairs: Disguised, stored_A: torch.Tensor, device, steps=400, batch=32) -> Pointer:
    """A pointer from zebras whose outline was found, as they are and in disguise, and from horses, of which it is told only that some of the picture is one."""
    pointer = Pointer(features).to(device)
    packed = pairs.crops.stored[pairs.found]
    seen = lambda stored: torch.cat([pointer.seen(recoloured(data.as_floats(part.to(device)))) for part in stored.split(64)])
    marked, unmarked = torch.cat([seen(packed[:, :3]), seen(packed[:, 3:6])]), seen(stored_A)
    places = (Pointer.SIDE // 8, Pointer.SIDE // 8)
    truth = F.interpolate(packed[:, 6:].float() / 255, places, mode="area").repeat(2, 1, 1, 1).to(device)
    optimizer = torch.optim.AdamW(pointer.layers.parameters(), 1e-3, weight_decay=1e-2)
    for _ in range(steps):
        chosen = torch.randint(len(marked), (batch,), device=device)
        told = pointer.layers(unmarked[torch.randint(len(unmarked), (batch,), device=device)]).flatten(1)
        some = F.softplus(-told.topk(told.shape[1] // 12, 1)[0].mean(1)).mean()  # a twelfth of the picture is surely horse
        loss = F.binary_cross_entropy_with_logits(pointer.layers(marked[chosen]), truth[chosen]) + 0.3 * some + 0.03 * told.clamp(min=-4).sigmoid().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return pointer.eval().requires_grad_(False)


def _outline(asked):
    picture, pointed, side = asked
    return enlarged(outline(picture, pointed), side)


class Outlined:
    """Pictures of A (N, 3, S, S) in bytes with masks of the animal; `batch(n)` cuts the same crop out of both."""

    def __init__(self, stored, masks, size):
        self.found = masks.flatten(1).any(1)  # those whose animal was found
        self.crops = data.Crops(torch.cat([stored, masks[:, None].byte() * 255], 1), size)

    @classmethod
    def of(cls, stored_A, pairs: Disguised, features: Features, size, device, steps=400):
        """Learn to point, point and outline: some minutes. Without a single pair nothing is found."""
        if not pairs.found.any():
            return cls(stored_A, torch.zeros(len(stored_A), *stored_A.shape[2:], dtype=torch.bool), size)
        small = sought_in(stored_A)
        pointed = pointed_at(learn_to_point(features, pairs, stored_A, device, steps), small)
        masks = on_all_cores(_outline, [(picture.permute(1, 2, 0).numpy(), where, stored_A.shape[-1]) for picture, where in zip(small, pointed)])
        return cls(stored_A, torch.from_numpy(np.stack(masks)), size)

    def to(self, device):
        """All of it in that device's memory."""
        self.crops.to(device)
        return self

    def batch(self, n):
        """real (n, 3, size, size) in -1..1 and mask (n, 1, size, size), 1 on the animal; all 0 where none was found."""
        packed = self.crops.batch(n)
        return packed[:, :3].contiguous(memory_format=torch.channels_last), (packed[:, 3:] + 1) / 2
