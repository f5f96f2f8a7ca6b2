"""DICOM elements of any type and content where readers expect theirs: values, unknowns, named errors, nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

from mammo_gan.archives.optimam_header import parse_header, read_dicom_header
from mammo_gan.errors import UserError
from mammo_gan.imaging import dicom_header, dicom_pixels
from mammo_gan.imaging.dicom import dicom_size, read_dicom
from mammo_gan.imaging.dicom_header import read_header
from tests.imaging.dicom_files import lut, write_dicom
from tests.imaging.test_dicom_pixels import film, pack_of
from tests.mutations import WORDS

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom warns of what is broken before it's refused here
OF_PIXELS = (
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "WindowCenter"),
    *("WindowWidth", "VOILUTFunction", "VOILUTSequence", "ModalityLUTSequence"),
)
OF_LUTS = ("LUTDescriptor", "LUTData")
TAGS = tuple(sorted({*dicom_header._READ, *OF_PIXELS}))
TYPES = ("AS", "AT", "CS", "DS", "FD", "FL", "IS", "LO", "OB", "OW", "SQ", "SS", "UI", "UL", "UN", "US")
CONTENTS = (
    st.binary(max_size=12)
    | st.sampled_from([*WORDS, b"", b"MLO ", b"052Y", b"0.07\\0.07 ", b"1\\0", b"65535 ", b"1e400 ", b"MONOCHROME1 "])
    | st.sampled_from([b"9" * 5000 + b"Y", b"\\" * 30, "\u0664\u0665Y".encode()])
    | st.integers(0, 65535).map(lambda number: number.to_bytes(2, "little"))
)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    fields: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTSequence": lut(np.arange(64) * 64, 12)}
    folder = tmp_path_factory.mktemp("whole")
    return [
        write_dicom(folder / f"{syntax}.dcm", film(12, shape=(7, 5)), syntax=syntax, pack=pack_of(syntax, 12), **fields)
        for syntax in (ExplicitVRLittleEndian, JPEGLosslessSV1)
    ]


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [("PatientAge", "LO", b"9" * 5000 + b"Y"), ("ViewCodeSequence", "US", b"\1\0"), ("PatientAge", "AS", b"9999Y ")],
)
def test_a_field_of_another_kind_is_unknown(whole_files: list[Path], name: str, kind: str, content: bytes) -> None:
    dataset = pydicom.dcmread(whole_files[0])
    tag = Tag(tag_for_keyword(name) or 0)
    dataset[tag] = RawDataElement(tag, kind, len(content), content, 0, False, True)
    path = whole_files[0].with_name("changed.dcm")
    dataset.save_as(path)
    header = read_header(path)
    assert (header.age, header.view) == (None, None)
    assert parsed_by_optimam(path)


def parsed_by_optimam(path: Path) -> object:
    return parse_header(read_dicom_header(path))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_element_may_hold_anything(
    whole_files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    def refuse(_: Path) -> None:  # a process per example would take minutes
        raise ValueError("not asked")

    monkeypatch.setattr(dicom_pixels, "unpack_apart", refuse)
    dataset = pydicom.dcmread(data.draw(st.sampled_from(whole_files)))
    for name in data.draw(st.lists(st.sampled_from((*OF_LUTS, *TAGS)), min_size=1, max_size=3, unique=True)):
        tag, kind, content = Tag(tag_for_keyword(name) or 0), data.draw(st.sampled_from(TYPES)), data.draw(CONTENTS)
        within = dataset.VOILUTSequence[0] if name in OF_LUTS else dataset
        within[tag] = RawDataElement(tag, kind, len(content), content, 0, False, True)
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=False)
    readers: tuple[Callable[[Path], object], ...] = (read_dicom, read_header, dicom_size, parsed_by_optimam)
    for read in readers:
        try:
            found = read(path)
        except UserError as error:
            assert str(path) in str(error) or read is parsed_by_optimam
            continue
        for name in ("age", "height", "width", "mm_per_px"):
            number = getattr(found, name, None)
            assert number is None or (math.isfinite(number) and 0 <= number < 2**31)
