"""Which patches a classifier learns from and which it is judged by, with their classes (alyafi2019_dcgan, 4.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import LesionKind, SplitName
from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_patches import lesion_indices, training_lesions
from mammo_gan.errors import UserError

POSITIVE, NEGATIVE = 1, 0


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Patches by their places in a store, (N,) intp, and their classes, (N,) int64: 1 = positive, 0 = negative."""

    indices: NDArray[np.intp]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What is told from what.

    positive:               "lesion", the other class being normal tissue, or "malignant", the other being benign
    kinds:                  of lesions; None = all. A patch of another kind is in neither class
    negatives_per_positive: patches of normal tissue a lesion (10 in 4.6); 1 with positive="malignant"

    Raises:
        ValueError: one of them is impossible.
    """

    positive: Literal["lesion", "malignant"]
    kinds: Collection[LesionKind] | None
    negatives_per_positive: int

    def __post_init__(self) -> None:
        if self.positive not in ("lesion", "malignant"):
            raise ValueError(f"positive is lesion or malignant, not {self.positive}")
        if self.negatives_per_positive < 1 or (self.positive == "malignant" and self.negatives_per_positive > 1):
            raise ValueError(
                "negatives_per_positive is 1 or more for lesions, and 1 for malignant ones; got "
                f"{self.negatives_per_positive} for positive={self.positive}"
            )

    def learnt(self, store: ImageStore, patches: int | None, sizes: Sequence[int]) -> Labelled:
        """The training set: P_k and ten times as many patches of normal tissue, N_10k; or k malignant and k benign.

        The lesions are those of a LesionData with the same settings. N_10k are the first of the training split's
        patches of `normal_tissue`, so each holds the smaller ones.

        Args:
            patches: k; None = all that there are.
            sizes: see LesionData.

        Raises:
            UserError: there are fewer, in whole patients where it is lesions; a smaller set is never filled up.
        """
        malignancy = self.positive == "malignant"
        lesions = training_lesions(store, self.kinds, patches, sizes, per_class=malignancy, setting="k")
        if malignancy:
            return _malignancy(store, lesions)
        each, normal = self.negatives_per_positive, normal_tissue(store, "train")
        if len(normal) < each * len(lesions):
            raise UserError(
                f"k={len(lesions)}: out of reach: {len(lesions)} lesions need {each * len(lesions)} patches of normal "
                f"tissue beside them, {each} each; the training set holds {len(normal)}, enough for "
                f"k={len(normal) // each}. Take that or a smaller one, or add patients"
            )
        return _beside(lesions, normal[: each * len(lesions)])

    def judged(self, store: ImageStore, split: SplitName) -> Labelled:
        """What a classifier is validated or tested by, the same for every k: all lesions of the split, and normal
        tissue.

        # Assumption: the thesis takes 22K of its 147K patches of normal tissue "to have an IR of 1:10" and divides
        # them like the lesions (4.6). So a split has ten a lesion, or all that it holds if these are fewer.

        Raises:
            UserError: the split has no lesion.
        """
        malignancy = self.positive == "malignant"
        lesions = lesion_indices(store, split, self.kinds, known=malignancy)
        if malignancy:
            return _malignancy(store, lesions)
        return _beside(lesions, normal_tissue(store, split)[: self.negatives_per_positive * len(lesions)])


def _malignancy(store: ImageStore, lesions: NDArray[np.intp]) -> Labelled:
    return Labelled(lesions, np.asarray(store.labels[lesions] == MALIGNANT, dtype=np.int64))


def _beside(lesions: NDArray[np.intp], normal: NDArray[np.intp]) -> Labelled:
    indices = np.sort(np.concatenate([lesions, normal]))
    return Labelled(indices, np.where(np.isin(indices, lesions), POSITIVE, NEGATIVE).astype(np.int64))


def normal_tissue(store: ImageStore, split: SplitName) -> NDArray[np.intp]:
    """A split's patches that show no lesion: one of each image, in the order of the images' ranks, then the second of
    each, and so on. Other images don't change which of two comes first."""
    indices = store.indices(split)
    shows = np.fromiter(map(len, store.column("lesions")[indices]), dtype=np.int64, count=len(indices))
    indices = indices[shows == 0]
    ranks = store.column("image_rank")[indices]
    before: Counter[int] = Counter()
    turns = []
    for rank in ranks.tolist():
        turns.append(before[rank])
        before[rank] += 1
    return np.asarray(indices[np.lexsort((ranks, turns))], dtype=np.intp)
