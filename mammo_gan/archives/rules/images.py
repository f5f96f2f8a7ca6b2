"""Rules about an image as a whole: its view, its extent, what hides its tissue, what is known of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from mammo_gan.archives.records import Extent, Mammogram, Shown, View
from mammo_gan.archives.rules.names import check_names
from mammo_gan.archives.selection import Rule

ATTRIBUTES = ("view", "laterality", "density", "age", "mm_per_px")


@dataclass(frozen=True)
class InViews(Rule):
    """Taken in one of these views; an image of unknown view goes."""

    views: Collection[View]

    def __post_init__(self) -> None:
        check_names("views", self.views, get_args(View))

    def keeps(self, record: Mammogram) -> bool:
        return record.view in self.views

    def knows(self, record: Mammogram) -> bool:
        return record.view is not None

    def __str__(self) -> str:
        return f"view is {' or '.join(self.views)} (unknown: left out)"


@dataclass(frozen=True)
class OfExtents(Rule):
    """A whole mammogram or a cut-out patch, as named."""

    extents: Collection[Extent]

    def __post_init__(self) -> None:
        check_names("extents", self.extents, get_args(Extent))

    def keeps(self, record: Mammogram) -> bool:
        return record.extent in self.extents

    def __str__(self) -> str:
        return f"extent is {' or '.join(self.extents)}"


@dataclass(frozen=True)
class FreeOf(Rule):
    """Nothing of the kind hides tissue.

    Args:
        things: implant, clip, foreign body.
        keep_unknown: whether an image stays where the archive doesn't say what it shows. Most archives say it of no
            image at all.
    """

    things: Collection[Shown]
    keep_unknown: bool = False

    def __post_init__(self) -> None:
        check_names("things", self.things, get_args(Shown))

    def keeps(self, record: Mammogram) -> bool:
        if record.shows is None:
            return self.keep_unknown
        return not any(thing in self.things for thing in record.shows)

    def knows(self, record: Mammogram) -> bool:
        return record.shows is not None

    def __str__(self) -> str:
        return f"shows no {' or '.join(self.things)} (unknown: {'kept' if self.keep_unknown else 'left out'})"


@dataclass(frozen=True)
class AttributesKnown(Rule):
    """The archive gives each of these, as a training needs that conditions on them and has no way to do without."""

    attributes: Collection[str]

    def __post_init__(self) -> None:
        check_names("attributes", self.attributes, ATTRIBUTES)

    def keeps(self, record: Mammogram) -> bool:
        return all(getattr(record, attribute) is not None for attribute in self.attributes)

    def __str__(self) -> str:
        return f"known: {', '.join(self.attributes)}"
