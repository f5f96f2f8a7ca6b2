"""Small DICOM files for tests, written element by element."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

EVERY_12_BIT_VALUE = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def write_dicom(
    path: Path,
    stored: NDArray = EVERY_12_BIT_VALUE,
    *,
    bits: int = 12,
    allocated: int = 16,
    high_bit: int | None = None,
    photometric: str = "MONOCHROME2",
    syntax: str = ExplicitVRLittleEndian,
    pack: Callable[[NDArray], bytes] | None = None,
    **fields: Any,
) -> Path:
    """Writes the values `stored`, signed if its dtype is; `fields` are set last, so that they can contradict the rest.

    `pack` makes a stream of the (H, W) uint8 or uint16 words that hold each pixel's bits; without, they lie bare.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    little = syntax != ExplicitVRBigEndian
    implicit = syntax == ImplicitVRLittleEndian
    dataset = FileDataset(
        str(path), {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=implicit, is_little_endian=little
    )
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    high_bit = bits - 1 if high_bit is None else high_bit
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, high_bit
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    words = ((stored.astype(np.int64) & (2**bits - 1)) << (high_bit + 1 - bits)).astype(f"u{allocated // 8}")
    if pack is not None:
        dataset.PixelData = encapsulate([pack(words)])
    else:
        dataset.PixelData = words.astype(words.dtype.newbyteorder("<" if little else ">")).tobytes()
        dataset["PixelData"].VR = "OW" if allocated == 16 else "OB"
    for name, value in fields.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut(entries: NDArray, bits: int, first: int = 0, packed: bool = False) -> Sequence:
    """A sequence of one LUT, its data a list of numbers (US) or bytes (OW)."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    words = entries.astype(np.uint16)
    item.LUTData = words.tobytes() if packed else words.tolist()
    item["LUTData"].VR = "OW" if packed else "US"
    return Sequence([item])
