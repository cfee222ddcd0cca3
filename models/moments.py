"""The face GAN as it was while it learned: pictures of the same seeds that its trainer kept, and the levels of the quiz that come of them."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from PIL import Image
from torch import nn

from models.gan import GAN
from models.pictures import to_picture

SEEDS = 16  # the same in every moment: seeds 0 to 15
TRUNCATION = 0.7  # as the app invents faces
STAGES = ("Early", "Middle", "Late")


class Moments(nn.Module):
    """What the generator drew of seeds 0..15 at each moment of `moments`, oldest first: bytes (16, 3, R, R), exactly its pixels.

    Pictures rather than weights: 16 faces of 128 pixels take 0.8 MB where the generator that drew them takes 3.1.
    """

    @dataclass(frozen=True)
    class Config:
        moments: tuple = ()  # {"resolution": R, "alpha": of its newest layers, "images": seen so far, "hours": of training}

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        for i, moment in enumerate(config.moments):
            self.register_buffer(f"faces_{i}", torch.zeros(SEEDS, 3, moment["resolution"], moment["resolution"], dtype=torch.uint8))

    def pictures(self, moment: int) -> list[Image.Image]:
        """The sixteen faces of a moment, RGB, R x R."""
        return [Image.fromarray(face.permute(1, 2, 0).cpu().numpy()) for face in getattr(self, f"faces_{moment}")]


class Level(NamedTuple):
    """A state of the generator that the quiz can be played against: `invent(seeds)` gives RGB pictures, R x R, of seeds below `seeds`."""

    key: str
    name: str
    resolution: int
    seeds: int
    invent: Callable[[list[int]], list[Image.Image]]
    final: bool  # the network as it ships


def levels(net: GAN, moments: Moments | None = None) -> list[Level]:
    """From early to late; the last is the network as it ships.

    Those before it are the moments that its trainer kept with no layer half faded in; where none were kept, the coarser pictures that the finished
    network makes on its way: it grew through them, and what turns its layers into colours there is fitted to the finished faces.
    """
    full = net.config.resolution
    if moments is not None and moments.config.moments:
        kept = [(f"moment-{i}", f"{m['resolution']} px, {m['images']:,} pictures seen", m["resolution"], SEEDS, _kept(moments, i), False)
                for i, m in enumerate(moments.config.moments) if m["alpha"] == 1 and m["resolution"] >= 8]
    else:
        kept = [(f"grown-{r}", f"{r} px", r, 1_000_000, _grown(net, r), False) for r in resolutions(net)[1:-1]]
    found = [*kept, ("final", f"{full} px, as it ships", full, 1_000_000, lambda seeds: [to_picture(face) for face in net.sample(seeds, TRUNCATION)], True)]
    last = max(1, len(found) - 1)
    return [Level(key, f"{STAGES[round(i / last * 2) if len(found) > 1 else 2]} · {name}", *rest) for i, (key, name, *rest) in enumerate(found)]


def resolutions(net: GAN) -> list[int]:
    """4, 8, ... up to where the network has grown."""
    return [4 * 2 ** i for i in range((net.config.resolution // 4).bit_length())]


@torch.inference_mode()
def drawn_at(net: GAN, seeds, resolution: int, alpha: float = 1.0) -> torch.Tensor:
    """The faces of `seeds` (B, 3, R, R) as the finished network makes them on its way, at `resolution`, the newest layers faded in by `alpha`."""
    z = torch.stack([torch.randn(net.config.latents, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds])
    return net.G(z.to(next(net.parameters()).device), resolution, alpha, TRUNCATION)


def _kept(moments, i):
    return lambda seeds: [moments.pictures(i)[seed] for seed in seeds]


def _grown(net, resolution):
    return lambda seeds: [to_picture(face) for face in drawn_at(net, seeds, resolution)]
