"""Records -> a store of labelled patches (wu2018_cigan, section 3.1).

    survey     every mammogram is read once, fitted into the limit, and asked how many patches it can lend
    share out  the classes' totals are divided among splits, images and lesions
    cut        each mammogram's part is drawn and written

The result depends on the records, the splits and the recipe alone, not on the order of the records or the number of
processes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import plan
from mammo_gan.data.lenders import LABEL_OF, Lender, lenders
from mammo_gan.data.resized import Resized, load, resize, save
from mammo_gan.data.store import PatchRow, PatchWriter
from mammo_gan.data.summary import PreparationSummary, summarise
from mammo_gan.errors import UserError
from mammo_gan.imaging.patches import sample_origins

T = TypeVar("T")
Patch = tuple[NDArray[np.uint8], NDArray[np.bool_], PatchRow]


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


def prepare_patches(
    records: Sequence[Mammogram],
    reader: Reader,
    root: Path,
    folder: Path,
    recipe: PatchRecipe,
    splits: Mapping[str, SplitName],
    identity_key: bytes,
    required_splits: Collection[SplitName] = ("train",),
    jobs: int = 1,
    progress: Progress = no_progress,
) -> PreparationSummary:
    """Cut `recipe.patches_per_class` malignant and as many non-malignant patches into a store in `folder`.

    While it runs, the resized mammograms lie in `folder`/.resized (up to 2 MB each at 1375x750). In memory there is
    one mammogram a process, never the patches.

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
    scratch = folder / ".resized"
    shutil.rmtree(scratch, ignore_errors=True)  # what an interrupted run left
    scratch.mkdir()
    try:
        files = [scratch / f"{number}.npz" for number in range(len(records))]
        survey = delayed(_survey)
        calls = (survey(reader, root, record, recipe, file) for record, file in zip(records, files, strict=True))
        surveyed = Parallel(n_jobs=jobs, return_as="generator")(calls)
        surveys: list[plan.Survey] = list(progress(surveyed, len(records), "reading mammograms"))
        quotas = plan.quotas(split_of, surveys, recipe.patches_per_class, recipe.benign_share)
        plan.check_classes(quotas, len({record.patient for record in records}), required_splits)
        given = plan.share_out(split_of, surveys, quotas, recipe.seed)
        writer = PatchWriter(folder, sum(map(sum, given)), recipe.size)
        work = list(zip(records, split_of, files, given, strict=True))
        for record, split, file, counts in progress(work, len(work), "cutting patches"):
            if any(counts):
                for image, mask, row in _cut(record, split, load(file), counts, recipe, identity_key):
                    writer.append(image, mask, row)
            file.unlink()
        writer.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return summarise(records, split_of, Counter[str](), quotas, writer.rows)


def _survey(reader: Reader, root: Path, record: Mammogram, recipe: PatchRecipe, file: Path) -> plan.Survey:
    resized = resize(reader, root, record, recipe.fit_height, recipe.fit_width)
    found, skipped = lenders(record, resized, recipe.size, recipe.min_breast_share)
    save(resized, file)
    return plan.Survey(tuple(plan.Offer(lender.content, lender.capacity) for lender in found), skipped)


def _cut(
    record: Mammogram,
    split: SplitName,
    resized: Resized,
    counts: Sequence[int],
    recipe: PatchRecipe,
    identity_key: bytes,
) -> Iterator[Patch]:
    """Draw `counts` patches of each of the mammogram's lenders."""
    found, _ = lenders(record, resized, recipe.size, recipe.min_breast_share)
    rng = _rng_of(record, recipe.seed)
    shared = {
        "image_key": image_key(identity_key, record),
        "patient_key": patient_key(identity_key, record),
        "split": split,
        "view": record.view,
        "laterality": record.laterality,
        "density": record.density,
        "scale": resized.scale,
        "mm_per_px": None if record.mm_per_px is None else record.mm_per_px / resized.scale,
    }
    for lender, count in zip(found, counts, strict=True):
        for x, y in sample_origins(lender.allowed, count, rng).tolist():
            image = resized.image[y : y + recipe.size, x : x + recipe.size]
            mask, about_lesion = _lesion(record, resized, lender, x, y, recipe.size)
            yield image, mask, PatchRow(label=LABEL_OF[lender.content], x0=x, y0=y, **shared, **about_lesion)
