from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mammo_gan.statistics.two_sample import _dealt, separability


def test_sets_drawn_alike_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    found = [separability(rng.normal(size=(60, 5)), rng.normal(size=(40, 5)), rng) for _ in range(40)]
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=0.04)
    assert sum(one.interval is not None and one.interval[0] > 0.5 for one in found) <= 4


def test_a_shift_is_found_as_often_as_the_best_rule_finds_it() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(800, 4)), rng.normal(size=(800, 4))
    y[:, 2] += 1.0
    found = separability(x, y, rng)
    assert found.auc == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.03)
    assert found.interval is not None
    assert found.interval[0] < found.auc < found.interval[1]


def test_sets_apart_have_an_auc_of_one_without_an_interval() -> None:
    x = np.random.default_rng(2).normal(size=(30, 50))
    assert separability(x, x + 20, np.random.default_rng(0)) == (1.0, None)


def test_patients_that_are_alike_do_not_teach_by_heart() -> None:
    """Each patient's rows are near copies: with folds over rows a model would know the patients again."""
    rng = np.random.default_rng(3)
    x, y = (np.repeat(rng.normal(size=(12, 40)), 8, axis=0) + 0.01 * rng.normal(size=(96, 40)) for _ in range(2))
    names = [f"p{k // 8}" for k in range(96)], [f"q{k // 8}" for k in range(96)]
    assert separability(x, y, np.random.default_rng(0)).auc > 0.95
    assert separability(x, y, np.random.default_rng(0), *names).auc < 0.8


def test_folds_keep_groups_together_and_both_sets_everywhere() -> None:
    groups = np.array([0, 0, 1, 2, 2, 3, 0, 4, 5, 6, 4])
    label = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=bool)
    for seed in range(20):
        fold = _dealt(groups, label, 4, np.random.default_rng(seed))
        assert all(len(set(fold[groups == group])) == 1 for group in range(7))
        assert all(set(fold[label == kind]) == {0, 1, 2, 3} for kind in (False, True))


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="5 folds need as many groups in each set; got 2 and 10"):
        separability(np.zeros((6, 2)), np.zeros((10, 2)), np.random.default_rng(0), groups1=["a", "b"] * 3)
    with pytest.raises(ValueError, match="one group per row"):
        separability(np.zeros((6, 2)), np.zeros((10, 2)), np.random.default_rng(0), groups1=["a", "b"])
