"""Splits: shares, stability, and no patient on two sides."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import assign, split_hash, split_of
from mammo_gan.errors import UserError

FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}


def record(patient: str, image: str, split: SplitName | None = None) -> Mammogram:
    return Mammogram(
        archive="ddsm", source="disk", image=image, patient=patient, height=9, width=9, bits=8, split=split
    )


def test_a_split_is_where_the_hash_falls() -> None:
    for patient in ("0001", "1234", "A_1141_1"):
        digest = hashlib.sha256(f"2018:{patient}".encode()).hexdigest()
        place = int(digest[:16], 16) / 16**16
        expected = "train" if place < 0.8 else "val" if place < 0.9 else "test"
        assert split_of(patient, FRACTIONS, 2018) == expected


def test_shares_come_out_as_asked() -> None:
    splits = [split_of(f"patient {number}", FRACTIONS, 1) for number in range(20_000)]
    for split, share in FRACTIONS.items():
        # Four standard deviations of a binomial share.
        assert splits.count(split) / 20_000 == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)  # type: ignore[arg-type]


PATIENTS = st.sets(st.text(min_size=1, max_size=8), max_size=30)


@given(PATIENTS, PATIENTS, st.integers(0, 2**31), st.tuples(*[st.integers(0, 9)] * 3).filter(any))
def test_patients_shares_and_seeds_of_any_kind(
    few: set[str], others: set[str], seed: int, weights: tuple[int, int, int]
) -> None:
    fractions = {split: weight / sum(weights) for split, weight in zip(FRACTIONS, weights, strict=True)}
    records = [record(patient, f"{patient} {view}") for patient in sorted(few) for view in ("CC", "MLO")]
    dealt = assign(records, fractions, seed)
    assert dealt == assign(reversed(records), fractions, seed)
    more = assign([*(record(patient, patient) for patient in others), *records], fractions, seed)
    assert set(more) == few | others
    assert {patient: more[patient] for patient in few} == dealt
    assert all(fractions[split] > 0 for split in more.values())


def test_no_patient_on_two_sides_and_nobody_moves_when_patients_are_added() -> None:
    few = [record(f"p{number}", f"p{number}_{view}.png") for number in range(40) for view in ("CC", "MLO")]
    more = few + [record(f"q{number}", f"q{number}.png") for number in range(40)]
    first, second = assign(few, FRACTIONS, 5), assign(reversed(more), FRACTIONS, 5)
    assert set(first) == {f"p{number}" for number in range(40)}
    assert {patient: second[patient] for patient in first} == first


def test_the_order_of_the_fractions_does_not_count_and_a_small_share_grows_from_its_end() -> None:
    backwards = dict(reversed(FRACTIONS.items()))
    for number in range(300):
        patient = str(number)
        assert split_of(patient, FRACTIONS, 1) == split_of(patient, backwards, 1)
        if split_of(patient, FRACTIONS, 1) == "train":
            assert split_of(patient, {"train": 0.9, "val": 0.1}, 1) == "train"


def test_another_seed_is_another_split() -> None:
    records = [record(str(number), f"{number}.png") for number in range(100)]
    assert assign(records, FRACTIONS, 1) != assign(records, FRACTIONS, 2)


def test_an_archives_own_splits_are_kept() -> None:
    records = [record(str(number), f"{number}.png", "test") for number in range(20)]
    assert set(assign([*records, record("20", "20.png")], {"train": 1.0}, 1).values()) == {"train", "test"}
    assert set(assign(records, {"train": 1.0}, 1).values()) == {"test"}


def test_an_archive_with_a_patient_on_two_sides_is_refused() -> None:
    with pytest.raises(UserError, match=r"two splits, train and test .*b\.png") as refused:
        assign([record("secret", "a.png", "train"), record("secret", "b.png", "test")], FRACTIONS, 1)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("fractions", "words"),
    [
        ({"train": 0.8, "val": 0.1}, "sum 0.9"),
        ({"train": 1.2, "val": -0.2}, "at least 0"),
        ({"train": 0.8, "valid": 0.2}, "found valid"),
        ({}, "sum 0"),
    ],
)
def test_bad_fractions(fractions: dict[str, float], words: str) -> None:
    with pytest.raises(UserError, match=words):
        assign([], fractions, 1)
    with pytest.raises(UserError, match=words):
        split_of("p", fractions, 1)


def test_the_hash_names_the_assignment() -> None:
    one: dict[str, SplitName] = {"a": "train", "b": "test"}
    assert split_hash(one) == split_hash(dict(reversed(one.items())))
    assert split_hash(one) != split_hash({**one, "b": "val"})
    assert split_hash(one) != split_hash({**one, "c": "val"})
    assert len(split_hash(one)) == 16
