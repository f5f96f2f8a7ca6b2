"""Rules about an image's lesions. An image without any keeps each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from mammo_gan.archives.records import LesionKind, Mammogram, Pathology
from mammo_gan.archives.rules.names import check_names
from mammo_gan.archives.selection import Rule


@dataclass(frozen=True)
class OfKinds(Rule):
    """Every lesion is of one of these kinds.

    An image with a lesion of another kind goes altogether: left in, that lesion would have to pass for healthy tissue.
    """

    kinds: Collection[LesionKind]

    def __post_init__(self) -> None:
        check_names("kinds", self.kinds, get_args(LesionKind))

    def keeps(self, record: Mammogram) -> bool:
        return all(lesion.kind in self.kinds for lesion in record.lesions)

    def __str__(self) -> str:
        return f"shows only {', '.join(self.kinds)}"


@dataclass(frozen=True)
class Showing(Rule):
    """At least one lesion, if there is any, is of such a kind and such a pathology; others may lie beside it.

    A lesion of unknown pathology is none of them, unless `unknown` is listed.
    """

    kinds: Collection[LesionKind]
    pathologies: Collection[Pathology]

    def __post_init__(self) -> None:
        check_names("kinds", self.kinds, get_args(LesionKind))
        check_names("pathologies", self.pathologies, get_args(Pathology))

    def keeps(self, record: Mammogram) -> bool:
        return not record.lesions or any(
            lesion.kind in self.kinds and lesion.pathology in self.pathologies for lesion in record.lesions
        )

    def knows(self, record: Mammogram) -> bool:
        return self.keeps(record) or all(
            lesion.kind not in self.kinds or lesion.pathology != "unknown" for lesion in record.lesions
        )

    def __str__(self) -> str:
        wanted = f"{' or '.join(self.pathologies)} {' or '.join(self.kinds)}"
        unknown = "" if "unknown" in self.pathologies else " (of unknown pathology: left out)"
        return f"shows a {wanted}{unknown}, or no lesion"


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
