"""Records -> a store of labelled patches (wu2018_cigan, section 3.1).

    survey     every mammogram is read once, fitted into the limit, and asked how many patches it can lend
    share out  the classes' totals are divided among splits, images and lesions
    cut        each mammogram's part is drawn and written to its places in the store

The result depends on the records, the splits and the recipe alone, not on the order of the records, the number of
processes, or how often a preparation was killed on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from zipfile import BadZipFile

import numpy as np
from joblib import Parallel, delayed

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import journal, plan
from mammo_gan.data.beginning import begin
from mammo_gan.data.cutting import cut
from mammo_gan.data.journal import Journal
from mammo_gan.data.lenders import lenders
from mammo_gan.data.patch_slots import PatchSlots
from mammo_gan.data.resized import Resized, load, resize, save
from mammo_gan.data.store import ROWS, PatchRow, expected_bytes, write_rows
from mammo_gan.data.summary import PreparationSummary, summarise
from mammo_gan.errors import UserError

T = TypeVar("T")
TRAINING: tuple[SplitName, ...] = ("train",)


class Progress(Protocol):
    """Passes items on as they come and shows how far it is."""

    def __call__(self, items: Iterable[T], total: int, description: str) -> Iterable[T]: ...


def no_progress(items: Iterable[T], total: int, description: str) -> Iterable[T]:
    """Passes items on and shows nothing."""
    return items


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRecipe:
    """How patches are made; wu2018's numbers stand in conf/data.

    Args:
        patches_per_class: in all splits together, divided in proportion to their images.
        size: side of a patch, px of the resized image.
        fit_height, fit_width: the limit that images are fitted into, px (portrait).
        min_breast_share: patches show more breast than this share of their area.
        benign_share: share of benign lesions among the non-malignant patches; the others are lesion-free.
            `# Assumption:` wu2018 says that there are both, not how many of each.
        seed: of all draws.

    Raises:
        UserError: a number is out of its range.
    """

    patches_per_class: int
    size: int
    fit_height: int
    fit_width: int
    min_breast_share: float
    benign_share: float
    seed: int

    def __post_init__(self) -> None:
        if min(self.patches_per_class, self.size, self.fit_height, self.fit_width) < 1:
            raise UserError(f"patches: expected counts and sizes of 1 or more, found {self}")
        if not (0 <= self.min_breast_share < 1 and 0 <= self.benign_share <= 1):
            raise UserError(
                "patches: expected min_breast_share from 0 to below 1 and benign_share from 0 to 1, found "
                f"{self.min_breast_share:g} and {self.benign_share:g}"
            )


def peak_bytes(images: int, recipe: PatchRecipe) -> int:
    """Disk that a preparation takes while it runs: the store, and the resized mammograms at their largest."""
    store = expected_bytes(2 * recipe.patches_per_class, recipe.size)
    return store + 2 * images * recipe.fit_height * recipe.fit_width  # the image and its breast, a byte a pixel each


def prepare_patches(
    records: Sequence[Mammogram],
    reader: Reader,
    root: Path,
    folder: Path,
    recipe: PatchRecipe,
    splits: Mapping[str, SplitName],
    identity_key: bytes,
    required_splits: Collection[SplitName] = TRAINING,
    jobs: int = 1,
    progress: Progress = no_progress,
) -> PreparationSummary:
    """Cut `recipe.patches_per_class` malignant and as many non-malignant patches into a store in `folder`.

    What is finished is noted in `folder`/unfinished, beside the resized mammograms (up to 2 MB each at 1375x750), which
    go as they are cut: after a kill the same call goes on from there. The notes stay for the caller to remove
    (`journal.end`) once it needs the call no more. In memory there is one mammogram a process, never the patches.

    Args:
        splits: patient -> split, as from `archives.splits.assign`.
        required_splits: those that must get patches of both classes.
        jobs: processes that read and cut; -1 = all cores.

    Raises:
        UserError: a required split has no image or lacks a class, or an image can't be read.
    """
    records, split_of, folder, root, notes = begin(records, splits, folder, root, recipe, identity_key, required_splits)
    work = _Work(reader, root, recipe, notes, identity_key)
    surveys = _survey_all(work, records, jobs, progress)
    quotas = plan.quotas(split_of, surveys, recipe.patches_per_class, recipe.benign_share)
    try:
        plan.check_classes(quotas, len({record.patient for record in records}), required_splits)
    except UserError:
        notes.end()  # other settings, which are what it takes, can use nothing of it
        raise
    given = plan.share_out(split_of, surveys, quotas, recipe.seed)
    rows = _cut_all(work, folder, records, split_of, given, jobs, progress)
    journal.sweep(folder, ROWS)
    write_rows(folder, rows)
    return summarise(records, split_of, surveys, quotas, rows)


class _Work(NamedTuple):
    """What every process needs to know."""

    reader: Reader
    root: Path
    recipe: PatchRecipe
    notes: Journal
    identity_key: bytes

    def kept(self, number: int) -> Path:
        """Where a resized mammogram waits until it is cut."""
        return self.notes.folder / "resized" / f"{number}.npz"

    def resized(self, record: Mammogram) -> Resized:
        return resize(self.reader, self.root, record, self.recipe.fit_height, self.recipe.fit_width)


def _survey_all(work: _Work, records: Sequence[Mammogram], jobs: int, progress: Progress) -> list[plan.Survey]:
    found = {number: plan.survey_of(work.notes.read(f"survey/{number}")) for number in range(len(records))}
    left = [number for number, survey in found.items() if survey is None]
    calls = (delayed(_survey)(work, number, records[number]) for number in left)
    surveyed = Parallel(n_jobs=jobs, return_as="generator")(calls)
    found |= dict(zip(left, progress(surveyed, len(left), "reading mammograms"), strict=True))
    return [survey for survey in found.values() if survey is not None]


def _survey(work: _Work, number: int, record: Mammogram) -> plan.Survey:
    resized = work.resized(record)
    found, skipped = lenders(record, resized, work.recipe.size, work.recipe.min_breast_share)
    with journal.placed(work.kept(number)) as unfinished:
        save(resized, unfinished)
    survey = plan.Survey(tuple(plan.Offer(lender.content, lender.capacity) for lender in found), skipped)
    work.notes.note(f"survey/{number}", survey.as_json())
    return survey


def _cut_all(
    work: _Work,
    folder: Path,
    records: Sequence[Mammogram],
    splits: Sequence[SplitName],
    given: Sequence[Sequence[int]],
    jobs: int,
    progress: Progress,
) -> list[PatchRow]:
    """Each mammogram's patches have their places in the store, in the records' order."""
    firsts = np.cumsum([0, *map(sum, given)]).tolist()
    slots = PatchSlots(folder, firsts[-1], work.recipe.size)
    (folder / ROWS).unlink(missing_ok=True)
    if not slots.are_there():
        work.notes.forget("cut")
        slots.make()
    chunks = journal.chunks(len(records))
    found = {chunk.start: _rows(work.notes.read(f"cut/{chunk.start}")) for chunk in chunks}
    left = [chunk for chunk in chunks if found[chunk.start] is None]
    parts = [_Part(number, *part) for number, part in enumerate(zip(records, splits, given, firsts[:-1], strict=True))]
    calls = (delayed(_cut)(work, parts[chunk.start : chunk.stop], slots) for chunk in left)
    cut_ones = Parallel(n_jobs=jobs, return_as="generator")(calls)
    for chunk, rows in zip(left, progress(cut_ones, len(left), "cutting patches"), strict=True):
        found[chunk.start] = rows
    return [row for rows in found.values() if rows is not None for row in rows]


class _Part(NamedTuple):
    """A mammogram's share: `counts` patches of each of its lenders, from the place `first` on."""

    number: int
    record: Mammogram
    split: SplitName
    counts: Sequence[int]
    first: int


def _cut(work: _Work, parts: Sequence[_Part], slots: PatchSlots) -> list[PatchRow]:
    """Cut a chunk's patches and put them to their places, then note that they are there."""
    recipe, rows = work.recipe, list[PatchRow]()
    for part in parts:
        if any(part.counts):
            resized = _resized(work, part)
            found, _ = lenders(part.record, resized, recipe.size, recipe.min_breast_share)
            patches = cut(
                part.record, part.split, resized, found, part.counts, recipe.size, recipe.seed, work.identity_key
            )
            images, masks, own_rows, breasts = zip(*patches, strict=True)
            slots.write(part.first, images, masks, breasts, flush=False)
            rows += own_rows
    slots.flush()
    work.notes.note(f"cut/{parts[0].number}", [asdict(row) for row in rows])
    for part in parts:
        work.kept(part.number).unlink(missing_ok=True)
    return rows


def _resized(work: _Work, part: _Part) -> Resized:
    try:
        return load(work.kept(part.number))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # damaged, or gone with a store that was
        return work.resized(part.record)


def _rows(noted: Any) -> list[PatchRow] | None:
    return None if noted is None else [PatchRow.of(row) for row in noted]
