from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mammo_gan.statistics.manifolds import overlap


def by_brute_force(x: np.ndarray, y: np.ndarray, k: int) -> tuple[float, float, float, float]:
    def reach(f: np.ndarray) -> np.ndarray:
        return np.sort(cdist(f, f), axis=1)[:, k]  # the first is the row itself

    d, rx, ry = cdist(x, y), reach(x), reach(y)
    precision = np.mean([any(d[i, j] <= rx[i] for i in range(len(x))) for j in range(len(y))])
    recall = np.mean([any(d[i, j] <= ry[j] for j in range(len(y))) for i in range(len(x))])
    density = sum(d[i, j] <= rx[i] for i in range(len(x)) for j in range(len(y))) / (k * len(y))
    coverage = np.mean([any(d[i, j] <= rx[i] for j in range(len(y))) for i in range(len(x))])
    return float(precision), float(recall), float(density), float(coverage)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("block_values", [1, 200, 10**6])
def test_agrees_with_brute_force(k: int, block_values: int) -> None:
    rng = np.random.default_rng(k)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3)) * 0.7 + 0.6
    found, expected = overlap(x, y, k, block_values), by_brute_force(x, y, k)
    assert found == pytest.approx(expected, rel=1e-12)
    assert all(0 < value < 1.5 for value in found)


def test_a_copy_of_a_set_covers_it_and_lies_in_k_balls_and_its_own() -> None:
    x = np.random.default_rng(0).normal(size=(50, 20))
    found = overlap(x, x.copy(), neighbours=4)
    assert found[:2] == (1, 1)
    assert found.density == pytest.approx((50 * 5) / (4 * 50))  # each ball holds its centre and k others
    assert found.coverage == 1


def test_sets_apart_share_nothing() -> None:
    x = np.random.default_rng(1).normal(size=(30, 4))
    assert overlap(x, x + 100) == (0, 0, 0, 0)


def test_one_mode_out_of_two_is_precise_but_recalls_half() -> None:
    rng = np.random.default_rng(2)
    near, far = rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 50
    found = overlap(np.concatenate([near, far]), rng.normal(size=(400, 2)) * 0.8)
    assert found.precision > 0.95
    assert 0.35 < found.recall < 0.5
    assert found.coverage < 0.5


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 neighbours need more images"):
        overlap(np.zeros((3, 2)), np.zeros((9, 2)))
