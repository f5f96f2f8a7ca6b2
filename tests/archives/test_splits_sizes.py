"""Nested training sets: whole patients, each size within the next, honest where a size is out of reach."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.archives.sizes import lesions_per_patient, nested
from mammo_gan.archives.splits import place_of
from mammo_gan.errors import UserError

COUNTS = st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, 9), max_size=50)
SIZES = st.sets(st.integers(1, 120), min_size=1, max_size=6)
P_K = (100, 250, 500, 750, 1000, 1300)  # alyafi2019_dcgan, 4.6


def by_hash(seed: int) -> Callable[[str], float]:
    return lambda patient: place_of(patient, seed)


@given(COUNTS, SIZES, st.integers(0, 2**31))
def test_whole_patients_nested_and_never_more_than_asked(counts: dict[str, int], sizes: set[int], seed: int) -> None:
    sets = nested(counts, sizes, by_hash(seed))
    assert list(sets) == sorted(sizes)
    smaller: set[str] = set()
    for size, chosen in sets.items():
        assert len(set(chosen.patients)) == len(chosen.patients)
        assert chosen.found == sum(counts[patient] for patient in chosen.patients) <= chosen.asked == size
        assert chosen.available == sum(counts.values())
        assert smaller <= set(chosen.patients)
        # It is short of what was asked only if nobody who is left would fit.
        left = [count for patient, count in counts.items() if count and patient not in chosen.patients]
        assert all(chosen.found + count > size for count in left)
        smaller = set(chosen.patients)


@given(COUNTS, SIZES, st.integers(0, 2**31), st.randoms())
def test_the_order_of_patients_and_sizes_does_not_count(
    counts: dict[str, int], sizes: set[int], seed: int, shuffle: random.Random
) -> None:
    patients = list(counts)
    shuffle.shuffle(patients)
    again = nested({patient: counts[patient] for patient in patients}, sorted(sizes, reverse=True), by_hash(seed))
    assert again == nested(counts, sizes, by_hash(seed))


def test_the_papers_sizes_are_met_exactly_and_another_seed_takes_others() -> None:
    draw = random.Random(1)
    counts = {f"P{number:04}": draw.choice((1, 1, 2, 2, 2, 3, 4)) for number in range(640)}
    sets = nested(counts, P_K, by_hash(1))
    assert [chosen.found for chosen in sets.values()] == list(P_K)
    assert set(nested(counts, P_K, by_hash(2))[100].patients) != set(sets[100].patients)
    negatives = {patient: 10 * count for patient, count in counts.items()}  # ten normal patches an image
    assert [chosen.found for chosen in nested(negatives, [10 * k for k in P_K], by_hash(1)).values()] == [
        10 * k for k in P_K
    ]


def test_a_size_out_of_reach_is_said_with_the_number_that_is_there_and_not_filled_up() -> None:
    counts = {f"P{number}": 2 for number in range(600)}
    sets = nested(counts, P_K, by_hash(1))
    assert sets[1000].is_full
    sets[1000].require("k")
    short = sets[1300]
    assert (short.found, short.available, short.is_full, len(short.patients)) == (1200, 1200, False, 600)
    with pytest.raises(UserError, match=r"k=1300: out of reach: .* give 1200 of the 1200 .* k=1200"):
        short.require("k")


def test_whole_patients_may_miss_a_size_that_is_there() -> None:
    chosen = nested({"a": 3, "b": 3}, [4], by_hash(1))[4]
    assert (chosen.found, chosen.available) == (3, 6)
    with pytest.raises(UserError, match="give 3 of the 6"):
        chosen.require("training.k")


@pytest.mark.parametrize("sizes", [[], [0, 100], [-5]])
def test_bad_sizes(sizes: list[int]) -> None:
    with pytest.raises(UserError, match="training sizes: expected numbers of 1 or more"):
        nested({"a": 1}, sizes, by_hash(1))


def test_lesions_are_counted_by_patient_over_views_and_only_those_with_a_place() -> None:
    mass = Lesion(number=1, kind="mass", pathology="benign", box=Box(0, 0, 2, 2))
    cc = Mammogram(
        archive="optimam",
        source="disk",
        image="cc",
        patient="1",
        height=9,
        width=9,
        bits=16,
        view="CC",
        lesions=(mass,),
    )
    records = [
        cc,
        replace(cc, image="mlo", view="MLO", lesions=(mass, replace(mass, kind="calcification"))),
        replace(cc, image="nowhere", lesions=(replace(mass, box=None),)),
        replace(cc, image="masked", lesions=(replace(mass, box=None, has_mask=True, pathology="malignant"),)),
        replace(cc, image="normal", patient="2", lesions=()),
    ]
    assert lesions_per_patient(records, ["mass"]) == {"1": 3, "2": 0}
    assert lesions_per_patient(records, ["mass", "calcification"]) == {"1": 4, "2": 0}
    assert lesions_per_patient(records, ["mass"], ["malignant"]) == {"1": 1, "2": 0}
