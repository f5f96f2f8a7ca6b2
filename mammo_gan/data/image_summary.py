"""What came out of a preparation of whole images, in numbers that fit into JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.image_store import ImageStore

UNKNOWN = "unknown"
_LABELS = {1: "malignant", 0: "no malignant lesion", -1: UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSummary:
    """A store's counts: of images by split, label, view, laterality and density, `unknown` where it isn't known.

    `breast_mask_size` and `mm_per_px` (of the finest size) are the smallest and largest; `mm_per_px` is None where no
    image has one. `mm_per_px_unknown` counts images without one.
    """

    patients: int
    images: int
    images_by_split: Mapping[str, int]
    patients_by_split: Mapping[str, int]
    labels: Mapping[str, int]
    views: Mapping[str, int]
    lateralities: Mapping[str, int]
    densities: Mapping[str, int]
    mirrored: int
    breast_mask_size: tuple[float, float]
    mm_per_px: tuple[float, float] | None
    mm_per_px_unknown: int
    sizes: tuple[tuple[int, int], ...]
    bits: int

    def as_json(self) -> dict[str, Any]:
        """Nested dictionaries, lists, numbers and strings."""
        return asdict(self)


def summarise(store: ImageStore) -> ImageSummary:
    """Count a finished store."""
    splits, patients = store.column("split"), store.column("patient_key")
    spacings = np.asarray(store.column("mm_per_px"), dtype=np.float64)  # NaN where unknown
    known = spacings[~np.isnan(spacings)]
    breast = store.column("breast_mask_size")
    return ImageSummary(
        patients=len(set(patients)),
        images=len(store),
        images_by_split={split: int((splits == split).sum()) for split in SPLITS},
        patients_by_split={split: len(set(patients[splits == split])) for split in SPLITS},
        labels=_counted(_LABELS[label] for label in store.labels.tolist()),
        views=_named(store.column("view")),
        lateralities=_named(store.column("laterality")),
        densities=_named(store.column("density")),
        mirrored=int(store.column("mirror").sum()),
        breast_mask_size=(float(breast.min()), float(breast.max())),
        mm_per_px=(float(known.min()), float(known.max())) if known.size else None,
        mm_per_px_unknown=len(spacings) - len(known),
        sizes=store.sizes,
        bits=8 * store.dtype.itemsize,
    )


def _named(values: NDArray[Any]) -> dict[str, int]:
    return _counted(UNKNOWN if value is None else str(value) for value in values)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
