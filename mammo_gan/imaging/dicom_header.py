"""What a DICOM mammogram's header says of the image, read in one pass and without its pixels.

Tags are those of PS3.3 A.27 (Digital Mammography X-Ray Image). What readers don't need is skipped unread, so that a
folder of thousands is surveyed in seconds. Headers that were kept as JSON (PS3.18 F.2) go the same way.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydicom.config import disable_value_validation
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
)

from mammo_gan.imaging.dicom_file import open_dicom, parse_dicom

_READ = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "NumberOfFrames", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "PatientID"),
    *("PatientAge", "SeriesDescription", "ViewPosition", "ViewCodeSequence", "ImageLaterality", "Laterality"),
    *("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing", "Manufacturer", "ManufacturerModelName"),
    *("XRayTubeCurrent", "XRayTubeCurrentInuA", "EstimatedRadiographicMagnificationFactor"),
    *("PresentationIntentType", "BreastImplantPresent", "Modality"),
)
_READ_OF_JSON = frozenset(f"{tag_for_keyword(name):08X}" for name in _READ)
# CID 4014, by SNOMED CT and by the older SNOMED RT that most archives hold.
_VIEW_CODES: dict[str, Literal["CC", "MLO"]] = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
}
_YEARS_OF_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_AGES = range(10, 151)  # years; others come of a mistaken unit or of a phantom's header
_SQUARE = 1e-3  # pixels whose sides differ by less, relatively, have one mm_per_px


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """Plain values of one file; unknown is None. The identifiers never leave the index, nor the `repr`.

    Args:
        height, width: px.
        bits: of what `read_dicom` gives, always 16; `bits_stored` is the file's own depth.
        age: whole years.
        view: CC or MLO; `view_position` is the file's own word, which can be another view (ML, XCCL).
        mm_per_px: at the detector (ImagerPixelSpacing), not divided by the magnification; else what the file gives of
            a calibration (PixelSpacing) or of a film's scanner. None where pixels aren't square.
        tube_current: mA.
        magnification: of the breast on the detector, about 1.0 to 1.1, more for magnification views.
    """

    height: int
    width: int
    bits: int = 16
    bits_stored: int | None = None
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
    return header_of(open_dicom(path, stop_before_pixels=True, only=_READ))


def read_elements(path: Path) -> Dataset:
    """All that `header_of` looks at, of a DICOM file of any kind. Raises UserError where it is none."""
    return parse_dicom(path, stop_before_pixels=True, only=_READ)


@disable_value_validation()
def elements_of_json(attributes: Mapping[str, Any]) -> Dataset:
    """The same from tag to {"vr": ..., "Value": [...]}; an element that isn't of its type is left out."""
    dataset = Dataset()
    for tag, element in attributes.items():
        if tag.upper() in _READ_OF_JSON:
            with suppress(Exception):  # a parser fed with broken values raises whatever it trips over
                dataset.update(Dataset.from_json({tag.upper(): element}))
    return dataset


@disable_value_validation()
def header_of(dataset: Dataset) -> DicomHeader:
    """What a data set with Rows and Columns says; unknown is what it lacks and what can't be understood."""
    view_position = _text(dataset, "ViewPosition")
    microamperes = _number(dataset, "XRayTubeCurrentInuA")
    return DicomHeader(
        height=int(dataset.Rows),
        width=int(dataset.Columns),
        bits_stored=None if (bits := _number(dataset, "BitsStored")) is None else int(bits),
        view=_view(dataset, view_position),
        view_position=view_position,
        laterality=laterality_of(dataset),
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


def laterality_of(dataset: Dataset) -> Literal["L", "R"] | None:
    """The side of one breast."""
    side = _text(dataset, "ImageLaterality") or _text(dataset, "Laterality")
    return "L" if side == "L" else "R" if side == "R" else None


def is_mammogram(dataset: Dataset) -> bool:
    """Whether a header is of one flat mammogram: neither tomosynthesis nor another modality."""
    return (_text(dataset, "Modality") or "MG") == "MG" and (_number(dataset, "NumberOfFrames") or 1) <= 1


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
    try:
        code = _text(_value(dataset, "ViewCodeSequence")[0], "CodeValue")
    except (TypeError, LookupError):  # not there, empty or no sequence
        return None
    return _VIEW_CODES.get(code or "")


def _spacing(dataset: Dataset) -> float | None:
    for name in ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"):
        try:
            row, column = (float(value) for value in _value(dataset, name))
        except (TypeError, ValueError, OverflowError):
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
    """Of "052Y" or "630M"."""
    if not age or len(age) > 4 or age[-1] not in _YEARS_OF_UNIT or not (age[:-1].isascii() and age[:-1].isdigit()):
        return None
    years = int(int(age[:-1]) * _YEARS_OF_UNIT[age[-1]] + 1e-9)
    return years if years in _AGES else None
