"""Counts of images, patients and lesions, and a paper's own counts to compare them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError

COUNTED = {
    "images": "images",
    "lesion_images": "images with a lesion",
    "lesion_free_images": "images without a lesion",
    "malignant_images": "images with a malignant lesion",
    "other_images": "images without a malignant lesion",
    "patients": "patients",
    "lesions": "lesions",
}
"""What can be counted, as a configuration names it and as a table does."""

PATCHES = {"lesion": "patches of a lesion", "normal": "patches of normal tissue"}


def count(records: Sequence[Mammogram]) -> dict[str, int]:
    """Each of `COUNTED`. Patients of two archives with one identifier are two patients."""
    with_lesion = sum(bool(record.lesions) for record in records)
    malignant = sum(any(lesion.pathology == "malignant" for lesion in record.lesions) for record in records)
    return {
        "images": len(records),
        "lesion_images": with_lesion,
        "lesion_free_images": len(records) - with_lesion,
        "malignant_images": malignant,
        "other_images": len(records) - malignant,
        "patients": len({(record.archive, record.patient) for record in records}),
        "lesions": sum(len(record.lesions) for record in records),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a paper counted.

    Args:
        where: the paper and its section.
        archive: counts of the archive before any rule, by the names of `COUNTED`.
        selected: counts of what was left.
        patches: counts of patches, by the names of `PATCHES`.
        note: what the numbers alone don't say.
    """

    where: str
    archive: Mapping[str, int] = field(default_factory=dict)
    selected: Mapping[str, int] = field(default_factory=dict)
    patches: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for part, named, known in (
            ("archive", self.archive, COUNTED),
            ("selected", self.selected, COUNTED),
            ("patches", self.patches, PATCHES),
        ):
            unknown = [name for name in named if name not in known]
            if unknown:
                raise UserError(
                    f"selection.paper.{part}: expected some of {', '.join(known)}, found {', '.join(unknown)}"
                )

    def beside(
        self, archive: Sequence[Mammogram], selected: Sequence[Mammogram], patches: Mapping[str, int] | None = None
    ) -> list[tuple[str, int, int]]:
        """(what was counted, the paper's count, the count here) for every count of the paper that can be compared.

        Args:
            archive: all records of the archive.
            selected: those that the selection kept.
            patches: counts by the names of `PATCHES`, once patches have been cut.
        """
        before, after, cut = count(archive), count(selected), patches or {}
        rows = [(f"{COUNTED[name]} in the archive", number, before[name]) for name, number in self.archive.items()]
        rows += [(COUNTED[name], number, after[name]) for name, number in self.selected.items()]
        rows += [(PATCHES[name], number, cut[name]) for name, number in self.patches.items() if name in cut]
        return rows
