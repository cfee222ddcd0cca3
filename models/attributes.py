"""Attributes of aligned face pictures that can be measured without knowing the person: each by a formula on the picture, or learnt from labels.

Aligned means: eyes level and in the same place in all pictures (centre 144 of a 250 pixel photo of Labeled Faces in the Wild, deep-funneled).
Pictures are (B, 3, S, S) in -1..1. Places are given in parts of the side, (0, 0) at the left upper corner; left and right are the picture's.
"""
from dataclasses import dataclass
from typing import Callable, NamedTuple

import torch
from torch.nn import functional as F

SIZE = 96  # pixels across at which the formulas look
LUMA = (0.299, 0.587, 0.114)  # Rec. 601


class Seen(NamedTuple):
    """What the formulas see of B pictures: colour (B, 3, SIZE, SIZE) and luma (B, SIZE, SIZE) in -1..1, evened luma, and marks, places (B, 2) by name."""
    colour: torch.Tensor
    luma: torch.Tensor
    evened: torch.Tensor
    marks: dict


@dataclass(frozen=True)
class Attribute:
    """`low` and `high` are the words of the two ends; without `measure` (Seen -> (B,)) labels are needed.

    `odd` attributes change sign in the mirror; those of `shape` are the same under any light, which their readouts have to learn.
    """
    key: str
    label: str
    low: str
    high: str
    how: str
    measure: Callable | None = None
    odd: bool = False
    shape: bool = False


def luma(pictures):
    """(B, 3, S, S) in -1..1, values beyond are cut -> brightness (B, S, S) in -1..1."""
    return torch.einsum("bchw,c->bhw", pictures.float().clamp(-1, 1), torch.tensor(LUMA, device=pictures.device))


def grey(pictures, size=48):
    """(B, 3, S, S) -> grey pictures (B, size, size) in -1..1, each value the mean over its area."""
    return F.interpolate(luma(pictures)[:, None], (size, size), mode="area")[:, 0]


# -- marks ---------------------------------------------------------------------------------------------------------------

class Mark(NamedTuple):
    """A patch of 2 wide x 2 high about (x, y), looked for within `reach` (right, down) of there."""
    x: float
    y: float
    wide: float
    high: float
    reach: tuple[float, float]


MARKS = {"left eye": Mark(0.344, 0.406, 0.094, 0.063, (0.052, 0.052)), "right eye": Mark(0.656, 0.406, 0.094, 0.063, (0.052, 0.052)),
         "nose": Mark(0.5, 0.594, 0.094, 0.073, (0.094, 0.073)), "mouth": Mark(0.5, 0.719, 0.135, 0.063, (0.094, 0.083))}
CAUTION = 0.15  # correlation that a place at the edge of the reach must gain over one in the middle


def patches(mean):
    """The marks as they look in the mean (3, S, S) of aligned faces and their mirror images: what `look` looks for."""
    mean = _evened(luma(_sized(mean[None])))[0]
    return {name: _cut(mean, *_corner(mark), *_half(mark)) for name, mark in MARKS.items()}


def look(pictures, patches) -> Seen:
    """(B, 3, S, S) -> what the formulas need; marks are found by normalised cross-correlation of evened luma with the patches."""
    colour = _sized(pictures)
    brightness = luma(colour)
    evened = _evened(brightness)
    return Seen(colour, brightness, evened, {name: _find(evened, patches[name], mark) for name, mark in MARKS.items()})


def _sized(pictures):
    return F.interpolate(pictures.float(), (SIZE, SIZE), mode="bilinear", antialias=True)


def _evened(brightness):
    """Differences from the surroundings in units of their usual size there, (B, SIZE, SIZE): side light falls out."""
    reach = SIZE // 8
    bell = (-(torch.arange(-reach, reach + 1.0) / (reach / 2)) ** 2 / 2).exp()
    bell = bell / bell.sum()

    def around(t):
        padded = F.pad(t[:, None], (reach,) * 4, mode="reflect")
        return F.conv2d(F.conv2d(padded, bell[None, None, None]), bell[None, None, :, None])[:, 0]
    away = brightness - around(brightness)
    return away / (around(away ** 2).sqrt() + 0.05)


def _half(mark):
    return round(mark.wide * SIZE), round(mark.high * SIZE)


def _corner(mark):
    (wide, high) = _half(mark)
    return round(mark.x * SIZE) - wide, round(mark.y * SIZE) - high


def _cut(picture, left, top, wide, high):
    return picture[..., top:top + 2 * high, left:left + 2 * wide]


def _find(brightness, patch, mark):
    """Place (B, 2) in parts of the side: the middle of the correlations, weighted by their steep exponential, so that it moves in parts of a pixel."""
    (left, top), (wide, high), (right, down) = _corner(mark), _half(mark), (round(r * SIZE) for r in mark.reach)
    field = brightness[:, None, top - down:top + 2 * high + down, left - right:left + 2 * wide + right]
    patch = (patch - patch.mean()) / (patch - patch.mean()).norm()
    spread = F.avg_pool2d(field ** 2, patch.shape, 1) - F.avg_pool2d(field, patch.shape, 1) ** 2
    correlation = F.conv2d(field, patch[None, None]) / (spread.clamp_min(1e-4) * patch.numel()).sqrt()
    y, x = torch.meshgrid(torch.arange(-down, down + 1.0), torch.arange(-right, right + 1.0), indexing="ij")
    weight = (40 * (correlation[:, 0] - CAUTION * ((x / right) ** 2 + (y / down) ** 2))).flatten(1).softmax(1)
    return torch.stack([mark.x + weight @ x.flatten() / SIZE, mark.y + weight @ y.flatten() / SIZE], 1)


# -- formulas ------------------------------------------------------------------------------------------------------------

def _box(picture, left, right, top, bottom):
    """Mean of (B, H, W) over a box given in parts of the side."""
    high, wide = picture.shape[1:]
    return picture[:, round(top * high):round(bottom * high), round(left * wide):round(right * wide)].mean((1, 2))


def _eyes(seen):
    return (seen.marks["left eye"] + seen.marks["right eye"]) / 2


def turn(seen):
    return (seen.marks["nose"] - _eyes(seen))[:, 0].clamp(-0.05, 0.05)


def nod(seen):
    return (seen.marks["nose"] - _eyes(seen))[:, 1].clamp(0.1, 0.25)


def light(seen):
    left = _box(seen.luma, 0.27, 0.44, 0.48, 0.67) + _box(seen.luma, 0.31, 0.46, 0.19, 0.33)
    right = _box(seen.luma, 0.56, 0.73, 0.48, 0.67) + _box(seen.luma, 0.54, 0.69, 0.19, 0.33)
    return left - right


def skin(seen):
    return (_box(seen.luma, 0.27, 0.44, 0.48, 0.67) + _box(seen.luma, 0.56, 0.73, 0.48, 0.67)) / 2


def hair(seen):
    return _box(seen.luma, 0.31, 0.69, 0.02, 0.10)


def background(seen):
    return (_box(seen.luma, 0, 0.09, 0, 0.42) + _box(seen.luma, 0.91, 1, 0, 0.42)) / 2


def width(seen):
    smooth = F.conv2d(seen.colour.flatten(0, 1)[:, None], torch.tensor([1, 4, 6, 4, 1.0]).view(1, 1, 5, 1) / 16, padding=(2, 0)).view_as(seen.colour)
    steps = F.pad(((smooth[..., 2:] - smooth[..., :-2]) ** 2).sum(1).sqrt(), (1, 1))[:, round(0.48 * SIZE):round(0.75 * SIZE)]
    columns = torch.arange(SIZE) / SIZE

    def border(usual):
        weight = (12 * steps - ((columns - usual) / 0.09) ** 2 / 2).masked_fill((columns - usual).abs() > 0.15, -torch.inf).softmax(2)
        return (weight @ columns).mean(1)
    return border(0.81) - border(0.19)


def glasses(seen):
    steps = F.pad((seen.evened[:, 2:] - seen.evened[:, :-2]).abs(), (0, 0, 1, 1))
    below = _box(steps, 0.25, 0.44, 0.48, 0.55) + _box(steps, 0.56, 0.75, 0.48, 0.55)
    temples = _box(steps, 0.14, 0.24, 0.36, 0.48) + _box(steps, 0.76, 0.86, 0.36, 0.48)
    return below + temples + 2 * _box(steps, 0.46, 0.54, 0.35, 0.45)


ATTRIBUTES = (
    Attribute("turn", "Turn of the head", "to the left", "to the right", "How far the nose lies right of the middle between the eyes.", turn, odd=True, shape=True),
    Attribute("nod", "Nod", "up", "down", "How far the nose lies below the eyes: it comes nearer to them when the head is raised.", nod, shape=True),
    Attribute("smile", "Smile", "no smile", "smile", "Labels by people: photos listed as smiling or not smiling.", shape=True),
    Attribute("light", "Light from the left", "from the right", "from the left", "Brightness of the left cheek and forehead minus that of the right.", light, odd=True),
    Attribute("skin", "Brightness of the face", "dark", "bright", "Mean brightness of the cheeks: complexion, lighting and exposure together.", skin),
    Attribute("hair", "Brightness of the hair", "dark", "bright", "Mean brightness of the band above the forehead: hair, a bald head or a hat.", hair),
    Attribute("background", "Background", "dark", "bright", "Mean brightness of the upper left and right edges.", background),
    Attribute("width", "Width of the face", "narrow", "wide", "Distance of the strongest upright contours left and right of nose and mouth. Turned heads come out narrow.", width, shape=True),
    Attribute("glasses", "Glasses, heavy brows", "none", "strong", "Strength of level edges on the bridge of the nose, at the temples and below the eyes, where frames run.", glasses, shape=True),
)
