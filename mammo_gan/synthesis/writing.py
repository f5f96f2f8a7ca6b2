"""Infilled patches as an archive, laid out as in `layout`.

`exchanges.csv` names the patches of the prepared store that each was made from, so that it can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box, Lesion, Mammogram, Origin, SplitName
from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.synthesis.exchange import DIRECTIONS
from mammo_gan.synthesis.infill import Infilled
from mammo_gan.synthesis.layout import IMAGES, MASKS, write_grey, write_records, write_table

EXCHANGES = "exchanges.csv"


def write_set(
    folder: Path,
    infilled: Iterable[Infilled],
    store: PatchStore,
    *,
    archive: str,
    generator: str,
    trained_on: SplitName,
) -> list[Mammogram]:
    """Write images/, masks/, manifest.csv, records.parquet and exchanges.csv; returns the records.

    Images are 8-bit PNG files with numbers for names. A mask is written for every patch, as the region that was
    infilled; only that of a malignant patch is a lesion.

    Args:
        folder: where they go; the caller renames it when the set is whole.
        store: that the patches were made from.
        archive: name of the archive that the real patches come from.
        generator: sha256 of the generator's weights.
        trained_on: the split it was trained on.
    """
    for part in (IMAGES, MASKS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    records, exchanges = [], []
    for number, patch in enumerate(infilled):
        name = f"{number:06d}.png"
        write_grey(folder / IMAGES / name, patch.image)
        write_grey(folder / MASKS / name, patch.mask)
        records.append(_record(patch, name, store, archive=archive, generator=generator, trained_on=trained_on))
        exchanges.append({"image": records[-1].image, **asdict(patch.exchange)})
    write_table(folder / EXCHANGES, ("image", "parent", "mask_parent", "label", "seed"), exchanges)
    write_records(folder, records)
    return records


def write_examples(folder: Path, infilled: Iterable[Infilled], store: PatchStore) -> None:
    """Write the paper's Figure 1: {k:02d}_{original,input,synthetic,mask}.png and examples.json, a list of what each
    shows."""
    folder.mkdir(parents=True, exist_ok=True)
    examples: list[dict[str, Any]] = []
    for number, patch in enumerate(infilled):
        name, row = f"{number:02d}", store.rows[patch.exchange.parent]
        pictures: dict[str, NDArray[Any]] = {
            "original": patch.original,
            "input": patch.corrupted,
            "synthetic": patch.image,
            "mask": patch.mask,
        }
        for what, picture in pictures.items():
            write_grey(folder / f"{name}_{what}.png", picture)
        examples.append(
            {
                "name": name,
                "direction": DIRECTIONS[patch.exchange.label],
                "context_split": row.split,
                "mask_split": store.rows[patch.exchange.mask_parent].split,
                **asdict(patch.exchange),
            }
        )
    (folder / "examples.json").write_text(json.dumps(examples, indent=2) + "\n", encoding="utf-8")


def _record(
    patch: Infilled, name: str, store: PatchStore, *, archive: str, generator: str, trained_on: SplitName
) -> Mammogram:
    context, lender = store.rows[patch.exchange.parent], store.rows[patch.exchange.mask_parent]
    lesions: tuple[Lesion, ...] = ()
    if patch.exchange.label == MALIGNANT:
        kind = lender.kind or "other"
        lesions = (Lesion(number=1, kind=kind, pathology="malignant", box=_box(patch.mask), has_mask=True),)
    height, width = patch.image.shape
    return Mammogram(
        archive=archive,
        source="synthetic",
        image=f"{IMAGES}/{name}",
        patient=context.patient_key,  # a keyed hash already, never the archive's identifier
        height=height,
        width=width,
        bits=8,
        view=context.view,
        laterality=context.laterality,
        density=context.density,
        mm_per_px=context.mm_per_px,
        lesions=lesions,
        extent="patch",
        split=context.split,
        origin=Origin(
            generator=generator,
            parent=context.image_key,
            mask_parent=lender.image_key,
            trained_on=trained_on,
            seed=patch.exchange.seed,
        ),
    )


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
