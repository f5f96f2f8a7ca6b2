"""The pictures that a training is watched by: of the same inputs, again and again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from torch import Tensor

from mammo_gan.archives.records import SplitName
from mammo_gan.callbacks.growing_grid import GrowingGrid
from mammo_gan.callbacks.infill_grid import InfillGrid
from mammo_gan.callbacks.lesion_grid import LesionGrid
from mammo_gan.callbacks.sample_grid import Grid
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.mammograms import MammogramData


class Reals(Protocol):
    """Data of whole images to draw; LesionData is such."""

    def reals(self, split: SplitName, batch_size: int) -> Iterable[Tensor]:
        """All images of a split, (B, 1, H, W) float32 in [0, 1]."""
        ...

    def fixed_images(self, split: SplitName, count: int, seed: int) -> Tensor:
        """Up to `count` images, (N, 1, H, W) float32 in [0, 1]; the same for the same seed."""
        ...


def grid(data: InfillData | MammogramData | Reals, count: int, seed: int) -> Grid:
    """What suits the data: patches infilled, or `count` patches or whole images drawn beside real ones."""
    if isinstance(data, MammogramData):
        return GrowingGrid(partial(data.fixed_images, "train", count, seed), seed)
    if not isinstance(data, InfillData):
        return LesionGrid(data.fixed_images("train", count, seed), seed)
    # A small archive may have nothing to infill in its validation split.
    shown: SplitName = "val" if data.store.has_lesion[data.store.indices("val")].any() else "train"
    return InfillGrid(data.fixed_batch(shown, count, seed))
