"""Film digits from DDSM's .LJPEG files: lossless JPEG (ITU-T T.81, process 14), sizes stated beside them in .ics.

Not yet seen on a genuine file: DDSM's own could not be had while this was written. What is checked here is
checked on streams of the same standard, written by `write_ljpeg` and by another encoder.
"""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import ImageError, UserError

_START_OF_IMAGE, _END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"


def read_ljpeg(path: Path, height: int, width: int) -> NDArray[np.uint16]:
    """The digits that the scanner delivered, (height, width) uint16; `to_intensity` makes grey levels of them.

    A stream that states its size transposed is taken in the order of its digits, `width` to a line.

    Raises:
        UserError: the file is missing, truncated, not lossless JPEG, or of another size than `height` x `width`.
    """
    try:
        stream = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}); fetch the file again") from error
    _check_ends(path, stream)
    digits = _decode(path, stream)
    if digits.shape not in {(height, width), (width, height)}:
        found = " x ".join(map(str, digits.shape))
        raise UserError(
            f"{path}: expected the {height} x {width} (lines x pixels per line) of its .ics file, found {found}; "
            "fetch the .ics and .LJPEG files of this case again"
        )
    return digits.reshape(height, width).astype(np.uint16, copy=False)


def write_ljpeg(path: Path, digits: NDArray[np.uint16], bits: int) -> None:
    """Writes (H, W) uint16 `digits`, all below 2**bits, as one lossless JPEG stream."""
    if digits.ndim != 2 or digits.dtype != np.uint16:
        raise ValueError(f"film digits are (H, W) uint16, got {digits.shape} {digits.dtype}")
    if int(digits.max(initial=0)) >= 2**bits:
        raise ValueError(f"a digit of {digits.max()} doesn't fit into {bits} bits")
    path.write_bytes(imagecodecs.ljpeg_encode(np.ascontiguousarray(digits), bitspersample=bits))


def _check_ends(path: Path, stream: bytes) -> None:
    """A decoder may fill what a truncated stream lacks without a word, so the end marker is asked for first."""
    if not stream.startswith(_START_OF_IMAGE):
        raise UserError(
            f"{path}: expected a lossless JPEG stream beginning with ffd8, "
            f"found {stream[:2].hex() or 'an empty file'}; fetch the file again"
        )
    # Bytes of padding may follow; within a stream's digits ff is always followed by 00, so the marker is unambiguous.
    if not stream.rstrip(b"\x00\r\n").endswith(_END_OF_IMAGE):
        raise ImageError(
            f"{path}: truncated: expected the end marker ffd9, found {stream[-2:].hex()} after {len(stream)} bytes; "
            "fetch the file again",
            "truncated {}",
        )


def _decode(path: Path, stream: bytes) -> NDArray[np.generic]:
    refusals = []
    for decode in (imagecodecs.ljpeg_decode, imagecodecs.jpegsof3_decode):
        try:
            digits = np.asarray(decode(stream))
        except (imagecodecs.LjpegError, imagecodecs.Jpegsof3Error) as error:
            refusals.append(str(error))
            continue
        if digits.size:  # the first gives an empty image for a lossy stream
            return digits
    raise UserError(
        f"{path}: expected a lossless JPEG stream, found one that no decoder reads ({'; '.join(refusals)}); "
        "fetch the file again"
    )
