"""Synthetic patches beside real ones (alyafi2019_dcgan, 9.1, Figure 12: 64 of each)."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mammo_gan.callbacks.metric_over_training import Sampling

GAP, LINE = 2, 20  # px between patches, and of the line of words
APART = 16  # px between the two squares
SMALLEST_CELL = 32  # px; smaller patches are enlarged by a whole factor


class LesionGrid:
    """A square of synthetic patches, of the same noise each time, and one of as many real patches.

    Args:
        reals: (N, 1, H, W) float32 in [0, 1]. Where N isn't a square number the last row isn't full.
        seed: of the noise.
    """

    def __init__(self, reals: Tensor, seed: int) -> None:
        self.reals, self.seed = reals, seed

    def draw(self, method: pl.LightningModule) -> Image.Image:
        source = torch.Generator().manual_seed(self.seed)
        return synthetic_beside_real(cast(Sampling, method).sample(len(self.reals), source), self.reals)


def synthetic_beside_real(synthetic: Tensor, real: Tensor) -> Image.Image:
    """Two squares of images (N, 1, H, W) in [0, 1] each, the synthetic ones at the left."""
    squares = [_square(synthetic, "synthetic"), _square(real, "real")]
    width, height = squares[0].size
    grid = Image.new("L", (2 * width + APART, height), 255)
    for column, square in enumerate(squares):
        grid.paste(square, (column * (width + APART), 0))
    return grid


def _square(images: Tensor, title: str) -> Image.Image:
    """As many columns as rows, below their title."""
    grey = (images[:, 0].float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()  # (N, H, W)
    side = math.isqrt(len(grey) - 1) + 1
    scale = -(-SMALLEST_CELL // grey.shape[-1])
    high, wide = (scale * length + GAP for length in grey.shape[1:])
    square = Image.new("L", (side * wide + GAP, LINE + side * high + GAP), 255)
    ImageDraw.Draw(square).text((GAP, GAP), title, fill=0, font=ImageFont.load_default(size=13))
    for number, image in enumerate(grey):
        row, column = divmod(number, side)
        enlarged = Image.fromarray(np.repeat(np.repeat(image, scale, axis=0), scale, axis=1))
        square.paste(enlarged, (GAP + column * wide, LINE + GAP + row * high))
    return square
