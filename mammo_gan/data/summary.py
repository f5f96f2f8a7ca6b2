"""What came out of a preparation, in numbers that fit into JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.lenders import LABEL_OF, Content
from mammo_gan.data.plan import Quota, Survey
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


def summarise(
    records: Sequence[Mammogram],
    splits: Sequence[SplitName],
    surveys: Sequence[Survey],
    quotas: Sequence[Quota],
    rows: Sequence[PatchRow],
) -> PreparationSummary:
    """Count a finished preparation.

    Args:
        splits, surveys: of each record.
        rows: of the patches written.
    """
    by_split = Counter(splits)
    contents = tuple(
        ContentCount(
            split=quota.split,
            content=quota.content,
            asked=quota.asked,
            patches=quota.given,
            positions=quota.positions,
            repeated=max(0, quota.given - quota.positions),
        )
        for quota in quotas
        if by_split[quota.split]
    )
    classes = _classes(contents, rows)
    spacings = [row.mm_per_px for row in rows if row.mm_per_px is not None]
    return PreparationSummary(
        patients=len({record.patient for record in records}),
        images=len(records),
        images_by_split={split: by_split[split] for split in SPLITS},
        images_without_patches=len(records) - len({row.image_key for row in rows}),
        classes=classes,
        contents=contents,
        skipped_lesions=dict(sum((Counter(survey.skipped) for survey in surveys), Counter[str]())),
        mm_per_px=(min(spacings), max(spacings)) if spacings else None,
        warnings=_warnings(classes, contents),
    )


def _classes(contents: Sequence[ContentCount], rows: Sequence[PatchRow]) -> tuple[ClassCount, ...]:
    members: dict[tuple[SplitName, int], list[PatchRow]] = {}
    for row in rows:
        members.setdefault((row.split, row.label), []).append(row)
    asked = Counter[tuple[SplitName, int]]()
    for content in contents:
        asked[content.split, LABEL_OF[content.content]] += content.asked
    return tuple(
        ClassCount(
            split=split,
            label=LABELS[label],
            patients=len({row.patient_key for row in members.get((split, label), [])}),
            images=len({row.image_key for row in members.get((split, label), [])}),
            asked=number,
            patches=len(members.get((split, label), [])),
        )
        for (split, label), number in asked.items()
    )


def _warnings(classes: Sequence[ClassCount], contents: Sequence[ContentCount]) -> tuple[str, ...]:
    short = [
        f"{count.split}: {count.patches:,} {count.label} patches instead of {count.asked:,}: no image of this split "
        "shows a place for one"
        for count in classes
        if count.patches < count.asked
    ]
    repeated = [
        f"{count.split}: {count.repeated:,} of {count.patches:,} {count.content} patches lie where another one lies: "
        f"there are {count.positions:,} different positions"
        for count in contents
        if count.repeated
    ]
    shifted = [
        f"{count.split}: {count.patches:,} {count.content} patches instead of {count.asked:,}, "
        "made up for by the rest of the non-malignant class"
        for count in contents
        if count.content == "benign" and count.patches < count.asked
    ]
    return (*short, *repeated, *shifted)
