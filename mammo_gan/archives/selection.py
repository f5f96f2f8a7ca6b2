"""Which images of an archive an experiment uses: rules applied one after the other, and what each of them removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import get_args

from mammo_gan.archives.records import Extent, LesionKind, Mammogram, View
from mammo_gan.errors import UserError


class Rule(ABC):
    """A condition on one image; its text, as str(), names it in the table of removals."""

    @abstractmethod
    def keeps(self, record: Mammogram) -> bool:
        """Whether the image may be used."""


@dataclass(frozen=True)
class OfKinds(Rule):
    """Every lesion is of one of these kinds.

    An image with a lesion of another kind goes altogether: left in, that lesion would have to pass for healthy tissue.
    """

    kinds: Collection[LesionKind]

    def __post_init__(self) -> None:
        _check_names("kinds", self.kinds, get_args(LesionKind))

    def keeps(self, record: Mammogram) -> bool:
        return all(lesion.kind in self.kinds for lesion in record.lesions)

    def __str__(self) -> str:
        return f"shows only {', '.join(self.kinds)}"


@dataclass(frozen=True)
class InViews(Rule):
    """Taken in one of these views; an image of unknown view goes."""

    views: Collection[View]

    def __post_init__(self) -> None:
        _check_names("views", self.views, get_args(View))

    def keeps(self, record: Mammogram) -> bool:
        return record.view in self.views

    def __str__(self) -> str:
        return f"view is {' or '.join(self.views)}"


@dataclass(frozen=True)
class OfExtents(Rule):
    """A whole mammogram or a cut-out patch, as named."""

    extents: Collection[Extent]

    def __post_init__(self) -> None:
        _check_names("extents", self.extents, get_args(Extent))

    def keeps(self, record: Mammogram) -> bool:
        return record.extent in self.extents

    def __str__(self) -> str:
        return f"extent is {' or '.join(self.extents)}"


@dataclass(frozen=True)
class PathologyKnown(Rule):
    """Every lesion is known to be malignant or benign."""

    def keeps(self, record: Mammogram) -> bool:
        return all(lesion.pathology != "unknown" for lesion in record.lesions)

    def __str__(self) -> str:
        return "pathology of every lesion is known"


@dataclass(frozen=True)
class LesionsLocated(Rule):
    """Every lesion has a mask or at least a box, so that the rest of the image is known to be free of lesions."""

    def keeps(self, record: Mammogram) -> bool:
        return all(lesion.has_mask or lesion.box is not None for lesion in record.lesions)

    def __str__(self) -> str:
        return "position of every lesion is known"


@dataclass(frozen=True)
class LesionsMasked(Rule):
    """Every lesion has a mask."""

    def keeps(self, record: Mammogram) -> bool:
        return all(lesion.has_mask for lesion in record.lesions)

    def __str__(self) -> str:
        return "every lesion has a mask"


class Selection:
    """Rules in the order in which they are applied; an image is counted at the first that it breaks."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def apply(self, records: Sequence[Mammogram]) -> tuple[list[Mammogram], list[tuple[str, int]]]:
        """The images that keep every rule, in their order, and (rule, images removed by it) for each rule.

        Raises:
            UserError: no image is left.
        """
        kept, removals = list(records), []
        for rule in self.rules:
            before = len(kept)
            kept = [record for record in kept if rule.keeps(record)]
            removals.append((str(rule), before - len(kept)))
        if not kept:
            removed = "; ".join(f"{rule}: {count}" for rule, count in removals if count)
            raise UserError(
                f"selection: none of the archive's {len(records)} images is left. Removed by each rule: "
                f"{removed or 'nothing'}. Check the archive, or loosen these rules"
            )
        return kept, removals


def _check_names(field: str, names: Collection[str], known: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UserError(
            f"selection: {field}: expected some of {', '.join(known)}, found {', '.join(unknown) or 'none'}"
        )
