"""Synthetic images beside real ones, both as large as the generator has grown (korkinof2019_mammogan, Figure 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytorch_lightning as pl
import torch
from PIL import Image
from torch import Tensor

from mammo_gan.callbacks.lesion_grid import synthetic_beside_real
from mammo_gan.methods.mammogan import MammoGAN


class GrowingGrid:
    """A square of images of the same noise and attributes each time, and one of the same real images.

    Args:
        reals_of: (height, width) in px -> (N, 1, H, W) float32 in [0, 1].
        seed: of noise and attributes.
    """

    def __init__(self, reals_of: Callable[[tuple[int, int]], Tensor], seed: int) -> None:
        self.reals_of, self.seed = reals_of, seed

    def draw(self, method: pl.LightningModule) -> Image.Image:
        growing = cast(MammoGAN, method)
        reals = self.reals_of(growing.size_of(growing.progress.stage))
        return synthetic_beside_real(growing.sample(len(reals), torch.Generator().manual_seed(self.seed)), reals)
