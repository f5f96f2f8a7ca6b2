"""A .npy file that many processes fill, each its own places, also from several machines on a network's file system."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.files import flush_folder


@dataclass(frozen=True)
class ArrayFile:
    """An array on disk whose first axis counts places: `shape` is (places, ...).

    It holds no open file, so it can be sent to other processes. Places are written at their position in the file and
    not through a shared memory map: a map is written back in whole pages, with what another machine has meanwhile put
    into the rest of a page.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: type[np.uint8] | type[np.uint16] = np.uint8

    @property
    def nbytes(self) -> int:
        """Size of the whole file."""
        return len(self._header()) + self.shape[0] * self._place_bytes

    def is_there(self) -> bool:
        """Whether the file has this header and size; of the places it says nothing."""
        header = self._header()
        try:
            with self.path.open("rb") as file:
                return file.read(len(header)) == header and os.fstat(file.fileno()).st_size == self.nbytes
        except OSError:
            return False

    def make(self) -> None:
        """An array of zeros that takes no disk until it is written to. What the file held is lost."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("wb") as file:
            file.write(self._header())
            file.truncate(self.nbytes)
            file.flush()
            os.fsync(file.fileno())
        flush_folder(self.path.parent)

    def write(self, first: int, places: NDArray[Any], flush: bool = True) -> None:
        """Put `places`, (n, ...) of the array's type, at `first` and those behind it.

        Args:
            flush: return only once they are on the disk.

        Raises:
            ValueError: they are of another shape or type, or reach beyond the array.
        """
        if places.dtype != self.dtype or places.shape[1:] != self.shape[1:]:
            raise ValueError(f"{self.path} takes {self.dtype} {self.shape[1:]}, got {places.dtype} {places.shape[1:]}")
        if not 0 <= first <= first + len(places) <= self.shape[0]:
            raise ValueError(f"{self.path} has {self.shape[0]} places, got {len(places)} for {first} and behind")
        content = np.ascontiguousarray(places).reshape(-1).view(np.uint8).data
        # Opened for writing alone: a page that was never read is sent to a file server without the rest of it.
        descriptor = os.open(self.path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        try:
            os.lseek(descriptor, len(self._header()) + first * self._place_bytes, os.SEEK_SET)
            while content:
                content = content[os.write(descriptor, content) :]
            if flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def flush(self) -> None:
        """Return once all that was written here is on the disk."""
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def _place_bytes(self) -> int:
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def _header(self) -> bytes:
        described = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(self.dtype)),
            "fortran_order": False,
            "shape": self.shape,
        }
        text = io.BytesIO()
        np.lib.format.write_array_header_1_0(text, described)
        return text.getvalue()


def mapped(path: Path) -> NDArray[Any]:
    """An array on disk, read as it is asked for.

    Raises:
        UserError: there is no array that can be read.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise not_whole(path, "an array", str(error)) from error
    if not isinstance(array, np.ndarray) or array.ndim < 2:
        raise not_whole(path, "an array of pixels", "something else")
    return array


def not_whole(path: Path, expected: str, found: str) -> UserError:
    """A prepared file that isn't what it should be."""
    return UserError(
        f"{path}: what was prepared here isn't whole: expected {expected}, found {found}. "
        f"Remove the folder {path.parent} and run the same command again to prepare it anew"
    )
