"""What came out of a preparation, in numbers that fit into JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.lenders import Content
from mammo_gan.data.store import PatchRow

LABELS = {NON_MALIGNANT: "non-malignant", MALIGNANT: "malignant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """Patches of one class in one split; `patients` and `images` are those that they were cut from."""

    split: SplitName
    label: str
    patients: int
    images: int
    asked: int
    patches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCount:
    """Patches of one content in one split. `positions` are the different ones that there were to choose from."""

    split: SplitName
    content: Content
    asked: int
    patches: int
    positions: int
    repeated: int  # patches at a position that had been used before


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationSummary:
    """A preparation's counts. `skipped_lesions` counts lesions that lent no patch, by reason; `mm_per_px` is the
    smallest and largest pixel spacing of the patches, None where no image has one.
    """

    patients: int
    images: int
    images_by_split: Mapping[str, int]
    images_without_patches: int
    classes: tuple[ClassCount, ...]
    contents: tuple[ContentCount, ...]
    skipped_lesions: Mapping[str, int]
    mm_per_px: tuple[float, float] | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Nested dictionaries, lists, numbers and strings."""
        return asdict(self)


def count_classes(
    rows: Sequence[PatchRow], asked: Mapping[tuple[SplitName, int], int]
) -> tuple[ClassCount, ...]:
    """One count for each split and label of `asked`."""
    counts = []
    for (split, label), number in asked.items():
        those = [row for row in rows if row.split == split and row.label == label]
        counts.append(
            ClassCount(
                split=split,
                label=LABELS[label],
                patients=len({row.patient_key for row in those}),
                images=len({row.image_key for row in those}),
                asked=number,
                patches=len(those),
            )
        )
    return tuple(counts)


def spacing_range(rows: Sequence[PatchRow]) -> tuple[float, float] | None:
    """Smallest and largest mm per px of the patches; None where none is known."""
    known = [row.mm_per_px for row in rows if row.mm_per_px is not None]
    return (min(known), max(known)) if known else None
