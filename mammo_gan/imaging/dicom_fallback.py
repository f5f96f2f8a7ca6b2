"""pydicom's own way of unpacking pixels, in a process of its own.

gdcm ends the process that it runs in (segmentation fault, abort) on one broken stream in a few hundred. It's asked only
for streams that the usual decoders refuse, most of which are broken: a worker must outlive them.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

_SECONDS = 120  # a few are usual


def unpack_apart(path: Path) -> NDArray[np.integer]:
    """The pixels that pydicom finds in `path`, by whichever of its plug-ins knows the file's packing.

    Raises:
        ValueError: none does, or the process ended without an answer. The text is pydicom's own last line.
    """
    command = [sys.executable, "-m", "mammo_gan.imaging.dicom_fallback", str(path.absolute())]
    package_root = Path(__file__).parents[2]
    try:
        answer = subprocess.run(command, capture_output=True, cwd=package_root, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"no answer of pydicom within {_SECONDS} s") from error
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        crashed = f"pydicom's decoder crashed, with signal {-answer.returncode}"
        raise ValueError(crashed if answer.returncode < 0 or not said else said[-1].strip())
    return np.asarray(np.load(io.BytesIO(answer.stdout), allow_pickle=False))


def main(path: str) -> None:
    """Writes the pixels of the DICOM file `path` to the standard output, in numpy's format."""
    packed = io.BytesIO()
    np.save(packed, np.ascontiguousarray(pydicom.dcmread(path, force=True).pixel_array), allow_pickle=False)
    sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
