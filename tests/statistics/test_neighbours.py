from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from mammo_gan.statistics.neighbours import mixing_rate, nearest_neighbours


def test_neighbours_agree_with_a_tree() -> None:
    f = np.random.default_rng(0).normal(size=(60, 3))
    np.testing.assert_array_equal(nearest_neighbours(f, block_values=100), KDTree(f).query(f, k=2)[1][:, 1])


def test_sets_drawn_alike_mix_as_expected() -> None:
    rng = np.random.default_rng(1)
    rates, p_values = [], []
    for _ in range(200):
        found = mixing_rate(rng.normal(size=(20, 2)), rng.normal(size=(15, 2)), rng, permutations=99)
        rates.append(found.rate)
        p_values.append(found.p_value)
        assert found.low <= found.expected <= found.high
    assert found.expected == pytest.approx(2 * 20 * 15 / (35 * 34))
    assert np.mean(rates) == pytest.approx(found.expected, abs=4 * np.std(rates) / np.sqrt(200))
    assert np.mean(np.array(p_values) <= 0.1) < 0.17


def test_sets_apart_do_not_mix() -> None:
    x, y = np.random.default_rng(2).normal(size=(2, 30, 4))
    found = mixing_rate(x, y + 50, np.random.default_rng(0))
    assert found.rate == 0 < found.low
    assert found.p_value == 1 / 1000


def test_copies_mix_too_well() -> None:
    x = np.random.default_rng(3).normal(size=(40, 4))
    found = mixing_rate(x, x + 1e-6, np.random.default_rng(0))
    assert found.rate == 1 > found.high
    assert found.p_value == 1 / 1000


def test_two_images_have_no_neighbours_to_choose_from() -> None:
    with pytest.raises(ValueError, match="three images; got 2"):
        mixing_rate(np.zeros((1, 2)), np.ones((1, 2)), np.random.default_rng(0))
