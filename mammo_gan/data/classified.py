"""Prepared and synthetic patches of two classes for a Lightning training of a classifier (alyafi2019_dcgan, 4.6)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from mammo_gan.archives.records import LesionKind, SplitName
from mammo_gan.data.batches import ClassifiedBatch
from mammo_gan.data.classes import NEGATIVE, POSITIVE, Classes, Labelled
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesions import SIZES
from mammo_gan.errors import UserError
from mammo_gan.imaging.flips import random_flips


class SyntheticImages(Protocol):
    """Generated patches of lesions; SyntheticSet is such."""

    def __len__(self) -> int: ...

    def image(self, number: int) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]."""
        ...

    def label(self, number: int) -> int | None:
        """1 = malignant, 0 = non-malignant, the class that it was asked for; None if for none."""
        ...


class ClassifiedItem(NamedTuple):
    """One patch: image (H, W) float32 in [0, 1], label 0 or 1."""

    image: NDArray[np.float32]
    label: int


class ClassifiedData(EndlessData):
    """An endless loader over lesions, normal tissue and synthetic lesions; or over malignant and benign ones.

    In each epoch every image comes once. The lesions are P_k: the same patches as those of a LesionData of these
    settings (with `per_class` for positive="malignant"), so a GAN and a classifier can be given the very same.

    Args:
        store: of one size, as `prepare/lesions` writes it.
        batch_size, workers: see `EndlessData`.
        seed: of the order and the flips.
        positive, kinds, negatives_per_positive: see `Classes`.
        patches: k, of P_k, or of each class for positive="malignant"; None = the whole training split.
        sizes: the training sets that a study compares, see `LesionData`.
        flips: mirror left-right, then up-down, each with probability 1/2: real patches of both classes, and synthetic
            ones (Figure 9).
        synthetic: generated from no more than the training split; None = real patches alone.
        synthetic_per_real: of them for each real lesion, of each class for positive="malignant"; the first of the set.

    Raises:
        UserError: there are fewer real or synthetic patches than asked for, or of another size.
    """

    def __init__(
        self,
        store: ImageStore,
        batch_size: int,
        seed: int,
        workers: int = 0,
        *,
        positive: Literal["lesion", "malignant"],
        kinds: Collection[LesionKind] | None,
        negatives_per_positive: int,
        patches: int | None,
        sizes: Sequence[int] = SIZES,
        flips: bool = False,
        synthetic: SyntheticImages | None = None,
        synthetic_per_real: float = 1.5,
    ) -> None:
        super().__init__(batch_size, seed, workers)
        self.store, self.flips, self.synthetic = store, flips, synthetic
        self.classes = Classes(positive=positive, kinds=kinds, negatives_per_positive=negatives_per_positive)
        self.real = self.classes.learnt(store, patches, sizes)
        self.generated = Labelled(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64))
        if synthetic is not None:
            self.generated = _chosen(synthetic, self.real, positive, synthetic_per_real, store.sizes[0])

    @property
    def training_images(self) -> int:
        """In an epoch, real and synthetic."""
        return len(self.real) + len(self.generated)

    @property
    def training_indices(self) -> NDArray[np.intp]:
        """The real patches that are trained on by their places in the store, ascending; `real.labels` are theirs."""
        return self.real.indices

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of the training set without end: ClassifiedBatch of `batch_size` patches."""
        dataset = ClassifiedPatches(self.store, self.real, self.seed, self.flips, self.synthetic, self.generated)
        return self.endless(dataset, collate)

    def labelled(self, split: SplitName) -> Labelled:
        """The real patches of a split and their classes; of the training split those that are trained on.

        Raises:
            UserError: the split has no lesion.
        """
        return self.real if split == "train" else self.classes.judged(self.store, split)

    def evaluated(self, split: SplitName, batch_size: int) -> Iterator[ClassifiedBatch]:
        """Each real patch of a split once, unchanged, in the order of `labelled`; the last batch perhaps smaller.

        Raises:
            UserError: the split has no lesion.
        """
        labelled = self.labelled(split)
        for first in range(0, len(labelled), batch_size):
            part = slice(first, first + batch_size)
            images = self.store.floats(labelled.indices[part], self.store.sizes[0])[:, None]  # (B, 1, H, W)
            yield ClassifiedBatch(torch.from_numpy(images), torch.from_numpy(labelled.labels[part]))

    def patients(self, split: SplitName) -> list[str]:
        """Keyed hashes of whose patches `evaluated` gives, in its order."""
        owners: list[str] = self.store.column("patient_key")[self.labelled(split).indices].astype(str).tolist()
        return owners


class ClassifiedPatches(Dataset[ClassifiedItem]):
    """Real patches and, behind them, synthetic ones, asked for as (position, index).

    `position` is the place in the endless sequence of training items: flips are drawn from (seed, position), so an item
    is the same whoever asks for it and whenever.

    Args:
        real: by their places in the store.
        generated: by their numbers in `synthetic`.
    """

    def __init__(
        self,
        store: ImageStore,
        real: Labelled,
        seed: int,
        flips: bool,
        synthetic: SyntheticImages | None,
        generated: Labelled,
    ) -> None:
        self.store, self.real, self.seed, self.flips = store, real, seed, flips
        self.synthetic, self.generated = synthetic, generated

    def __len__(self) -> int:
        return len(self.real) + len(self.generated)

    def __getitem__(self, place: tuple[int, int]) -> ClassifiedItem:
        position, index = place
        image, label = self._unchanged(index)
        if self.flips:
            image = image[random_flips(np.random.default_rng([self.seed, position]))]
        return ClassifiedItem(image, label)

    def _unchanged(self, index: int) -> tuple[NDArray[np.float32], int]:
        if self.synthetic is None or index < len(self.real):
            image = self.store.floats([int(self.real.indices[index])], self.store.sizes[0])[0]
            return image, int(self.real.labels[index])
        number = index - len(self.real)
        return self.synthetic.image(int(self.generated.indices[number])), int(self.generated.labels[number])


def collate(items: Sequence[ClassifiedItem]) -> ClassifiedBatch:
    """Items -> a batch, (B, 1, H, W) and (B,)."""
    return ClassifiedBatch(
        image=torch.from_numpy(np.stack([item.image for item in items])[:, None]),
        label=torch.tensor([item.label for item in items], dtype=torch.int64),
    )


def _chosen(
    synthetic: SyntheticImages, real: Labelled, positive: str, per_real: float, size: tuple[int, int]
) -> Labelled:
    """The first images of a synthetic set, `per_real` of them for each real one of a class."""
    if len(synthetic) and synthetic.image(0).shape != size:
        raise UserError(
            f"synthetic images have the shape {synthetic.image(0).shape}, the prepared patches {size}: they were made "
            "with another method.image_size or prepared with another data.size; run all stages with the same"
        )
    # Generated from lesions alone and for no class, all of them are positive.
    classes = (POSITIVE,) if positive == "lesion" else (NEGATIVE, POSITIVE)
    chosen: list[NDArray[np.intp]] = []
    for label in classes:
        numbers = [n for n in range(len(synthetic)) if len(classes) == 1 or synthetic.label(n) == label]
        wanted = math.floor(per_real * np.count_nonzero(real.labels == label) + 1e-9)
        if len(numbers) < wanted:
            which = "" if len(classes) == 1 else f" of {'malignant' if label == POSITIVE else 'benign'} lesions"
            raise UserError(
                f"{per_real:g} synthetic images for each real one are {wanted}{which}, found {len(numbers)}; generate "
                f"synthesis.images={wanted * len(classes)} or more"
            )
        chosen.append(np.asarray(numbers[:wanted], dtype=np.intp))
    labels = np.repeat(np.asarray(classes, dtype=np.int64), [len(numbers) for numbers in chosen])
    return Labelled(np.concatenate(chosen), labels)
