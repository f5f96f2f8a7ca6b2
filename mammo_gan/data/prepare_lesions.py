"""Records -> a store of patches of lesions and of normal tissue (alyafi2019_dcgan, section 3).

How many patches an image gives is known once it has been read. So each chunk of images goes to a file of its own, whole
or not there, and at the end they are put one behind the other. The result depends on the records, the splits and the
recipe alone, not on the number of processes or how often a preparation was killed on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import image_store, journal
from mammo_gan.data.array_file import ArrayFile, mapped
from mammo_gan.data.beginning import begin
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.journal import Journal
from mammo_gan.data.lesion_cutting import Cut, LesionRecipe, cut_record
from mammo_gan.data.lesion_summary import LesionSummary, summarise
from mammo_gan.data.prepare import TRAINING, Progress, no_progress
from mammo_gan.data.ranks import Ranks, ranks
from mammo_gan.errors import UserError


def peak_bytes(records: Sequence[Mammogram], recipe: LesionRecipe) -> int:
    """Disk that a preparation takes at most: every patch twice, in its chunk and in the store, and its row."""
    row = 128
    most = sum(1 if record.extent == "patch" else len(record.lesions) + recipe.normal for record in records)
    return most * (2 * recipe.size**2 + row)


def prepare_lesions(
    records: Sequence[Mammogram],
    reader: Reader,
    root: Path,
    folder: Path,
    recipe: LesionRecipe,
    splits: Mapping[str, SplitName],
    identity_key: bytes,
    required_splits: Collection[SplitName] = TRAINING,
    jobs: int = 1,
    progress: Progress = no_progress,
) -> LesionSummary:
    """Cut every record's patches into a store of one size in `folder`.

    Finished chunks lie in `folder`/unfinished: after a kill the same call reads only images of the others. They stay
    for the caller to remove (`journal.end`) once it needs the call no more. In memory there is one chunk's patches a
    process.

    Args:
        splits: patient -> split.
        required_splits: those that must have a patch of a lesion.
        jobs: processes; -1 = all cores.

    Raises:
        UserError: a required split has no image or no patch of a lesion, or an image can't be read.
    """
    records, split_of, folder, root, notes = begin(records, splits, folder, root, recipe, identity_key, required_splits)
    work = _Work(reader, root, recipe, notes, identity_key)
    chunks = journal.chunks(len(records))
    left = [chunk for chunk in chunks if work.noted(chunk) is None]
    calls = (
        delayed(_cut_chunk)(work, chunk, records[chunk.start : chunk.stop], split_of[chunk.start : chunk.stop])
        for chunk in left
    )
    for _ in progress(Parallel(n_jobs=jobs, return_as="generator_unordered")(calls), len(left), "cutting patches"):
        pass
    skipped: Counter[str] = Counter()
    lesions: Counter[str] = Counter()
    for noted in work.all_noted(chunks):
        skipped.update(noted["skipped"])
        lesions.update(row["split"] for row in noted["rows"] if row["lesions"])
    try:
        _check_lesions(lesions, required_splits, skipped)
    except UserError:
        notes.end()  # other settings, which are what it takes, can use nothing of it
        raise
    _join(work, folder, chunks, ranks(records, identity_key, recipe.seed))
    return summarise(ImageStore.open(folder), skipped)


class _Work(NamedTuple):
    """What every process needs to know."""

    reader: Reader
    root: Path
    recipe: LesionRecipe
    notes: Journal
    identity_key: bytes

    def file(self, chunk: range) -> Path:
        """Where a chunk's patches wait until all are cut."""
        return self.notes.folder / "patches" / f"{chunk.start}.npy"

    def array(self, path: Path, patches: int) -> ArrayFile:
        """An array of so many patches."""
        return ArrayFile(path, (patches, self.recipe.size, self.recipe.size))

    def noted(self, chunk: range) -> dict[str, Any] | None:
        """Rows and what was skipped of a finished chunk whose patches are there."""
        noted: dict[str, Any] | None = self.notes.read(_name(chunk))
        if noted is None or not self.array(self.file(chunk), len(noted["rows"])).is_there():
            return None
        return noted

    def all_noted(self, chunks: Sequence[range]) -> Iterator[dict[str, Any]]:
        """Those of all chunks, once all are finished, read one by one."""
        return (noted for noted in map(self.noted, chunks) if noted is not None)


def _cut_chunk(work: _Work, chunk: range, records: Sequence[Mammogram], splits: Sequence[SplitName]) -> None:
    """Cut a chunk's patches, put them on the disk, then note that they are there."""
    cut, size = Cut(), work.recipe.size
    for record, split in zip(records, splits, strict=True):
        cut_record(work.reader, work.root, record, split, work.recipe, work.identity_key, cut)
    with journal.placed(work.file(chunk)) as unfinished:
        array = work.array(unfinished, len(cut.rows))
        array.make()
        array.write(0, np.array(cut.patches, dtype=np.uint8).reshape(-1, size, size))
    rows = [row.as_json() for row in cut.rows]
    work.notes.note(_name(chunk), {"rows": rows, "skipped": dict(cut.skipped)})


def _join(work: _Work, folder: Path, chunks: Sequence[range], order: Ranks) -> None:
    """The chunks' patches, one behind the other, and at last the table, without which there is no store."""
    size = work.recipe.size, work.recipe.size
    (folder / image_store.ROWS).unlink(missing_ok=True)
    journal.sweep(folder, image_store.ROWS)
    counts = [len(noted["rows"]) for noted in work.all_noted(chunks)]
    array = work.array(folder / image_store.array_name(size), sum(counts))
    array.make()
    for chunk, count, end in zip(chunks, counts, np.cumsum(counts).tolist(), strict=True):
        if count:  # nothing can't be mapped
            array.write(end - count, mapped(work.file(chunk)), flush=False)
    array.flush()
    rows = (order.of(row) for noted in work.all_noted(chunks) for row in noted["rows"])
    image_store.write_rows(folder, [size], rows)


def _check_lesions(lesions: Mapping[str, int], required: Collection[SplitName], skipped: Mapping[str, int]) -> None:
    for split in required:
        if not lesions.get(split):
            reasons = "; ".join(f"{reason}: {count}" for reason, count in sorted(skipped.items()))
            raise UserError(
                f"split: {split} has no patch of a lesion. Left out in all splits: {reasons or 'nothing'}. Use more "
                "patients or another split.seed, or settings (data.largest, data.min_grey_levels) that leave out less"
            )


def _name(chunk: range) -> str:
    return f"chunk/{chunk.start}"
