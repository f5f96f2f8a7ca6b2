"""Prepared whole images of one size with their attributes, for a Lightning training of what reads these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from mammo_gan.archives.records import SplitName
from mammo_gan.data.attributes import UNKNOWN, Attributes
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.mammograms import StagedImages
from mammo_gan.data.pyramid import Size
from mammo_gan.errors import UserError


class AttributeImages(EndlessData):
    """An endless loader over the training split's images of which an attribute is known, in one of the store's sizes.

    Args:
        store: as `prepare/images` writes it.
        size: (height, width) px of the images.
        attributes: that they are told by; the categorical ones are read.
        batch_size, seed, workers: see `EndlessData`.

    Raises:
        UserError: the store hasn't got that size, or no training image has a known category.
    """

    def __init__(
        self,
        store: ImageStore,
        size: Size,
        attributes: Attributes,
        batch_size: int,
        seed: int,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, seed, workers)
        if size not in store.sizes:
            known = ", ".join(f"{height}x{width}" for height, width in store.sizes)
            raise UserError(
                f"downstream.reading.size={list(size)}: expected one of the sizes of {store.folder}, {known}; choose "
                "one of these or add it to data.sizes"
            )
        self.store, self.size, self.attributes = store, size, attributes
        self.training_indices = self.known("train")

    @property
    def training_images(self) -> int:
        """Images in an epoch."""
        return len(self.training_indices)

    def known(self, split: SplitName) -> NDArray[np.intp]:
        """The images of a split of which a category is known, ascending.

        Raises:
            UserError: there is none.
        """
        indices = self.store.indices(split)
        categories = self.attributes.of_store(self.store, indices).categories
        found: NDArray[np.intp] = indices[(categories != UNKNOWN).any(1).numpy()]
        if not found.size:
            raise UserError(
                f"{self.store.folder}: no image of the split {split} has a known {' or '.join(self.attributes.heads)}; "
                "prepare with more patients, another split.seed or an archive that tells them"
            )
        return found

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches without end: MammogramBatch of `batch_size` images."""
        return self.endless(_OfOneSize(self._images(self.training_indices), self._stage), _as_it_is)

    def judged(self, split: SplitName, batch_size: int) -> Iterator[MammogramBatch]:
        """Each image of `known` once, in its order; the last batch perhaps smaller."""
        indices = self.known(split)
        images = self._images(indices)
        for first in range(0, len(indices), batch_size):
            places = range(first, min(first + batch_size, len(indices)))
            yield images.__getitems__([(self._stage, place) for place in places])

    @property
    def _stage(self) -> int:
        return len(self.store.sizes) - 1 - self.store.sizes.index(self.size)

    def _images(self, indices: NDArray[np.intp]) -> StagedImages:
        return StagedImages(self.store, indices, self.attributes.of_store(self.store, indices))


class _OfOneSize(Dataset[MammogramBatch]):
    """Images of one stage, asked for as (position in the endless sequence, index), by whole batches."""

    def __init__(self, images: StagedImages, stage: int) -> None:
        self.images, self.stage = images, stage

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: tuple[int, int]) -> MammogramBatch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[tuple[int, int]]) -> MammogramBatch:
        return self.images.__getitems__([(self.stage, index) for _, index in places])


def _as_it_is(batch: Any) -> Any:
    return batch
