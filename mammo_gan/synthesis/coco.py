"""Boxes and masks of synthetic mammograms as COCO's JSON, which detectors are trained from.

The format is that of Lin et al., "Microsoft COCO: Common Objects in Context" (2014), and of its reader, pycocotools.
Masks stand there as run lengths in plain numbers rather than as polygons, which would cut their pixels off, or as
packed text, which needs pycocotools to write: every reader of COCO that takes masks takes these.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.files import write_text
from mammo_gan.synthesis.annotation import Annotated, AnnotatedLesion

ANNOTATIONS = "annotations.json"
DESCRIPTION = (
    "Synthetic mammograms: all or part of each image was drawn by a generative network. They show no patient and are "
    "not for diagnosis."
)


class CocoWriter:
    """Writes annotations.json, whole, when the set is finished.

    Beside what COCO asks for, an image has the fields `view`, `laterality`, `mm_per_px` and `origin`, the generator's
    sha256, the parent's key and the seed, which readers pass by. A lesion without a mask has no `segmentation`; its
    `area` is the box's.

    Args:
        labels: the classes that lesions may have; their categories are numbered from 1 in this order, so that sets
            written with the same labels can be put together.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.categories = {label: number for number, label in enumerate(labels, start=1)}
        if not labels or len(self.categories) < len(labels):
            raise ValueError(f"expected one or more labels, each once, got {list(labels)}")

    def begin(self, folder: Path) -> None:
        self._path = folder / ANNOTATIONS
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, image: str, annotated: Annotated) -> None:
        """Raises ValueError for a lesion whose label isn't among the categories."""
        height, width = annotated.image.shape
        number = len(self._images) + 1
        self._images.append(
            {
                "id": number,
                "file_name": image,
                "height": height,
                "width": width,
                "view": annotated.view,
                "laterality": annotated.laterality,
                "mm_per_px": annotated.mm_per_px,
                "origin": {"generator": annotated.generator, "parent": annotated.parent, "seed": annotated.seed},
            }
        )
        for lesion in annotated.lesions:
            # From 1: pycocotools takes a match with annotation 0 for none.
            self._annotations.append({"id": len(self._annotations) + 1, "image_id": number, **self._described(lesion)})

    def finish(self) -> None:
        content = {
            "info": {"description": DESCRIPTION, "synthetic": True},
            "licenses": [],
            "images": self._images,
            "annotations": self._annotations,
            "categories": [
                {"id": number, "name": label, "supercategory": "lesion"} for label, number in self.categories.items()
            ],
        }
        write_text(self._path, json.dumps(content, allow_nan=False) + "\n")

    def _described(self, lesion: AnnotatedLesion) -> dict[str, Any]:
        box, mask = lesion.box, lesion.mask
        if lesion.label not in self.categories:
            raise ValueError(f"{lesion.label!r} is none of the categories {', '.join(self.categories)}")
        described: dict[str, Any] = {
            "category_id": self.categories[lesion.label],
            "bbox": [box.x0, box.y0, box.width, box.height],
            "area": box.width * box.height if mask is None else int(np.count_nonzero(mask)),
            "iscrowd": 0,
        }
        if mask is not None:
            described["segmentation"] = {"size": list(mask.shape), "counts": run_lengths(mask)}
        return described


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """(H, W) bool -> lengths of runs down the columns, left to right, outside and inside by turns.

    The first run is outside; it has length 0 where the mask holds its first pixel.
    """
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff(changes, prepend=0, append=pixels.size).tolist()
    return [0, *runs] if pixels[0] else list(runs)
