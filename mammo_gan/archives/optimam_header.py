"""An OPTIMAM image's header, which OMI-DB keeps as JSON beside the images (DICOM JSON model, PS3.18 F.2)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import pydicom

from mammo_gan.archives.paths import read_text
from mammo_gan.archives.records import Acquisition, Laterality, Shown, View
from mammo_gan.errors import UserError

_YEARS_OF_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
# Assumption: BreastImplantPresent NO stands for nothing shown at all; the header knows no clips.
_SHOWN: dict[str, tuple[Shown, ...]] = {"YES": ("implant",), "NO": ()}
_INTENTS = {"FOR PRESENTATION": True, "FOR PROCESSING": False}
_FETCH = "fetch the file again or leave it out"


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Of one image: sizes in px, age in years, and the rest as in `Mammogram`. Unknown is None."""

    height: int
    width: int
    view: View | None
    laterality: Laterality | None
    age: int | None
    mm_per_px: float | None
    acquisition: Acquisition
    shows: tuple[Shown, ...] | None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object. Raises UserError where it can't be read or holds something else."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected JSON, found text that can't be parsed ({error}); {_FETCH}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(content).__name__}; {_FETCH}")
    return content


def read_dicom_header(path: Path) -> dict[str, Any]:
    """The same from a DICOM file without its pixels, where the JSON was not delivered. Raises UserError."""
    try:
        return dict(pydicom.dcmread(path, stop_before_pixels=True).to_json_dict(suppress_invalid_tags=True))
    except Exception as error:  # a parser fed with broken bytes raises whatever it trips over
        raise UserError(f"{path}: expected a DICOM file, found one that can't be parsed ({error}); {_FETCH}") from error


def parse_header(attributes: dict[str, Any]) -> ImageHeader:
    """What a header, tag to {"vr": ..., "Value": [...]}, says.

    Raises:
        UserError: it has no size.
    """
    tags = {tag.upper(): element for tag, element in attributes.items()}
    height, width = _number(tags, "00280010"), _number(tags, "00280011")  # Rows, Columns
    if not height or not width or min(height, width) < 1:
        raise UserError(f"expected Rows and Columns in the header, found {height} and {width}; {_FETCH}")
    view = _text(tags, "00185101")  # ViewPosition; XCCL, ML and the like are none of ours
    return ImageHeader(
        height=int(height),
        width=int(width),
        view=cast(View, view) if view in get_args(View) else None,
        laterality=side_of(attributes),
        age=_age(_text(tags, "00101010")),
        mm_per_px=_spacing(tags),
        acquisition=Acquisition(
            manufacturer=_text(tags, "00080070"),
            model=_text(tags, "00081090"),
            tube_current=_positive(_number(tags, "00181151")),  # XRayTubeCurrent, mA
            magnification=_positive(_number(tags, "00181114")),  # EstimatedRadiographicMagnificationFactor
            for_presentation=_INTENTS.get(_text(tags, "00080068") or ""),  # PresentationIntentType
        ),
        shows=_SHOWN.get(_text(tags, "00281300") or ""),  # BreastImplantPresent
    )


def side_of(attributes: dict[str, Any]) -> Laterality | None:
    tags = {tag.upper(): element for tag, element in attributes.items()}
    side = _text(tags, "00200062") or _text(tags, "00200060")  # ImageLaterality, Laterality
    return cast(Laterality, side) if side in get_args(Laterality) else None


def is_mammogram(attributes: dict[str, Any]) -> bool:
    """Whether a header is of one flat mammogram: OMI-DB holds tomosynthesis and other modalities too."""
    tags = {tag.upper(): element for tag, element in attributes.items()}
    return (_text(tags, "00080060") or "MG") == "MG" and (_number(tags, "00280008") or 1) <= 1  # Modality, frames


def _values(tags: dict[str, Any], tag: str) -> list[Any]:
    element = tags.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _text(tags: dict[str, Any], tag: str) -> str | None:
    values = _values(tags, tag)
    text = values[0].strip() if values and isinstance(values[0], str) else ""
    return text or None


def _number(tags: dict[str, Any], tag: str, position: int = 0) -> float | None:
    values = _values(tags, tag)
    if len(values) <= position or isinstance(values[position], bool):
        return None
    try:
        number = float(values[position])  # DS and IS come as numbers or, from older writers, as text
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e9 else None


def _positive(number: float | None) -> float | None:
    """Some devices write 0 for what they don't measure."""
    return number if number is not None and number > 0 else None


def _spacing(tags: dict[str, Any]) -> float | None:
    """ImagerPixelSpacing, mm at the detector; one number where rows and columns agree."""
    rows, columns = (_positive(_number(tags, "00181164", position)) for position in (0, 1))
    return rows if rows is not None and rows == columns else None


def _age(text: str | None) -> int | None:
    """Whole years of a DICOM age such as 057Y or 690M."""
    if text is None or not text[:-1].isdecimal() or text[-1] not in _YEARS_OF_UNIT:
        return None
    years = int(int(text[:-1]) * _YEARS_OF_UNIT[text[-1]] + 1e-9)
    return years if years <= 150 else None
