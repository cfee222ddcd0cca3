"""What the latents of the face VAE mean, measured on faces: names, directions, a prior of many bells, and how usual a face is."""
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from models.attributes import grey


class FaceAtlas(nn.Module):
    """Latents z (B, Z) and pictures (B, 3, S, S) in -1..1 of a face VAE -> measured attributes (B, A), in standard deviations over the training faces.

    Nothing here is trained by gradients: `models.training.atlas` fits every buffer to the encodings of the training faces. Adding s * natural[k] to z
    moves attribute k by about s and lets the others follow as they do in the photos; still[k] moves k alone, as far as readouts are linear in z.
    The prior is a mixture of K Gaussians with full covariances over z ~ q(z | x) (the aggregate posterior; Ghosh et al. 2020, arXiv:1903.12436); faces are
    drawn from it `spread` times as wide, as their distance from photos says.
    """

    @dataclass(frozen=True)
    class Config:
        latents: int
        attributes: tuple
        components: int
        grey: int = 48
        spread: float = 1.0

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        z, a, k = config.latents, len(config.attributes), config.components
        shapes = {"readout_weight": (a, config.grey ** 2), "readout_bias": (a,), "correlation": (z, a), "natural": (a, z), "still": (a, z),
                  "prior_weight": (k,), "prior_mean": (k, z), "prior_scale": (k, z, z), "error_quantiles": (101,), "density_quantiles": (101,)}
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))

    def measure(self, pictures):
        """(B, 3, S, S) in -1..1, values beyond are cut -> attributes (B, A), each a linear readout of the grey picture."""
        return grey(pictures, self.config.grey).flatten(1) @ self.readout_weight.T + self.readout_bias

    def names(self, threshold=0.3):
        """For each latent (key, r) of the attribute it is correlated with most, or None where |r| stays below the threshold: it is not called after that."""
        strongest = self.correlation.abs().argmax(1)
        found = [(self.config.attributes[k], self.correlation[i, k].item()) for i, k in enumerate(strongest.tolist())]
        return [name if abs(name[1]) >= threshold else None for name in found]

    def sample(self, count, seed=0):
        """`count` latents (count, Z) drawn from the mixture, each Gaussian `spread` times as wide as it was fitted."""
        chance = torch.Generator().manual_seed(seed)
        chosen = torch.multinomial(self.prior_weight.cpu(), count, replacement=True, generator=chance)
        noise = self.config.spread * torch.randn(count, self.config.latents, generator=chance).to(self.prior_mean)
        return self.prior_mean[chosen] + (self.prior_scale[chosen] @ noise[:, :, None])[:, :, 0]

    def log_density(self, z):
        """log p(z) in nats under the mixture, (B, Z) -> (B,)."""
        away = torch.linalg.solve_triangular(self.prior_scale, (z - self.prior_mean[:, None]).transpose(1, 2), upper=False)  # (K, Z, B)
        volume = self.prior_scale.diagonal(dim1=1, dim2=2).log().sum(1) + self.config.latents / 2 * np.log(2 * np.pi)
        return torch.logsumexp(self.prior_weight.log()[:, None] - volume[:, None] - (away ** 2).sum(1) / 2, 0)

    def percentile_of_error(self, error):
        """Per cent of training faces, 0..100, whose reconstruction error (squares summed over the picture, as in the loss) is below this one's."""
        return np.interp(error, self.error_quantiles.cpu(), np.arange(101.0))

    def percentile_of_density(self, density):
        """Per cent of training faces, 0..100, whose `log_density` is below this one's: near 0 is an unusual face."""
        return np.interp(density, self.density_quantiles.cpu(), np.arange(101.0))
