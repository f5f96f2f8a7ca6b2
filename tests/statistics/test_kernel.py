from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from mammo_gan.statistics.kernel import kernel_distance, squared_mmd


def by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((np.dot(a, b) / len(a) + 1) ** 3)

    def mean(f: np.ndarray, g: np.ndarray, with_itself: bool) -> float:
        pairs = [k(a, b) for i, a in enumerate(f) for j, b in enumerate(g) if with_itself or i != j]
        return sum(pairs) / len(pairs)

    return mean(x, x, False) + mean(y, y, False) - 2 * mean(x, y, True)


def test_agrees_with_a_loop_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 5)), rng.gamma(2.0, size=(9, 5))
    assert squared_mmd(x, y) == pytest.approx(by_pairs(x, y), rel=1e-12)


def test_agrees_with_torchmetrics() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.gamma(1.0, size=(2, 40, 64))
    reference = poly_mmd(torch.from_numpy(x), torch.from_numpy(y + 0.1))
    assert squared_mmd(x, y + 0.1) == pytest.approx(float(reference), rel=1e-10)


def test_subsets_are_drawn_from_both_sets_by_the_generator_given() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(50, 4)) + 0.3
    found = kernel_distance(x, y, np.random.default_rng(3), subsets=7, subset_size=20)
    again = np.random.default_rng(3)
    drawn = []
    for _ in range(7):
        one = x[again.choice(30, 20, replace=False)]
        drawn.append(by_pairs(one, y[again.choice(50, 20, replace=False)]))
    assert found == pytest.approx((np.mean(drawn), np.std(drawn)), rel=1e-10)


def test_sets_drawn_alike_are_at_zero_on_average_however_small() -> None:
    rng = np.random.default_rng(4)
    found = [squared_mmd(rng.normal(size=(10, 3)), rng.normal(size=(10, 3))) for _ in range(2000)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0


def test_a_subset_that_is_the_whole_has_no_deviation() -> None:
    x, y = np.random.default_rng(5).normal(size=(2, 20, 3))
    found = kernel_distance(x, y, np.random.default_rng(0))
    assert found == (squared_mmd(x, y), None)
    assert kernel_distance(x, y[:15], np.random.default_rng(0)).deviation is not None  # x is drawn from


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"\(4, 3\) and \(4, 2\)"):
        squared_mmd(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="at least two images"):
        kernel_distance(np.zeros((1, 3)), np.zeros((4, 3)), rng)
    with pytest.raises(ValueError, match="infs or NaNs"):
        kernel_distance(np.full((3, 3), np.inf), np.zeros((4, 3)), rng)
