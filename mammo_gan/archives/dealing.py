"""The ways in which an experiment may deal patients out to training, validation and test.

A split that the user's own table fixes, or that a synthetic image brings along, always counts: it says what has been
trained on. A publisher's split counts only where it is asked for (`Official`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mammo_gan.archives.folds import assign_fold
from mammo_gan.archives.leaks import on_two_sides, shown_hashes
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import assign, check_fractions, place_of
from mammo_gan.errors import UserError

TwoSidedPatients = Literal["refuse", "train", "test"]
OWN_TABLE = "manifest"  # the archive whose split column the user has written
Sides = Mapping[str, Collection[SplitName]]
"""Patient -> the splits of a publisher in which their images stand."""


class Dealing(ABC):
    """Puts each patient on one side, a function of the records and its own settings alone."""

    @abstractmethod
    def deal(self, records: Sequence[Mammogram], key: bytes, official: Sides | None = None) -> dict[str, SplitName]:
        """Patient -> split for every patient of `records`, which are of one archive.

        Args:
            key: names patients in errors, as from `identity.load_key`.
            official: the publisher's split, where it isn't in the records.

        Raises:
            UserError: the records' own split can't be kept.
        """


@dataclass(frozen=True)
class ByHash(Dealing):
    """Shares of the patients, by hash (wu2018_cigan, 3.1: 80/10/10); a publisher's split is not looked at."""

    fractions: Mapping[str, float]
    seed: int

    def __post_init__(self) -> None:
        check_fractions(self.fractions)

    def deal(self, records: Sequence[Mammogram], key: bytes, official: Sides | None = None) -> dict[str, SplitName]:
        own = [record if _is_own(record) else replace(record, split=None) for record in records]
        _refuse_two_sided(own, key, "mend its table, one split for all images of a patient")
        return assign(own, self.fractions, self.seed)


@dataclass(frozen=True)
class Official(Dealing):
    """The archive's own split.

    Where it has no validation set, one is taken out of its training patients by hash, as large a share of them as `val`
    is of `train` and `val`. Who is in none of its sets is dealt by hash. A user's own table is kept as it is.

    Args:
        fractions: split -> share, summing to 1.
        two_sided: what becomes of a patient whom the archive trains and tests on: refuse (the default, with the keyed
            hashes of all), or put all of their images into train or into test. Either changes the published test set.
    """

    fractions: Mapping[str, float]
    seed: int
    two_sided: TwoSidedPatients = "refuse"

    def __post_init__(self) -> None:
        check_fractions(self.fractions)
        if self.two_sided not in get_args(TwoSidedPatients):
            expected = ", ".join(get_args(TwoSidedPatients))
            raise UserError(f"split.two_sided: expected one of {expected}, found {self.two_sided}")

    def deal(self, records: Sequence[Mammogram], key: bytes, official: Sides | None = None) -> dict[str, SplitName]:
        sides = _sides(records, official or {})
        splits = {split for own in sides.values() for split in own}
        if not splits:
            raise UserError(
                f"split=official: expected an archive with a split of its own, found none in the {len(records)} images "
                f"of archive={records[0].archive if records else '?'}; take split=by_patient"
            )
        if self.two_sided == "refuse":
            advice = (
                "set split.two_sided=train or =test to put each of them whole on that side (the test set is then no "
                "longer the published one), or take split=by_patient"
            )
            _refuse_two_sided(records, key, advice, official)
        moved = {patient: self._one_side(own) for patient, own in sides.items()}
        assignment = assign(
            (replace(record, split=moved.get(record.patient)) for record in records), self.fractions, self.seed
        )
        if "val" not in splits:
            bound = {record.patient for record in records if _is_own(record)}  # something was trained on them
            self._take_validation(assignment, [p for p, split in moved.items() if split == "train" and p not in bound])
        return assignment

    def _one_side(self, splits: set[SplitName]) -> SplitName:
        if len(splits) == 1:
            return next(iter(splits))
        return "train" if self.two_sided == "train" else "test"

    def _take_validation(self, assignment: dict[str, SplitName], trained: Sequence[str]) -> None:
        training, validation = self.fractions.get("train", 0.0), self.fractions.get("val", 0.0)
        share = validation / (training + validation) if validation else 0.0
        for patient in trained:
            if place_of(patient, self.seed, "validation of the official split") < share:
                assignment[patient] = "val"


@dataclass(frozen=True)
class OneFold(Dealing):
    """One fold of a cross-validation over patients (alyafi2019_dcgan, 4.6); see `folds.assign_fold`."""

    fold: int
    folds: int
    validation_share: float
    seed: int

    def __post_init__(self) -> None:
        assign_fold([], self.fold, folds=self.folds, validation_share=self.validation_share, seed=self.seed)

    def deal(self, records: Sequence[Mammogram], key: bytes, official: Sides | None = None) -> dict[str, SplitName]:
        fixed = next((record for record in records if _is_own(record)), None)
        if fixed is not None:
            raise UserError(
                f"split=folds: an image of archive={fixed.archive} has a fixed split ({fixed.split}), and a fold would "
                "move its patient; leave the split column out, or, in an experiment without folds, take "
                "split=by_patient"
            )
        patients = (record.patient for record in records)
        return assign_fold(
            patients, self.fold, folds=self.folds, validation_share=self.validation_share, seed=self.seed
        )


def _is_own(record: Mammogram) -> bool:
    return record.split is not None and (record.archive == OWN_TABLE or record.source == "synthetic")


def _sides(records: Sequence[Mammogram], official: Sides) -> dict[str, set[SplitName]]:
    sides: dict[str, set[SplitName]] = {}
    for record in records:
        own = {record.split} if record.split is not None else set()
        if own := own | set(official.get(record.patient, ())):
            sides.setdefault(record.patient, set()).update(own)
    return sides


def _refuse_two_sided(records: Sequence[Mammogram], key: bytes, advice: str, official: Sides | None = None) -> None:
    patients = on_two_sides(records, key, official)
    if patients:
        raise UserError(
            f"{records[0].archive}: {len(patients)} patients stand in more than one split, expected one for each. By "
            f"their keyed hashes: {shown_hashes(patients)}. To go on, {advice}"
        )
