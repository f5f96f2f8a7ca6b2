"""A drawn archive: half-round breasts with lesions of known shape, made from the records alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, Mammogram, Pathology
from mammo_gan.imaging.outlines import disk_mask

HEIGHT, WIDTH = 240, 140
RADIUS = 110  # px, of the breast


def mammogram(patient: int, view: str, *pathologies: Pathology) -> Mammogram:
    """A mammogram with a round lesion for each pathology, below one another."""
    lesions = tuple(
        Lesion(
            number=number,
            kind="mass",
            pathology=pathology,
            box=Box(28, 55 + 60 * number, 45, 72 + 60 * number),
            has_mask=True,
        )
        for number, pathology in enumerate(pathologies)
    )
    return Mammogram(
        archive="drawn",
        source="disk",
        image=f"{patient:03d}/{view}.png",
        patient=f"patient-{patient}",
        height=HEIGHT,
        width=WIDTH,
        bits=16,
        view="CC" if view == "CC" else "MLO",
        laterality="L",
        density="B",
        mm_per_px=0.1,
        lesions=lesions,
    )


def archive(patients: int) -> list[Mammogram]:
    """Two views of each patient; a third of them malignant, a third benign, a third normal."""
    shown: list[tuple[Pathology, ...]] = [("malignant",), ("benign",), ()]
    return [mammogram(patient, view, *shown[patient % 3]) for patient in range(patients) for view in ("CC", "MLO")]


def breast(record: Mammogram) -> np.ndarray:
    return disk_mask(0, record.height // 2, RADIUS, record.height, record.width)


class Drawn(Reader):
    """Reads drawn mammograms: noise of its own for each, on a breast of middle grey, before black film."""

    name = "drawn"
    root_variable = "DRAWN_ROOT"
    layout = "nothing."
    source_of_data = "It is drawn."

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        yield from ()

    def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
        seed = int(hashlib.sha256(mammogram.image.encode()).hexdigest()[:8], 16)
        grain = np.random.default_rng(seed).integers(20_000, 40_000, (mammogram.height, mammogram.width))
        return np.where(breast(mammogram), grain, 0).astype(np.uint16)

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> np.ndarray:
        assert lesion.box is not None
        x, y = (lesion.box.x0 + lesion.box.x1 - 1) / 2, (lesion.box.y0 + lesion.box.y1 - 1) / 2
        return disk_mask(x, y, 8, mammogram.height, mammogram.width)
