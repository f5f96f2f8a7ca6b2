"""Prepared images, whole or patches of them, on disk: an array for each size, mapped into memory, and a table.

images_{H}x{W}.npy   (N, H, W) uint8 or uint16, never read whole, for each size of a pyramid, such as 1280x1024,
                     640x512 ... 5x4; patches are of one size
images.parquet       N rows; written last, so that a store without it isn't whole
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo_gan.archives.records import SplitName
from mammo_gan.data.array_file import mapped, not_whole
from mammo_gan.data.image_rows import SCHEMA, ImageRow
from mammo_gan.data.pyramid import Size
from mammo_gan.files import written_whole

ROWS = "images.parquet"
_SIZES = b"sizes"  # in the table's metadata: which arrays belong to it
_GROUP = 4096  # rows that are held in memory while the table is written


def array_name(size: Size) -> str:
    """The file of one size."""
    return f"images_{size[0]}x{size[1]}.npy"


def write_rows(folder: Path, sizes: Sequence[Size], rows: Iterable[Mapping[str, Any]]) -> None:
    """The table of a store whose arrays are on the disk, from each row's `as_json`; only now it can be opened."""
    schema = SCHEMA.with_metadata({_SIZES: json.dumps([list(size) for size in sizes])})
    waiting: list[Mapping[str, Any]] = []
    with written_whole(folder / ROWS) as unfinished, pq.ParquetWriter(unfinished, schema) as table:
        for row in rows:
            waiting.append(row)
            if len(waiting) == _GROUP:
                table.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting.clear()
        table.write_table(pa.Table.from_pylist(waiting, schema=schema))


class ImageStore:
    """A prepared set of images, read from disk as they are asked for.

    Pickling one (for a loader's processes) sends its folder's name, not its arrays.
    """

    def __init__(self, folder: Path, arrays: Mapping[Size, NDArray[Any]], table: pa.Table) -> None:
        self.folder = folder
        self._arrays, self._table = dict(arrays), table

    @classmethod
    def open(cls, folder: Path) -> ImageStore:
        """Open the store in `folder`.

        Raises:
            UserError: a file is missing or unreadable, or they don't belong together.
        """
        table, sizes = _table(folder / ROWS)
        arrays = {size: mapped(folder / array_name(size)) for size in sizes}
        dtype = arrays[sizes[0]].dtype
        for size, array in arrays.items():
            expected = (len(table), *size)
            if array.shape != expected or array.dtype != dtype or dtype not in (np.uint8, np.uint16):
                raise not_whole(
                    folder / array_name(size),
                    f"uint8 or uint16 {expected}, as in all sizes, for the {len(table)} rows of {ROWS}",
                    f"{array.dtype} {array.shape}",
                )
        return cls(folder, arrays, table)

    def __reduce__(self) -> tuple[Any, ...]:
        return ImageStore.open, (self.folder,)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def sizes(self) -> tuple[Size, ...]:
        """(height, width) of each size, px, finest first."""
        return tuple(self._arrays)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        dtype: np.dtype[Any] = self._arrays[self.sizes[0]].dtype
        return dtype

    @cached_property
    def rows(self) -> list[ImageRow]:
        """One row per image."""
        return [ImageRow.of(row) for row in self._table.to_pylist()]

    def row(self, index: int) -> ImageRow:
        """One image's row, without making all of them."""
        return ImageRow.of(self._table.slice(index, 1).to_pylist()[0])

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) int64, 1 = a malignant lesion, 0 = none, -1 = not known."""
        return np.asarray(self._table["label"].cast(pa.int64()).fill_null(-1).to_numpy())

    def column(self, name: str) -> NDArray[Any]:
        """(N,) of one column of `ImageRow`, without making rows: texts as objects, None where unknown."""
        return np.asarray(self._table[name].to_numpy(zero_copy_only=False))

    def mm_per_px(self, index: int, size: Size) -> float | None:
        """Spacing of an image's pixels in one size; None where it isn't known."""
        finest: float | None = self._table["mm_per_px"][index].as_py()
        return None if finest is None else finest * self.sizes[0][0] / size[0]

    def indices(self, split: SplitName) -> NDArray[np.intp]:
        """The images of one split, ascending."""
        return np.flatnonzero(self.column("split") == split)

    def batch(self, indices: Sequence[int] | NDArray[np.intp], size: Size) -> NDArray[Any]:
        """Images as stored: (B, H, W) uint8 or uint16, in the order of `indices`."""
        array, wanted = self._array(size), self._checked(indices)
        batch: NDArray[Any] = np.empty((len(wanted), *size), dtype=array.dtype)
        for place in np.argsort(wanted):  # forwards through the file
            batch[place] = array[wanted[place]]
        return batch

    def floats(
        self, indices: Sequence[int] | NDArray[np.intp], size: Size, low: float = 0.0, high: float = 1.0
    ) -> NDArray[np.float32]:
        """Images in a network's range: (B, H, W) float32, black = `low` to white = `high`, in the order of `indices`.

        Pixels go from the map to their place in the batch in one step, without a copy between.
        """
        array, wanted = self._array(size), self._checked(indices)
        step = np.float32((high - low) / np.iinfo(array.dtype).max)
        batch = np.empty((len(wanted), *size), dtype=np.float32)
        for place in np.argsort(wanted):
            np.multiply(array[wanted[place]], step, out=batch[place], dtype=np.float32)
            if low:
                batch[place] += np.float32(low)
        return batch

    def _array(self, size: Size) -> NDArray[Any]:
        array: NDArray[Any] | None = self._arrays.get(size)
        if array is None:
            known = ", ".join(f"{height}x{width}" for height, width in self.sizes)
            raise KeyError(f"{self.folder} has the sizes {known}, not {size[0]}x{size[1]}")
        return array

    def _checked(self, indices: Sequence[int] | NDArray[np.intp]) -> NDArray[np.intp]:
        wanted = np.asarray(indices, dtype=np.intp)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"{self.folder} has images 0 to {len(self) - 1}, got {wanted.min()} to {wanted.max()}")
        return wanted


def _table(path: Path) -> tuple[pa.Table, list[Size]]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise not_whole(path, "a Parquet table", str(error)) from error
    if table.schema.names != SCHEMA.names:
        raise not_whole(path, f"the columns {', '.join(SCHEMA.names)}", ", ".join(table.schema.names))
    try:
        sizes = [(int(height), int(width)) for height, width in json.loads(table.schema.metadata[_SIZES])]
        sizes[0]
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise not_whole(path, "the sizes of the images in the table's metadata", repr(error)) from error
    return table, sizes
