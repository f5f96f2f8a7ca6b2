"""A walk through what a generator can draw: neighbouring noise gives neighbouring images, if it has learnt a shape and
not a list (Karras et al. 2018 show such walks; White 2016, "Sampling generative networks", interpolates on spheres)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Between = Callable[[Tensor, Tensor, float], Tensor]


def points_of(count: int, walks: int, latent: int, seed: int) -> Tensor:
    """(count, walks, latent) float32 of N(0, 1); the first of more are those of fewer."""
    source = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(walks, latent, generator=source) for _ in range(count)])


def spherical(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Between two vectors along the arc that their directions span, the length going straight from one to the other's.

    The straight line passes points nearer to the origin than noise of many numbers ever is.

    Args:
        start, end: (.., D) floating point, of a length above 0.
        share: of the way, in [0, 1].
    """
    lengths = [vector.norm(dim=-1, keepdim=True) for vector in (start, end)]
    one, other = start / lengths[0], end / lengths[1]
    # The angle by its tangent: its cosine says little of small ones.
    angle = 2 * torch.atan2((one - other).norm(dim=-1, keepdim=True), (one + other).norm(dim=-1, keepdim=True))
    sine = torch.sin(angle)
    arc = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / sine
    direction = torch.where(sine.abs() > 1e-6, arc, one)  # alike, or opposite, where no arc is the shortest
    return direction * torch.lerp(lengths[0], lengths[1], share)


def straight(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Between two vectors along their line, as for encoded attributes: half of two categories is half of each one."""
    return torch.lerp(start, end, share)


def closed(points: Tensor, steps: int, between: Between) -> Iterator[Tensor]:
    """From each point to the next and from the last to the first, which isn't repeated: a loop.

    Args:
        points: (K, .., D) floating point.
        steps: from one point to the next.
        between: `spherical` or `straight`.

    Yields:
        K * steps times (.., D).
    """
    for place, start in enumerate(points):
        end = points[(place + 1) % len(points)]
        for step in range(steps):
            yield between(start, end, step / steps) if step else start
