"""Tissue with noise, mask and margin, each where it should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest

from mammo_gan.data.trilabel import tri_label
from mammo_gan.imaging.margin import SCALES, margin

MASKS = arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)))
SEEDS = st.integers(0, 2**32 - 1)


def tissue(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@given(MASKS, st.sampled_from(SCALES), SEEDS)
def test_margin_and_mask_share_no_pixel_and_tissue_outside_the_mask_is_untouched(
    mask: np.ndarray, scale: float, seed: int
) -> None:
    image = tissue(mask.shape, seed)
    label = tri_label(image, mask, np.random.default_rng(seed), scale)
    assert label.shape == (3, *mask.shape)
    assert label.dtype == np.float32
    assert np.abs(label).max() <= 1
    assert set(np.unique(label[1:])) <= {-1, 1}
    assert not ((label[1] == 1) & (label[2] == 1)).any()
    np.testing.assert_array_equal(label[1] == 1, mask)
    np.testing.assert_array_equal(label[2] == 1, margin(mask, scale))
    np.testing.assert_array_equal(label[0][~mask], 2 * image[~mask] - 1)


@given(MASKS, SEEDS)
def test_without_the_margin_the_others_are_the_same(mask: np.ndarray, seed: int) -> None:
    image = tissue(mask.shape, seed)
    two, three = (tri_label(image, mask, np.random.default_rng(7), scale) for scale in (None, SCALES[1]))
    np.testing.assert_array_equal(two, three[:2])


@given(SEEDS)
def test_noise_inside_covers_the_range_and_nothing_is_left_of_the_lesion(seed: int) -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[8:56, 12:60] = True
    one, other = (tri_label(np.full((64, 64), grey, np.float32), mask, np.random.default_rng(seed)) for grey in (0, 1))
    noise = one[0][mask]
    np.testing.assert_array_equal(noise, other[0][mask])
    assert noise.min() < -0.95
    assert noise.max() > 0.95
    assert kstest(noise, "uniform", (-1, 2)).pvalue > 1e-6


def test_a_scale_below_one_is_no_margin() -> None:
    with pytest.raises(ValueError, match="enlarges"):
        tri_label(tissue((9, 9), 0), np.ones((9, 9), dtype=bool), np.random.default_rng(0), 0.9)
