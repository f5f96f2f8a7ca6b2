"""Records -> a store of labelled patches (wu2018_cigan, section 3.1).

    survey     every mammogram is read once, fitted into the limit, and asked how many patches it can lend
    share out  the classes' totals are divided among splits, images and lesions
    cut        each mammogram's part is drawn and written

The result depends on the records, the splits and the recipe alone, not on the order of the records or the number of
processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from joblib import Parallel, delayed

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import plan
from mammo_gan.data.cutting import cut
from mammo_gan.data.lenders import lenders
from mammo_gan.data.resized import Resized, load, resize, save
from mammo_gan.data.store import PatchWriter, expected_bytes
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

    While it runs, the resized mammograms lie in a temporary folder in `folder` (up to 2 MB each at 1375x750). In memory
    there is one mammogram a process, never the patches.

    Args:
        splits: patient -> split, as from `archives.splits.assign`.
        required_splits: those that must get patches of both classes.
        jobs: processes that read and resize; -1 = all cores.

    Raises:
        UserError: a required split has no image or lacks a class, or an image can't be read.
    """
    records = sorted(records, key=lambda record: (record.archive, record.image))
    split_of = [splits[record.patient] for record in records]
    plan.check_splits(records, split_of, required_splits)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".resized-", dir=folder) as scratch:
        files = [Path(scratch) / f"{number}.npz" for number in range(len(records))]
        survey = delayed(_survey)
        calls = (survey(reader, root, record, recipe, file) for record, file in zip(records, files, strict=True))
        surveyed = Parallel(n_jobs=jobs, return_as="generator")(calls)
        surveys: list[plan.Survey] = list(progress(surveyed, len(records), "reading mammograms"))
        quotas = plan.quotas(split_of, surveys, recipe.patches_per_class, recipe.benign_share)
        plan.check_classes(quotas, len({record.patient for record in records}), required_splits)
        given = plan.share_out(split_of, surveys, quotas, recipe.seed)
        writer = PatchWriter(folder, sum(map(sum, given)), recipe.size)
        parts = list(zip(records, split_of, files, given, strict=True))
        for record, split, file, counts in progress(parts, len(parts), "cutting patches"):
            _write_part(writer, record, split, load(file), counts, recipe, identity_key)
            file.unlink()
        writer.close()
    return summarise(records, split_of, surveys, quotas, writer.rows)


def _survey(reader: Reader, root: Path, record: Mammogram, recipe: PatchRecipe, file: Path) -> plan.Survey:
    resized = resize(reader, root, record, recipe.fit_height, recipe.fit_width)
    found, skipped = lenders(record, resized, recipe.size, recipe.min_breast_share)
    save(resized, file)
    return plan.Survey(tuple(plan.Offer(lender.content, lender.capacity) for lender in found), skipped)


def _write_part(
    writer: PatchWriter,
    record: Mammogram,
    split: SplitName,
    resized: Resized,
    counts: Sequence[int],
    recipe: PatchRecipe,
    identity_key: bytes,
) -> None:
    if not any(counts):
        return
    found, _ = lenders(record, resized, recipe.size, recipe.min_breast_share)
    for patch in cut(record, split, resized, found, counts, recipe.size, recipe.seed, identity_key):
        writer.append(*patch)
