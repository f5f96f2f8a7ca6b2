"""The arrays of a store of patches: pixels a byte each, masks eight pixels a byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.data.array_file import ArrayFile

IMAGES, MASKS, BREASTS = "images.npy", "masks.npy", "breasts.npy"


def packed_length(size: int) -> int:
    """Bytes of a mask of `size` x `size` px."""
    return -(-size * size // 8)


@dataclass(frozen=True)
class PatchSlots:
    """Places for `count` patches of `size` x `size` px, filled in any order by any process."""

    folder: Path
    count: int
    size: int

    def are_there(self) -> bool:
        """Whether the three files are there at their sizes."""
        return all(file.is_there() for file in self._files())

    def make(self) -> None:
        """Empty files; what was in them is lost."""
        for file in self._files():
            file.make()

    def write(
        self,
        first: int,
        images: Sequence[NDArray[np.uint8]],
        masks: Sequence[NDArray[np.bool_]],
        breasts: Sequence[NDArray[np.bool_]],
        flush: bool = True,
    ) -> None:
        """Patches for `first` and the places behind it, each (S, S); with `flush`, on the disk when it returns."""
        packed = (np.stack([np.packbits(mask) for mask in of_all]) for of_all in (masks, breasts))
        for file, places in zip(self._files(), (np.stack(images), *packed), strict=True):
            file.write(first, places, flush)

    def flush(self) -> None:
        """Return once all that was written here is on the disk."""
        for file in self._files():
            file.flush()

    def _files(self) -> tuple[ArrayFile, ArrayFile, ArrayFile]:
        packed = (self.count, packed_length(self.size))
        return (
            ArrayFile(self.folder / IMAGES, (self.count, self.size, self.size)),
            ArrayFile(self.folder / MASKS, packed),
            ArrayFile(self.folder / BREASTS, packed),
        )
