"""Prepared patches of lesions for a Lightning training of a GAN that draws them (alyafi2019_dcgan)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from mammo_gan.archives.records import LesionKind, SplitName
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_patches import LesionPatches, collate, lesion_indices, training_lesions

SIZES = (100, 250, 500, 750, 1000, 1300)  # training sets (alyafi2019, 4.6)


class LesionData(EndlessData):
    """An endless loader over the training split's patches of lesions; normal tissue is left out.

    Args:
        store: of one size, as `prepare/lesions` writes it; of several the finest is taken.
        batch_size, workers: see `EndlessData`.
        seed: of the order, flips and jitter.
        flips, jitter: see `LesionPatches`.
        kinds: of lesions, such as mass; None = all.
        patches: k of the training set P_k, made of whole patients; None = the whole training split.
        sizes: the training sets that a study compares. Each holds the smaller ones, if all of its jobs name the same.
        per_class: k malignant patches and k benign ones; those of unknown pathology are left out, of all splits.
        setting: that `patches` comes from, for an error.

    Raises:
        UserError: the training split has no such patch, or fewer than `patches` in whole patients.
    """

    def __init__(
        self,
        store: ImageStore,
        batch_size: int,
        seed: int,
        workers: int = 0,
        flips: bool = False,
        jitter: float = 0.0,
        kinds: Collection[LesionKind] | None = None,
        patches: int | None = None,
        sizes: Sequence[int] = SIZES,
        per_class: bool = False,
        setting: str = "training.patches",
    ) -> None:
        super().__init__(batch_size, seed, workers)
        self.store, self.flips, self.jitter = store, flips, jitter
        self.kinds, self.per_class = kinds, per_class
        # By their places in the store, ascending.
        self.training_indices = training_lesions(store, kinds, patches, sizes, per_class=per_class, setting=setting)

    @property
    def training_images(self) -> int:
        """Patches in an epoch."""
        return len(self.training_indices)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of the training set without end: LesionBatch of `batch_size` patches."""
        dataset = LesionPatches(self.store, self.training_indices, self.seed, self.flips, self.jitter)
        return self.endless(dataset, collate)

    def reals(self, split: SplitName, batch_size: int) -> Iterator[Tensor]:
        """Every patch of a split once, unchanged: (B, 1, H, W) float32 in [0, 1], the last batch perhaps smaller.

        Of the training split those that are trained on.

        Raises:
            UserError: the split has no such patch.
        """
        indices = self._indices(split)
        for first in range(0, len(indices), batch_size):
            yield self._images(indices[first : first + batch_size])

    def fixed_images(self, split: SplitName, count: int, seed: int) -> Tensor:
        """The same `count` patches for the same seed, all if there are fewer: (count, 1, H, W) float32 in [0, 1].

        Raises:
            UserError: the split has no such patch.
        """
        indices = self._indices(split)
        return self._images(np.random.default_rng(seed).permutation(indices)[:count])

    def _indices(self, split: SplitName) -> NDArray[np.intp]:
        if split == "train":
            return self.training_indices
        return lesion_indices(self.store, split, self.kinds, known=self.per_class)

    def _images(self, indices: NDArray[np.intp]) -> Tensor:
        return torch.from_numpy(self.store.floats(indices, self.store.sizes[0])[:, None])
