"""Drawing a mammogram's part of the patches and cutting them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data.lenders import LABEL_OF, Lender
from mammo_gan.data.resized import Resized
from mammo_gan.data.store import PatchRow
from mammo_gan.imaging.patches import sample_origins

Patch = tuple[NDArray[np.uint8], NDArray[np.bool_], PatchRow, NDArray[np.bool_]]  # image, mask, row, breast


def cut(
    record: Mammogram,
    split: SplitName,
    resized: Resized,
    lenders: Sequence[Lender],
    counts: Sequence[int],
    size: int,
    seed: int,
    identity_key: bytes,
) -> Iterator[Patch]:
    """Draw `counts[k]` patches of `size` px from `lenders[k]`, for every k.

    Yields image (S, S) uint8, mask (S, S) bool, row, breast (S, S) bool.
    """
    rng = generator_of(record, seed)
    keys = image_key(identity_key, record), patient_key(identity_key, record)
    for lender, count in zip(lenders, counts, strict=True):
        for x, y in sample_origins(lender.allowed, count, rng).tolist():
            window = slice(y, y + size), slice(x, x + size)
            area = None if lender.lesion is None else resized.areas[lender.lesion]
            mask = np.zeros((size, size), dtype=bool) if area is None else area.drawn((size, size), x, y)
            row = _row(record, split, resized, lender, keys, (x, y))
            yield resized.image[window], mask, row, resized.breast[window]


def generator_of(record: Mammogram, seed: int) -> np.random.Generator:
    """Seeded by the image's name, so that its patches don't depend on what other images there are."""
    digest = hashlib.sha256(f"{seed}:{record.archive}:{record.image}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _row(
    record: Mammogram,
    split: SplitName,
    resized: Resized,
    lender: Lender,
    keys: tuple[str, str],
    corner: tuple[int, int],
) -> PatchRow:
    lesion = None if lender.lesion is None else record.lesions[lender.lesion]
    area = None if lender.lesion is None else resized.areas[lender.lesion]
    x, y = corner
    return PatchRow(
        image_key=keys[0],
        patient_key=keys[1],
        split=split,
        label=LABEL_OF[lender.content],
        kind=None if lesion is None else lesion.kind,
        pathology=None if lesion is None else lesion.pathology,
        view=record.view,
        laterality=record.laterality,
        density=record.density,
        x0=x,
        y0=y,
        scale=resized.scale,
        mm_per_px=None if record.mm_per_px is None else record.mm_per_px / resized.scale,
        lesion_box=None if area is None else (area.box[0] - x, area.box[1] - y, area.box[2] - x, area.box[3] - y),
    )
