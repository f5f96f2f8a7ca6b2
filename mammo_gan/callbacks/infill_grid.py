"""Patches infilled for their own class and for the opposite one."""

from __future__ import annotations

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT, InfillBatch

CLASS_NAMES = {NON_MALIGNANT: "non-malignant", MALIGNANT: "malignant"}
GAP, LINE = 6, 20  # px between patches, and of a line of words
SMALLEST_CELL = 128  # px; the words need it


class InfillGrid:
    """A row per patch with original, input, and what the method generates for the patch's own class and for the
    opposite one.

    Args:
        batch: the patches, on any device.
    """

    def __init__(self, batch: InfillBatch) -> None:
        self.batch = batch

    def draw(self, method: pl.LightningModule) -> Image.Image:
        batch = InfillBatch(*(field.to(method.device) for field in self.batch))
        own = method(batch.corrupted, batch.mask, batch.label)
        opposite = method(batch.corrupted, batch.mask, 1 - batch.label)
        return draw_grid(self.batch, own, opposite)


def draw_grid(batch: InfillBatch, own: Tensor, opposite: Tensor) -> Image.Image:
    """Rows of original | input | own class | opposite class, each with its class above it.

    Patches narrower than 128 px are enlarged by a whole factor, pixel by pixel.

    Args:
        own, opposite: (B, 1, H, W), clipped to [0, 1] here.
    """
    scale = -(-SMALLEST_CELL // batch.image.shape[-1])
    height, width = (scale * length for length in batch.image.shape[-2:])
    grid = Image.new("L", (4 * (width + GAP) + GAP, LINE + len(batch.image) * (height + LINE + GAP) + GAP), 255)
    pen, font = ImageDraw.Draw(grid), ImageFont.load_default(size=13)
    for column, title in enumerate(("original", "input", "own class", "opposite class")):
        pen.text((GAP + column * (width + GAP), GAP), title, fill=0, font=font)
    for row, label in enumerate(batch.label.tolist()):
        cells = (
            (CLASS_NAMES[label], batch.image[row]),
            ("", batch.corrupted[row]),
            (CLASS_NAMES[label], own[row]),
            (CLASS_NAMES[1 - label], opposite[row]),
        )
        y = LINE + GAP + row * (height + LINE + GAP)
        for column, (words, image) in enumerate(cells):
            x = GAP + column * (width + GAP)
            pen.text((x, y), words, fill=90, font=font)
            grid.paste(Image.fromarray(_grey(image).repeat(scale, axis=0).repeat(scale, axis=1)), (x, y + LINE))
    return grid


def _grey(image: Tensor) -> NDArray[np.uint8]:
    """(1, H, W) -> (H, W) uint8."""
    grey: NDArray[np.uint8] = (image[0].detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return grey
