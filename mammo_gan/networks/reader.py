"""A small network that tells what a whole image shows, for judging images rather than making them.

This file imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class Reader(nn.Module):
    """An image of any size to numbers: 3x3 convolutions, each of which halves it, the mean over what is left, a layer.

    Batch normalisation and ReLU follow every convolution.

    Args:
        channels: of the convolutions, first to last.
        outputs: numbers.
    """

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([1, *channels]):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(channels[-1], outputs)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) floating point to (B, outputs)."""
        numbers: Tensor = self.last(self.layers(image).mean((2, 3)))
        return numbers
