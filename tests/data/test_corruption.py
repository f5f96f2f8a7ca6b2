"""Noise within the mask, the image outside it."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest

from mammo_gan.data.corruption import corrupt


def test_context_stays_and_the_lesion_is_uniform_noise() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((64, 64), dtype=np.float32) * 0.5
    mask = np.zeros((64, 64), dtype=bool)
    mask[10:50, 20:60] = True
    corrupted = corrupt(image, mask, np.random.default_rng(1))
    assert corrupted.dtype == np.float32
    np.testing.assert_array_equal(corrupted[~mask], image[~mask])
    assert kstest(corrupted[mask], "uniform").pvalue > 0.01
    np.testing.assert_array_equal(corrupted, corrupt(image, mask, np.random.default_rng(1)))


def test_nothing_masked_is_nothing_changed() -> None:
    image = np.full((8, 8), 0.25, dtype=np.float32)
    np.testing.assert_array_equal(corrupt(image, np.zeros((8, 8), dtype=bool), np.random.default_rng(0)), image)
