from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mammo_gan.statistics.level_moments import level_moments
from mammo_gan.statistics.moments import moments

IMAGES = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=2, max_dims=2, max_side=8))
)


@given(IMAGES)
def test_they_are_those_of_the_image_in_0_to_1(image: np.ndarray) -> None:
    expected = moments(image / np.iinfo(image.dtype).max)
    np.testing.assert_allclose(level_moments(image), expected, rtol=1e-6, atol=1e-9)


def test_two_levels_by_hand() -> None:
    """A quarter white: variance 3/16; the standardised moments of a coin with p = 1/4."""
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2] = 255
    found = level_moments(image)
    assert found.mean == pytest.approx(0.25)
    assert found.variance == pytest.approx(3 / 16)
    assert found.skewness == pytest.approx(2 / np.sqrt(3))
    assert found.kurtosis == pytest.approx(7 / 3)


@pytest.mark.parametrize("image", [np.zeros((2, 2)), np.zeros((1, 2, 2), np.uint8), np.zeros((0, 2), np.uint8)])
def test_what_is_no_image_of_levels_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 or uint16"):
        level_moments(image)
