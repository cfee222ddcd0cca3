"""Variational autoencoder of faces (Kingma & Welling 2014, arXiv:1312.6114)."""
from dataclasses import dataclass

import torch
from torch import nn


def _conv(channels_in, channels_out, stride=1):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, stride, 1), nn.SiLU())


class VAE(nn.Module):
    """Picture (B, 3, S, S) in -1..1 <-> latents z (B, Z), with q(z | x) = N(mean, exp(log_variance)) and p(z) = N(0, I).

    `size` S is `2 * 8` times a whole number: the outermost pixels are folded 2x2 into channels, then three halvings follow.
    """

    @dataclass(frozen=True)
    class Config:
        size: int = 96
        latents: int = 96
        width: int = 32

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        w, base = config.width, config.size // 16
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2), _conv(12, w), _conv(w, 2 * w, 2), _conv(2 * w, 2 * w), _conv(2 * w, 3 * w, 2), _conv(3 * w, 3 * w),
            _conv(3 * w, 4 * w, 2), _conv(4 * w, 2 * w), nn.Flatten(), nn.Linear(2 * w * base ** 2, 2 * config.latents))
        self.decoder = nn.Sequential(
            nn.Linear(config.latents, 4 * w * base ** 2), nn.Unflatten(1, (4 * w, base, base)), nn.SiLU(), _conv(4 * w, 4 * w), _conv(4 * w, 4 * w),
            nn.Upsample(scale_factor=2), _conv(4 * w, 4 * w), _conv(4 * w, 4 * w),
            nn.Upsample(scale_factor=2), _conv(4 * w, 3 * w), _conv(3 * w, 3 * w),
            nn.Upsample(scale_factor=2), _conv(3 * w, 2 * w), _conv(2 * w, w), nn.Conv2d(w, 12, 3, 1, 1), nn.PixelShuffle(2), nn.Tanh())

    def encode(self, x):
        """(B, 3, S, S) -> mean (B, Z) and log_variance (B, Z)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 6)

    def decode(self, z):
        """(B, Z) -> (B, 3, S, S)."""
        return self.decoder(z)

    def sample(self, count, seed=0):
        """`count` invented pictures (count, 3, S, S) from z ~ N(0, I)."""
        z = torch.randn(count, self.config.latents, generator=torch.Generator().manual_seed(seed))
        return self.decode(z.to(next(self.parameters()).device))

    def forward(self, x):
        """Reconstruction, mean and log_variance, by the reparameterization trick z = mean + sigma * epsilon."""
        mean, log_variance = self.encode(x)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return self.decode(z), mean, log_variance


def kl_divergence(mean, log_variance):
    """KL(q(z | x) || N(0, I)) in nats for each latent, (B, Z)."""
    return (mean ** 2 + log_variance.exp() - 1 - log_variance) / 2
