from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.figures.generator_grids import generator_grids, read_grid

SIDE, APART, HEADING = 640, 40, 56


def grid(level: int, side: int = SIDE) -> Image.Image:
    return Image.fromarray(np.full((side, side), level, np.uint8))


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_grids_stand_side_by_side_in_their_order() -> None:
    levels = [10, 60, 110, 160, 210]
    picture = decode(generator_grids([(f"k = {level}", grid(level)) for level in levels], "mass (here)"))
    assert picture.shape[1] == 3 * SIDE + 2 * APART
    middles = [
        picture[2 * HEADING + row * (HEADING + SIDE + APART // 2) + SIDE // 2, column * (SIDE + APART) + SIDE // 2, 0]
        for row in (0, 1)
        for column in (0, 1, 2)
    ]
    assert middles == [*levels, 255]  # the last place is empty
    dark = decode(generator_grids([("k = 10", grid(10))], "mass (here)", DARK))
    assert tuple(dark[0, -1]) == tuple(int(DARK.surface[i : i + 2], 16) for i in (1, 3, 5))


def test_small_grids_are_enlarged_by_a_whole_number() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    picture = decode(generator_grids([("", Image.fromarray(board.astype(np.uint8)))], "", LIGHT))
    shown = picture[2 * HEADING : 2 * HEADING + SIDE, :, 0]
    np.testing.assert_array_equal(shown, board.repeat(10, axis=0).repeat(10, axis=1))


def test_a_grid_is_read_in_grey(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2), (50, 50, 50)).save(tmp_path / "generated.png")
    np.testing.assert_array_equal(np.asarray(read_grid(tmp_path / "generated.png")), np.full((2, 3), 50))


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n" + 30 * b"\0"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "generated.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"generated.png: expected a grid of generated patches"):
        read_grid(path)


def test_a_picture_of_another_kind_is_not_opened(tmp_path: Path) -> None:
    grid(9).save(tmp_path / "generated.png", format="gif")
    with pytest.raises(UserError, match="cannot identify"):
        read_grid(tmp_path / "generated.png")
