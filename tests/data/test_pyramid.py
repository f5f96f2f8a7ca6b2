"""Sizes that are halves of one another, and images in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_gan.data.pyramid import check_sizes, pyramid
from mammo_gan.errors import UserError


def test_the_papers_nine_sizes() -> None:
    sizes = [[5 * 2**k, 4 * 2**k] for k in range(9)]
    assert check_sizes(sizes) == tuple((1280 >> k, 1024 >> k) for k in range(9))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([], "expected heights and widths"),
        ([[8, 8], [4]], "expected heights and widths"),
        ([[8, 8], [0, 0]], "expected heights and widths"),
        ([[8.0, 8]], "expected heights and widths"),
        ([[8, 8], [8, 8]], "twice"),
        ([[8, 8], [4, 2]], "4x2 can't be had from 8x8"),
        ([[12, 12], [4, 4]], "4x4 can't be had from 12x12"),
        ([[12, 9], [6, 4]], "6x4 can't be had from 12x9"),
        ([[8, 8], [8, 4]], "8x4 can't be had from 8x8"),
    ],
)
def test_sizes_that_are_no_pyramid(sizes: list, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_sizes(sizes)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.sets(st.integers(0, 4), min_size=1), st.sampled_from([8, 16]))
def test_a_coarser_pixel_is_the_mean_of_its_box(height: int, width: int, halvings: set[int], depth: int) -> None:
    top = max(halvings)
    sizes = check_sizes([(height << k, width << k) for k in sorted(halvings)])
    dtype = np.uint8 if depth == 8 else np.uint16
    rng = np.random.default_rng(height * 7 + width)
    finest = rng.integers(0, 2**depth, (height << top, width << top)).astype(dtype)
    images = pyramid(finest, sizes)
    assert [image.shape for image in images] == list(sizes)
    for image, size in zip(images, sizes, strict=True):
        box = finest.shape[0] // size[0]
        mean = finest.astype(object).reshape(size[0], box, size[1], box).sum(axis=(1, 3)) / box**2
        np.testing.assert_array_equal(image, np.array([[round(value) for value in row] for row in mean]))
        assert image.dtype == dtype


def test_the_brightest_image_stays_the_brightest() -> None:
    white = np.full((1280, 1024), 65535, np.uint16)
    assert all((image == 65535).all() for image in pyramid(white, check_sizes([(1280, 1024), (5, 4)])))
