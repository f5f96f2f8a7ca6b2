"""Prepared patches on disk: two arrays that are mapped into memory, never read whole, and a table.

images.npy       (N, S, S) uint8
masks.npy        (N, ceil(S * S / 8)) uint8, eight mask pixels a byte
patches.parquet  N rows; written last, so that a store without it isn't whole
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo_gan.archives.records import Density, Laterality, LesionKind, Pathology, SplitName, View
from mammo_gan.data.array_file import mapped, not_whole
from mammo_gan.data.patch_slots import BREASTS, IMAGES, MASKS, PatchSlots, packed_length
from mammo_gan.files import written_whole

ROWS = "patches.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRow:
    """What is known of one patch. Patient and image go by their keyed hashes.

    `kind`, `pathology` and `lesion_box` are those of the lesion in the mask; None for a lesion-free patch.
    """

    image_key: str
    patient_key: str
    split: SplitName
    label: int  # 0 = non-malignant, 1 = malignant
    kind: LesionKind | None
    pathology: Pathology | None
    view: View | None
    laterality: Laterality | None
    density: Density | None
    x0: int  # the patch's upper left corner, px of the resized image
    y0: int
    scale: float  # px of the resized image per px of the stored one
    mm_per_px: float | None  # of the patch
    lesion_box: tuple[int, int, int, int] | None  # half-open xyxy, px of the patch

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> PatchRow:
        """A row of the table, or one that went through JSON."""
        return cls(**{**columns, "lesion_box": tuple(columns["lesion_box"]) if columns["lesion_box"] else None})


_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("image_key", "patient_key", "split")),
        ("label", pa.uint8()),
        *((name, pa.string()) for name in ("kind", "pathology", "view", "laterality", "density")),
        ("x0", pa.int32()),
        ("y0", pa.int32()),
        ("scale", pa.float64()),
        ("mm_per_px", pa.float64()),
        ("lesion_box", pa.list_(pa.int32())),
    ]
)


def expected_bytes(patches: int, size: int) -> int:
    """Disk that a store of `patches` patches of `size` x `size` px takes, within a few percent."""
    table = 64  # per row, compressed
    return patches * (size * size + 2 * packed_length(size) + table)


class PatchWriter:
    """Writes a store of a known number of patches, one after the other.

    Args:
        folder: made if missing; a store already in it is overwritten.
        count: patches that will be appended, at least 1.
        size: their side, px.
    """

    def __init__(self, folder: Path, count: int, size: int) -> None:
        if count < 1 or size < 1:
            raise ValueError(f"a store has at least one patch of at least 1 px, got {count} of {size} px")
        (folder / ROWS).unlink(missing_ok=True)
        self.folder, self.count, self.size = folder, count, size
        self._slots = PatchSlots(folder, count, size)
        self._slots.make()
        self.rows: list[PatchRow] = []

    def append(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        row: PatchRow,
        breast: NDArray[np.bool_] | None = None,
    ) -> None:
        """image: (S, S) uint8; mask: (S, S) bool, all False if lesion-free; breast: (S, S) bool, None = all of it."""
        if len(self.rows) == self.count:
            raise ValueError(f"the store was made for {self.count} patches")
        breast = np.ones(mask.shape, dtype=bool) if breast is None else breast
        self._slots.write(len(self.rows), [image], [mask], [breast], flush=False)
        self.rows.append(row)

    def close(self) -> None:
        """Flush the arrays and write the table; only now the store can be opened."""
        if len(self.rows) != self.count:
            raise ValueError(f"the store was made for {self.count} patches, {len(self.rows)} were written")
        self._slots.flush()
        write_rows(self.folder, self.rows)


def write_rows(folder: Path, rows: Sequence[PatchRow]) -> None:
    """The table of a store whose arrays are on the disk; only now the store can be opened."""
    names = [field.name for field in fields(PatchRow)]
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    with written_whole(folder / ROWS) as unfinished:
        pq.write_table(pa.table(columns, schema=_SCHEMA), unfinished)


class PatchStore:
    """A prepared set of patches, read from disk as they are asked for.

    Pickling one (for a loader's processes) sends its folder's name, not its arrays.
    """

    def __init__(
        self,
        folder: Path,
        images: NDArray[np.uint8],
        masks: NDArray[np.uint8],
        breasts: NDArray[np.uint8],
        table: pa.Table,
    ) -> None:
        self.folder = folder
        self._images, self._masks, self._breasts, self._table = images, masks, breasts, table

    @classmethod
    def open(cls, folder: Path) -> PatchStore:
        """Open the store in `folder`.

        Raises:
            UserError: a file is missing or unreadable, or they don't belong together.
        """
        images, masks, breasts = (mapped(folder / name) for name in (IMAGES, MASKS, BREASTS))
        table = _table(folder / ROWS)
        count = len(table)
        size = images.shape[-1]
        for name, array, shape in (
            (IMAGES, images, (count, size, size)),
            (MASKS, masks, (count, packed_length(size))),
            (BREASTS, breasts, (count, packed_length(size))),
        ):
            if array.dtype != np.uint8 or array.shape != shape:
                raise not_whole(
                    folder / name, f"uint8 {shape} for the {count} rows of {ROWS}", f"{array.dtype} {array.shape}"
                )
        return cls(folder, images, masks, breasts, table)

    def __reduce__(self) -> tuple[Any, ...]:
        return PatchStore.open, (self.folder,)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def size(self) -> int:
        """Side of a patch, px."""
        return int(self._images.shape[-1])

    @cached_property
    def rows(self) -> list[PatchRow]:
        """One row per patch."""
        return [PatchRow.of(row) for row in self._table.to_pylist()]

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) int64, 0 = non-malignant, 1 = malignant."""
        return np.asarray(self._table["label"].to_numpy(), dtype=np.int64)

    @cached_property
    def has_lesion(self) -> NDArray[np.bool_]:
        """(N,) bool, False for lesion-free patches."""
        return np.asarray(self._table["lesion_box"].is_valid().to_numpy())

    def indices(self, split: SplitName) -> NDArray[np.intp]:
        """The patches of one split, ascending."""
        return np.flatnonzero(np.asarray(self._table["split"].to_numpy()) == split)

    def image(self, index: int) -> NDArray[np.float32]:
        """(S, S) float32 in [0, 1]."""
        return np.asarray(self._images[index], dtype=np.float32) / np.float32(255)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """(S, S) bool, True on the lesion; all False for a lesion-free patch."""
        return self._unpacked(self._masks, index)

    def breast(self, index: int) -> NDArray[np.bool_]:
        """(S, S) bool, True on the breast."""
        return self._unpacked(self._breasts, index)

    def overhang(self, mask_of: int, breast_of: int) -> int:
        """Pixels of one patch's lesion that would lie beside the breast on another patch."""
        beside = self._masks[mask_of] & ~self._breasts[breast_of]  # bits that fill up the last byte are 0 in masks
        return int(np.bitwise_count(beside).sum())

    def _unpacked(self, packed: NDArray[np.uint8], index: int) -> NDArray[np.bool_]:
        bits = np.unpackbits(packed[index], count=self.size * self.size)
        return bits.reshape(self.size, self.size).view(bool)


def _table(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise not_whole(path, "a Parquet table", str(error)) from error
    if table.schema.names != _SCHEMA.names:
        raise not_whole(path, f"the columns {', '.join(_SCHEMA.names)}", ", ".join(table.schema.names))
    return table
