"""Pitch on a scale of evenly spaced steps, as networks that listen for it answer (CREPE, Kim et al. 2018, arXiv:1802.06182)."""
import math

import torch

LOWEST, HIGHEST = 60.0, 500.0  # Hz: the pitch of voices
AROUND = 0.1  # octaves around the likeliest step that count


def scale(steps: int) -> torch.Tensor:
    """(P,): log2 of the pitch in Hz of each step."""
    return torch.linspace(math.log2(LOWEST), math.log2(HIGHEST), steps)


def likeliest(logits: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Logits of the steps (B, P, F) -> pitch (B, F) in Hz: the mean of the steps around the likeliest one, so that it falls between steps too."""
    best = scale[logits.argmax(1, keepdim=True)]
    weights = logits.masked_fill((scale[:, None] - best).abs() > AROUND, -torch.inf).softmax(1)
    return 2 ** (weights * scale[:, None]).sum(1)


def bell(hz: torch.Tensor, scale: torch.Tensor, cents: float) -> torch.Tensor:
    """Pitch (B, F) in Hz -> probabilities (B, P, F) of the steps, a bell of standard deviation `cents`: what a listener is trained to answer."""
    return torch.softmax(-0.5 * ((scale[:, None] - hz.log2()[:, None]) / (cents / 1200)) ** 2, 1)
