"""The discriminator's opinion of a face: its score, and what it looked at.

It is asked about the very pixels that a player sees, brought to the size it was grown to; grey photographs of scikit-image are laid where they would
lie in a face that it was trained on.
"""
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter

from models.gan import GAN
from models.pictures import to_tensor
from models.photographs import small_part, whole_face

NOISY_COPIES, NOISE = 8, 0.2  # of the map; noise in the units of a picture in -1..1
HEAT = (255, 196, 0)  # its colour


class Opinion(NamedTuple):
    """A `score`, the higher the more like a photograph, and where it turns from invented to real, or None where that was never measured."""

    score: float
    turn: float | None

    @property
    def real(self) -> bool | None:
        return None if self.turn is None else self.score > self.turn


def as_critic_sees(pixels: Image.Image, resolution: int) -> torch.Tensor:
    """RGB pixels of any size, or grey ones of 25 -> (1, 3, R, R) in -1..1."""
    if pixels.mode == "RGB":
        return to_tensor(pixels if pixels.width == resolution else pixels.resize((resolution, resolution), Image.BICUBIC))
    return to_tensor(whole_face(pixels, resolution).convert("RGB"))


def score(net: GAN, pixels: Image.Image) -> float:
    """What the discriminator says of one face: in its training above 0 for photographs and below for inventions."""
    x = as_critic_sees(pixels, net.config.resolution).to(next(net.parameters()).device)
    with torch.inference_mode():
        return float(net.D(x, net.config.resolution))


def turning_point(net: GAN, photographed: list[Image.Image], invented: list[Image.Image]) -> float:
    """Midway between the mean scores of both kinds: for pictures of a kind that the discriminator was not trained on, as grey ones."""
    means = [float(np.mean([score(net, pixels) for pixels in kind])) for kind in (photographed, invented)]
    return sum(means) / 2


def looked_at(net: GAN, pixels: Image.Image, seed: int = 0) -> Image.Image:
    """Where a change of the face would change its score: a map as large as `pixels`, RGBA, opaque where it matters most.

    SmoothGrad (Smilkov et al. 2017, arXiv:1706.03825) of gradient times input (Shrikumar et al. 2016, arXiv:1605.01713): |x dD/dx|, averaged over
    noisy copies of the face. Each copy is judged alone, as the face was, since a discriminator with minibatch deviation compares those it sees together.
    """
    x, chance = as_critic_sees(pixels, net.config.resolution), torch.Generator().manual_seed(seed)
    total = torch.zeros(x.shape[-2:])
    with torch.enable_grad():
        for _ in range(NOISY_COPIES):
            noisy = (x + NOISE * torch.randn(x.shape, generator=chance)).to(next(net.parameters()).device).requires_grad_(True)
            gradient, = torch.autograd.grad(net.D(noisy, net.config.resolution).sum(), noisy)
            total += (gradient * noisy).detach().abs().sum((0, 1)).cpu()
    heat = (total / total.flatten().quantile(0.99).clamp_min(1e-9)).clamp(0, 1)
    opaque = Image.fromarray((heat * 255).byte().numpy()).filter(ImageFilter.GaussianBlur(max(0.6, net.config.resolution / 64)))
    if pixels.mode != "RGB":
        opaque = small_part(opaque)
    painted = Image.new("RGBA", opaque.size, HEAT)
    painted.putalpha(opaque)
    return painted
