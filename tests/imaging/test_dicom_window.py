"""Grey levels against the formulas of PS3.3, worked out here value by value."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.uid import DigitalMammographyXRayImageStorageForProcessing, ExplicitVRBigEndian, JPEGLosslessSV1

from mammo_gan.errors import UserError
from mammo_gan.imaging.dicom import read_dicom
from tests.imaging.dicom_files import EVERY_12_BIT_VALUE, lut, write_dicom
from tests.imaging.test_dicom_pixels import pack_of

SIGNED = (EVERY_12_BIT_VALUE.astype(np.int16) - 2048).astype(np.int16)
SQUARE_ROOT = np.rint(np.sqrt(np.arange(4096) / 4095) * 1023)


def linear(x: float, center: float, width: float) -> float:
    """C.11.2.1.2.1, its pseudo-code."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0.0
    if x > center - 0.5 + (width - 1) / 2:
        return 1.0
    return (x - (center - 0.5)) / (width - 1) + 0.5


def linear_exact(x: float, center: float, width: float) -> float:
    """C.11.2.1.3.2."""
    if x <= center - width / 2:
        return 0.0
    if x > center + width / 2:
        return 1.0
    return (x - center) / width + 0.5


def sigmoid(x: float, center: float, width: float) -> float:
    """C.11.2.1.3.1."""
    return 1 / (1 + math.exp(-4 * (x - center) / width))


def levels(path: Path) -> NDArray:
    """By stored value, from the lowest, of an image that holds each once and in order."""
    return read_dicom(path).ravel().astype(float)


@pytest.mark.parametrize("center", [2000.0, 3900.0, 100.0])
@pytest.mark.parametrize("width", [1.0, 2.0, 1000.0, 9000.0])
@pytest.mark.parametrize(
    ("name", "function"),
    [(None, linear), ("LINEAR", linear), ("LINEAR_EXACT", linear_exact), ("SIGMOID", sigmoid)],
)
def test_each_window_is_its_formula(
    tmp_path: Path, name: str | None, function: Any, center: float, width: float
) -> None:
    fields: dict[str, Any] = {"VOILUTFunction": name} if name else {}
    path = write_dicom(tmp_path / "a.dcm", WindowCenter=center, WindowWidth=width, **fields)
    steep = function is sigmoid and width < 3
    expected = [
        function(max(-150.0, min(x - center, 150.0)) + center if steep else x, center, width) for x in range(4096)
    ]
    assert np.abs(levels(path) - np.array(expected) * 65535).max() <= 0.5001


def test_white_is_the_windows_even_where_no_value_reaches_it(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", WindowCenter=4096, WindowWidth=8192)
    assert levels(path)[4095] == round(65535 * linear(4095, 4096, 8192)) < 33000


def test_of_several_windows_the_first_counts(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", WindowCenter=[2000, 1000], WindowWidth=[1000, 10])
    assert np.array_equal(levels(path), levels(write_dicom(tmp_path / "b.dcm", WindowCenter=2000, WindowWidth=1000)))


def test_monochrome1_is_inverted_after_the_window(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000, photometric="MONOCHROME1")
    expected = [65535 * (1 - linear(x, 2000, 1000)) for x in range(4096)]
    assert np.abs(levels(path) - expected).max() <= 0.5001


@pytest.mark.parametrize(
    ("photometric", "shape", "ascending"),
    [
        ("MONOCHROME1", "INVERSE", False),  # said twice, done once
        ("MONOCHROME2", "IDENTITY", True),
        ("MONOCHROME1", "IDENTITY", False),  # where they differ, the shape is the one to distrust
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_presentation_lut_shape_inverts_nothing_by_itself(
    tmp_path: Path, photometric: str, shape: str, ascending: bool
) -> None:
    read = levels(write_dicom(tmp_path / "a.dcm", photometric=photometric, PresentationLUTShape=shape))
    assert (read[0], read[-1]) == ((0, 65535) if ascending else (65535, 0))


@pytest.mark.parametrize("packed", [False, True], ids=["US", "OW"])
def test_a_lut_is_preferred_to_a_window(tmp_path: Path, packed: bool) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", VOILUTSequence=lut(SQUARE_ROOT, bits=10, packed=packed),
        WindowCenter=2000, WindowWidth=10, VOILUTFunction="SIGMOID",
    )  # fmt: skip
    assert np.array_equal(levels(path), np.rint(SQUARE_ROOT / 1023 * 65535))


def test_a_lut_of_big_endian_words_is_read_as_such(tmp_path: Path) -> None:
    swapped = SQUARE_ROOT.astype(">u2").view("<u2")
    path = write_dicom(
        tmp_path / "a.dcm", syntax=ExplicitVRBigEndian, VOILUTSequence=lut(swapped, bits=10, packed=True)
    )  # fmt: skip
    assert np.array_equal(levels(path), np.rint(SQUARE_ROOT / 1023 * 65535))


def test_a_lut_covers_the_values_from_its_first_on_and_its_ends_hold_beyond(tmp_path: Path) -> None:
    curve = np.array([10, 20, 200, 255])
    read = levels(write_dicom(tmp_path / "a.dcm", VOILUTSequence=lut(curve, bits=8, first=1000)))
    expected = [curve[min(max(x - 1000, 0), 3)] / 255 * 65535 for x in range(4096)]
    assert np.array_equal(read, np.rint(expected))


def test_a_lut_for_signed_values_starts_below_zero(tmp_path: Path) -> None:
    read = levels(write_dicom(tmp_path / "a.dcm", SIGNED, VOILUTSequence=lut(SQUARE_ROOT, bits=10, first=-2048)))
    assert np.array_equal(read, np.rint(SQUARE_ROOT / 1023 * 65535))


def test_a_lut_of_65536_entries_says_0(tmp_path: Path) -> None:
    curve = np.arange(65536)[::-1]
    stored = np.array([[0, 5], [300, 65535]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", stored, bits=16, VOILUTSequence=lut(curve, bits=16, packed=True))
    assert np.array_equal(read_dicom(path), 65535 - stored)


def test_rescaling_comes_before_the_window(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RescaleSlope=-2, RescaleIntercept=100, WindowCenter=-3000, WindowWidth=2000)
    expected = [65535 * linear(100 - 2 * x, -3000, 2000) for x in range(4096)]
    assert np.abs(levels(path) - expected).max() <= 0.5001


def test_a_modality_lut_comes_before_the_window(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", ModalityLUTSequence=lut(SQUARE_ROOT, bits=10), WindowCenter=500, WindowWidth=400
    )  # fmt: skip
    expected = [65535 * linear(x, 500, 400) for x in SQUARE_ROOT]
    assert np.abs(levels(path) - expected).max() <= 0.5001


def test_signed_values_have_a_window_around_zero(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", SIGNED, WindowCenter=-100, WindowWidth=600)
    expected = [65535 * linear(x, -100, 600) for x in range(-2048, 2048)]
    assert np.abs(levels(path) - expected).max() <= 0.5001


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_for_processing_keeps_its_whole_depth(tmp_path: Path, photometric: str) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", EVERY_12_BIT_VALUE // 4, photometric=photometric, PresentationIntentType="FOR PROCESSING",
        SOPClassUID=DigitalMammographyXRayImageStorageForProcessing,
    )  # fmt: skip
    expected = np.rint((EVERY_12_BIT_VALUE.ravel() // 4) / 4095 * 65535)
    assert np.array_equal(levels(path), expected if photometric == "MONOCHROME2" else 65535 - expected)


@pytest.mark.parametrize("ends", [(4000, 4095), (4095, 4000)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_takes_no_part(tmp_path: Path, photometric: str, ends: tuple[int, int]) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", photometric=photometric, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1]
    )  # fmt: skip
    rising = np.rint(np.arange(4000) / 3999 * 65535)
    read = levels(path)
    assert (read[4000:] == 0).all()
    assert np.abs(read[:4000] - (rising if photometric == "MONOCHROME2" else 65535 - rising)).max() <= 1


def test_padding_within_a_window_is_black_all_the_same(tmp_path: Path) -> None:
    read = levels(write_dicom(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000, PixelPaddingValue=4095))
    assert (read[4094], read[4095]) == (65535, 0)


def test_padding_below_zero_may_be_written_unsigned(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", SIGNED)
    data = write_dicom(tmp_path / "b.dcm", SIGNED, PixelPaddingValue=-2048).read_bytes()
    assert b"\x20\x01SS" in data
    path.write_bytes(data.replace(b"\x20\x01SS", b"\x20\x01US"))
    read = levels(path)
    assert (read[0], read[1], read[-1]) == (0, 0, 65535)
    assert read[2] == round(65535 / 4094)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"WindowCenter": -9000, "WindowWidth": 2}, "tells grey levels apart"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "can't be applied"),
        ({"WindowCenter": 5, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"}, "can't be applied"),
        ({"WindowCenter": 5, "WindowWidth": 30, "VOILUTFunction": "CUBIC"}, "CUBIC"),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, "can't be applied"),
        ({"VOILUTSequence": lut(np.zeros(4096), bits=12)}, "tells grey levels apart"),
    ],
)
def test_windows_against_the_standard_are_refused(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=rf"a\.dcm: .*{expected}"):
        read_dicom(write_dicom(tmp_path / "a.dcm", **fields))


def test_a_lut_that_is_too_short_is_refused(tmp_path: Path) -> None:
    short = lut(SQUARE_ROOT, bits=10)
    short[0].LUTData = short[0].LUTData[:-1]
    with pytest.raises(UserError, match="a LUT of 4096 entries holds 4095"):
        read_dicom(write_dicom(tmp_path / "a.dcm", VOILUTSequence=short))


def test_a_lut_deeper_than_it_says_is_scaled_by_its_entries(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", VOILUTSequence=lut(np.arange(4096), bits=10))
    assert np.array_equal(levels(path), np.rint(np.arange(4096) / 4095 * 65535))


def test_the_packing_makes_no_difference(tmp_path: Path) -> None:
    window: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 1000}
    packed = write_dicom(tmp_path / "packed.dcm", syntax=JPEGLosslessSV1, pack=pack_of(JPEGLosslessSV1, 12), **window)
    assert np.array_equal(read_dicom(packed), read_dicom(write_dicom(tmp_path / "plain.dcm", **window)))
