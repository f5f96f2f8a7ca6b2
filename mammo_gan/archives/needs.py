"""What an experiment needs of an archive, and the refusal of one that hasn't got it, by name and with counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mammo_gan.archives.records import Extent, Lesion, LesionKind, Mammogram, Pathology, View
from mammo_gan.errors import UserError

Outlines = Literal["mask", "mask or box"]
KNOWN = ("view", "laterality", "density", "age", "mm_per_px", "acquisition")
"""What may be asked for of each image, by its name in the records."""

# Which archives publish what. A manifest holds what its table's columns say.
_PUBLISHED: Mapping[str, str] = {
    "lesions": "ddsm, cbis, inbreast, mias, optimam, and manifest with the columns label or mask",
    "mask": "ddsm, cbis, inbreast, mias (circles), and manifest with the column mask",
    "mask or box": "ddsm, cbis, inbreast, mias (circles), optimam (boxes), and manifest with mask, x0, y0, x1, y1, or "
    "ready-made patches (extent patch)",
    "pathology": "ddsm, cbis, inbreast (archive.reader.malignant_from), mias, optimam, and manifest with column label",
    "lesion_free": "ddsm, inbreast, mias, optimam, and manifest with rows of label normal",
    "view": "ddsm, cbis, inbreast, optimam, mias (MLO alone), and manifest with the column view",
    "laterality": "ddsm, cbis, inbreast, mias, optimam, and manifest with the column laterality",
    "density": "ddsm, cbis, inbreast, and manifest with the column density",
    "age": "ddsm, optimam",
    "mm_per_px": "ddsm, inbreast, mias, optimam, and manifest with the column mm_per_px",
    "acquisition": "inbreast, optimam",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What there must be at least once, or an experiment has nothing to train on.

    Which of the images are used is decided by its selection. This is about what no selection can make up for.

    Args:
        lesions: kinds of lesions of which at least one is wanted; none: lesions aren't needed.
        pathologies: there must be such a lesion of each of these.
        outlines: how such a lesion must be located, if it must. A ready-made patch of a lesion is as good as its box.
        lesion_free: whether there must be images known to be free of lesions.
        views: there must be an image of each of these.
        known: of `KNOWN`; there must be an image of which each of these is known.

    Raises:
        UserError: a name that isn't among those that records have, or a condition on lesions where none are wanted.
    """

    lesions: Collection[LesionKind] = ()
    pathologies: Collection[Pathology] = ()
    outlines: Outlines | None = None
    lesion_free: bool = False
    views: Collection[View] = ()
    known: Collection[str] = ()

    def __post_init__(self) -> None:
        outlines = () if self.outlines is None else (self.outlines,)
        for field, names, choices in (
            ("lesions", self.lesions, get_args(LesionKind)),
            ("pathologies", self.pathologies, ("malignant", "benign")),
            ("outlines", outlines, get_args(Outlines)),
            ("views", self.views, get_args(View)),
            ("known", self.known, KNOWN),
        ):
            unknown = names if isinstance(names, str) else ", ".join(str(name) for name in names if name not in choices)
            if unknown:
                raise UserError(f"needs.{field}: expected a list of some of {', '.join(choices)}, found {unknown}")
        if not self.lesions and (self.pathologies or self.outlines):
            raise UserError("needs.lesions: expected the kinds that pathologies and outlines are asked of, found none")


@dataclass(frozen=True, slots=True)
class Lack:
    """One need that isn't met: what was counted, and which of `_PUBLISHED` tells who has it."""

    counted: str
    published: str


def lacks(records: Sequence[Mammogram], needs: Needs) -> list[Lack]:
    """Every need that the images don't meet."""
    return [*_of_lesions(records, needs), *_of_images(records, needs)]


def check(records: Sequence[Mammogram], needs: Needs, experiment: str, images: str = "images") -> None:
    """Refuses an archive that lacks what an experiment needs.

    Args:
        records: all images of the archive, or those that a selection has left.
        experiment: its name.
        images: what `records` are, as "images left by the selection".

    Raises:
        UserError: what is lacking, with counts, and the archives that have it.
    """
    found = lacks(records, needs)
    if not found:
        return
    archive = ", ".join(sorted({record.archive for record in records})) or "of no image"
    counted = "; ".join(lack.counted for lack in found)
    names = dict.fromkeys(lack.published for lack in found)
    published = "; for ".join(f"{name.replace('_', ' ')}: {_PUBLISHED[name]}" for name in names)
    raise UserError(
        f"experiment={experiment} can't run on archive={archive}: of {len(records)} {images} {counted}. Archives that "
        f"publish it are, for {published}. Choose one with archive=NAME, or an experiment that needs less"
    )


def _of_lesions(records: Sequence[Mammogram], needs: Needs) -> Iterator[Lack]:
    if not needs.lesions:
        return
    kinds = " or ".join(needs.lesions)
    shown = [(lesion, record.extent) for record in records for lesion in record.lesions]
    lesions = [(lesion, extent) for lesion, extent in shown if lesion.kind in needs.lesions]
    if not lesions:
        yield Lack(f"none shows a lesion of kind {kinds}", "lesions")
        return
    for pathology in needs.pathologies or (None,):
        such = [(lesion, extent) for lesion, extent in lesions if pathology in (None, lesion.pathology)]
        name = f"{len(lesions)} lesions of kind {kinds}"
        if not such:
            unknown = sum(lesion.pathology == "unknown" for lesion, _ in lesions)
            yield Lack(f"show {name}, of which 0 are {pathology} (of {unknown} it isn't known)", "pathology")
        elif needs.outlines is not None and not any(_located(*one, needs.outlines) for one in such):
            which = f"{len(such)} {pathology} ones" if pathology is not None else "these"
            yield Lack(f"show {name}, and 0 of {which} have an outline (a {needs.outlines})", needs.outlines)


def _located(lesion: Lesion, extent: Extent, outlines: Outlines) -> bool:
    return lesion.has_mask or (outlines == "mask or box" and (lesion.box is not None or extent == "patch"))


def _of_images(records: Sequence[Mammogram], needs: Needs) -> Iterator[Lack]:
    if needs.lesion_free and all(record.lesions for record in records):
        yield Lack("0 are known to be free of lesions", "lesion_free")
    for view in needs.views:
        if not any(record.view == view for record in records):
            yield Lack(f"0 are {view} views", "view")
    for name in needs.known:
        if all(getattr(record, name) is None for record in records):
            yield Lack(f"0 have a known {name}", name)
