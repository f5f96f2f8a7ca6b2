"""What came out of a preparation of lesion patches, in numbers that fit into JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.image_store import ImageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSummary:
    """A store's counts of patches.

    `patches_by_split` counts `lesion` and `normal` patches of each split; `kinds` and `pathologies` those of a lesion,
    once for each lesion that a ready-made patch shows; `skipped` what gave no patch, by reason.
    """

    images: int
    patients: int
    patches: Mapping[str, int]
    patches_by_split: Mapping[str, Mapping[str, int]]
    patients_by_split: Mapping[str, int]
    kinds: Mapping[str, int]
    pathologies: Mapping[str, int]
    skipped: Mapping[str, int]
    size: int

    def as_json(self) -> dict[str, Any]:
        """Nested dictionaries, numbers and strings."""
        return asdict(self)


def summarise(store: ImageStore, skipped: Mapping[str, int]) -> LesionSummary:
    """Count a finished store."""
    splits, patients, shown = store.column("split"), store.column("patient_key"), store.column("lesions")
    is_lesion = np.fromiter((len(lesions) > 0 for lesions in shown), dtype=bool, count=len(shown))
    lesions = [lesion for lesions in shown[is_lesion] for lesion in lesions]
    return LesionSummary(
        images=len(set(store.column("image_key"))),
        patients=len(set(patients)),
        patches={"lesion": int(is_lesion.sum()), "normal": int((~is_lesion).sum())},
        patches_by_split={
            split: {
                "lesion": int((is_lesion & (splits == split)).sum()),
                "normal": int((~is_lesion & (splits == split)).sum()),
            }
            for split in SPLITS
        },
        patients_by_split={split: len(set(patients[splits == split])) for split in SPLITS},
        kinds=dict(sorted(Counter(lesion["kind"] for lesion in lesions).items())),
        pathologies=dict(sorted(Counter(lesion["pathology"] for lesion in lesions).items())),
        skipped=dict(sorted(skipped.items())),
        size=store.sizes[0][0],
    )
