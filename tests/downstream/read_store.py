"""Mammograms whose view and density show: an MLO view has a bright corner, and a denser breast is brighter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mammo_gan.archives.records import SplitName
from mammo_gan.data.attributes import Attributes
from mammo_gan.data.image_store import ImageStore, array_name, write_rows
from mammo_gan.data.pyramid import pyramid
from mammo_gan.stages.prepare import PREPARATION
from tests.stages.mammograms import ROW

SIZES = ((40, 32), (20, 16), (10, 8), (5, 4))
SCHEMA = {
    "_target_": "mammo_gan.data.attributes.Attributes",
    "categorical": {"view": ["CC", "MLO"], "density": ["A", "B", "C"]},
    "continuous": ["breast_mask_size"],
}


def attributes() -> Attributes:
    return Attributes({"view": ["CC", "MLO"], "density": ["A", "B", "C"]}, ["breast_mask_size"])


def drawn(view: str | None, density: str | None, rng: np.random.Generator) -> np.ndarray:
    """(40, 32) uint8; what isn't known is drawn by lot."""
    view = view or str(rng.choice(["CC", "MLO"]))
    level = 70 + 40 * "ABC".index(density or str(rng.choice(list("ABC"))))
    image = rng.normal(level, 12, SIZES[0])
    if view == "MLO":
        rows, columns = np.indices(SIZES[0])
        image[rows + columns < 14] += 60
    return np.asarray(np.clip(image, 0, 255), dtype=np.uint8)


def write_store(folder: Path, patients: int = 40, seed: int = 0, shuffled: bool = False) -> ImageStore:
    """Three images a patient, of which some densities aren't known; a quarter of the patients validates.

    Args:
        shuffled: images show something else than their rows say.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows, pyramids = [], []
    for patient in range(patients):
        split: SplitName = "val" if patient % 4 == 3 else "train"
        density = [*"ABC", None][rng.integers(4)]
        for number, view in enumerate(rng.choice(["CC", "MLO"], 3).tolist()):
            said: dict[str, Any] = {"view": view, "density": density}
            keys = {"image_key": f"i{patient}-{number}", "patient_key": f"p{patient}", "split": split}
            rows.append(replace(ROW, **said, **keys))  # type: ignore[arg-type]
            shown = {"view": None, "density": None} if shuffled else said
            pyramids.append(pyramid(drawn(**shown, rng=rng), SIZES))
    for place, size in enumerate(SIZES):
        np.save(folder / array_name(size), np.stack([levels[place] for levels in pyramids]))
    write_rows(folder, SIZES, [row.as_json() for row in rows])
    (folder / PREPARATION).write_text(json.dumps({"archive": "optimam"}))
    return ImageStore.open(folder)
