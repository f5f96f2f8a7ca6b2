"""A store of small whole images, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mammo_gan.archives.records import SplitName
from mammo_gan.data.image_rows import ImageRow
from mammo_gan.data.image_store import ImageStore, array_name, write_rows
from mammo_gan.data.pyramid import pyramid

SIZES = ((20, 16), (10, 8), (5, 4))
SPLITS: tuple[SplitName, ...] = ("train",) * 11 + ("val",) * 3


ROW = ImageRow(
    image_key="i",
    patient_key="p",
    split="train",
    label=None,
    view="MLO",
    laterality=None,
    density="C",
    mm_per_px=None,
    breast_mask_size=0.5,
    source_height=40,
    source_width=32,
    mirror=False,
    scale=1.0,
    left=0,
    top=0,
    lesions=(),
)


def write(folder: Path, sizes: tuple[tuple[int, int], ...] = SIZES, gaps: bool = True) -> ImageStore:
    """11 training images of a breast at the left, black at the right, and 3 to validate; with `gaps` some attributes
    are unknown."""
    rng, finest = np.random.default_rng(3), sizes[0]
    folder.mkdir(parents=True, exist_ok=True)
    pyramids = []
    for number in range(len(SPLITS)):
        image = np.zeros(finest, np.uint8)
        edge = finest[1] // 4 + number % (finest[1] // 2)
        image[:, :edge] = rng.integers(1, 256, (finest[0], edge))
        pyramids.append(pyramid(image, sizes))
    for size, images in zip(sizes, zip(*pyramids, strict=True), strict=True):
        np.save(folder / array_name(size), np.stack(images))
    rows = [
        replace(
            ROW,
            split=split,
            view=("CC", "MLO", None if gaps else "CC")[number % 3],
            density=(*"ABCD", None if gaps else "A")[number % 5],
            breast_mask_size=0.2 + 0.05 * number,
        ).as_json()
        for number, split in enumerate(SPLITS)
    ]
    write_rows(folder, sizes, rows)
    return ImageStore.open(folder)
