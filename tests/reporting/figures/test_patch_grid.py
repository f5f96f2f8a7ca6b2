from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mammo_gan.reporting.figures.patch_grid import patch_grid


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


@pytest.mark.parametrize("size", [8, 128, 900])
def test_patches_stand_row_by_row_in_their_order(size: int) -> None:
    greys = [10, 200, 30, 180, 50]
    grid = opened(patch_grid([np.full((size, size), grey / 255, np.float32) for grey in greys], 2))
    assert grid.shape[0] == grid.shape[1]
    half = grid.shape[0] // 2
    corners = [grid[:half, :half], grid[:half, half:], grid[half:, :half], grid[half:, half:]]
    for grey, corner in zip(greys, corners, strict=False):
        area = int((corner == grey).sum())
        assert area >= size * size
        assert area == int((grid == grey).sum())  # once, whole
    assert 50 not in grid  # the fifth has no place


def test_fewer_patches_leave_places_empty_and_each_pixel_is_kept() -> None:
    patch = np.random.default_rng(1).random((10, 10), np.float32)
    grid = opened(patch_grid([patch], 5))
    assert len(np.unique(grid[grid.shape[0] // 2 :])) == 1
    zoom = (grid.shape[0] + 4) // 5 // 10
    np.testing.assert_array_equal(grid[: 10 * zoom : zoom, : 10 * zoom : zoom], np.rint(patch * 255))


@pytest.mark.parametrize("patches", [[], [np.zeros((4, 4), np.float32), np.zeros((5, 5), np.float32)]])
def test_none_or_different_ones_are_refused(patches: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="patches of one shape"):
        patch_grid(patches, 2)
