from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.jitter import jitter

IMAGE = np.random.default_rng(0).uniform(0.2, 0.8, (32, 32)).astype(np.float32)


def test_it_is_a_stretch_about_the_mean_and_a_shift_of_a_few_grey_levels() -> None:
    shifts, stretches = [], []
    for seed in range(400):
        changed = jitter(IMAGE, np.random.default_rng(seed))
        slope, _ = np.polyfit(IMAGE.ravel(), changed.ravel(), 1)
        np.testing.assert_allclose(changed, slope * (IMAGE - IMAGE.mean()) + changed.mean(), atol=2e-6)
        shifts.append(255 * (changed.mean() - IMAGE.mean()))
        stretches.append(127.5 * (slope - 1))  # grey levels at half the range from the mean
    for levels in (shifts, stretches):
        assert np.abs(levels).max() <= 5.001
        assert np.std(levels) == pytest.approx(10 / 12**0.5, rel=0.1)
    assert abs(np.corrcoef(shifts, stretches)[0, 1]) < 0.2


def test_the_range_is_kept() -> None:
    extremes = np.array([[0, 1]], np.float32)
    for seed in range(50):
        changed = jitter(extremes, np.random.default_rng(seed), levels=100)
        assert changed.dtype == np.float32
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_no_levels_change_nothing_and_equal_seeds_change_equally() -> None:
    np.testing.assert_allclose(jitter(IMAGE, np.random.default_rng(1), levels=0), IMAGE, atol=1e-6)
    one, other = (jitter(IMAGE, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
