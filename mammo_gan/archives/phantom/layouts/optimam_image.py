"""One image of OPTIMAM: processed pixels as two digital devices give them, its header and the marks on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.layouts.optimam_nbss import LESION
from mammo_gan.archives.phantom.layouts.optimam_oddities import Oddities
from mammo_gan.archives.phantom.lesions import Finding
from mammo_gan.archives.phantom.mammogram import PhantomFilm
from mammo_gan.archives.phantom.patient import Patient
from mammo_gan.archives.records import Laterality, View

BITS = 12
_WHITE = 2**BITS - 1
_CONSPICUITY = ("Very_subtle", "Subtle", "Subtle", "Obvious", "Obvious")  # by subtlety, 1 to 5
_BORDERS: Mapping[str, str] = MappingProxyType(
    {"CIRCUMSCRIBED": "well_defined", "OBSCURED": "other", "SPICULATED": "spiculated", "ILL_DEFINED": "ill_defined"}
)


@dataclass(frozen=True, slots=True)
class Device:
    """A mammography unit; how it packs its images is this phantom's choice."""

    model: str
    kilovolts: int
    milliamperes: int
    lossless_jpeg: bool


_DEVICES = (Device("Lorad Selenia", 28, 100, False), Device("Selenia Dimensions", 30, 140, True))
_OTHER_CURRENT = 80  # mA


def device_of(number: int) -> Device:
    """The device that client `number` was imaged with."""
    return _DEVICES[(number - 1) % 2]


def processed(film: PhantomFilm) -> NDArray[np.uint16]:
    """(H, W) uint16 below 4096: tissue from 1 upwards, dense tissue bright, and 0 where no breast is.

    A processed digital image has its background taken off, while film shows it in the grain's dark grey.
    """
    return np.where(film.breast, np.maximum(film.intensity >> (16 - BITS), 1), 0).astype(np.uint16)


def header(
    client: str, patient: Patient, laterality: Laterality, view: View, grid: Grid, odd: Oddities
) -> dict[str, Any]:
    """What an image's header says besides its size and identifiers, by keyword."""
    device = device_of(patient.number)
    other_current = odd.other_current and device.model == "Lorad Selenia"
    return {
        "PatientName": f"PHANTOM^{patient.number:04d}",
        "PatientID": client,
        "PatientIdentityRemoved": "YES",
        "PatientSex": "F",
        "PatientAge": f"{patient.age:03d}Y",
        "StudyDate": "20000101",
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "Manufacturer": "HOLOGIC, Inc.",
        "ManufacturerModelName": device.model,
        "KVP": device.kilovolts,
        "XRayTubeCurrent": _OTHER_CURRENT if other_current else device.milliamperes,
        "BodyPartThickness": round(patient.thickness),
        "BodyPartExamined": "BREAST",
        "BreastImplantPresent": "NO",
        "EstimatedRadiographicMagnificationFactor": 1,
        "ImagerPixelSpacing": [f"{grid.mm_per_px:.10g}"] * 2,
        "ImageLaterality": laterality,
        "ViewPosition": view,
        "FieldOfViewHorizontalFlip": "NO",
        "PatientOrientation": _orientation(laterality, view),
        "PixelPaddingValue": 0,
        "WindowCenter": 2 ** (BITS - 1),
        "WindowWidth": 2**BITS,
        "VOILUTFunction": "LINEAR",
    }


def _orientation(laterality: Laterality, view: View) -> list[str]:
    """Where rows and columns lead: to the nipple or away from it; to the feet, or on a CC view to the other breast."""
    across = "A" if laterality == "L" else "P"
    return [across, "F" if view == "MLO" else "R" if laterality == "L" else "L"]


def mark(finding: Finding, lesion: NDArray[np.bool_], odd: Oddities) -> dict[str, Any]:
    """A radiologist's mark about `lesion`, (H, W) bool, both corners within it. Numbers are text, as in the archive."""
    rows, columns = np.flatnonzero(lesion.any(axis=1)), np.flatnonzero(lesion.any(axis=0))
    first, last = (rows[-1], rows[0]) if odd.upwards else (rows[0], rows[-1])
    words = finding.lesion_type.split()
    if finding.kind == "mass":
        seen: dict[str, Any] = {"Mass": 1, "MassClassification": _BORDERS[words[-1]]}
    elif finding.pathology == "malignant":
        seen = {"SuspiciousCalcifications": 1}
    else:
        seen = {"OtherBenignCluster": 1, "BenignClassification": "round_and_punctate"}
    return {
        "MarkID": 1,
        "LinkedNBSSLesionNumber": "UNLINKED" if odd.unlinked else LESION,
        "X1": str(columns[0]),
        "Y1": str(first),
        "X2": str(columns[-1]),
        "Y2": str(last),
        "Conspicuity": _CONSPICUITY[finding.subtlety - 1],
        **seen,
    }
