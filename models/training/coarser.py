"""What turns the coarser layers of a generator that has grown into colours, fitted to the faces that it draws in the end."""
import torch
from torch.nn import functional as F

from models.gan import Generator
from models.moments import TRUNCATION


@torch.no_grad()
def fit_colours(generator: Generator, resolution: int, alpha: float = 1.0, faces=64, batch=16):
    """Set `to_rgb` of each size that plays no part any more in what is drawn at `resolution`, so that it comes as near to those faces, reduced, as it can.

    Each was last trained when the network had its size, and the features it is given have changed since: its colours would be anyone's guess. A linear
    layer has one best answer (least squares over all pixels of `faces` invented faces). What is drawn at `resolution`, faded in by `alpha`, stays the same.
    """
    device, chance = next(generator.parameters()).device, torch.Generator().manual_seed(0)
    sums = {}
    for _ in range(0, faces, batch):
        z = torch.randn(batch, generator.mapping[0].weight.shape[1], generator=chance).to(device)
        drawn = generator(z, resolution, alpha, TRUNCATION).clamp(-1, 1)
        coarser = generator.layers(z, resolution, TRUNCATION)[:-1 if alpha == 1 else -2]
        for level, x in enumerate(coarser):
            wanted = F.interpolate(drawn, x.shape[-2:], mode="area").movedim(1, -1).flatten(0, 2).double()
            x = F.pad(x, (0, 0, 0, 0, 0, 1), value=1.0).movedim(1, -1).flatten(0, 2).double()  # with a one, for the bias
            squares, products = sums.get(level, (0, 0))
            sums[level] = squares + x.T @ x, products + x.T @ wanted
    for level, (squares, products) in sums.items():
        steadied = squares + 1e-6 * squares.diagonal().mean() * torch.eye(len(squares), device=device, dtype=squares.dtype)
        found = torch.linalg.solve(steadied, products).T.float()
        layer = generator.to_rgb[level]
        layer.weight.copy_((found[:, :-1] / layer.scale)[..., None, None])
        layer.bias.copy_(found[:, -1])
