from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import DARK
from mammo_gan.reporting.figures.realism import realism_grids

SIZE, SIDE, ZOOM = 100, 2, 5  # a grid of about 1,000 px
GAP, APART, HEADING = 6, 48, 56


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four patches a set: grey levels 10, 20, 30, 40 for real, 110 and on for synthetic; a white corner."""
    for first, name in ((10, "real"), (110, "synthetic")):
        for k in range(4):
            picture = np.full((SIZE, SIZE), first + 10 * k, np.uint8)
            picture[0, 0] = 255
            Image.fromarray(picture).save(tmp_path / f"{name}_{k:03d}.png")
    return tmp_path


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def levels(picture: np.ndarray, x: int, y: int) -> list[int]:
    """Grey levels in the middle of the four patches of a grid whose upper left corner is at (x, y)."""
    step = SIZE * ZOOM + GAP
    middle = SIZE * ZOOM // 2
    return [int(picture[y + HEADING + r * step + middle, x + c * step + middle, 0]) for r in (0, 1) for c in (0, 1)]


def test_beside_one_another_the_synthetic_are_on_the_left(folder: Path) -> None:
    picture = decode(realism_grids(folder, SIDE))
    width = SIDE * SIZE * ZOOM + GAP
    assert picture.shape == (HEADING + width, 2 * width + APART, 3)
    assert levels(picture, 0, 0) == [110, 120, 130, 140]
    assert levels(picture, width + APART, 0) == [10, 20, 30, 40]


def test_stacked_the_real_are_on_top_and_pixels_are_enlarged(folder: Path) -> None:
    picture = decode(realism_grids(folder, SIDE, stacked=True))
    height = HEADING + SIDE * SIZE * ZOOM + GAP + APART // 2
    assert levels(picture, 0, 0) == [10, 20, 30, 40]
    assert levels(picture, 0, height) == [110, 120, 130, 140]
    corner = picture[HEADING : HEADING + ZOOM + 1, : ZOOM + 1, 0]
    assert (corner[:ZOOM, :ZOOM] == 255).all()
    assert (corner[ZOOM] == 10).all()


def test_too_few_patches_leave_places_empty_and_the_heading_says_so(folder: Path) -> None:
    whole = decode(realism_grids(folder, SIDE, theme=DARK))
    (folder / "synthetic_003.png").unlink()
    picture = decode(realism_grids(folder, SIDE, theme=DARK))
    assert levels(picture, 0, 0) == [110, 120, 130, int(DARK.surface[1:3], 16)]
    assert (picture[:HEADING] != whole[:HEADING]).any()
    assert (picture[:, -SIDE * SIZE * ZOOM :] == whole[:, -SIDE * SIZE * ZOOM :]).all()


def test_rows_that_neither_grid_fills_are_left_out(folder: Path) -> None:
    whole = decode(realism_grids(folder, SIDE))
    (folder / "synthetic_003.png").unlink()
    (folder / "real_003.png").unlink()
    assert decode(realism_grids(folder, SIDE)).shape == whole.shape
    for name in ("synthetic", "real"):
        (folder / f"{name}_002.png").unlink()
    picture = decode(realism_grids(folder, SIDE))
    assert picture.shape[:2] == (HEADING + SIZE * ZOOM, whole.shape[1])


def test_missing_broken_and_unlike_files_are_named(folder: Path) -> None:
    (folder / "real_001.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"real_001\.png"):
        realism_grids(folder, SIDE)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "real_001.png")
    with pytest.raises(UserError, match="one size"):
        realism_grids(folder, SIDE)
    for path in folder.glob("real_*.png"):
        path.unlink()
    with pytest.raises(UserError, match="found none"):
        realism_grids(folder, SIDE)
