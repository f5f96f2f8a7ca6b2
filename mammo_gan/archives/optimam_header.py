"""An OPTIMAM image's header and the record that it makes, the same for JSON and tables.

OMI-DB keeps headers as JSON beside the images (DICOM JSON model, PS3.18 F.2).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from mammo_gan.archives.acquisition import acquisition_of
from mammo_gan.archives.paths import read_text
from mammo_gan.archives.records import Acquisition, Lesion, Mammogram, Shown
from mammo_gan.errors import UserError
from mammo_gan.imaging.dicom_file import LONGEST
from mammo_gan.imaging.dicom_header import DicomHeader, elements_of_json, header_of, read_elements

# Assumption: BreastImplantPresent NO stands for nothing shown at all; the header knows no clips.
_SHOWN: dict[bool | None, tuple[Shown, ...]] = {True: ("implant",), False: ()}
_FETCH = "fetch the file again or leave it out"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object. Raises UserError where it can't be read or holds something else."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected JSON, found text that can't be parsed ({error}); {_FETCH}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(content).__name__}; {_FETCH}")
    return content


def read_json_header(path: Path) -> Dataset:
    """The elements of a header that was delivered as JSON. Raises UserError as `read_json` does."""
    return elements_of_json(read_json(path))


def read_dicom_header(path: Path) -> Dataset:
    """The same from a DICOM file without its pixels, where the JSON was not delivered. Raises UserError."""
    return read_elements(path)


def parse_header(elements: Dataset) -> DicomHeader:
    """What a header says.

    Raises:
        UserError: it has no size.
    """
    try:
        sizes = [int(elements[name].value) for name in ("Rows", "Columns")]
    except Exception as error:  # elements are parsed at their first use
        raise UserError(f"expected Rows and Columns in the header, found neither or one alone; {_FETCH}") from error
    if not all(1 <= size <= LONGEST for size in sizes):
        raise UserError(f"expected Rows and Columns in the header, found {sizes[0]} and {sizes[1]}; {_FETCH}")
    return header_of(elements)


def record_of(
    file: str,
    patient: str,
    study: str,
    header: DicomHeader,
    lesions: tuple[Lesion, ...],
    acquisition: Acquisition | None = None,
) -> Mammogram:
    """The record of the image `file`, relative to the root; an `acquisition` of other origin replaces the header's."""
    return Mammogram(
        archive="optimam",
        source="disk",
        image=file,
        patient=patient,
        height=header.height,
        width=header.width,
        bits=header.bits,
        view=header.view,
        laterality=header.laterality,
        age=header.age,
        mm_per_px=header.mm_per_px,
        study=study,
        acquisition=acquisition_of(header) if acquisition is None else acquisition,
        shows=_SHOWN.get(header.implant),
        lesions=lesions,
    )
