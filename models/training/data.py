"""Pictures decoded once into memory, and what is kept back from training."""
import hashlib
from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np
import torch
from torch.nn import functional as F

from models.collection import PICTURES, gathered, held_back
from models.pictures import read_picture, square

FACES = "Labeled Faces in the Wild, deep-funneled (Huang et al. 2007, 2012): news photographs, no licence granted on the photos; about 78 % show men"
FACE_CROP = "centre 144 of a 250 pixel photo with level, centred eyes"


def pictures(paths, size, under="") -> tuple[list[str], torch.Tensor]:
    """Names, and all pictures as bytes (N, 3, size, size): the centre square of each. Unreadable files are left out, and named."""
    names, decoded = [], []
    for name, opened in gathered(paths, PICTURES, under):
        try:
            with opened() as file:
                decoded.append(torch.from_numpy(np.array(square(read_picture(file), size))).permute(2, 0, 1))
            names.append(name)
        except ValueError as error:
            print(f"left out {name}: {error}")
    return names, torch.stack(decoded)


def faces(paths, size) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    """Names and photos (bytes, as `pictures`) stored as <Person>/<photo>, and apart from them the photos of the 5 % of people kept back."""
    names, stored = pictures(paths, size)
    kept = torch.tensor([held_back(PurePosixPath(name).parent.name, 0.05) for name in names])
    return [name for name, back in zip(names, kept.tolist()) if not back], stored[~kept], stored[kept]


def kept_back(keys, count: int) -> set[str]:
    """The `count` keys of lowest hash: kept for evaluation, the same on every machine, never trained on."""
    return set(sorted(set(keys), key=lambda key: hashlib.sha256(key.encode()).hexdigest())[:count])


def as_floats(batch: torch.Tensor) -> torch.Tensor:
    """Bytes 0..255 -> -1..1, channels last."""
    return (batch.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def mirrored(batch: torch.Tensor) -> torch.Tensor:
    """Each picture of (B, C, H, W) left-right flipped with probability 1/2."""
    flip = torch.rand(len(batch), 1, 1, 1, device=batch.device) < 0.5
    return torch.where(flip, batch.flip(3), batch)


def augment(x, share):
    """Differentiable augmentation (Zhao et al. 2020): brightness, saturation, contrast and translation, drawn anew for each picture.

    Each picture of (B, C, H, W) is changed with probability `share`, so that the changes don't leak into what is invented (Karras et al. 2020b).
    """
    draw = lambda: torch.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
    y = x + (draw() - 0.5)
    y = (y - y.mean(1, keepdim=True)) * (draw() * 2) + y.mean(1, keepdim=True)
    y = (y - y.mean((1, 2, 3), keepdim=True)) * (draw() + 0.5) + y.mean((1, 2, 3), keepdim=True)
    most, size = max(1, x.shape[-1] // 8), x.shape[-1]
    padded = F.pad(y, (most, most, most, most))
    shift = torch.randint(0, 2 * most + 1, (2, len(x), 1), device=x.device) + torch.arange(size, device=x.device)
    rows, columns = shift[0][:, :, None], shift[1][:, None, :]
    y = padded.permute(0, 2, 3, 1)[torch.arange(len(x), device=x.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)
    return torch.where(draw() < share, y, x)


class Crops:
    """Random mirrored square crops of `size` out of stored pictures (N, 3, S, S), S >= size; `batch(n)` is (n, 3, size, size) in -1..1."""

    def __init__(self, stored, size):
        self.stored, self.size = stored, size

    def to(self, device):
        """All pictures in that device's memory, where crops are then cut."""
        self.stored = self.stored.to(device)
        return self

    def batch(self, n):
        device, room = self.stored.device, self.stored.shape[-1] - self.size
        chosen = torch.randint(len(self.stored), (n, 1, 1), device=device)
        top, left = torch.randint(room + 1, (2, n, 1, 1), device=device)
        side = torch.arange(self.size, device=device)
        crops = self.stored[chosen, :, top + side[None, :, None], left + side[None, None, :]]  # (n, size, size, 3): one gather, on whatever device
        return mirrored(as_floats(crops.permute(0, 3, 1, 2)))


class People:
    """Photos (N, 3, S, S) in bytes with the person each shows: `batch(n, size)` draws people evenly, then one photo of each, mirrored half the time."""

    def __init__(self, names, stored, device):
        self.stored, self.photos = stored.to(device), defaultdict(list)
        for i, name in enumerate(names):
            self.photos[PurePosixPath(name).parent.name].append(i)
        self.people = list(self.photos)

    def batch(self, n, size):
        chosen = []
        for person in torch.randint(len(self.people), (n,)).tolist():
            photos = self.photos[self.people[person]]
            chosen.append(photos[int(torch.randint(len(photos), ()))])
        x = mirrored(as_floats(self.stored[chosen]))
        return x if x.shape[-1] == size else F.interpolate(x, (size, size), mode="area")
