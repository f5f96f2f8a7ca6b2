"""Image files -> grey arrays. Whatever is unreadable, truncated or in colour is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.errors import ImageError, UserError
from mammo_gan.imaging.dicom import dicom_size, read_dicom

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
_FORMATS = ("PNG", "TIFF", "PPM", "JPEG")
_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16B", "I;16L"})
_GREY_MODES = _SIXTEEN_BIT_MODES | {"1", "L", "LA", "P", "RGB", "RGBA"}
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF and one of its values


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's first bytes say: size in px, and 8 or 16 bits per pixel as `read_image` gives them."""

    height: int
    width: int
    bits: int


def read_header(path: Path) -> Header:
    """Size and depth without decoding the pixels. Raises UserError as `read_image` does, but for broken pixels."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        height, width = dicom_size(path)
        return Header(height, width, bits=16)
    image = _open(path, load=False)
    return Header(image.height, image.width, bits=16 if image.mode in _SIXTEEN_BIT_MODES else 8)


def read_image(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """One grey image: (H, W), uint8 or uint16 as stored, bright = large.

    PNG, TIFF, PGM and JPEG; DICOM (.dcm, .dicom) as `read_dicom` shows it. A colour image whose channels are all the
    same counts as grey.

    Raises:
        UserError: missing, truncated, of another format, in colour, of several pages, or with floating-point pixels.
    """
    if path.suffix.lower() in DICOM_SUFFIXES:
        return read_dicom(path)
    image = _open(path, load=True)
    if image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    pixels = _grey(path, image)
    if image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return 65535 - pixels.astype(np.uint16)  # Pillow turns such TIFFs round where they have 8 bits, but not 16
    return pixels


def read_mask(path: Path) -> NDArray[np.bool_]:
    """One lesion's mask: (H, W) bool, non-zero is lesion.

    Raises:
        UserError: as `read_image`, and where the file holds more than the two values 0 and another: grey edges say
            that it was resampled or packed with loss, several labels that it holds several lesions.
    """
    if path.suffix.lower() in DICOM_SUFFIXES:
        values, inverse = np.unique(read_dicom(path), return_inverse=True)
    else:
        # Of a palette the indices are the labels, whatever their colours.
        values, inverse = np.unique(_grey(path, _open(path, load=True)), return_inverse=True)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        few = ", ".join(str(value) for value in values[:5])
        raise UserError(
            f"{path}: expected a mask of two values, 0 outside the lesion, found {len(values)} values ({few}"
            f"{', ...' if len(values) > 5 else ''}); save one mask per lesion, without smoothing, as PNG"
        )
    return np.asarray(values[inverse] != 0)


def _open(path: Path, load: bool) -> Image.Image:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            pages = getattr(image, "n_frames", 1)
            if load and pages == 1:
                image.load()
    except FileNotFoundError as error:
        raise UserError(f"{path}: expected an image file, found none; check the path") from error
    except Exception as error:  # a decoder fed with broken bytes raises whatever it trips over
        raise ImageError(
            f"{path}: expected a whole image ({', '.join(_FORMATS)}), found a file that is truncated or of another "
            f"kind ({error}); copy it again or leave it out",
            "truncated {}" if "truncated" in str(error) else "unreadable {}",
        ) from error
    if pages != 1:
        raise UserError(f"{path}: expected one image, found a file of {pages} pages; save them one by one")
    return image


def _grey(path: Path, image: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(H, W) uint8 or uint16 of an image of any mode."""
    if image.mode not in _GREY_MODES:
        raise UserError(f"{path}: expected 8 or 16 bits per pixel, found Pillow's mode {image.mode}; save it as grey")
    pixels = np.asarray(image)
    if pixels.size == 0:
        raise UserError(f"{path}: expected pixels, found an image of size {image.height} x {image.width}; leave it out")
    if image.mode in ("RGB", "RGBA") and not (pixels[..., :1] == pixels[..., 1:3]).all():
        raise UserError(f"{path}: expected a grey image, found one in colour; save it as 8- or 16-bit grey")
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    if image.mode not in _SIXTEEN_BIT_MODES:
        return pixels.astype(np.uint8)
    if int(pixels.min()) < 0 or int(pixels.max()) > 65535:
        raise UserError(
            f"{path}: expected 8 or 16 bits per pixel, found values from {pixels.min()} to {pixels.max()}; "
            "save it as 16-bit grey"
        )
    return pixels.astype(np.uint16)
