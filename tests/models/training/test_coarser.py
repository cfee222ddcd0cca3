"""The colours of coarser sizes, fitted to the finished faces."""
import pytest
import torch
from torch.nn import functional as F

from models.gan import GAN
from models.moments import TRUNCATION
from models.training.coarser import fit_colours


@pytest.mark.parametrize("alpha, fitted", [(1.0, 3), (0.5, 2)])
def test_coarser_sizes_come_near_to_the_finished_faces_which_stay_the_same(alpha, fitted):
    net, z, off = GAN(GAN.Config(size=32, latents=8, channels=(8, 8, 8, 8))).eval().requires_grad_(False), torch.randn(16, 8), []
    before, finished = [parameter.clone() for parameter in net.parameters()], net.G(z, 32, alpha, TRUNCATION)
    for _ in range(2):
        off.append([F.mse_loss(net.G(z, side, 1.0, TRUNCATION), F.interpolate(finished, (side, side), mode="area")).item() for side in (4, 8, 16)])
        fit_colours(net.G, 32, alpha)
    assert torch.equal(net.G(z, 32, alpha, TRUNCATION), finished)
    assert [after < 0.8 * earlier for earlier, after in zip(*off)] == [True] * fitted + [False] * (3 - fitted)
    assert sum(not torch.equal(parameter, earlier) for parameter, earlier in zip(net.parameters(), before)) == 2 * fitted, "a weight and a bias for each"
