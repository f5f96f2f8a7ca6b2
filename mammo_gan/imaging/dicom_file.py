"""Opening a DICOM file, and turning away what is no single grey image."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammo_gan.errors import UserError

LONGEST = 65535  # px; Rows and Columns are 16-bit numbers (PS3.3, C.7.6.3)
_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")


def parse_dicom(path: Path, *, stop_before_pixels: bool, only: tuple[str, ...] | None = None) -> FileDataset:
    """Any data set, with or without a preamble; its file_meta always names a transfer syntax.

    Raises:
        UserError: no DICOM file.
    """
    try:
        dataset = pydicom.dcmread(
            path, stop_before_pixels=stop_before_pixels, specific_tags=list(only) if only else None, force=True
        )
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    except OSError as error:
        raise UserError(
            f"{path}: expected a DICOM file, found none to read ({error.strerror or error}); check the path"
        ) from error
    except Exception as error:  # a parser fed with broken bytes raises whatever it trips over
        raise _unparsed(path, error) from error
    return dataset


def open_dicom(path: Path, *, stop_before_pixels: bool, only: tuple[str, ...] | None = None) -> FileDataset:
    """One grey image's data set, as from `parse_dicom`.

    Raises:
        UserError: no DICOM file, no image, in colour, of several frames (tomosynthesis), or of more than 16 bits.
    """
    dataset = parse_dicom(path, stop_before_pixels=stop_before_pixels, only=only)
    try:
        missing = [name for name in _NEEDED if dataset.get(name) is None]
        height, width, allocated, stored = (0,) * 4 if missing else (int(dataset[name].value) for name in _NEEDED[:4])
        frames, samples = int(dataset.get("NumberOfFrames") or 1), int(dataset.get("SamplesPerPixel") or 1)
        photometric = dataset.get("PhotometricInterpretation")
    except Exception as error:  # elements are parsed at their first use
        raise _unparsed(path, error) from error
    if missing:
        raise UserError(
            f"{path}: expected a DICOM image, found none of {', '.join(missing)} in its header; export the image again"
        )
    if frames != 1 or samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UserError(
            f"{path}: expected one grey image, found {frames} frames of {photometric}; "
            "leave out tomosynthesis, secondary captures and reports"
        )
    if not (
        0 < min(height, width) <= max(height, width) <= LONGEST
        and 1 <= stored <= allocated
        and allocated in (8, 16)
        and stored <= 16
    ):
        raise UserError(
            f"{path}: expected pixels of at most 16 bits, in 8 or 16, found {height} x {width} px of {stored} bits in "
            f"{allocated}; export the image again"
        )
    return dataset


def _unparsed(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: expected a DICOM file, found one that can't be parsed ({error}); export it again")


def _guessed_syntax(dataset: FileDataset) -> UID:
    """A file without the part before its data set says by its encoding how it's written (PS3.10, 7.1)."""
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian
