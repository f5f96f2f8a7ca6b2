from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.draw import polygon

from mammo_gan.imaging.outlines import chain_to_polygon, disk_mask, mask_to_chain, polygon_to_chain, polygon_to_mask

CODES = st.lists(st.integers(0, 7), max_size=60)
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def test_codes_count_clockwise_from_north() -> None:
    xy = chain_to_polygon(5, 7, [0, 1, 2, 3, 4, 5, 6, 7])
    expected = [(5, 7), (5, 6), (6, 5), (7, 5), (8, 6), (8, 7), (7, 8), (6, 8), (5, 7)]
    np.testing.assert_array_equal(xy, expected)


@given(st.integers(-50, 5000), st.integers(-50, 5000), CODES)
def test_chain_to_polygon_and_back(col: int, row: int, codes: list[int]) -> None:
    assert polygon_to_chain(chain_to_polygon(col, row, codes)) == (col, row, codes)


@pytest.mark.parametrize("codes", [[0, 8], [-1]])
def test_unknown_codes_are_refused(codes: list[int]) -> None:
    with pytest.raises(ValueError, match="chain codes are 0 to 7"):
        chain_to_polygon(0, 0, codes)


@pytest.mark.parametrize("second", [(2, 0), (0, 0)])
def test_points_apart_have_no_chain(second: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="neighbours"):
        polygon_to_chain(np.array([(0, 0), second]))


@settings(deadline=None, max_examples=200)
@given(arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))), st.integers(0, 3))
def test_a_connected_mask_survives_the_chain(speckle: np.ndarray, growth: int) -> None:
    grown = ndimage.binary_dilation(speckle, EIGHT_NEIGHBOURS, iterations=growth) if growth else speckle
    labelled, count = ndimage.label(grown, EIGHT_NEIGHBOURS)
    assume(count > 0)
    mask = ndimage.binary_fill_holes(labelled == 1)
    chain = mask_to_chain(mask)
    np.testing.assert_array_equal(polygon_to_mask(chain_to_polygon(*chain), *mask.shape), mask)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((4, 4), dtype=bool), "the mask has 0"),
        (np.eye(5, dtype=bool)[::2].repeat(2, axis=0), "the mask has 3"),
        (np.pad(np.zeros((2, 2), dtype=bool), 1, constant_values=True), "hole"),
    ],
)
def test_masks_that_one_chain_cannot_describe(mask: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mask_to_chain(mask)


def test_the_mask_is_interior_and_outline() -> None:
    triangle = np.array([(2, 3), (17, 5), (9, 18)])
    mask = polygon_to_mask(triangle, 20, 20)
    interior = np.zeros((20, 20), dtype=bool)
    interior[polygon(triangle[:, 1], triangle[:, 0])] = True  # type: ignore[no-untyped-call]
    assert not (interior & ~mask).any()
    assert not (mask & ~ndimage.binary_dilation(interior, EIGHT_NEIGHBOURS)).any()
    assert mask[triangle[:, 1], triangle[:, 0]].all()


def test_an_outline_that_crosses_itself_encloses_all_its_loops() -> None:
    # Twice around the same square, and once around a smaller one inside: even-odd filling would leave holes.
    outer = [(2, 2), (12, 2), (12, 12), (2, 12)]
    inner = [(5, 5), (9, 5), (9, 9), (5, 9)]
    mask = polygon_to_mask(np.array([*outer, *outer[:1], *inner, *inner[:1]]), 15, 15)
    assert mask.sum() == 11 * 11


def test_what_lies_outside_the_image_is_cut_off() -> None:
    square = np.array([(-4, -4), (3, -4), (3, 3), (-4, 3)])
    assert polygon_to_mask(square, 10, 10).sum() == 4 * 4
    assert not polygon_to_mask(square + 100, 10, 10).any()
    assert not polygon_to_mask(square[:0], 10, 10).any()


@pytest.mark.parametrize(("radius", "pixels"), [(0, 1), (1, 5), (1.5, 9), (2, 13)])
def test_disks_by_hand(radius: float, pixels: int) -> None:
    mask = disk_mask(4, 3, radius, 8, 9)
    assert mask.shape == (8, 9)
    assert mask.sum() == pixels
    assert mask[3, 4]


def test_a_disk_at_the_border_is_cut_off() -> None:
    assert disk_mask(0, 0, 2, 8, 9).sum() == 6
