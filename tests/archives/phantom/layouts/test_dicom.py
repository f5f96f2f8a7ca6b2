from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from mammo_gan.archives.phantom.layouts.dicom import dicom, uid, write_dicom
from mammo_gan.imaging.dicom import read_dicom

HEADER = {"PatientName": "PHANTOM^0001", "WindowCenter": 2048, "WindowWidth": 4096}


def pixels(height: int, width: int, bits: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 2**bits, (height, width)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("lossless_jpeg", [False, True])
def test_every_decoder_gives_the_pixels_back(tmp_path: Path, lossless_jpeg: bool) -> None:
    stored = pixels(63, 41, 12)[:, ::-1]  # as a mirrored film lies in memory
    dataset = dicom(stored, 12, SecondaryCaptureImageStorage, uid("image"), HEADER)
    write_dicom(tmp_path / "a.dcm", dataset, stored, lossless_jpeg)
    np.testing.assert_array_equal(read_dicom(tmp_path / "a.dcm"), np.rint(stored * (65535 / 4095)))
    read = pydicom.dcmread(tmp_path / "a.dcm")
    np.testing.assert_array_equal(read.pixel_array, stored)  # unpacked by pydicom, which the reader asks last
    assert (read.Rows, read.Columns, read.BitsStored, read.QualityControlImage) == (63, 41, 12, "YES")
    assert read.SOPInstanceUID == read.file_meta.MediaStorageSOPInstanceUID == uid("image")
    assert "PixelData" not in dataset


def test_files_are_the_same_every_time(tmp_path: Path) -> None:
    stored = pixels(8, 6, 12)
    for name in ("a.dcm", "b.dcm"):
        write_dicom(tmp_path / name, dicom(stored, 12, SecondaryCaptureImageStorage, uid("image"), HEADER), stored)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


@pytest.mark.parametrize(("height", "width"), [(7, 5), (8, 5)])
def test_an_odd_number_of_bytes_is_not_filled_up(tmp_path: Path, height: int, width: int) -> None:
    stored = pixels(height, width, 8)
    write_dicom(tmp_path / "a.dcm", dicom(stored, 8, SecondaryCaptureImageStorage, uid("image"), {}), stored)
    count = height * width
    assert (tmp_path / "a.dcm").read_bytes().endswith(count.to_bytes(4, "little") + stored.tobytes())
    np.testing.assert_array_equal(read_dicom(tmp_path / "a.dcm"), stored * np.uint16(257))


def test_identifiers_are_valid_and_of_their_own() -> None:
    names = [uid("a", 1), uid("a", 2), uid("b", 1), uid("a", 1, "")]
    assert len(set(names)) == 4
    assert all(name.is_valid and name.startswith("2.25.") for name in names)
    assert uid("a", 1) == names[0]
