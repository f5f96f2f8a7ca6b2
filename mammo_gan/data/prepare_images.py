"""Records -> a store of whole images in several sizes (korkinof2019_mammogan, section 2).

Images are read once, a chunk at a time, by many processes. What is finished is noted, so that a preparation that was
killed goes on; the result depends on the records, the splits and the recipe alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import image_store, journal
from mammo_gan.data.array_file import ArrayFile
from mammo_gan.data.beginning import begin
from mammo_gan.data.image_rows import row_of
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.image_summary import ImageSummary, summarise
from mammo_gan.data.journal import Journal
from mammo_gan.data.prepare import TRAINING, Progress, no_progress
from mammo_gan.data.pyramid import Size, check_sizes, pyramid
from mammo_gan.data.whole_images import Depth, whole_image
from mammo_gan.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """How whole images are made; korkinof2019's numbers stand in conf/data.

    Args:
        sizes: (height, width) px, the finest and halves of it; the finest is the canvas that images are fitted onto.
        depth: bits of a pixel, 8 or 16.
        left_oriented: mirror images whose chest wall is at the right.
        breast_alone: all beside the breast is black, and the breast begins at the first column; see `whole_image`.

    Raises:
        UserError: a size or the depth is none that can be made.
    """

    sizes: tuple[Size, ...]
    depth: Depth
    left_oriented: bool
    breast_alone: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", check_sizes(self.sizes))
        if self.depth not in (8, 16):
            raise UserError(f"data.depth={self.depth}: expected 8 or 16 bits a pixel")

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Of the arrays."""
        return np.uint8 if self.depth == 8 else np.uint16


def expected_bytes(images: int, recipe: ImageRecipe) -> int:
    """Disk that a store of `images` images takes, within a few percent."""
    table = 128  # per row, compressed
    pixels = sum(height * width for height, width in recipe.sizes)
    return images * (pixels * recipe.depth // 8 + table)


def prepare_images(
    records: Sequence[Mammogram],
    reader: Reader,
    root: Path,
    folder: Path,
    recipe: ImageRecipe,
    splits: Mapping[str, SplitName],
    identity_key: bytes,
    required_splits: Collection[SplitName] = TRAINING,
    jobs: int = 1,
    progress: Progress = no_progress,
) -> ImageSummary:
    """Write every image in all sizes into a store in `folder`.

    Finished chunks are noted in `folder`/unfinished: after a kill the same call reads only images of the others. The
    notes stay for the caller to remove (`journal.end`) once it needs the call no more. In memory there is one chunk's
    finest images a process.

    Args:
        splits: patient -> split.
        required_splits: those that must have an image.
        jobs: processes; -1 = all cores.

    Raises:
        UserError: a required split has no image, or an image can't be read.
    """
    records, split_of, folder, root, notes = begin(records, splits, folder, root, recipe, identity_key, required_splits)
    work = _Work(reader, root, recipe, _arrays(folder, len(records), recipe, notes), notes, identity_key)
    chunks = journal.chunks(len(records))
    left = [chunk for chunk in chunks if _noted(notes, chunk) is None]
    calls = (
        delayed(_prepare)(work, chunk, records[chunk.start : chunk.stop], split_of[chunk.start : chunk.stop])
        for chunk in left
    )
    prepared = Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)
    for _ in progress(prepared, len(left), "preparing images"):
        pass
    journal.sweep(folder, image_store.ROWS)
    rows = (row for chunk in chunks for row in _noted(notes, chunk) or [])
    image_store.write_rows(folder, recipe.sizes, rows)
    return summarise(ImageStore.open(folder))


class _Work(NamedTuple):
    """What every process needs to know."""

    reader: Reader
    root: Path
    recipe: ImageRecipe
    arrays: tuple[ArrayFile, ...]
    notes: Journal
    identity_key: bytes


def _arrays(folder: Path, images: int, recipe: ImageRecipe, notes: Journal) -> tuple[ArrayFile, ...]:
    """The store's arrays as they stand; where one is missing or of another kind, all are made anew."""
    (folder / image_store.ROWS).unlink(missing_ok=True)
    arrays = tuple(
        ArrayFile(folder / image_store.array_name(size), (images, *size), recipe.dtype) for size in recipe.sizes
    )
    if not all(array.is_there() for array in arrays):
        notes.forget("chunk")
        for array in arrays:
            array.make()
    return arrays


def _prepare(work: _Work, chunk: range, records: Sequence[Mammogram], splits: Sequence[SplitName]) -> None:
    """Read a chunk's images, put them to their places, then note that they are there."""
    recipe, rows = work.recipe, []
    images: list[list[NDArray[Any]]] = [[] for _ in recipe.sizes]
    for record, split in zip(records, splits, strict=True):
        whole = whole_image(
            work.reader, work.root, record, recipe.sizes[0], recipe.depth, recipe.left_oriented, recipe.breast_alone
        )
        for of_size, image in zip(images, pyramid(whole.image, recipe.sizes), strict=True):
            of_size.append(image)
        rows.append(row_of(record, split, whole, work.identity_key).as_json())
    for array, of_size in zip(work.arrays, images, strict=True):
        array.write(chunk.start, np.stack(of_size))
    work.notes.note(_name(chunk), rows)


def _noted(notes: Journal, chunk: range) -> list[dict[str, Any]] | None:
    """The rows of a finished chunk."""
    rows: list[dict[str, Any]] | None = notes.read(_name(chunk))
    return rows if rows is not None and len(rows) == len(chunk) else None


def _name(chunk: range) -> str:
    return f"chunk/{chunk.start}"
