"""Sizes, against arithmetic by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.imaging.geometry import fit_within, mask_box, resize_image, resize_mask, scale_box, scaled_shape


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [
        (5500, 3000, 0.25),  # wu2018's example: 1375x750
        (3000, 5500, 0.25),  # the same film on its side
        (5500, 1000, 0.25),  # the longer side decides
        (3000, 3000, 0.25),  # the shorter one does
        (600, 400, 1.0),  # never enlarged
    ],
)
def test_fit_within(height: int, width: int, scale: float) -> None:
    assert fit_within(height, width, 1375, 750) == pytest.approx(scale)


sides = st.integers(min_value=1, max_value=6000)


@given(sides, sides)
def test_a_fitted_image_lies_within_its_limit(height: int, width: int) -> None:
    fitted = scaled_shape(height, width, fit_within(height, width, 1375, 750))
    assert max(fitted) <= 1375
    assert min(fitted) <= 750
    assert fitted == (height, width) or max(fitted) == 1375 or min(fitted) == 750


def test_fit_within_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="0x5"):
        fit_within(0, 5, 10, 10)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_shrinking_takes_area_means(dtype: type) -> None:
    image: np.ndarray = np.random.default_rng(0).integers(0, 200, (12, 8)).astype(dtype)
    shrunk = resize_image(image, (3, 2))
    means = image.reshape(3, 4, 2, 4).mean(axis=(1, 3))
    assert shrunk.dtype == dtype
    assert np.abs(shrunk - means).max() <= (0.51 if dtype != np.float32 else 1e-4)


def test_a_mask_keeps_the_pixels_that_it_covers_by_half() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[:4, :4] = True  # a whole pixel of the shrunk mask
    mask[4:6, 4:] = True  # half of one
    mask[7, 0] = True  # a sixteenth of one
    assert resize_mask(mask, (2, 2)).tolist() == [[True, False], [False, True]]


def test_a_small_mask_does_not_vanish() -> None:
    mask = np.zeros((80, 80), dtype=bool)
    mask[33, 47] = True
    shrunk = resize_mask(mask, (10, 10))
    assert np.argwhere(shrunk).tolist() == [[4, 5]]


@given(st.integers(0, 90), st.integers(0, 90), st.integers(1, 30), st.integers(1, 30), st.floats(0.02, 1.0))
def test_a_scaled_box_covers_what_it_covered(x0: int, y0: int, width: int, height: int, scale: float) -> None:
    box = (x0, y0, min(x0 + width, 100), min(y0 + height, 100))
    shape = scaled_shape(100, 100, scale)
    a0, b0, a1, b1 = scale_box(box, scale, shape)
    assert 0 <= a0 < a1 <= shape[1]
    assert 0 <= b0 < b1 <= shape[0]
    assert a0 <= box[0] * scale
    assert b0 <= box[1] * scale
    assert a1 >= min(box[2] * scale, shape[1])
    assert b1 >= min(box[3] * scale, shape[0])


def test_mask_box() -> None:
    mask = np.zeros((9, 7), dtype=bool)
    assert mask_box(mask) is None
    mask[2:5, 3] = mask[4, 3:6] = True
    assert mask_box(mask) == (3, 2, 6, 5)


def test_fit_within_enlarges_where_it_is_asked_to() -> None:
    assert fit_within(640, 400, 800, 1333, enlarge=True) == pytest.approx(2.0)  # the short side becomes 800
    assert fit_within(600, 300, 800, 1333, enlarge=True) == pytest.approx(1333 / 600)  # unless the long one passes 1333
    assert fit_within(5500, 3000, 1375, 750, enlarge=True) == pytest.approx(0.25)
