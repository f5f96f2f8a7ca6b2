"""Synthetic patches as an archive: the same records and the same layout as a lab's own images.

The folder can be read in two ways: `records.parquet` through the index, with the origin of every patch, and
`manifest.csv` through archive=manifest, like any folder of images.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.archives.records import Mammogram

IMAGES, MASKS, MANIFEST, RECORDS = "images", "masks", "manifest.csv", "records.parquet"
MANIFEST_COLUMNS = (
    "image",
    "patient",
    "mask",
    "label",
    "kind",
    "view",
    "laterality",
    "density",
    "mm_per_px",
    "extent",
    "split",
)


def write_records(folder: Path, records: Sequence[Mammogram]) -> None:
    """Write manifest.csv and records.parquet beside images that are there."""
    write_table(folder / MANIFEST, MANIFEST_COLUMNS, [_manifest_row(record) for record in records])
    index.write(folder / RECORDS, records)


def write_grey(path: Path, image: NDArray[Any]) -> None:
    """(H, W) float32 in [0, 1] or bool as 8-bit grey PNG."""
    Image.fromarray(np.rint(image.astype(np.float32) * 255).astype(np.uint8)).save(path, format="PNG")


def write_table(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """CSV with empty cells for what isn't known."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _manifest_row(record: Mammogram) -> dict[str, Any]:
    lesion = record.lesions[0] if record.lesions else None
    return {
        "image": record.image,
        "patient": record.patient,
        "mask": record.image.replace(IMAGES, MASKS, 1) if lesion is not None and lesion.has_mask else "",
        "label": "normal" if lesion is None else lesion.pathology,
        "kind": "" if lesion is None else lesion.kind,
        "view": record.view,
        "laterality": record.laterality,
        "density": record.density,
        "mm_per_px": record.mm_per_px,
        "extent": record.extent,
        "split": record.split,
    }
