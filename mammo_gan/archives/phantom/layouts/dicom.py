"""DICOM files of phantoms: the same bytes every time, and no word in them that could be a person's."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLosslessSV1

_SOURCE = UID("2.25.231461437012873109410262463207186291747")  # names this writer in each file


def uid(*parts: object) -> UID:
    """A unique identifier that depends on `parts` alone, of the root that anyone may use (PS3.5, B.2)."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, ':'.join(map(str, parts))).int}")


def dicom(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    stored_bits: int,
    sop_class: UID,
    name: UID,
    header: Mapping[str, Any],
) -> Dataset:
    """One grey image with its header, not yet packed.

    Args:
        pixels: (H, W), white the highest of `stored_bits` bits.
        stored_bits: of each pixel's 8 or 16.
        sop_class: what kind of image it is.
        name: the image's own identifier.
        header: further elements by keyword.
    """
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, name
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * pixels.itemsize, stored_bits, stored_bits - 1
    dataset.QualityControlImage = "YES"  # "a quality control or phantom image" (PS3.3, C.7.6.1)
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return dataset


def write_dicom(
    path: Path, dataset: Dataset, pixels: NDArray[np.uint8] | NDArray[np.uint16], lossless_jpeg: bool = False
) -> None:
    """Writes `dataset` with its pixels as they are, or as lossless JPEG of first-order prediction.

    As they are, an odd number of pixel bytes stays odd, against the standard and as in part of CBIS-DDSM.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = JPEGLosslessSV1 if lossless_jpeg else ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = _SOURCE, "MAMMO_GAN"
    whole = Dataset()
    whole.update(dataset)
    whole.file_meta = meta
    raw = np.ascontiguousarray(pixels)
    if lossless_jpeg:
        stream = imagecodecs.jpeg8_encode(raw, lossless=True, bitspersample=int(dataset.BitsStored), predictor=1)
        whole.add_new("PixelData", "OB", encapsulate([bytes(stream)]))
        whole["PixelData"].is_undefined_length = True
    else:
        whole.add_new(
            "PixelData", "OB" if raw.itemsize == 1 else "OW", raw.astype(raw.dtype.newbyteorder("<")).tobytes()
        )
    buffer = io.BytesIO()
    dcmwrite(buffer, whole, enforce_file_format=True)
    content = buffer.getvalue()
    if not lossless_jpeg and raw.nbytes % 2:
        # The element is the last: its length stands in the four bytes before its value and the padding.
        content = content[: -raw.nbytes - 1 - 4] + raw.nbytes.to_bytes(4, "little") + raw.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
