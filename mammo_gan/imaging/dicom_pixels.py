"""Stored values of a DICOM image, unpacked by the fastest decoder that gives them exactly.

imagecodecs for what mammograms are packed in; pydicom, with its plug-ins gdcm and openjpeg, in a process of its own
for the rest and wherever the first refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from mammo_gan.errors import ImageError, UserError
from mammo_gan.imaging.dicom_fallback import unpack_apart

_Bits = NDArray[np.unsignedinteger]  # uint8 or uint16
_BARE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
# Measured on 3328 x 2560 px: libjpeg-turbo takes 0.6 times as long as other decoders of lossless JPEG.
_DECODERS: dict[str, Callable[[bytes], NDArray[np.integer]]] = {
    JPEGLossless: imagecodecs.jpeg8_decode,
    JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    JPEGLSNearLossless: imagecodecs.jpegls_decode,
    JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    JPEG2000: imagecodecs.jpeg2k_decode,
    JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    JPEGExtended12Bit: imagecodecs.jpeg8_decode,
}
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_FRAME_HEADERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})  # JPEG's SOF0 to SOF3 and JPEG-LS's SOF55


def stored_bits(path: Path, dataset: FileDataset) -> _Bits:
    """(H, W) uint8 or uint16: each pixel's BitsStored bits as an unsigned number, of signed pixels two's complement.

    Bits beside them are dropped where the file says that an overlay lies there, and must otherwise be empty.

    Raises:
        UserError: no pixel data, truncated, of another size or depth than the header says, or packed in a way that
            nothing here unpacks.
    """
    if "PixelData" not in dataset:
        raise ImageError(
            f"{path}: expected a DICOM image, found a header without pixel data; export the image again",
            "{} without pixel data",
        )
    try:
        raw = _unpack(path, dataset)
        if raw.shape != (dataset.Rows, dataset.Columns) or raw.dtype.kind not in "iu" or raw.dtype.itemsize > 2:
            raise _other_size(path, dataset, f"{raw.shape} of {raw.dtype}")
        native = np.ascontiguousarray(raw, raw.dtype.newbyteorder("="))
        return _without_neighbours(path, dataset, native.view(f"u{raw.dtype.itemsize}"))
    except UserError:
        raise
    except Exception as error:  # decoders for broken or unknown streams raise whatever they trip over
        raise UserError(
            f"{path}: expected readable pixels, found a stream that is truncated or packed in a way unknown here "
            f"({error}); unpack it, as with dcmdjpeg of DCMTK or gdcmconv --raw, or export it again"
        ) from error


def _unpack(path: Path, dataset: FileDataset) -> NDArray[np.integer]:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in _BARE:
        return _uncompressed(path, dataset)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    try:
        return _run_lengths(dataset, frame) if syntax == RLELossless else _codestream(path, dataset, frame)
    except (UserError, EOFError):
        raise
    except Exception:  # a packing or a stream out of the ordinary, which a slower decoder may know
        if int(dataset.get("HighBit") or 0) + 1 != dataset.BitsStored:
            raise  # pydicom cuts pixels to their lowest BitsStored bits, wherever the values lie
        return unpack_apart(path)


def _run_lengths(dataset: FileDataset, frame: bytes) -> NDArray[np.integer]:
    """PS3.5, annex G. A truncated frame comes out of the decoder shorter, as bytes."""
    word = f"<u{int(dataset.BitsAllocated) // 8}"
    values = np.frombuffer(imagecodecs.dicomrle_decode(frame, word), word)
    return values.reshape(int(dataset.Rows), int(dataset.Columns))


def _codestream(path: Path, dataset: FileDataset, frame: bytes) -> NDArray[np.integer]:
    if not frame[-64:].rstrip(b"\0").endswith(_END_OF_IMAGE):  # decoders fill up what is missing without a word
        raise EOFError("no end marker")
    stated = _stated_size(frame)
    if stated is not None and stated != (dataset.Rows, dataset.Columns):  # before room is made for it
        raise _other_size(path, dataset, str(stated))
    return np.asarray(_DECODERS[dataset.file_meta.TransferSyntaxUID](frame))


def _uncompressed(path: Path, dataset: FileDataset) -> NDArray[np.integer]:
    """Without a copy. CBIS-DDSM holds files that lack the byte which makes an odd number of bytes even."""
    rows, columns, itemsize = int(dataset.Rows), int(dataset.Columns), int(dataset.BitsAllocated) // 8
    needed, found = rows * columns * itemsize, len(dataset.PixelData)
    if found < needed:
        raise ImageError(
            f"{path}: expected {needed} bytes of pixels, found {found}: the file is truncated; copy it again",
            "truncated {}",
        )
    if found - needed >= columns * itemsize and found - needed > 1:  # more than an encoder pads with
        raise _other_size(path, dataset, f"{found} bytes instead of {needed}")
    order = ">" if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<"
    if order == ">" and itemsize == 1 and dataset["PixelData"].VR == "OW":  # bytes in words, swapped with them
        swapped = np.frombuffer(dataset.PixelData, ">u2").astype("<u2").view(np.uint8)
        return swapped[: rows * columns].reshape(rows, columns)
    return np.frombuffer(dataset.PixelData, f"{order}u{itemsize}", rows * columns).reshape(rows, columns)


def _stated_size(frame: bytes) -> tuple[int, ...] | None:
    """Height and width, and the channels if they are several, by a stream's own header; None where it has none.

    A flipped bit here makes a decoder ask for gigabytes.
    """
    if frame.startswith(b"\xff\x4f\xff\x51"):  # JPEG 2000: SIZ, whose extent is the reference grid's less its offset
        right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        channels = int.from_bytes(frame[40:42], "big")
        return (bottom - top, right - left) if channels == 1 else (bottom - top, right - left, channels)
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        if frame[at + 1] in _FRAME_HEADERS:
            return int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(frame[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def _without_neighbours(path: Path, dataset: FileDataset, raw: NDArray[np.unsignedinteger]) -> _Bits:
    """The BitsStored bits that end at HighBit (PS3.5, 8.1.1)."""
    stored, high = int(dataset.BitsStored), int(dataset.get("HighBit") or dataset.BitsStored - 1)
    shift, every = high + 1 - stored, int(np.iinfo(raw.dtype).max)
    mask = (2**stored - 1) & every
    if not 0 <= shift <= int(dataset.BitsAllocated) - stored:
        raise UserError(f"{path}: expected {stored} bits that end at the highest, found bit {high}; export it again")
    if dataset.PixelRepresentation == 0 and shift == 0 and raw.max() <= mask:
        return raw
    bits: _Bits = (raw >> shift) & mask
    overlays = [tag for tag in dataset.keys() if tag.group >> 8 == 0x60 and tag.element == 0x0102]  # noqa: SIM118
    if any(dataset[tag].value for tag in overlays):
        return bits  # OverlayBitPosition: the other bits are an overlay's
    empty = raw == bits << shift
    if dataset.PixelRepresentation == 1:  # a negative number's sign may be carried on to the left
        empty |= (bits >> (stored - 1) == 1) & (raw >> shift == (bits | (every ^ mask)) & (every >> shift))
    if not empty.all():
        raise UserError(
            f"{path}: expected pixels of {stored} bits as its header says, found values up to {raw.max()}; "
            "export the image again"
        )
    return bits


def _other_size(path: Path, dataset: FileDataset, found: str) -> UserError:
    return UserError(
        f"{path}: expected {dataset.Rows} x {dataset.Columns} px as its header says, found {found}; export it again"
    )
