"""DICOM mammograms, as their makers want them seen: the VOI step of PS3.3 C.11.2 and the polarity, as one table.

The table maps every value that a pixel can hold to a grey level, so that a whole image costs one look-up.
"""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

from mammo_gan.errors import UserError

_WHITE = 65535
_NEEDED = ("Rows", "Columns", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")


def read_dicom(path: Path) -> NDArray[np.uint16]:
    """(H, W) uint16, dense tissue bright: black and white of the file's own window are 0 and 65535.

    Modality LUT, then VOI: a VOI LUT is preferred to a window where both are there. MONOCHROME1 is inverted after
    that. Padding is black and takes no part in it. A file without VOI (FOR PROCESSING) keeps its whole range.

    Raises:
        UserError: unreadable, truncated, in colour, of several frames, or compressed in a way that can't be decoded.
    """
    dataset = _dataset(path, stop_before_pixels=False)
    stored = _stored_values(path, dataset)
    lowest, table = _table(path, dataset)
    if stored.min() < lowest or stored.max() >= lowest + len(table):
        raise UserError(
            f"{path}: expected pixels of {dataset.BitsStored} bits as its header says, found values from "
            f"{stored.min()} to {stored.max()}; export the image again"
        )
    return table[stored.astype(np.int32) - lowest]


def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width in px from the header alone. Raises UserError as `read_dicom` does."""
    dataset = _dataset(path, stop_before_pixels=True)
    return int(dataset.Rows), int(dataset.Columns)


def _dataset(path: Path, stop_before_pixels: bool) -> FileDataset:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
        missing = [name for name in _NEEDED if dataset.get(name) is None]
        frames = int(dataset.get("NumberOfFrames") or 1)
    except Exception as error:  # a parser fed with broken bytes raises whatever it trips over
        raise UserError(
            f"{path}: expected a DICOM file, found one that can't be parsed ({error}); export it again"
        ) from (error)
    if missing:
        raise UserError(f"{path}: expected a DICOM image, found none of {', '.join(missing)}; export the image again")
    if frames != 1 or dataset.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise UserError(
            f"{path}: expected one grey image, found {frames} frames of {dataset.PhotometricInterpretation}; "
            "leave out tomosynthesis, secondary captures and reports"
        )
    if not 1 <= int(dataset.BitsStored) <= 16:
        raise UserError(f"{path}: expected at most 16 bits per pixel, found {dataset.BitsStored}")
    return dataset


def _stored_values(path: Path, dataset: FileDataset) -> NDArray[np.integer]:
    try:
        # pydicom itself has no decoder for lossless JPEG, in which most archived mammograms are packed.
        lossless_jpeg = dataset.file_meta.TransferSyntaxUID in (JPEGLossless, JPEGLosslessSV1)
        if lossless_jpeg and dataset.PixelRepresentation == 0:
            frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
            if not frame.rstrip(b"\x00").endswith(b"\xff\xd9"):  # the decoder fills up what is missing without a word
                raise EOFError("no end marker")
            stored = imagecodecs.ljpeg_decode(frame)
        else:
            stored = dataset.pixel_array
    except Exception as error:  # as above: decoders for broken or unknown streams
        raise UserError(
            f"{path}: expected readable pixels, found a stream that is truncated or packed in a way unknown here "
            f"({error}); unpack it, as with dcmdjpeg of DCMTK or gdcmconv --raw, or export it again"
        ) from error
    if stored.shape != (dataset.Rows, dataset.Columns):
        raise UserError(
            f"{path}: expected {dataset.Rows} x {dataset.Columns} px as its header says, found {stored.shape}; "
            "export it again"
        )
    return np.asarray(stored)


def _table(path: Path, dataset: FileDataset) -> tuple[int, NDArray[np.uint16]]:
    """The lowest value that a pixel can hold, and the grey levels of all of them from there on."""
    count = 2 ** int(dataset.BitsStored)
    lowest = -count // 2 if dataset.PixelRepresentation == 1 else 0
    values = np.arange(lowest, lowest + count, dtype=np.int16 if lowest < 0 else np.uint16)
    try:
        shown = np.asarray(apply_voi_lut(apply_modality_lut(values, dataset), dataset, prefer_lut=True), np.float64)
    except Exception as error:  # as above: a LUT of wrong length, a window without width
        raise UserError(f"{path}: its window or LUT can't be applied ({error}); export the image again") from error
    padding = _padding(dataset, values)
    black, white = shown[~padding].min(initial=np.inf), shown[~padding].max(initial=-np.inf)
    if not white > black:
        raise UserError(f"{path}: expected a window or LUT that tells grey levels apart, found one that doesn't")
    levels = np.clip((shown - black) / (white - black), 0, 1)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        levels = 1 - levels
    levels[padding] = 0
    return lowest, np.rint(levels * _WHITE).astype(np.uint16)


def _padding(dataset: FileDataset, values: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which values mark pixels that were never exposed (PS3.3 C.7.5.1.1.2)."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(values), dtype=bool)
    last = dataset.get("PixelPaddingRangeLimit", first)
    return np.asarray((values >= min(first, last)) & (values <= max(first, last)))
