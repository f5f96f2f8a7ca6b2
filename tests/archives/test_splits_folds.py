"""Folds over patients: each tests once, nobody moves, shares as alyafi2019's protocol has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.folds import assign_fold, fold_of
from mammo_gan.errors import UserError

PATIENTS = st.sets(st.text(min_size=1, max_size=8), max_size=60)


@given(PATIENTS, st.integers(2, 6), st.integers(0, 2**31))
def test_each_patient_tests_in_one_fold_alone(patients: set[str], folds: int, seed: int) -> None:
    assignments = [assign_fold(patients, fold, folds=folds, validation_share=0.1, seed=seed) for fold in range(folds)]
    for patient in patients:
        sides = [assignment[patient] for assignment in assignments]
        assert sides.count("test") == 1
        assert sides.index("test") == fold_of(patient, folds, seed)


@given(PATIENTS, PATIENTS, st.integers(0, 2), st.integers(0, 2**31))
def test_nobody_moves_when_patients_are_added(few: set[str], others: set[str], fold: int, seed: int) -> None:
    first = assign_fold(few, fold, folds=3, validation_share=0.1, seed=seed)
    second = assign_fold([*others, *few, *few], fold, folds=3, validation_share=0.1, seed=seed)
    assert {patient: second[patient] for patient in first} == first
    assert set(second) == few | others


def test_shares_are_those_of_the_protocol_in_every_fold() -> None:
    patients = [f"P{number:05}" for number in range(20_000)]
    validating = []
    for fold in range(3):
        splits = assign_fold(patients, fold, folds=3, validation_share=0.1, seed=1)
        values = list(splits.values())
        # 33.3 %, 60 % and 6.6 %, within four standard deviations of a binomial share.
        for split, share in (("test", 1 / 3), ("train", 0.6), ("val", 0.0667)):
            tolerance = 4 * (share * (1 - share) / len(patients)) ** 0.5
            assert values.count(split) / len(patients) == pytest.approx(share, abs=tolerance)  # type: ignore[arg-type]
        validating.append({patient for patient, split in splits.items() if split == "val"})
    # Who validates in one fold is as likely as others to do so in another, where both don't test: 0.1 x 0.1 / 3.
    assert len(validating[0] & validating[1]) / len(patients) == pytest.approx(0.01 / 3, abs=0.002)


def test_another_seed_and_another_number_of_folds_deal_anew() -> None:
    patients = [str(number) for number in range(200)]
    dealt = [[fold_of(patient, folds, seed) for patient in patients] for folds, seed in ((3, 1), (3, 2), (6, 1))]
    assert dealt[0] != dealt[1]
    assert dealt[0] != [fold // 2 for fold in dealt[2]]
    assert dealt[0] == [fold_of(patient, 3, 1) for patient in patients]


@pytest.mark.parametrize(
    ("fold", "folds", "share", "words"),
    [
        (3, 3, 0.1, r"split\.fold: expected 0 to 2 of 3 folds, found 3"),
        (-1, 3, 0.1, "found -1"),
        (0, 1, 0.1, r"split\.folds: expected 2 or more, found 1"),
        (0, 3, 1.0, r"split\.validation_share: .* found 1"),
        (0, 3, float("nan"), r"split\.validation_share: .* found nan"),
    ],
)
def test_bad_folds(fold: int, folds: int, share: float, words: str) -> None:
    with pytest.raises(UserError, match=words):
        assign_fold(["p"], fold, folds=folds, validation_share=share, seed=1)
