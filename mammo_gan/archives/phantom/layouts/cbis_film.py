"""What CBIS-DDSM holds of one film: its pixels, its lesions, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from mammo_gan.archives.cbis_tables import Collection
from mammo_gan.archives.phantom.layouts.cbis_oddities import Oddities
from mammo_gan.archives.phantom.layouts.dicom import uid
from mammo_gan.archives.phantom.layouts.layout import SIDES, Settings
from mammo_gan.archives.phantom.lesions import Finding, FindingKind, FindingPathology
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import Patient
from mammo_gan.archives.phantom.second_lesion import describe_second, draw_two
from mammo_gan.archives.records import View
from mammo_gan.imaging.optical_density import BITS, to_digits, to_intensity

_FIRST_NUMBER = 90_000  # beyond the archive's own patients, so that none of a phantom's is taken for one of them
_SMALLER = 0.87


@dataclass(frozen=True, slots=True)
class Drawn:
    """A lesion on one film: the set that it is in, its number there, and its mask, (H, W) bool at the film's size."""

    collection: Collection
    number: int
    finding: Finding
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Film:
    """A digitised film with all its lesions. intensity: (H, W) uint16."""

    seed: int
    patient: Patient
    view: View
    intensity: NDArray[np.uint16]
    lesions: tuple[Drawn, ...]

    @property
    def patient_name(self) -> str:
        return f"P_{_FIRST_NUMBER + self.patient.number:05d}"

    @property
    def side(self) -> str:
        return "" if self.patient.affected is None else SIDES[self.patient.affected]

    def folder(self, collection: Collection) -> str:
        """Of the whole film; a lesion's has the lesion's number behind it."""
        return f"{collection}_{self.patient_name}_{self.side}_{self.view}"

    def uid(self, *parts: str) -> UID:
        """An identifier of this film's own for each of its studies, series and images."""
        return uid("phantom of CBIS-DDSM", self.seed, *parts)


def draw(patient: Patient, view: View, odd: Oddities, settings: Settings) -> Film:
    """The film of the affected breast. CBIS-DDSM has no other."""
    finding, side = patient.finding, patient.affected
    if finding is None or side is None:
        raise ValueError("CBIS-DDSM has patients with lesions alone")
    own = _collection(finding.kind, odd.tests)
    second = _second(patient, finding, odd, settings.seed)
    both = None if second is None else draw_two(patient, second, view, settings.grid, settings.seed)
    masks: list[NDArray[np.bool_] | None]
    if second is not None and both is not None:
        intensity, masks = both.intensity, [both.first, both.second]
        collection = own if second.kind == finding.kind else _collection(second.kind, not odd.tests)
        placed = [(own, 1, finding), (collection, 2 if collection == own else 1, second)]
    else:
        alone = draw_film(patient, side, view, settings.grid, settings.seed)
        intensity, masks = alone.intensity, [alone.lesion]
        placed = [(own, 1, finding)]
    within = _odd_sides(intensity.shape) if odd.odd_bytes else (slice(None), slice(None))
    # The archive's films are the digits of DDSM's scanners, mapped to optical density in 16 bits.
    digits = to_digits(intensity[within], settings.scanner, BITS[settings.scanner])
    lesions = (Drawn(*place, mask[within]) for place, mask in zip(placed, masks, strict=True) if mask is not None)
    return Film(settings.seed, patient, view, to_intensity(digits, settings.scanner), tuple(lesions))


def crop(film: Film, lesion: Drawn) -> NDArray[np.uint16]:
    """(h, w) uint16: the film about a lesion, with a quarter of the lesion's extent on each side."""
    windows = []
    for axis, size in ((1, film.intensity.shape[0]), (0, film.intensity.shape[1])):
        covered = np.flatnonzero(lesion.mask.any(axis=axis))
        first, end = int(covered[0]), int(covered[-1]) + 1
        margin = max(4, (end - first) // 4)
        windows.append(slice(max(first - margin, 0), min(end + margin, size)))
    return film.intensity[windows[0], windows[1]]


def mask_file(lesion: Drawn, smaller: bool) -> NDArray[np.uint8]:
    """(h, w) uint8, 255 on the lesion: at the film's size, or `smaller` in nearly the film's proportion."""
    mask = 255 * lesion.mask.astype(np.uint8)
    if not smaller:
        return mask
    height, width = mask.shape
    rows = round(_SMALLER * height)
    resized = cv2.resize(mask, (round(rows * width / height), rows), interpolation=cv2.INTER_AREA)
    return np.where(resized > 0, 255, 0).astype(np.uint8)


def _second(patient: Patient, finding: Finding, odd: Oddities, seed: int) -> Finding | None:
    if odd.crosses:
        other: FindingKind = "calcification" if finding.kind == "mass" else "mass"
        return describe_second(patient, other, finding.pathology, seed)
    if odd.both_pathologies:
        pathology: FindingPathology = "benign" if finding.pathology == "malignant" else "malignant"
        return describe_second(patient, finding.kind, pathology, seed)
    return None


def _collection(kind: FindingKind, tests: bool) -> Collection:
    if kind == "mass":
        return "Mass-Test" if tests else "Mass-Training"
    return "Calc-Test" if tests else "Calc-Training"


def _odd_sides(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The film without its last row and column where their number is even."""
    return slice((shape[0] - 1) | 1), slice((shape[1] - 1) | 1)
