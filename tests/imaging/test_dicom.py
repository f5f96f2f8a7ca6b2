"""DICOM behind the functions that read any image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEGLosslessSV1

from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import Header, read_header, read_image, read_mask
from mammo_gan.imaging.dicom import read_dicom
from tests.imaging.dicom_files import EVERY_12_BIT_VALUE, write_dicom
from tests.imaging.test_dicom_pixels import film, pack_of


@pytest.mark.parametrize("suffix", [".dcm", ".DCM", ".dicom"])
def test_a_dicom_file_is_known_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    path = write_dicom(tmp_path / f"a{suffix}", WindowCenter=2000, WindowWidth=1000)
    read = read_image(path)
    assert np.array_equal(read, read_dicom(path))
    assert read.dtype == np.uint16
    assert (read.min(), read.max()) == (0, 65535)
    assert read_header(path) == Header(64, 64, bits=16)


def test_more_pixels_than_are_looked_up_at_once_are_all_shown(tmp_path: Path) -> None:
    stored = film(16, shape=(301, 457))
    assert stored.size > 2 * 65536
    path = write_dicom(tmp_path / "a.dcm", stored, bits=16, photometric="MONOCHROME1")
    assert np.array_equal(read_dicom(path), 65535 - stored)


def test_a_mask_of_two_values_is_read(tmp_path: Path) -> None:
    drawn = EVERY_12_BIT_VALUE % 64 > 40
    path = write_dicom(tmp_path / "m.dcm", drawn.astype(np.uint16) * 255)
    assert np.array_equal(read_mask(path), drawn)


def test_a_mask_of_eight_bits_is_read(tmp_path: Path) -> None:
    drawn = film(8) > 100
    path = write_dicom(tmp_path / "m.dcm", drawn.astype(np.uint8) * 255, bits=8, allocated=8)
    assert np.array_equal(read_mask(path), drawn)


def test_a_mask_of_more_values_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "m.dcm", film(12), syntax=JPEGLosslessSV1, pack=pack_of(JPEGLosslessSV1, 12))
    with pytest.raises(UserError, match="a mask of two values"):
        read_mask(path)
