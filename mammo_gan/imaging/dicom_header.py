"""What a DICOM mammogram's header says of the image, read in one pass and without its pixels.

Tags are those of PS3.3 A.26 (Digital Mammography X-Ray Image). What readers don't need is skipped unread, so that a
folder of thousands is surveyed in seconds.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
)

from mammo_gan.imaging.dicom_file import open_dicom

_READ = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "NumberOfFrames", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "PatientID"),
    *("PatientAge", "SeriesDescription", "ViewPosition", "ViewCodeSequence", "ImageLaterality", "Laterality"),
    *("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing", "Manufacturer", "ManufacturerModelName"),
    *("XRayTubeCurrent", "XRayTubeCurrentInuA", "EstimatedRadiographicMagnificationFactor"),
    *("PresentationIntentType", "BreastImplantPresent"),
)
# CID 4014, by SNOMED CT and by the older SNOMED RT that most archives hold.
_VIEW_CODES: dict[str, Literal["CC", "MLO"]] = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
}
_SQUARE = 1e-3  # pixels whose sides differ by less, relatively, have one mm_per_px


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """Plain values of one file; unknown is None. The identifiers never leave the index, nor the `repr`.

    Args:
        height, width: px.
        bits: of what `read_dicom` gives, always 16; `bits_stored` is the file's own depth.
        view: CC or MLO; `view_position` is the file's own word, which can be another view (ML, XCCL).
        mm_per_px: at the detector (ImagerPixelSpacing), not divided by the magnification; else what the file gives of
            a calibration (PixelSpacing) or of a film's scanner. None where pixels aren't square.
        tube_current: mA.
        magnification: of the breast on the detector, about 1.0 to 1.1, more for magnification views.
    """

    height: int
    width: int
    bits: int = 16
    bits_stored: int
    view: Literal["CC", "MLO"] | None = None
    view_position: str | None = None
    laterality: Literal["L", "R"] | None = None
    mm_per_px: float | None = None
    manufacturer: str | None = None
    model: str | None = None
    tube_current: float | None = None
    magnification: float | None = None
    for_presentation: bool | None = None
    implant: bool | None = None
    age: int | None = None
    series_description: str | None = None
    patient: str | None = field(default=None, repr=False)
    study: str | None = field(default=None, repr=False)
    instance: str | None = field(default=None, repr=False)  # SOPInstanceUID, which other files point to


@disable_value_validation()  # its warnings would print values, a patient's among them
def read_header(path: Path) -> DicomHeader:
    """The header's values; a field that can't be understood counts as unknown unless the pixels depend on it.

    Raises:
        UserError: no DICOM file, no image, in colour, or of several frames (tomosynthesis).
    """
    dataset = open_dicom(path, stop_before_pixels=True, only=_READ)
    view_position = _text(dataset, "ViewPosition")
    laterality = _text(dataset, "ImageLaterality") or _text(dataset, "Laterality")
    microamperes = _number(dataset, "XRayTubeCurrentInuA")
    return DicomHeader(
        height=int(dataset.Rows),
        width=int(dataset.Columns),
        bits_stored=int(dataset.BitsStored),
        view=_view(dataset, view_position),
        view_position=view_position,
        laterality="L" if laterality == "L" else "R" if laterality == "R" else None,
        mm_per_px=_spacing(dataset),
        manufacturer=_text(dataset, "Manufacturer"),
        model=_text(dataset, "ManufacturerModelName"),
        tube_current=microamperes / 1000 if microamperes else _number(dataset, "XRayTubeCurrent"),
        magnification=_number(dataset, "EstimatedRadiographicMagnificationFactor"),
        for_presentation=_for_presentation(dataset),
        implant={"YES": True, "NO": False}.get(_text(dataset, "BreastImplantPresent") or ""),
        age=_years(_text(dataset, "PatientAge")),
        series_description=_text(dataset, "SeriesDescription"),
        patient=_text(dataset, "PatientID"),
        study=_text(dataset, "StudyInstanceUID"),
        instance=_text(dataset, "SOPInstanceUID"),
    )


def _value(dataset: Dataset, name: str) -> Any:
    """None where the element is absent or its bytes aren't of its type."""
    try:
        return dataset.get(name)
    except Exception:  # pydicom parses an element at its first use and raises whatever it trips over
        return None


def _text(dataset: Dataset, name: str) -> str | None:
    value = _value(dataset, name)
    return (str(value).strip("\0 \t\r\n") or None) if value is not None else None


def _number(dataset: Dataset, name: str) -> float | None:
    """A finite number above 0."""
    value = _value(dataset, name)
    if value is None and name in dataset:  # an IS with a decimal point, which some makers write
        value = getattr(dataset.get_item(name), "value", None)
    try:
        number = float(value.decode("ascii") if isinstance(value, bytes) else value)
    except (TypeError, ValueError, AttributeError, OverflowError, struct.error):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _view(dataset: Dataset, position: str | None) -> Literal["CC", "MLO"] | None:
    if position is not None:
        return "CC" if position == "CC" else "MLO" if position == "MLO" else None
    codes = _value(dataset, "ViewCodeSequence")
    return _VIEW_CODES.get(_text(codes[0], "CodeValue") or "") if codes else None


def _spacing(dataset: Dataset) -> float | None:
    for name in ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"):
        try:
            row, column = (float(value) for value in _value(dataset, name))
        except (TypeError, ValueError):
            continue
        if math.isfinite(row) and row > 0 and abs(row - column) <= _SQUARE * row:
            return row
    return None


def _for_presentation(dataset: Dataset) -> bool | None:
    intent = _text(dataset, "PresentationIntentType")
    if intent in ("FOR PRESENTATION", "FOR PROCESSING"):
        return intent == "FOR PRESENTATION"
    kind = _text(dataset, "SOPClassUID")
    if kind == DigitalMammographyXRayImageStorageForPresentation:
        return True
    return False if kind == DigitalMammographyXRayImageStorageForProcessing else None


def _years(age: str | None) -> int | None:
    """Of "052Y"; ages in months or weeks are a mistake in a mammogram's header."""
    return int(age[:-1]) if age and age.endswith("Y") and age[:-1].isascii() and age[:-1].isdigit() else None
