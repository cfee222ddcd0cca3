"""What a translation hides for the way back (Chu, Zhmoginov, Sandler 2017, arXiv:1712.02950).

The cycle loss asks for the very picture back, while the fake ought to have lost it: a brown coat cannot be read off stripes. Generators solve this by writing the
picture into the fake, in changes too small to see. Whoever disturbs the fake a little destroys the writing, and the way back fails.
"""
import io
from dataclasses import dataclass

import torch
from PIL import Image, ImageFilter
from torch.nn import functional as F

from models.cyclegan import CycleGAN
from models.pictures import psnr, to_picture, to_tensor
from models.translation import Translation, computing, roles

SIGMAS = (0, 1, 2, 4, 8, 16, 32)  # grey levels of 255


@dataclass(frozen=True)
class Return:
    """A way back from a disturbed fake."""

    sent: Image.Image  # the disturbed fake
    rec: Image.Image
    psnr: float  # of `rec` against where the cycle began, in dB
    undisturbed: float  # the same without disturbance
    noise: float  # root mean square of the disturbance, in grey levels of 255
    moved: float  # and of what it changed in `rec`


def disturb(fake: torch.Tensor, sigma: float = 0, quality: int = 100, blur: float = 0, seed: int = 0) -> torch.Tensor:
    """(1, 3, H, W) in -1..1 -> the same shape: blurred (standard deviation `blur` pixels), Gaussian noise added (`sigma` grey levels of 255), saved as JPEG.

    `quality` 1..95 is that of JPEG, 100 is none. Nothing asked for gives the very same numbers back. ValueError for what is out of range.
    """
    if not (0 <= sigma <= 255 and 1 <= quality <= 100 and 0 <= blur <= 50):
        raise ValueError("A fake is disturbed by noise of 0 to 255 grey levels, a JPEG quality of 1 to 100 and a blur of 0 to 50 pixels.")
    if blur:
        fake = to_tensor(to_picture(fake).filter(ImageFilter.GaussianBlur(blur)))
    if sigma:
        fake = fake + torch.randn(fake.shape, generator=torch.Generator().manual_seed(seed)) * sigma / 127.5
    if quality < 100:
        file = io.BytesIO()
        to_picture(fake).save(file, "JPEG", quality=min(quality, 95))
        fake = to_tensor(Image.open(file))
    return fake


def way_back(nets: CycleGAN, done: Translation, sigma: float = 0, quality: int = 100, blur: float = 0) -> Return:
    """Translate the disturbed fake back, and compare with where the cycle began."""
    sent = disturb(done.exact, sigma, quality, blur)
    with computing(nets) as device:
        rec = to_picture(roles(nets, done.direction, max(sent.shape[-2:]))[1].translate(sent.to(device)))
    return Return(to_picture(sent), rec, psnr(rec, done.real), psnr(done.rec, done.real), rms(sent, done.exact.clamp(-1, 1)), rms(to_tensor(rec), to_tensor(done.rec)))


def curve(nets: CycleGAN, done: Translation, sigmas=SIGMAS) -> list[tuple[float, float]]:
    """(sigma, PSNR in dB of the way back against where the cycle began) for noise of growing strength on the fake."""
    return [(sigma, way_back(nets, done, sigma).psnr) for sigma in sigmas]


def honest(psnr_undisturbed: float, sigma: float) -> float:
    """PSNR in dB of a way back that hands noise on as strong as it came: above it noise is smoothed, below it something faint was being read."""
    squared_error = 255 ** 2 / 10 ** (psnr_undisturbed / 10)
    return float(10 * torch.log10(torch.tensor(255 ** 2 / (squared_error + sigma ** 2))))


def rms(a: torch.Tensor, b: torch.Tensor) -> float:
    """Root mean square difference of two tensors in -1..1, in grey levels of 255."""
    return F.mse_loss(a.clamp(-1, 1), b).sqrt().item() * 127.5
