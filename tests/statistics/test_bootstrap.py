from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mammo_gan.statistics.bootstrap import interval_by_patient, ratio_by_patient


def test_one_patch_per_patient_agrees_with_scipys_percentile_bootstrap() -> None:
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=60)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = ratio_by_patient(values, np.ones(60), [str(k) for k in range(60)], np.random.default_rng(2), 4000)
    assert found == pytest.approx((reference.low, reference.high), abs=0.02)


def test_copies_of_a_patients_patches_add_no_certainty() -> None:
    values = np.random.default_rng(3).normal(size=20)
    patients = [str(k) for k in range(20)]
    once = ratio_by_patient(values, np.ones(20), patients, np.random.default_rng(4))
    nine_times = ratio_by_patient(np.tile(values, 9), np.ones(180), patients * 9, np.random.default_rng(4))
    assert once == pytest.approx(nine_times)


def test_a_ratio_that_is_the_same_everywhere_has_no_spread() -> None:
    below = np.random.default_rng(5).random(30) + 1
    found = ratio_by_patient(3 * below, below, [str(k % 7) for k in range(30)], np.random.default_rng(6))
    assert found == pytest.approx((3.0, 3.0))


def test_one_patient_has_no_interval() -> None:
    assert ratio_by_patient([1.0, 2.0], [1.0, 1.0], ["a", "a"], np.random.default_rng(0)) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one value per patch"):
        ratio_by_patient([1.0, 2.0], [1.0, 1.0], ["a"], np.random.default_rng(0))


def test_any_function_of_rows_agrees_with_the_ratio() -> None:
    rng = np.random.default_rng(7)
    above, below = rng.random((2, 80))
    patients = [str(k) for k in rng.integers(0, 25, 80)]
    ratio = ratio_by_patient(above, below, patients, np.random.default_rng(8), 4000)
    found = interval_by_patient(
        lambda rows: float(above[rows].sum() / below[rows].sum()), patients, np.random.default_rng(9), 4000
    )
    assert found == pytest.approx(ratio, abs=0.02)


def test_a_patient_comes_with_all_rows_or_none() -> None:
    patients = ["a", "b", "a", "c", "b", "a"]
    rows_of = {"a": {0, 2, 5}, "b": {1, 4}, "c": {3}}
    drawn = []

    def statistic(rows: np.ndarray) -> float:
        counts = np.bincount(rows, minlength=6)
        times = {name: {int(counts[row]) for row in own} for name, own in rows_of.items()}
        assert all(len(each) == 1 for each in times.values())
        assert sum(each.pop() for each in times.values()) == 3
        drawn.append(tuple(counts))
        return 0.0

    interval_by_patient(statistic, patients, np.random.default_rng(10), 200)
    assert len(set(drawn)) == 10  # all multisets of three patients out of three


def test_resamples_without_a_value_are_left_out() -> None:
    patients = ["a", "b", "c"]
    found = interval_by_patient(
        lambda rows: 1.0 if {0, 1} <= set(rows.tolist()) else float("nan"), patients, np.random.default_rng(11)
    )
    assert found == (1.0, 1.0)
    assert interval_by_patient(lambda rows: float("nan"), patients, np.random.default_rng(12)) is None
    assert interval_by_patient(lambda rows: 1.0, ["a", "a"], np.random.default_rng(13)) is None
