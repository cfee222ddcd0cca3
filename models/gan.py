"""A progressively grown GAN of faces (Karras et al. 2018, arXiv:1710.10196) with style-modulated blocks (Karras et al. 2020, arXiv:1912.04958)."""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


class Scaled(nn.Module):
    """A linear layer or convolution whose weights are N(0, 1) and scaled to unit gain at each use: the equalized learning rate."""

    def __init__(self, channels_in, channels_out, kernel=0, gain=1.0, bias=0.0):
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, *([kernel, kernel] if kernel else [])))
        self.bias = nn.Parameter(torch.full((channels_out,), float(bias)))
        self.scale = gain / math.sqrt(channels_in * max(1, kernel) ** 2)

    def forward(self, x):
        if self.kernel:
            return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.kernel // 2)
        return F.linear(x, self.weight * self.scale, self.bias)


class StyledConv(nn.Module):
    """(B, C, H, W) and style w (B, W) -> (B, C', H, W): modulated and demodulated 3x3 convolution, leaky ReLU."""

    def __init__(self, channels_in, channels_out, style):
        super().__init__()
        self.conv, self.style = Scaled(channels_in, channels_out, 3), Scaled(style, channels_in, bias=1.0)

    def forward(self, x, w):
        style = self.style(w)
        weight = self.conv.weight * self.conv.scale
        size = ((style.float() ** 2) @ (weight.float() ** 2).sum((2, 3)).t() + 1e-8).rsqrt()
        x = F.conv2d(x * style[:, :, None, None], weight, padding=1) * size.to(style.dtype)[:, :, None, None]
        return F.leaky_relu(x + self.conv.bias.to(x.dtype)[None, :, None, None], 0.2) * math.sqrt(2)


class GAN(nn.Module):
    """Generator `G` and discriminator `D` that grow together from 4x4 to `size`.

    `resolution` is how far they have grown and `alpha` how far the newest layers are faded in; both are part of the config, so that
    a checkpoint taken in the middle of growth shows what it had learned then.
    """

    @dataclass(frozen=True)
    class Config:
        size: int = 128
        latents: int = 128
        channels: tuple = (192, 192, 96, 64, 48, 24)  # at 4, 8, 16, 32, 64, 128 pixels
        resolution: int = 128
        alpha: float = 1.0

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.G, self.D = Generator(config), Discriminator(config)

    def sample(self, seeds, truncation=0.7):
        """Invented faces (B, 3, R, R), one for each whole number in `seeds`, at the resolution the network has grown to."""
        z = torch.stack([torch.randn(self.config.latents, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds])
        return self.G(z.to(next(self.parameters()).device), self.config.resolution, self.config.alpha, truncation)


class Generator(nn.Module):
    """z (B, Z) ~ N(0, I) -> picture (B, 3, R, R) in about -1..1, R one of 4, 8, ... `size`.

    `alpha`, a number or a tensor of no dimension: below 1 the picture of R is mixed with the enlarged one of R / 2. `truncation` below 1 pulls styles toward their mean:
    fewer kinds of faces, fewer mistakes.
    """

    def __init__(self, config):
        super().__init__()
        channels, style = config.channels, config.latents
        self.mapping = nn.ModuleList([Scaled(config.latents, style, gain=math.sqrt(2)), Scaled(style, style, gain=math.sqrt(2))])
        self.constant = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.first = StyledConv(channels[0], channels[0], style)
        self.blocks = nn.ModuleList(nn.ModuleList([StyledConv(a, b, style), StyledConv(b, b, style)]) for a, b in zip(channels, channels[1:]))
        self.to_rgb = nn.ModuleList(Scaled(c, 3, 1) for c in channels)
        self.register_buffer("mean_style", torch.zeros(style))

    def styles(self, z):
        """z (B, Z) -> w (B, W)."""
        w = z * (z ** 2).mean(1, keepdim=True).add(1e-8).rsqrt()
        for layer in self.mapping:
            w = F.leaky_relu(layer(w), 0.2)
        return w

    def layers(self, z, resolution, truncation=1.0):
        """What is turned into colours at each size: features (B, C, 4, 4), (B, C', 8, 8) ... (B, C'', R, R)."""
        w = self.styles(z)
        if self.training:
            self.mean_style.lerp_(w.detach().float().mean(0), 0.005)
        if truncation < 1:
            w = self.mean_style + truncation * (w - self.mean_style)
        found = [self.first(self.constant.expand(len(z), -1, -1, -1).to(memory_format=torch.channels_last), w)]
        for first, second in self.blocks[:int(math.log2(resolution)) - 2]:
            found.append(second(first(F.interpolate(found[-1], scale_factor=2, mode="nearest"), w), w))
        return found

    def forward(self, z, resolution, alpha=1.0, truncation=1.0):
        *coarser, finest = self.layers(z, resolution, truncation)
        newest = self.to_rgb[len(coarser)](finest)
        if not coarser or not _fading(alpha):
            return newest
        rgb = self.to_rgb[len(coarser) - 1](coarser[-1])
        return torch.lerp(F.interpolate(rgb, scale_factor=2, mode="nearest"), newest, alpha)


class Discriminator(nn.Module):
    """Picture (B, 3, R, R) -> one number (B,), higher for real; the mirror image of the generator, with minibatch standard deviation."""

    def __init__(self, config):
        super().__init__()
        channels = [min(c, 160) for c in config.channels]
        self.from_rgb = nn.ModuleList(Scaled(3, c, 1) for c in channels)
        self.blocks = nn.ModuleList(nn.ModuleList([Scaled(b, b, 3, math.sqrt(2)), Scaled(b, a, 3, math.sqrt(2)), Scaled(b, a, 1)])
                                    for a, b in zip(channels, channels[1:]))
        self.last = Scaled(channels[0] + 1, channels[0], 3, math.sqrt(2))
        self.judge = nn.ModuleList([Scaled(channels[0] * 16, channels[0], gain=math.sqrt(2)), Scaled(channels[0], 1)])

    def forward(self, x, resolution, alpha=1.0):
        grown = int(math.log2(resolution)) - 2
        h = F.leaky_relu(self.from_rgb[grown](x), 0.2)
        for level in reversed(range(grown)):
            first, second, skip = self.blocks[level]
            body = F.leaky_relu(second(F.leaky_relu(first(h), 0.2)), 0.2)
            h = (F.avg_pool2d(body, 2) + skip(F.avg_pool2d(h, 2))) * math.sqrt(0.5)
            if level == grown - 1 and _fading(alpha):
                h = torch.lerp(F.leaky_relu(self.from_rgb[level](F.avg_pool2d(x, 2)), 0.2), h, alpha)
        h = torch.cat([h, _minibatch_deviation(h)], 1)
        h = F.leaky_relu(self.last(h), 0.2).flatten(1)
        return self.judge[1](F.leaky_relu(self.judge[0](h), 0.2)).squeeze(1)


def _fading(alpha):
    return torch.is_tensor(alpha) or alpha < 1  # a tensor may hold any value: compiled code is the same for all of them


def _minibatch_deviation(h, group=4):
    """(B, C, H, W) -> (B, 1, H, W): the mean standard deviation within groups of `group` pictures; a hint that all fakes look alike."""
    group = next(g for g in range(min(group, len(h)), 0, -1) if len(h) % g == 0)
    y = h.float().reshape(group, -1, *h.shape[1:])
    deviation = (y.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(-1, 1, *h.shape[2:]).to(h.dtype)
