"""A face as the VAE keeps it, in numbers: what its loss is made of, and how unusual it is among the faces of the training."""
from typing import NamedTuple

import torch
from PIL import Image

from models.atlas import FaceAtlas
from models.pictures import psnr, to_picture, to_tensor
from models.vae import VAE, kl_divergence, structural_similarity


class Encoding(NamedTuple):
    """q(z | x) = N(mean, exp(log_variance)) of one picture x, and what comes back from the mean."""

    mean: torch.Tensor  # (Z,)
    log_variance: torch.Tensor  # (Z,)
    reconstruction: Image.Image
    psnr: float  # dB
    squared_error: float  # summed over all colour values in -1..1, as the loss counts it
    ssim: float
    kl: torch.Tensor  # (Z,) nats


@torch.inference_mode()
def encode(net: VAE, crop: Image.Image) -> Encoding:
    """An RGB picture of the network's size -> its encoding. In training z is drawn from q(z | x); here its mean is taken, so that the numbers hold still."""
    x = to_tensor(crop)
    mean, log_variance = net.encode(x)
    rec = net.decode(mean).clamp(-1, 1)
    reconstruction = to_picture(rec)
    return Encoding(mean[0], log_variance[0], reconstruction, psnr(crop, reconstruction), ((rec - x) ** 2).sum().item(),
                    structural_similarity(rec, x).item(), kl_divergence(mean, log_variance)[0])


class Loss(NamedTuple):
    """What training makes small: squared error + ssim_weight * (1 - ssim) + beta * KL."""

    squared_error: float
    ssim: float
    ssim_weight: float
    kl: float  # nats
    beta: float

    @property
    def total(self):
        return self.squared_error + self.ssim_weight * (1 - self.ssim) + self.beta * self.kl


def loss_of(encoding: Encoding, facts: dict) -> Loss:
    """The loss of one picture, by the weights that the network was trained with; `facts` as in its checkpoint. Opinions of a critic are left out."""
    return Loss(encoding.squared_error, encoding.ssim, facts.get("ssim weight", 0.0), encoding.kl.sum().item(), facts.get("beta", 1.0))


class Rarity(NamedTuple):
    """Where a face stands among the training faces."""

    worse: float  # per cent of them that are drawn worse than this one: 0 where none is
    denser: float  # per cent of them that lie where encodings are denser: 100 where all do
    times: float  # its squared error, over that of the median training face


@torch.inference_mode()
def rarity_of(encoding: Encoding, atlas: FaceAtlas) -> Rarity:
    """Outlier detection with a generative model: what it draws badly, or encodes to where no face is, it has hardly seen."""
    worse = 100 - float(atlas.percentile_of_error(encoding.squared_error))
    denser = 100 - float(atlas.percentile_of_density(atlas.log_density(encoding.mean[None]).item()))
    return Rarity(worse, denser, encoding.squared_error / max(atlas.error_quantiles[50].item(), 1e-9))


def in_words(rarity: Rarity) -> str:
    """One plain sentence for a person."""
    far = max(100 - rarity.worse, rarity.denser)  # per cent of training faces that are more usual, by the stricter of the two
    if far >= 99.5:
        return (f"An outlier: at the far end of all training faces, its error {rarity.times:.1f} times that of the median face. "
                "The network has hardly seen anything like this, and draws a face instead.")
    if far >= 95:
        return f"Unusual: only about {max(1, round(100 - far))} in 100 training faces {'are drawn worse' if 100 - rarity.worse >= rarity.denser else 'lie farther out'}."
    if far >= 75:
        return f"A little unusual: about {round(far)} of 100 training faces are more usual."
    return "An ordinary face, as this network knows faces."
