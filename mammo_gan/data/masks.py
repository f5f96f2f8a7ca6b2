"""Masks of lesions for a Lightning training of a GAN that draws them (shen2021_trilabel, 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammo_gan.archives.records import LesionKind, Pathology, SplitName
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.lesion_patches import LesionItem, collate
from mammo_gan.data.store import PatchRow, PatchStore
from mammo_gan.errors import UserError
from mammo_gan.imaging.flips import random_flips
from mammo_gan.imaging.lesion_patches import PADDING
from mammo_gan.imaging.mask_framing import SIZE, MaskFrame


class LesionMasks(Dataset[LesionItem]):
    """The masks of one split's lesions, each in a frame of its own, asked for as (position, index).

    `index` counts the lesions. `position` is the place in the endless sequence of training items: flips are drawn from
    (seed, position), so an item is the same whoever asks for it and whenever.

    # Assumption: shen2021 doesn't say how often a mass with several patches enters the mask GAN's training. Here each
    # lesion of an image is there once, as all of its patches show the same mask.

    Args:
        kinds, pathologies: of the lesions; None = all.
        flips: mirror left-right and up-down, each with probability 1/2.

    Attributes:
        indices: of a patch in the store for each lesion, ascending.
        patients: whose lesions they are, as keyed hashes.

    Raises:
        UserError: the split shows no such lesion.
    """

    def __init__(
        self,
        store: PatchStore,
        split: SplitName,
        frame: MaskFrame,
        seed: int,
        flips: bool = False,
        kinds: Collection[LesionKind] | None = None,
        pathologies: Collection[Pathology] | None = None,
    ) -> None:
        self.store, self.frame, self.seed, self.flips = store, frame, seed, flips
        first: dict[tuple[object, ...], int] = {}
        for index in store.indices(split)[store.has_lesion[store.indices(split)]].tolist():
            row = store.rows[index]
            if (kinds is None or row.kind in kinds) and (pathologies is None or row.pathology in pathologies):
                first.setdefault(_place(row), index)
        self.indices = np.array(list(first.values()), dtype=np.intp)
        if not self.indices.size:
            which = [" or ".join(named) for named in (pathologies, kinds) if named is not None]
            raise UserError(
                f"{store.folder}: no patch of the split {split} shows a lesion"
                f"{' that is ' + ' and '.join(which) if which else ''}, of whose mask to learn; prepare with more "
                "patients, or a selection that leaves such lesions"
            )
        rows = [store.rows[index] for index in first.values()]
        self.patients = [row.patient_key for row in rows]
        self._scales = [row.scale for row in rows]

    def __len__(self) -> int:
        return len(self.indices)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """(size, size) bool, True on the lesion, as it is."""
        return self.frame.of(self.store.mask(int(self.indices[index])), self._scales[index])

    def __getitem__(self, place: tuple[int, int]) -> LesionItem:
        position, index = place
        mask = self.mask(index)
        if self.flips:
            mask = mask[random_flips(np.random.default_rng([self.seed, position]))]
        return LesionItem(2 * mask.astype(np.float32) - 1, int(self.store.labels[self.indices[index]]))


class MaskData(EndlessData):
    """An endless loader over the masks of the training split's lesions.

    Args:
        batch_size, workers: see `EndlessData`.
        seed: of the order and flips.
        flips, kinds, pathologies: see `LesionMasks`.
        size, padding, keep_aspect: of the frames, see `MaskFrame`.

    Raises:
        UserError: the training split shows no such lesion.
    """

    def __init__(
        self,
        store: PatchStore,
        batch_size: int,
        seed: int,
        workers: int = 0,
        flips: bool = False,
        size: int = SIZE,
        padding: float = PADDING,
        keep_aspect: bool = True,
        kinds: Collection[LesionKind] | None = None,
        pathologies: Collection[Pathology] | None = None,
    ) -> None:
        super().__init__(batch_size, seed, workers)
        self.store, self.kinds, self.pathologies = store, kinds, pathologies
        self.frame = MaskFrame(size=size, padding=padding, keep_aspect=keep_aspect)
        self._training = LesionMasks(store, "train", self.frame, seed, flips, kinds, pathologies)

    @property
    def training_images(self) -> int:
        """Masks in an epoch."""
        return len(self._training)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches without end: LesionBatch of `batch_size` masks (B, 1, size, size), -1 = beside the lesion, 1 = on it.

        Labels are those of the lesions' pathology.
        """
        return self.endless(self._training, collate)

    def masks(self, split: SplitName) -> LesionMasks:
        """All masks of a split.

        Raises:
            UserError: the split shows no such lesion.
        """
        return LesionMasks(self.store, split, self.frame, self.seed, False, self.kinds, self.pathologies)

    def reals(self, split: SplitName, batch_size: int) -> Iterator[Tensor]:
        """Every mask of a split once, unchanged: (B, 1, size, size) float32 in {0, 1}, the last batch perhaps smaller.

        Raises:
            UserError: the split shows no such lesion.
        """
        masks = self.masks(split)
        everything = range(len(masks))
        yield from (_stacked(masks, everything[first:][:batch_size]) for first in everything[::batch_size])

    def fixed_images(self, split: SplitName, count: int, seed: int) -> Tensor:
        """The same `count` masks for the same seed, all if there are fewer: (count, 1, size, size) float32 in {0, 1}.

        Raises:
            UserError: the split shows no such lesion.
        """
        masks = self.masks(split)
        return _stacked(masks, np.random.default_rng(seed).permutation(len(masks))[:count].tolist())


def _place(row: PatchRow) -> tuple[object, ...]:
    """What the patches of one lesion share: the image, and where on it the lesion lies."""
    x0, y0, x1, y1 = row.lesion_box or (0, 0, 0, 0)
    return row.image_key, row.x0 + x0, row.y0 + y0, row.x0 + x1, row.y0 + y1


def _stacked(masks: LesionMasks, indices: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.stack([masks.mask(index) for index in indices])[:, None]).float()
