"""Folds by patient for cross-validation, by a hash that moves nobody when patients are added.

alyafi2019_dcgan (4.6) has three folds: a third of the patches to test, 60 % to train, 6.6 % to validate. Its folds were
over images, so that one patient could stand on both sides; these are over patients, so that shares of patches come out
near those numbers, not at them.
"""

from __future__ import annotations

from collections.abc import Iterable

from mammo_gan.archives.records import SplitName
from mammo_gan.archives.splits import place_of
from mammo_gan.errors import UserError


def fold_of(patient: str, folds: int, seed: int) -> int:
    """The one fold, 0 to folds - 1, in which a patient is tested.

    Raises:
        UserError: fewer than two folds.
    """
    if folds < 2:
        raise UserError(f"split.folds: expected 2 or more, found {folds}")
    return int(place_of(patient, seed, f"{folds} folds") * folds)


def assign_fold(
    patients: Iterable[str], fold: int, *, folds: int, validation_share: float, seed: int
) -> dict[str, SplitName]:
    """Patient -> split in one fold: its own patients test, of the others a share validates and the rest trains.

    Args:
        fold: 0 to folds - 1. Over all folds, each patient is in the test set once.
        validation_share: of the patients that don't test; 0.1 of two thirds is alyafi2019's 6.6 %.

    Raises:
        UserError: no such fold, or a share outside [0, 1).
    """
    if not 0 <= validation_share < 1:
        raise UserError(f"split.validation_share: expected 0 or more and less than 1, found {validation_share:g}")
    if not 0 <= fold < folds:
        raise UserError(f"split.fold: expected 0 to {folds - 1} of {folds} folds, found {fold}")
    assignment: dict[str, SplitName] = {}
    for patient in sorted(set(patients)):
        if fold_of(patient, folds, seed) == fold:
            assignment[patient] = "test"
        else:
            # Drawn anew for each fold: with one place a patient, the same few would validate wherever they don't test.
            validates = place_of(patient, seed, f"validation of fold {fold}") < validation_share
            assignment[patient] = "val" if validates else "train"
    return assignment
