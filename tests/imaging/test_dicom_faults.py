"""Damaged files and such as aren't mammograms: named errors, and nothing else, whatever the bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo_gan.errors import UserError
from mammo_gan.imaging import dicom_pixels
from mammo_gan.imaging.dicom import dicom_size, read_dicom
from mammo_gan.imaging.dicom_fallback import unpack_apart
from mammo_gan.imaging.dicom_header import read_header
from tests.imaging.dicom_files import lut, write_dicom
from tests.imaging.test_dicom_pixels import film, pack_of

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom warns of what is broken before it's refused here
SYNTAXES = (ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless)
READERS: tuple[Callable[[Path], object], ...] = (read_dicom, read_header, dicom_size)


@pytest.mark.parametrize("cut", [1, 200, 1500])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_truncated_pixels_are_refused(tmp_path: Path, syntax: str, cut: int) -> None:
    whole = write_dicom(tmp_path / "a.dcm", film(12), syntax=syntax, pack=pack_of(syntax, 12))
    data = whole.read_bytes()
    if syntax != ExplicitVRLittleEndian:
        data = data[:-8]  # the sequence's delimiter, and perhaps padding, which a reader can do without
        cut += 1
    whole.write_bytes(data[:-cut])
    with pytest.raises(UserError, match=r"a\.dcm: "):
        read_dicom(whole)


@pytest.mark.parametrize("syntax", SYNTAXES[1:], ids=lambda syntax: syntax.keyword)
def test_a_stream_that_lost_its_middle_is_refused(tmp_path: Path, syntax: str) -> None:
    stored = film(12)
    packed = pack_of(syntax, 12)
    assert packed is not None
    stream = packed(stored)
    half = stream[: len(stream) // 2]
    path = write_dicom(tmp_path / "a.dcm", stored, syntax=syntax, pack=packed, PixelData=encapsulate([half]))
    with pytest.raises(UserError, match=r"a\.dcm: expected readable pixels"):
        read_dicom(path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"NumberOfFrames": 3}, "3 frames of MONOCHROME2; leave out tomosynthesis"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "of RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"Rows": 0}, "0 x 47 px"),
        ({"BitsStored": 20}, "20 bits in 16"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 bits in 32"),
    ],
)
def test_what_is_no_mammogram_is_refused_by_each_function(
    tmp_path: Path, fields: dict[str, Any], expected: str
) -> None:
    path = write_dicom(tmp_path / "a.dcm", film(12), **fields)
    for read in READERS:
        with pytest.raises(UserError, match=rf"a\.dcm: .*{expected}"):
            read(path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Rows": 62}, r"expected 5828 bytes of pixels, found 5734: the file is truncated"),
        ({"Rows": 40}, r"expected 40 x 47 px as its header says"),
        ({"HighBit": 9}, "found bit 9"),
        ({"BitsStored": 8, "HighBit": 7}, "pixels of 8 bits"),
        ({"Rows": 62, "syntax": JPEGLosslessSV1}, r"expected 62 x 47 px as its header says, found \(61, 47\)"),
        ({"Rows": 62, "syntax": JPEGLSLossless}, r"expected 62 x 47 px as its header says, found \(61, 47\)"),
        ({"Rows": 62, "syntax": JPEG2000Lossless}, r"expected 62 x 47 px as its header says, found \(61, 47\)"),
        ({"Rows": 62, "syntax": RLELossless}, "expected readable pixels"),
    ],
)
def test_pixels_that_contradict_the_header_are_refused(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    syntax = fields.get("syntax", ExplicitVRLittleEndian)
    path = write_dicom(tmp_path / "a.dcm", film(12), pack=pack_of(syntax, 12), **fields)
    with pytest.raises(UserError, match=expected):
        read_dicom(path)


def test_a_header_without_pixel_data_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film(12))
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(UserError, match="found a header without pixel data"):
        read_dicom(path)


def test_a_report_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film(12))
    dataset = pydicom.dcmread(path)
    for name in ("PixelData", "Rows", "Columns"):
        del dataset[name]
    dataset.save_as(path)
    for read in READERS:
        with pytest.raises(UserError, match="found none of Rows, Columns"):
            read(path)


@pytest.mark.parametrize("content", [b"", b"\0", b"no DICOM file", b"\x89PNG\r\n\x1a\n" + bytes(200), bytes(5000)])
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    for read in READERS:
        with pytest.raises(UserError, match=r"a\.dcm: expected a DICOM"):
            read(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.dcm", tmp_path):
        for read in READERS:
            with pytest.raises(UserError, match="check the path"):
                read(path)


@pytest.mark.parametrize(
    ("syntax", "mark", "at", "value", "found"),
    [
        (JPEGLosslessSV1, b"\xff\xc3", 5, b"\xff\xdc\xff\xdc", r"\(65500, 65500\)"),
        (JPEGLSLossless, b"\xff\xf7", 5, b"\xff\xdc\xff\xdc", r"\(65500, 65500\)"),
        (JPEG2000Lossless, b"\xff\x51", 6, b"\0\1\0\0\0\1\0\0", r"\(65536, 65536\)"),
        (JPEG2000Lossless, b"\xff\x51", 38, b"\x40\0", r"\(61, 47, 16384\)"),
    ],
)
def test_a_huge_stream_is_refused_before_room_is_made_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, mark: bytes, at: int, value: bytes, found: str
) -> None:
    def decode(_: bytes) -> None:
        pytest.fail("decoded")

    packed = pack_of(syntax, 12)
    assert packed is not None
    stream = bytearray(packed(film(12)))
    start = stream.index(mark) + at
    stream[start : start + len(value)] = value
    monkeypatch.setitem(dicom_pixels._DECODERS, syntax, decode)
    path = write_dicom(tmp_path / "a.dcm", film(12), syntax=syntax, pack=lambda _: bytes(stream))
    with pytest.raises(UserError, match=f"found {found}"):
        read_dicom(path)


def test_an_unknown_packing_says_what_to_do(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film(12), syntax="1.2.840.10008.1.2.4.100", pack=lambda _: b"mpeg")
    with pytest.raises(UserError, match="unpack it, as with dcmdjpeg of DCMTK or gdcmconv --raw"):
        read_dicom(path)


def test_a_crash_of_a_plug_in_is_an_error_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -SEGV $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(dying))
    with pytest.raises(ValueError, match="crashed, with signal 11"):
        unpack_apart(tmp_path / "a.dcm")


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One file per syntax, with every field that a reader here looks at."""
    fields: dict[str, Any] = {
        "WindowCenter": [2000, 900], "WindowWidth": [1000, 9], "VOILUTFunction": "LINEAR", "PixelPaddingValue": 0,
        "RescaleSlope": 1, "RescaleIntercept": 0, "ImagerPixelSpacing": [0.07, 0.07], "ViewPosition": "MLO",
        "XRayTubeCurrent": 100, "PatientAge": "052Y", "EstimatedRadiographicMagnificationFactor": 1.07,
        "VOILUTSequence": lut(np.arange(64) * 64, bits=12, packed=True), "SeriesDescription": "full",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("whole")
    bare = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
    return [
        write_dicom(
            folder / "a.dcm", film(12, shape=(7, 5)), syntax=syntax, pack=pack_of(syntax, 12), **fields
        ).read_bytes()
        for syntax in (*bare, *SYNTAXES[1:])
    ]  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_only_named_errors_come_out_of_broken_bytes(
    whole_files: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    def refuse(_: Path) -> None:  # a process per example would take minutes; its own tests stand above
        raise ValueError("not asked")

    monkeypatch.setattr(dicom_pixels, "unpack_apart", refuse)
    content = bytearray(data.draw(st.sampled_from(whole_files)))
    kind = data.draw(st.sampled_from(["flip", "cut", "drop", "insert"]))
    at = data.draw(st.integers(0, len(content) - 1))
    if kind == "flip":
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "drop":
        del content[at : at + data.draw(st.integers(1, 40))]
    else:
        content[at:at] = data.draw(st.binary(min_size=1, max_size=40))
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    for read in READERS:
        try:
            read(path)
        except UserError as error:
            assert str(path) in str(error)
