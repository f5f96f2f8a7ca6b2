"""DICOM presentation, against the formulas of PS3.3 written out here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, JPEGLosslessSV1

from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import Header, read_header, read_image, read_mask

STORED = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def write(path: Path, stored: NDArray = STORED, **fields: Any) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = fields.pop("syntax", ExplicitVRLittleEndian)
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    if meta.TransferSyntaxUID == JPEGLosslessSV1:
        dataset.PixelData = encapsulate([bytes(imagecodecs.ljpeg_encode(stored, bitspersample=12))])
    else:
        dataset.PixelData = stored.tobytes()
    for name, value in fields.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut(values: NDArray, bits: int) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(values), 0, bits]
    item.LUTData = values.astype(np.uint16).tolist()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    return Sequence([item])


def windowed(values: NDArray, center: float, width: float) -> NDArray:
    """PS3.3 C.11.2.1.2.1, scaled to 0..65535."""
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 65535


def test_a_window_is_applied_and_fills_16_bits(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000)
    assert np.abs(read_image(path) - windowed(STORED.astype(float), 2000, 1000)).max() <= 1
    assert read_header(path) == Header(64, 64, bits=16)


def test_monochrome1_is_inverted_after_the_window(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000, PhotometricInterpretation="MONOCHROME1")
    assert np.abs(read_image(path) - (65535 - windowed(STORED.astype(float), 2000, 1000))).max() <= 1


def test_a_lut_is_preferred_to_a_window(tmp_path: Path) -> None:
    curve = np.rint(np.sqrt(np.arange(4096) / 4095) * 1023)
    fields: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 10, "VOILUTFunction": "SIGMOID"}
    path = write(tmp_path / "a.dcm", VOILUTSequence=lut(curve, bits=10), **fields)
    assert np.array_equal(read_image(path).ravel(), np.rint(curve / 1023 * 65535))


def test_without_voi_the_whole_range_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", stored=STORED // 4, PresentationIntentType="FOR PROCESSING")
    assert np.array_equal(read_image(path), np.rint((STORED // 4) / 4095 * 65535))


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_takes_no_part(tmp_path: Path, polarity: str) -> None:
    fields: dict[str, Any] = {
        "PixelPaddingValue": 4000,
        "PixelPaddingRangeLimit": 4095,
        "PhotometricInterpretation": polarity,
    }
    read = read_image(write(tmp_path / "a.dcm", **fields)).ravel()
    assert (read[4000:] == 0).all()
    assert read[:4000].max() == 65535
    assert read[:4000].min() == 0


def test_lossless_jpeg_is_decoded(tmp_path: Path) -> None:
    packed = write(tmp_path / "packed.dcm", syntax=JPEGLosslessSV1, WindowCenter=2000, WindowWidth=1000)
    plain = write(tmp_path / "plain.dcm", WindowCenter=2000, WindowWidth=1000)
    assert packed.stat().st_size < plain.stat().st_size
    assert np.array_equal(read_image(packed), read_image(plain))


def test_a_mask_of_two_values_is_read(tmp_path: Path) -> None:
    drawn = STORED % 64 > 40
    path = write(tmp_path / "m.dcm", stored=drawn.astype(np.uint16) * 255)
    assert np.array_equal(read_mask(path), drawn)


@pytest.mark.filterwarnings("ignore:End of file reached")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLosslessSV1])
def test_a_truncated_file_is_refused(tmp_path: Path, syntax: str) -> None:
    path = write(tmp_path / "a.dcm", syntax=syntax)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"a\.dcm: "):
        read_image(path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"PhotometricInterpretation": "RGB"}, "of RGB"),
        ({"BitsStored": 8, "syntax": JPEGLosslessSV1}, "pixels of 8 bits"),
        ({"WindowCenter": -9000, "WindowWidth": 2}, "tells grey levels apart"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "can't be applied"),
        ({"Rows": 63, "syntax": JPEGLosslessSV1}, "63 x 64 px"),
    ],
)
def test_what_is_no_mammogram_is_refused(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        read_image(write(tmp_path / "a.dcm", **fields))
