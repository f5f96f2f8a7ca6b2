"""Prepared patches of lesions and of normal tissue, written as prepare/lesions leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Lesion, LesionKind, Mammogram, Pathology, SplitName
from mammo_gan.data.array_file import ArrayFile
from mammo_gan.data.image_rows import patch_row
from mammo_gan.data.image_store import ImageStore, array_name, write_rows
from mammo_gan.data.ranks import ranks

SIZE = 6
KEY = b"k" * 32
Patch = tuple[str, SplitName, LesionKind | None, Pathology]  # patient, split, kind (None: normal tissue), pathology


def write(folder: Path, patches: Sequence[Patch], images: NDArray[np.uint8] | None = None, seed: int = 3) -> ImageStore:
    """A store of `images` (N, H, W), or of noise, each patch another image; `seed` draws the ranks."""
    if images is None:
        images = np.random.default_rng(len(patches)).integers(0, 256, (len(patches), SIZE, SIZE), dtype=np.uint8)
    side = images.shape[1]
    folder.mkdir(parents=True, exist_ok=True)
    array = ArrayFile(folder / array_name((side, side)), (len(patches), side, side))
    array.make()
    array.write(0, images)
    rows, records = [], []
    for number, (patient, split, kind, pathology) in enumerate(patches):
        lesion = Lesion(number=1, kind=kind or "other", pathology=pathology, box=None)
        record = Mammogram(
            archive="lab", source="disk", image=f"{number}.png", patient=patient, height=side, width=side, bits=8
        )
        records.append(record)
        shown = () if kind is None else (lesion,)
        rows.append(patch_row(record, split, (0, 0, side, side), side, shown, 1.0, KEY).as_json())
    write_rows(folder, [(side, side)], map(ranks(records, KEY, seed).of, rows))
    return ImageStore.open(folder)
