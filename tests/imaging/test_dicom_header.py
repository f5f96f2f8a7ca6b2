"""Header fields as readers need them, written and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalMammographyXRayImageStorageForProcessing, SecondaryCaptureImageStorage

from mammo_gan.imaging.dicom import dicom_size, read_dicom
from mammo_gan.imaging.dicom_header import DicomHeader, read_header
from tests.imaging.dicom_files import write_dicom

PIXELS = np.arange(30, dtype=np.uint16).reshape(6, 5)


def header(tmp_path: Path, **fields: Any) -> DicomHeader:
    return read_header(write_dicom(tmp_path / "a.dcm", PIXELS, **fields))


def code(value: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "view"
    return Sequence([item])


def test_all_fields_come_in_one_pass(tmp_path: Path) -> None:
    found = header(
        tmp_path, ViewPosition="MLO", ImageLaterality="L", ImagerPixelSpacing=[0.07, 0.07], Manufacturer="HOLOGIC ",
        ManufacturerModelName="Selenia Dimensions", XRayTubeCurrent=120, EstimatedRadiographicMagnificationFactor=1.073,
        PresentationIntentType="FOR PRESENTATION", BreastImplantPresent="NO", PatientAge="052Y", PatientID="p1",
        StudyInstanceUID="1.2", SOPInstanceUID="1.3", SeriesDescription="full mammogram images",
    )  # fmt: skip
    assert found == DicomHeader(
        height=6, width=5, bits=16, bits_stored=12, view="MLO", view_position="MLO", laterality="L", mm_per_px=0.07,
        manufacturer="HOLOGIC", model="Selenia Dimensions", tube_current=120, magnification=1.073,
        for_presentation=True, implant=False, age=52, series_description="full mammogram images", patient="p1",
        study="1.2", instance="1.3",
    )  # fmt: skip
    assert dicom_size(tmp_path / "a.dcm") == (6, 5)


def test_what_is_not_there_is_unknown(tmp_path: Path) -> None:
    found = header(tmp_path, SOPClassUID=SecondaryCaptureImageStorage)
    assert found == DicomHeader(height=6, width=5, bits_stored=12, instance=found.instance)


def test_identifiers_stay_out_of_messages(tmp_path: Path) -> None:
    found = header(tmp_path, PatientID="p1234", StudyInstanceUID="1.2.77", SOPInstanceUID="1.3.88")
    assert found.patient == "p1234"
    assert not any(text in repr(found) for text in ("p1234", "1.2.77", "1.3.88"))


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"ViewPosition": "XCCL"}, "view", None),
        ({"ViewPosition": "XCCL"}, "view_position", "XCCL"),
        ({"ViewCodeSequence": code("R-10226")}, "view", "MLO"),
        ({"ViewCodeSequence": code("399162004")}, "view", "CC"),
        ({"ViewPosition": "ML", "ViewCodeSequence": code("399162004")}, "view", None),
        ({"Laterality": "R"}, "laterality", "R"),
        ({"ImageLaterality": "B"}, "laterality", None),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, "mm_per_px", 0.05),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.09, 0.09]}, "mm_per_px", 0.1),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, "mm_per_px", None),
        ({"ImagerPixelSpacing": [0, 0]}, "mm_per_px", None),
        ({"XRayTubeCurrentInuA": 99500.0}, "tube_current", 99.5),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_presentation", False),
        ({"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing}, "for_presentation", False),
        ({}, "for_presentation", True),  # by the class of the file
        ({"BreastImplantPresent": "YES"}, "implant", True),
        ({"PatientAge": "006M"}, "age", None),
        ({"PatientAge": "690M"}, "age", 57),
        ({"PatientAge": "999W"}, "age", 19),
        ({"PatientAge": "800D"}, "age", None),
        ({"PatientAge": "999Y"}, "age", None),
    ],
)
def test_each_field_by_itself(tmp_path: Path, fields: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(header(tmp_path, **fields), name) == expected


def test_an_integer_field_may_hold_a_decimal_point(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", PIXELS, XRayTubeCurrent=1234)
    path.write_bytes(path.read_bytes().replace(b"IS\x04\x001234", b"IS\x04\x0099.5"))
    assert read_header(path).tube_current == 99.5


def test_a_broken_field_is_unknown_and_costs_no_image(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", PIXELS, XRayTubeCurrent=1234, ImagerPixelSpacing=[0.1, 0.1])
    path.write_bytes(path.read_bytes().replace(b"1234", b"12:4").replace(b"0.1\\0.1", b"0.1\\?.1"))
    found = read_header(path)
    assert (found.height, found.tube_current, found.mm_per_px) == (6, None, None)


def test_what_is_against_the_rules_is_read_without_a_word(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = write_dicom(tmp_path / "a.dcm", PIXELS, StudyInstanceUID="1.2.77", XRayTubeCurrent=1234)
    path.write_bytes(path.read_bytes().replace(b"1.2.77", b"Doe^Ja").replace(b"1234", b"12:4"))
    assert read_header(path).study == "Doe^Ja"
    assert read_dicom(path).shape == (6, 5)
    assert not [warning for warning in recwarn if "Doe" in str(warning.message) or "12:4" in str(warning.message)]
