"""What is odd about images that can be read: worth a look by whoever owns them, no reason to leave them out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mammo_gan.archives.readings import Reading
from mammo_gan.archives.records import Mammogram

DENSITIES = "ABCD"
# What a reader has mended of a lesion's mask and says in the lesion's description.
RESAMPLED = "mask resampled to the film's size"
SWAPPED = "mask and crop are swapped in name"
_MENDED = {"mask of another size": RESAMPLED, "mask and crop swapped": SWAPPED}


@dataclass(frozen=True, slots=True)
class Remark:
    """One oddity of one image."""

    file: str  # posix, relative to the archive's root
    oddity: str
    found: str


def find(records: Sequence[Mammogram], readings: Mapping[str, Reading]) -> list[Remark]:
    """All remarks, by kind and then in the records' order. `readings` are those of the same images, by image."""
    return [
        *_duplicates(records, readings),
        *_outside(records, readings),
        *_mended(records),
        *_views(records),
        *_densities(records),
    ]


def _duplicates(records: Sequence[Mammogram], readings: Mapping[str, Reading]) -> Iterator[Remark]:
    """The same pixels under two names: one of the two has another image's description."""
    first: dict[str, Mammogram] = {}
    for record in records:
        pixels = readings[record.image].pixels
        other = first.setdefault(pixels, record)
        if other is not record:
            whose = "the same patient" if other.patient == record.patient else "another patient"
            yield Remark(record.image, "duplicate pixels", f"the pixels of {other.image}, of {whose}")


def _outside(records: Sequence[Mammogram], readings: Mapping[str, Reading]) -> Iterator[Remark]:
    for record in records:
        for number in readings[record.image].outside:
            yield Remark(record.image, "lesion outside its breast", f"lesion {number} covers no pixel of the breast")


def _mended(records: Sequence[Mammogram]) -> Iterator[Remark]:
    for record in records:
        for lesion in record.lesions:
            said = lesion.description.split("; ")
            for oddity, mended in _MENDED.items():
                if mended in said:
                    yield Remark(record.image, oddity, f"lesion {lesion.number}: {mended}")


def _views(records: Sequence[Mammogram]) -> Iterator[Remark]:
    """A breast with one of its two views, in an archive that has both."""
    breasts: dict[tuple[str, str | None, str], dict[str, Mammogram]] = defaultdict(dict)
    for record in records:
        if record.view is not None and record.laterality is not None and record.extent == "mammogram":
            breasts[record.patient, record.study, record.laterality].setdefault(record.view, record)
    if len({view for views in breasts.values() for view in views}) < 2:
        return
    for views in breasts.values():
        if len(views) == 1:
            (view, record), missing = next(iter(views.items())), {"CC": "MLO", "MLO": "CC"}
            yield Remark(record.image, "missing view", f"{view} without the {missing[view]} of the same breast")


def _densities(records: Sequence[Mammogram]) -> Iterator[Remark]:
    """Two categories or more between images of one visit."""
    visits: dict[tuple[str, str | None], list[Mammogram]] = defaultdict(list)
    for record in records:
        if record.density is not None:
            visits[record.patient, record.study].append(record)
    for images in visits.values():
        found = sorted({str(image.density) for image in images})
        if DENSITIES.index(found[-1]) - DENSITIES.index(found[0]) > 1:
            yield Remark(images[0].image, "implausible density", f"{' and '.join(found)} in images of one visit")
