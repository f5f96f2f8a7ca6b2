"""Patches of lesions: what a DCGAN is trained on (alyafi2019_dcgan, 4.3 and 4.6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from mammo_gan.archives.records import LesionKind, SplitName
from mammo_gan.archives.sizes import nested
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT, LesionBatch
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.imaging.flips import random_flips
from mammo_gan.imaging.jitter import jitter as jittered

UNKNOWN = -1  # in `ImageStore.labels`


class LesionItem(NamedTuple):
    """One patch: image (H, W) float32 in [-1, 1], label 0 or 1."""

    image: NDArray[np.float32]
    label: int


def lesion_indices(
    store: ImageStore, split: SplitName, kinds: Collection[LesionKind] | None, known: bool = False
) -> NDArray[np.intp]:
    """The patches of a split that show a lesion (of one of `kinds`, if given), ascending.

    Args:
        known: only those that are known to be malignant or not.

    Raises:
        UserError: there is none.
    """
    indices = store.indices(split)
    shown = store.column("lesions")[indices]
    wanted = [
        any(kinds is None or lesion["kind"] in kinds for lesion in lesions) if len(lesions) else False
        for lesions in shown
    ]
    found: NDArray[np.intp] = indices[np.asarray(wanted, dtype=bool)]
    if known:
        found = found[store.labels[found] != UNKNOWN]
    if not found.size:
        which = "a lesion" if kinds is None else f"a lesion of kind {' or '.join(kinds)}"
        which += " of known pathology" if known else ""
        raise UserError(
            f"{store.folder}: none of the {len(indices)} patches of the split {split} shows {which}; prepare with more "
            "patients, another split.seed or a selection that leaves more"
        )
    return found


def training_lesions(
    store: ImageStore,
    kinds: Collection[LesionKind] | None,
    patches: int | None,
    sizes: Sequence[int],
    *,
    per_class: bool = False,
    setting: str = "training.patches",
) -> NDArray[np.intp]:
    """P_k of the training split, ascending: what a GAN draws from and a classifier learns from, the very same patches.

    Args:
        patches: k; None = all.
        sizes: see `nested_subset`.
        per_class: k malignant and k benign ones, nested each for itself, and none of unknown pathology.
        setting: that k comes from, for an error.

    Raises:
        UserError: there is none, or whole patients don't give that many.
    """
    indices = lesion_indices(store, "train", kinds, known=per_class)
    if patches is None:
        return indices
    if not per_class:
        return nested_subset(store, indices, patches, sizes, setting)
    labels = store.labels[indices]
    classes = {"benign": indices[labels == NON_MALIGNANT], "malignant": indices[labels == MALIGNANT]}
    chosen = [
        nested_subset(store, of_class, patches, sizes, setting, f"{pathology} lesions")
        for pathology, of_class in classes.items()
    ]
    return np.sort(np.concatenate(chosen))


def nested_subset(
    store: ImageStore,
    indices: NDArray[np.intp],
    patches: int,
    sizes: Sequence[int],
    setting: str = "training.patches",
    what: str = "",
) -> NDArray[np.intp]:
    """P_k of `indices`: `patches` of them, all of whole patients, with every smaller one of `sizes` within it.

    alyafi2019, 4.6: "each set is contained in the next larger one".

    Raises:
        UserError: whole patients don't give that many; a smaller set is never filled up.
    """
    owners = store.column("patient_key")[indices].astype(str)
    patients, first, counts = np.unique(owners, return_index=True, return_counts=True)
    ranks = dict(zip(patients.tolist(), store.column("patient_rank")[indices[first]].tolist(), strict=True))
    # Larger sets don't change a smaller one, so only the smaller ones are built on the way.
    steps = {patches, *(size for size in sizes if size < patches)}
    chosen = nested(dict(zip(patients.tolist(), counts.tolist(), strict=True)), steps, ranks.__getitem__)[patches]
    chosen.require(setting, what)
    subset: NDArray[np.intp] = indices[np.isin(owners, chosen.patients)]
    return subset


class LesionPatches(Dataset[LesionItem]):
    """Some patches of a store, asked for as (position, index).

    `index` counts within `indices`. `position` is the place in the endless sequence of training items: flips and jitter
    are drawn from (seed, position), so an item is the same whoever asks for it and whenever.

    Args:
        indices: of the patches in the store.
        flips: mirror left-right, then up-down, each with probability 1/2 (4.6).
        jitter: grey levels of 255 by which brightness and contrast may change; 0 = not at all.
    """

    def __init__(
        self, store: ImageStore, indices: NDArray[np.intp], seed: int, flips: bool = False, jitter: float = 0.0
    ) -> None:
        self.store, self.indices, self.seed = store, indices, seed
        self.flips, self.jitter = flips, jitter
        self._labels = np.asarray(store.labels[indices] == MALIGNANT, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: tuple[int, int]) -> LesionItem:
        position, index = place
        rng = np.random.default_rng([self.seed, position])
        image = self.store.floats([int(self.indices[index])], self.store.sizes[0])[0]
        if self.flips:
            image = image[random_flips(rng)]
        if self.jitter:
            image = jittered(image, rng, self.jitter)
        return LesionItem(2 * image - 1, int(self._labels[index]))


def collate(items: Sequence[LesionItem]) -> LesionBatch:
    """Items -> a batch, (B, 1, H, W) and (B,)."""
    return LesionBatch(
        image=torch.from_numpy(np.stack([item.image for item in items])[:, None]),
        label=torch.tensor([item.label for item in items], dtype=torch.int64),
    )
