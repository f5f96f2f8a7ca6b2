"""DICOM mammograms, as their makers want them seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.config import disable_value_validation

from mammo_gan.imaging.dicom_file import open_dicom
from mammo_gan.imaging.dicom_pixels import stored_bits
from mammo_gan.imaging.dicom_window import grey_levels

_SIZE = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
_BLOCK = 65536  # pixels whose indices stay in a core's cache: a look-up in blocks takes 0.6 of the time


@disable_value_validation()  # its warnings would print values, a patient's among them
def read_dicom(path: Path) -> NDArray[np.uint16]:
    """(H, W) uint16, dense tissue bright: black and white of the file's own window are 0 and 65535.

    Modality LUT, then VOI: a VOI LUT is preferred to a window where both are there. MONOCHROME1 is inverted after
    that. Padding is black and takes no part in it. A file without VOI (FOR PROCESSING) keeps its whole range.

    Raises:
        UserError: unreadable, truncated, without pixels, in colour, of several frames, or compressed in a way that
            can't be decoded.
    """
    dataset = open_dicom(path, stop_before_pixels=False)
    levels = grey_levels(path, dataset)
    stored = stored_bits(path, dataset)
    shown = np.empty(stored.shape, np.uint16)
    flat, into = stored.reshape(-1), shown.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        np.take(levels, flat[block], out=into[block], mode="clip")  # "raise" would buffer; no index is out of range
    return shown


@disable_value_validation()
def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width in px from the header alone. Raises UserError as `read_dicom` does."""
    dataset = open_dicom(path, stop_before_pixels=True, only=(*_SIZE, "NumberOfFrames", "SamplesPerPixel"))
    return int(dataset.Rows), int(dataset.Columns)
