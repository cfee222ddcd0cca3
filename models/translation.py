"""One turn of the cycle: a picture translated, translated back again, and what the critic makes of the translation.

Pure functions around a `CycleGAN`, as the tab, its live camera and scripts call them.
"""
import time
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from models.cyclegan import CycleGAN
from models.device import bfloat16_is_faster
from models.pictures import fit_within, to_picture, to_tensor

DIRECTIONS = ("horse → zebra", "zebra → horse")  # by G_AB and by G_BA
QUALITIES = (128, 192, 256, 384, 512)  # pixels of the longer side
INVENTED, BETWEEN, REAL = (200, 82, 0), (247, 247, 247), (84, 39, 136)  # orange to purple: told apart by colour-blind people, too


@dataclass(frozen=True, eq=False)  # each is one of its own: pictures cannot be hashed
class Translation:
    """The picture as the network was given it, its translation, and that one's way back: RGB pictures of the same size."""

    direction: str
    real: Image.Image
    fake: Image.Image
    rec: Image.Image
    exact: torch.Tensor  # (1, 3, H, W) on the CPU: `fake` before it is rounded to 8 bits, as the way back is given it
    change: float  # mean absolute difference of `fake` and `real`, in grey levels of 255
    cycle_error: float  # and of `rec` and `real`
    realness: torch.Tensor | None  # (h, w): how real each patch of `fake` looks to the critic of the target, about 1 a photograph, 0 invented; None where too narrow
    before: float | None  # the mean of the same critic's map over `real`
    step: int  # pixels between two places of that map
    gate: torch.Tensor | None  # (H, W) in 0..1: how far each pixel of `fake` was painted over; None where the network has no gate
    milliseconds: float  # for both translations

    @property
    def critic(self) -> float | None:
        """The mean of the critic's map."""
        return None if self.realness is None else self.realness.mean().item()


def qualities(learned: int) -> tuple[int, ...]:
    """The sizes to choose from for a network that learned at `learned` pixels: from 256 on, and smaller ones only where it learned there."""
    return tuple(side for side in QUALITIES if side >= min(learned, 256))


def looking_at(nets: CycleGAN, long_side: int) -> CycleGAN:
    """The networks as they look at a picture of `long_side` pixels; they share their weights.

    One that is larger than those they learned at is looked at reduced to about that size, at which animals and stripes are as large as they know them, and painted on
    as it is. Without a gate, or for networks that were not loaded from a checkpoint, they stay as they are.
    """
    shrink, learned = nets.config.shrink, getattr(nets, "preprocessing", {}).get("size", long_side)
    if long_side <= learned or not nets.config.gate:
        return nets
    times = Fraction(shrink * long_side / learned).limit_denominator(7)  # a plain fraction: sides need then be continued by few pixels only
    return _enlarged(nets, float(times) / shrink)


@lru_cache(maxsize=4)
def _enlarged(nets, times):
    return nets.enlarged(times).eval()


def roles(nets: CycleGAN, direction: str, long_side: int):
    """For a picture of `long_side` pixels the generator that goes there, the one that comes back, and the critic of what is made. ValueError for no such direction."""
    if direction not in DIRECTIONS:
        raise ValueError(f"There is no direction {direction}: choose {' or '.join(DIRECTIONS)}.")
    nets = looking_at(nets, long_side)
    return (nets.G_AB, nets.G_BA, nets.D_B) if direction == DIRECTIONS[0] else (nets.G_BA, nets.G_AB, nets.D_A)


@contextmanager
def computing(nets: CycleGAN):
    """Without gradients and in the precision that is fastest on the networks' device, which it gives."""
    device = next(nets.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device)):
        yield device


def translate(nets: CycleGAN, picture: Image.Image | list[Image.Image], direction: str, long_side: int) -> Translation | list[Translation]:
    """Translate an RGB picture of any shape, brought to `long_side` pixels, and translate the result back; of a list, each. ValueError for no such direction."""
    if isinstance(picture, list):
        return [translate(nets, one, direction, long_side) for one in picture]
    there, back, critic = roles(nets, direction, long_side)
    with computing(nets) as device:
        real = to_tensor(fit_within(picture, long_side)).to(device, memory_format=torch.channels_last)
        start = time.perf_counter()
        fake, gate = there.translate_painted(real)
        rec = back.translate(fake)
        cycle_error = grey_levels(rec, real)  # waits for a GPU
        milliseconds = (time.perf_counter() - start) * 1000
        wide_enough = min(fake.shape[-2:]) >= critic.smallest
        seen, before = (critic(x.clamp(-1, 1)).float()[0, 0].cpu() if wide_enough else None for x in (fake, real))
    return Translation(direction, to_picture(real), to_picture(fake), to_picture(rec), fake.float().cpu(), grey_levels(fake, real), cycle_error,
                       seen, None if before is None else before.mean().item(), critic.step,
                       None if gate is None else gate[0, 0].float().cpu(), milliseconds)


def translate_only(nets: CycleGAN, picture: Image.Image, direction: str, long_side: int) -> Image.Image:
    """The translation alone: for a camera, where every millisecond counts."""
    with computing(nets) as device:
        real = to_tensor(fit_within(picture, long_side)).to(device, memory_format=torch.channels_last)
        return to_picture(roles(nets, direction, long_side)[0].translate(real))


def grey_levels(a: torch.Tensor, b: torch.Tensor) -> float:
    """Mean absolute difference of two tensors in -1..1, values beyond are cut, in grey levels of 255."""
    return (a.float().clamp(-1, 1) - b.float().clamp(-1, 1)).abs().mean().item() * 127.5


def difference(a: Image.Image, b: Image.Image, times: int = 8) -> Image.Image:
    """|a - b| of two RGB pictures of one size, `times` as strong: black where they agree."""
    off = np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16))
    return Image.fromarray((off * times).clip(0, 255).astype(np.uint8))


def gate_picture(gate: torch.Tensor, picture: Image.Image) -> Image.Image:
    """The picture as bright as the gate (H, W) was open: what was left alone is nearly black."""
    seen = np.asarray(picture, np.float32) * (0.15 + 0.85 * gate.clamp(0, 1).numpy()[..., None])
    return Image.fromarray(seen.round().astype(np.uint8))


def realness_picture(realness: torch.Tensor, picture: Image.Image, step: float = 8) -> Image.Image:
    """The critic's map (h, w) laid over the picture it is of: orange where it calls a patch invented (0), purple where it believes a photograph (1).

    Every patch is drawn as the `step` x `step` pixels in its middle; the edge, in the middle of no patch, stays grey.
    """
    share = realness.float().clamp(0, 1)[..., None]
    low, middle, high = (torch.tensor(colour, dtype=torch.float32) for colour in (INVENTED, BETWEEN, REAL))
    colours = torch.where(share < 0.5, low + (middle - low) * 2 * share, middle + (high - middle) * (2 * share - 1))
    size, edge = [round(side * step) for side in realness.shape], round(step)
    tiles = F.interpolate(colours.permute(2, 0, 1)[None], size)[0].permute(1, 2, 0).numpy()
    grey = np.repeat(np.asarray(picture.convert("L"), np.float32)[..., None], 3, 2)
    height, width = (min(side, room - edge) for side, room in zip(tiles.shape[:2], grey.shape))
    over = grey[edge:edge + height, edge:edge + width]
    over[:] = 0.45 * over + 0.55 * tiles[:height, :width]
    return Image.fromarray(grey.round().astype(np.uint8))
