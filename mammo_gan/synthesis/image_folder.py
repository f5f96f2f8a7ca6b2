"""A folder of grey patches that another program generated; it is only ever read."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.paths import inside, listing
from mammo_gan.data.lesion_cutting import ready_made
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_header, read_image


class ImageFolder:
    """The images in a folder and all folders below it, in the order of their paths. Hidden files are passed over.

    `sizes` counts them by (height, width), px.

    Raises:
        UserError: there is no such folder, nothing in it can be judged, or a file in it is no image.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"images={folder}: expected a folder of images, found none; give the path of one")
        below = listing(folder)
        for fault in below.faults:
            raise UserError(f"{folder / fault.file}: expected {fault.expected}, found {fault.found}; {fault.advice}")
        self.names = [name for name in below.files if not _is_hidden(name)]
        if not self.names:
            raise UserError(
                f"images={folder}: expected 8- or 16-bit grey images (PNG, TIFF, JPEG), found no file in it or below"
            )
        self._files = [inside(folder, name) for name in self.names]
        headers = [read_header(file) for file in self._files]
        self.sizes = Counter((header.height, header.width) for header in headers)

    def __len__(self) -> int:
        return len(self.names)

    def image(self, number: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1], brought to `shape` and 8 bits as real patches that come ready-made are.

        Raises:
            UserError: the file is broken or in colour.
        """
        grey = ready_made(read_image(self._files[number]), shape)
        return np.asarray(grey / np.float32(255), dtype=np.float32)

    def sha256(self) -> str:
        """Over the names, relative to the folder, and the bytes of all images."""
        digest = hashlib.sha256()
        for name, file in zip(self.names, self._files, strict=True):
            content = file.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)
