"""Variational autoencoder of faces (Kingma & Welling 2014, arXiv:1312.6114; beta as in Higgins et al. 2017)."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

SLOPE = 0.2  # of every leaky ReLU
FARTHEST = 4  # a latent may be from 0 when a person, a photo or a script says so
COARSE = 4  # the linear path sees and draws pictures of a quarter of the size


class Conv(nn.Module):
    """3 x 3 convolution (B, C, H, W) -> (B, C', H, W), twice the size with `enlarge` (nearest neighbour first), half of it with `stride=2`.

    Then a leaky ReLU; and with `residual`, where C = C', the input added.
    """

    def __init__(self, channels_in, channels_out, stride=1, enlarge=False, residual=False):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, stride, 1)
        self.enlarge, self.residual = enlarge, residual

    def forward(self, x):
        if self.enlarge:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        y = F.leaky_relu(self.conv(x), SLOPE)
        return x + y if self.residual else y


class VAE(nn.Module):
    """Picture (B, 3, S, S) in -1..1 <-> latents z (B, Z), with q(z | x) = N(mean, exp(log_variance)) and p(z) = N(0, I).

    Both ways are the sum of two paths. A linear one sees and draws the picture at S / 4, and starts as its principal components; a convolutional
    one adds what they miss: it folds pixels into channels and works at S / 4 and below. `size` S is 16 times a whole number.
    """

    @dataclass(frozen=True)
    class Config:
        size: int = 80
        latents: int = 128
        width: int = 32

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        w, z, base, coarse = config.width, config.latents, config.size // 16, config.size // COARSE
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4), Conv(48, 2 * w), Conv(2 * w, 2 * w, residual=True), Conv(2 * w, 3 * w, stride=2), Conv(3 * w, 3 * w, residual=True),
            Conv(3 * w, 4 * w, stride=2), Conv(4 * w, 4 * w, residual=True), nn.Conv2d(4 * w, w, 1), nn.Flatten(), nn.Linear(w * base ** 2, 2 * z))
        self.linear_encoder = nn.Sequential(nn.AvgPool2d(COARSE), nn.Flatten(), nn.Linear(3 * coarse ** 2, z, bias=False))
        self.decoder = nn.Sequential(
            nn.Linear(z, 3 * w * base ** 2), nn.Unflatten(1, (3 * w, base, base)), nn.LeakyReLU(SLOPE), Conv(3 * w, 4 * w), Conv(4 * w, 4 * w, residual=True),
            Conv(4 * w, 4 * w, enlarge=True), Conv(4 * w, 3 * w), Conv(3 * w, 2 * w, enlarge=True), Conv(2 * w, 2 * w, residual=True),
            Conv(2 * w, w, enlarge=True), nn.Conv2d(w, 12, 3, 1, 1), nn.PixelShuffle(2))
        self.linear_decoder = nn.Sequential(nn.Linear(z, 3 * coarse ** 2), nn.Unflatten(1, (3, coarse, coarse)))

    def encode(self, x):
        """(B, 3, S, S) -> mean (B, Z) and log_variance (B, Z)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean + self.linear_encoder(x), log_variance.clamp(-12, 6)

    def decode(self, z):
        """(B, Z) -> (B, 3, S, S) in about -1..1; `to_picture` cuts what lies beyond."""
        return self.decoder(z) + F.interpolate(self.linear_decoder(z), scale_factor=COARSE, mode="bilinear")

    def sample(self, count, seed=0):
        """`count` invented pictures (count, 3, S, S) from z ~ N(0, I)."""
        z = torch.randn(count, self.config.latents, generator=torch.Generator().manual_seed(seed))
        return self.decode(z.to(next(self.parameters()).device))

    def forward(self, x):
        """Reconstruction, mean and log_variance, by the reparameterization trick z = mean + sigma * epsilon."""
        mean, log_variance = self.encode(x)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return self.decode(z), mean, log_variance

    @torch.no_grad()
    def start_from_principal_components(self, pictures):
        """Set the linear path to the principal components of pictures (N, 3, S, S) in -1..1, scaled to z ~ N(0, I), and silence the other at first."""
        seen = F.avg_pool2d(pictures, COARSE).flatten(1)
        mean = seen.mean(0)
        values, vectors = torch.linalg.eigh((seen - mean).T @ (seen - mean) / len(seen))
        deviation, vectors = values[-self.config.latents:].flip(0).clamp_min(1e-4 * values[-1]).sqrt(), vectors[:, -self.config.latents:].flip(1)
        self.linear_encoder[-1].weight.copy_((vectors / deviation).T)
        self.linear_decoder[0].weight.copy_(vectors * deviation)
        self.linear_decoder[0].bias.copy_(mean)
        for last in (self.encoder[-1], self.decoder[-2]):
            last.weight.mul_(0.1)
            last.bias.zero_()
        self.encoder[-1].bias[:self.config.latents] = -(vectors / deviation).T @ mean
        self.encoder[-1].bias[self.config.latents:] = -2.0


def kl_divergence(mean, log_variance):
    """KL(q(z | x) || N(0, I)) in nats for each latent, (B, Z)."""
    return (mean ** 2 + log_variance.exp() - 1 - log_variance) / 2


def structural_similarity(x, y, window=7, step=1):
    """Mean SSIM of pictures (B, C, H, W) in -1..1 (Wang et al. 2004), one number each (B,): uniform windows, sample covariance, at every `step`th place."""
    x, y = ((t.contiguous() + 1) / 2 for t in (x, y))
    down, along = (_means(size, window, step).to(x) for size in x.shape[-2:])
    mean_x, mean_y, square_x, square_y, product = (down @ torch.cat([x, y, x * x, y * y, x * y], 1) @ along.T).chunk(5, 1)
    sample = window ** 2 / (window ** 2 - 1)
    var_x, var_y, both = sample * (square_x - mean_x ** 2), sample * (square_y - mean_y ** 2), sample * (product - mean_x * mean_y)
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x ** 2 + mean_y ** 2 + c1) * (var_x + var_y + c2))
    return similarity.mean((1, 2, 3))


def _means(size, window, step):
    """The matrix that takes `size` values to the means of `window` neighbours, at every `step`th place."""
    starts = torch.arange(0, size - window + 1, step)[:, None]
    places = torch.arange(size)[None]
    return ((places >= starts) & (places < starts + window)).float() / window
