"""CycleGAN (Zhu et al. 2017, arXiv:1703.10593): two generators and two 70x70 PatchGAN discriminators."""
import math
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import nn
from torch.nn import functional as F


PATCH = 70  # pixels: the side of what each place of a discriminator's map has seen


class InstanceNorm(nn.Module):
    """(B, C, H, W) -> the same shape, each channel of each picture brought to mean 0 and variance 1 (Ulyanov et al. 2016)."""

    def forward(self, x):
        # The same numbers; but on a CPU group normalization takes channels last as they are, in a seventh of the time.
        return F.group_norm(x, x.shape[1]) if x.device.type == "cpu" else F.instance_norm(x)


class ResidualBlock(nn.Module):
    """(B, C, H, W) -> the same shape: two 3x3 convolutions with instance normalization around a shortcut (He et al. 2015)."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False), InstanceNorm(), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False), InstanceNorm())

    def forward(self, x):
        return x + self.body(x)


class ResizeConv(nn.Conv2d):
    """(B, C, H, W) -> (B, C', 2H, 2W): every pixel doubled, then a 3x3 convolution with reflected edges (no checkerboard: Odena et al. 2016).

    Under a 3x3 kernel on doubled pixels lie only 2x2 different ones, another four for each of the four places a new pixel can have: so it is computed, in
    four ninths of the multiplications, and nothing of the enlarged picture is held but the result.
    """

    def __init__(self, in_channels, out_channels, bias=False):
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, x):
        (height, width), places = x.shape[-2:], [quarter for half in _on_doubled(self.weight, 2) for quarter in _on_doubled(half, 3)]
        bias = None if self.bias is None else self.bias.repeat(4)
        for dim in (2, 3):  # not by `F.pad`, whose gradient torch.compile lays out wrongly for channels last (2.14)
            x = torch.cat([x.narrow(dim, 0, 1), x, x.narrow(dim, x.shape[dim] - 1, 1)], dim)
        made = F.conv2d(x, torch.cat(places), bias).permute(0, 2, 3, 1).chunk(4, 3)
        rows = [torch.stack([made[2 * i][:, i:i + height, :width], made[2 * i + 1][:, i:i + height, 1:]], 3) for i in range(2)]
        return torch.stack(rows, 2).reshape(len(x), 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


def _on_doubled(weight, dim):
    """A kernel's three weights along `dim` -> the two of it that come to lie on different pixels, for each second new pixel and for those between."""
    first, middle, last = weight.unbind(dim)
    return torch.stack([first, middle + last], dim), torch.stack([first + middle, last], dim)


def _growing(times, in_channels, out_channels, bias=False):
    """Layers that enlarge by an even number of `times`."""
    return [nn.Upsample(scale_factor=times // 2)] * (times > 2) + [ResizeConv(in_channels, out_channels, bias)]


class Generator(nn.Module):
    """(B, in_channels, H, W) in -1..1 -> (B, out_channels, H, W) in about -1..1; H and W multiples of `stride`.

    `Config()` as it stands is the published network for 256x256 pictures: 9 blocks, width 64, transposed convolutions. The smaller
    ones of this project fold `unshuffle` x `unshuffle` pixels into channels first (the work happens at low resolution), grow again
    by resize-convolution, with `halfway` channels at half the resolution (0: in one leap). So that to leave a background alone
    costs nothing, they may paint over the input through a gate of their own that opens from 0 to 1 at every pixel (`gate`; Mejjati
    et al. 2018, arXiv:1806.02311). Such a one may also look at a picture reduced by `shrink`, whole or not: what it does is
    enlarged again and done to the picture as it came (after Liang et al. 2021, arXiv:2105.09188), which keeps every blade of grass
    at a part of the work. ValueError for `shrink` in a plain network, and for an `unshuffle` that doubling does not undo.
    """

    @dataclass(frozen=True)
    class Config:
        in_channels: int = 3
        out_channels: int = 3
        width: int = 64
        blocks: int = 9
        downs: int = 2
        unshuffle: int = 1
        resize_convolution: bool = False
        halfway: int = 0
        shrink: float = 1
        gate: bool = False

    def __init__(self, config: Config = Config()):
        super().__init__()
        if config.shrink > 1 and not config.gate:
            raise ValueError("Only a change can be enlarged: a generator that looks at a reduced picture paints over it (gate).")
        if config.unshuffle > 1 and config.unshuffle % (4 if config.halfway else 2):
            raise ValueError("A generator grows again by doubling: what it unshuffles must be even, and a multiple of four with a stop halfway.")
        self.config = config
        fold, width, edge = config.unshuffle ** 2, config.width, 7 if config.unshuffle == 1 else 3
        layers = [nn.PixelUnshuffle(config.unshuffle),
                  nn.Conv2d(config.in_channels * fold, width, edge, padding=edge // 2, padding_mode="reflect", bias=False),
                  InstanceNorm(), nn.ReLU()]
        for _ in range(config.downs):
            layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False), InstanceNorm(), nn.ReLU()]
            width *= 2
        layers += [ResidualBlock(width) for _ in range(config.blocks)]
        for _ in range(config.downs):
            if config.resize_convolution:
                layers += _growing(2, width, width // 2)
            else:
                layers += [nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1, bias=False)]
            width //= 2
            layers += [InstanceNorm(), nn.ReLU()]
        painted = config.out_channels + config.gate
        if config.halfway:
            layers += _growing(config.unshuffle // 2, width, config.halfway) + [InstanceNorm(), nn.ReLU()] + _growing(2, config.halfway, painted, bias=True)
        elif config.unshuffle > 1:
            layers += _growing(config.unshuffle, width, painted, bias=True)
        else:
            layers += [nn.Conv2d(width, painted, edge, padding=edge // 2, padding_mode="reflect")]
        self.layers = nn.Sequential(*layers)
        self.apply(_normal_weights)

    @property
    def stride(self) -> int:
        """Height and width must be multiples of this number of pixels."""
        reduced_side = Fraction(self.config.unshuffle * 2 ** self.config.downs)
        sides = reduced_side * Fraction(self.config.shrink).limit_denominator(16)  # 1.6 times 4: 6.4 pixels, of which every fifth multiple is whole
        return int(sides * sides.denominator)

    def forward(self, x):
        return self.painted(x)[0]

    def painted(self, x):
        """The picture made of `x`, and the gate (B, 1, H, W) in 0..1 through which it was painted over; None without one."""
        h = self.layers(reduced(x, self.config.shrink))
        if not self.config.gate:
            return h.tanh(), None
        h = torch.cat([h.tanh()[:, :-1], (h[:, -1:] - 1).sigmoid()], 1)  # at first it lets a quarter through
        if self.config.shrink > 1:
            h = F.interpolate(h, x.shape[-2:], mode="bilinear")
        paint, gate = h[:, :-1], h[:, -1:]
        return x + gate * (paint - x), gate

    def translate(self, x):
        """`forward` for any H and W of at least 8: continued by reflection to a multiple of `stride`, and cropped back."""
        return self.translate_painted(x)[0]

    def translate_painted(self, x):
        """`painted` in the same way."""
        height, width = x.shape[-2:]
        padded = [max(2, -(-side // self.stride)) * self.stride for side in (height, width)]
        if padded != [height, width]:
            rows, columns = (reflected(side, wanted, x.device) for side, wanted in zip((height, width), padded))
            x = x[..., rows, :][..., columns].contiguous(memory_format=torch.channels_last)
        made, gate = self.painted(x)
        return made[..., :height, :width], None if gate is None else gate[..., :height, :width]


def reflected(side: int, padded: int, device=None) -> torch.Tensor:
    """`padded` indices into 0 ... `side` - 1 that go forth and back between the edges, which are not repeated: 0 1 2 1 0 1 2 1 for 3 and 8."""
    there = torch.arange(padded, device=device) % (2 * side - 2)
    return torch.minimum(there, 2 * side - 2 - there)


def reduced(x: torch.Tensor, times: float) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, H/times, W/times): the mean of each square of whole pixels, else what is seen through a triangle of that width; as it is for 1."""
    if times == 1:
        return x
    if times == int(times):
        return F.avg_pool2d(x, int(times))
    size = [round(side / times) for side in x.shape[-2:]]
    return F.interpolate(x.float(), size, mode="bilinear", antialias=True).to(x.dtype)


class Discriminator(nn.Module):
    """(B, in_channels, H, W) in -1..1 -> (B, 1, about H/8, W/8): how real each overlapping 70x70 patch looks; 1 real, 0 invented.

    With `shrink` it looks at the picture reduced by that: patches and the steps between them are so many times as large in the picture.
    """

    @dataclass(frozen=True)
    class Config:
        in_channels: int = 3
        width: int = 64
        shrink: float = 1

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        w = config.width
        layers = [nn.Conv2d(config.in_channels, w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for wide, stride in ((2, 2), (4, 2), (8, 1)):
            layers += [nn.Conv2d(w * wide // 2, w * wide, 4, stride=stride, padding=1, bias=False), InstanceNorm(), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, padding=1))
        self.apply(_normal_weights)

    @property
    def patch(self) -> int:
        """Side in pixels of what each place of the map has seen."""
        return round(PATCH * self.config.shrink)

    @property
    def step(self) -> float:
        """Pixels between two places of the map, and from the edge to the first one's middle square, which has this side, too."""
        return 8 * self.config.shrink

    @property
    def smallest(self) -> int:
        """Side in pixels that a picture must have to be judged."""
        return math.ceil(24 * self.config.shrink)

    def forward(self, x):
        return self.layers(reduced(x, self.config.shrink))


class CycleGAN(nn.Module):
    """Both directions and both critics: `G_AB` makes B out of A, `G_BA` the way back, `D_A` and `D_B` judge how real an A or a B looks."""

    @dataclass(frozen=True)
    class Config:
        channels: int = 3
        width: int = 64
        blocks: int = 9
        downs: int = 2
        unshuffle: int = 1
        resize_convolution: bool = False
        critic_width: int = 64
        halfway: int = 0
        shrink: float = 1
        gate: bool = False

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        generator = Generator.Config(config.channels, config.channels, config.width, config.blocks, config.downs, config.unshuffle,
                                     config.resize_convolution, config.halfway, config.shrink, config.gate)
        critic = Discriminator.Config(config.channels, config.critic_width, config.shrink)
        self.G_AB, self.G_BA = Generator(generator), Generator(generator)
        self.D_A, self.D_B = Discriminator(critic), Discriminator(critic)

    def enlarged(self, times: float) -> "CycleGAN":
        """The same weights for pictures `times` as large, at which they look reduced: shares them, and is changed with them."""
        larger = CycleGAN(replace(self.config, shrink=self.config.shrink * times))
        larger.load_state_dict(self.state_dict(), assign=True)
        return larger

    def generators(self):
        return list(self.G_AB.parameters()) + list(self.G_BA.parameters())

    def critics(self):
        return list(self.D_A.parameters()) + list(self.D_B.parameters())


def _normal_weights(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
