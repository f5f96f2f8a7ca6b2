"""Prepared whole images for a Lightning training of a GAN that grows (korkinof2019_mammogan, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammo_gan.archives.records import SplitName
from mammo_gan.data.attributes import Attributes, AttributeValues
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.pyramid import Size
from mammo_gan.errors import UserError
from mammo_gan.schedules.progressive import ProgressiveSchedule


class StagedImages(Dataset[MammogramBatch]):
    """The training split's images in the size of any stage, by whole batches of (stage, index).

    A loader's process holds the attributes and a memory map a size, whatever the number of images.

    Args:
        indices: of the images in the store; a batch counts them from 0.
        values: attributes of each.
    """

    def __init__(self, store: ImageStore, indices: NDArray[np.intp], values: AttributeValues) -> None:
        self.store, self.indices, self.values = store, indices, values

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: tuple[int, int]) -> MammogramBatch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[tuple[int, int]]) -> MammogramBatch:
        """One batch, read in one go, of the first place's stage, which is that of all."""
        size, chosen = size_of(self.store, places[0][0]), [index for _, index in places]
        image = self.store.floats(self.indices[chosen], size, low=-1.0)
        return MammogramBatch(torch.from_numpy(image[:, None]), *(field[chosen] for field in self.values))


class MammogramData(EndlessData):
    """An endless loader over the training split's whole images, in the size and number that a schedule asks for.

    Images aren't flipped: prepared ones have the chest wall at one side, and no breast hangs upside down.

    Args:
        store: of a size for each stage of the schedule, each half the one before, as `prepare/images` writes them.
        schedule: how many images a step takes, of which stage.
        attributes: that images are told by.
        seed: of the order.
        workers: see `EndlessData`.

    Raises:
        UserError: the store has other sizes than the schedule stages, no training image, or an attribute's category
            that isn't among its `attributes`.
    """

    def __init__(
        self, store: ImageStore, schedule: ProgressiveSchedule, attributes: Attributes, seed: int, workers: int = 0
    ) -> None:
        super().__init__(schedule, seed, workers)
        if len(store.sizes) != schedule.stages or store.sizes[0] != doubled(store.sizes[-1], schedule.stages - 1):
            sizes = ", ".join(f"{height}x{width}" for height, width in store.sizes)
            raise UserError(
                f"{store.folder} has images of {sizes} px, and training.schedule.batch_sizes has {schedule.stages} "
                "stages: expected a size for each stage, each half the one before. Change data.sizes or "
                "training.schedule.batch_sizes"
            )
        self.store, self.schedule, self.attributes = store, schedule, attributes
        self.training_indices = self._indices("train")

    @property
    def training_images(self) -> int:
        """Images in an epoch."""
        return len(self.training_indices)

    @cached_property
    def attribute_values(self) -> AttributeValues:
        """Of the training split, in the store's order."""
        return self.attributes.of_store(self.store, self.training_indices)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of the training split without end: MammogramBatch of the stage's size."""
        return self.endless(StagedImages(self.store, self.training_indices, self.attribute_values), _as_it_is)

    def images(self, split: SplitName) -> int:
        """How many a split has. Raises UserError if it has none."""
        return len(self._indices(split))

    def reals(
        self, split: SplitName, batch_size: int, size: Size, limit: int | None = None, seed: int = 0
    ) -> Iterator[Tensor]:
        """Every image of a split once: (B, 1, H, W) float32 in [0, 1], the last batch perhaps smaller.

        Args:
            limit: only so many of them, drawn by `seed`; None = all, in the store's order.

        Raises:
            UserError: the split has no image.
        """
        indices = self._indices(split)
        if limit is not None:
            indices = np.random.default_rng(seed).permutation(indices)[:limit]
        for first in range(0, len(indices), batch_size):
            yield self._images(indices[first : first + batch_size], size)

    def fixed_images(self, split: SplitName, count: int, seed: int, size: Size) -> Tensor:
        """The same `count` images for the same seed, all if there are fewer: (count, 1, H, W) float32 in [0, 1].

        Raises:
            UserError: the split has no image.
        """
        return self._images(np.random.default_rng(seed).permutation(self._indices(split))[:count], size)

    def _indices(self, split: SplitName) -> NDArray[np.intp]:
        indices = self.store.indices(split)
        if not indices.size:
            raise UserError(
                f"{self.store.folder}: the split {split} has no image; prepare with more patients, other "
                "split.fractions or another split.seed"
            )
        return indices

    def _images(self, indices: NDArray[np.intp], size: Size) -> Tensor:
        return torch.from_numpy(self.store.floats(indices, size)[:, None])


def size_of(store: ImageStore, stage: int) -> Size:
    """(height, width) of a stage, which are counted from the coarsest."""
    return store.sizes[-1 - stage]


def doubled(size: Size, times: int) -> Size:
    """`size` with both sides doubled so often."""
    return size[0] << times, size[1] << times


def _as_it_is(batch: Any) -> Any:
    return batch
