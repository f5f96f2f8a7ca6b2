from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import LIGHT, figure_grid
from tests.reporting import examples

ZOOM = 12  # 32 px enlarged to about 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    examples.write_examples(tmp_path / "examples", np.random.default_rng(1))
    return tmp_path / "examples"


def decode(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)))


def enlarged(path: Path) -> NDArray[np.uint8]:
    grey = np.asarray(Image.open(path)).repeat(ZOOM, 0).repeat(ZOOM, 1)
    return np.stack([grey] * 3, -1)


def position(grid: NDArray[np.uint8], cell: NDArray[np.uint8]) -> tuple[int, int] | None:
    """Row and column of the one place where a cell stands in the grid; None if it stands nowhere."""
    height, width, _ = cell.shape
    rows, columns = (grid.shape[axis] - cell.shape[axis] + 1 for axis in (0, 1))
    possible = np.ones((rows, columns), bool)
    for y, x in ((0, 0), (0, width - 1), (height - 1, 0), (height // 2, width // 2), (height - 1, width - 1)):
        possible &= (grid[y : y + rows, x : x + columns] == cell[y, x]).all(-1)
    found = [(y, x) for y, x in np.argwhere(possible).tolist() if (grid[y : y + height, x : x + width] == cell).all()]
    assert len(found) <= 1
    return found[0] if found else None


def test_pixels_are_enlarged_and_otherwise_as_they_were(folder: Path) -> None:
    grid = decode(figure_grid(folder))
    for number in range(3):
        cells = [enlarged(folder / f"{number:02d}_{name}.png") for name in ("original", "input", "synthetic")]
        places = [place for cell in cells if (place := position(grid, cell)) is not None]
        assert len(places) == 3
        assert len({y for y, _ in places}) == 1
        assert places == sorted(places)


def test_outline_surrounds_the_mask_and_hides_none_of_it(folder: Path) -> None:
    grid = decode(figure_grid(folder))
    cell = enlarged(folder / "00_synthetic.png")
    height, width, _ = cell.shape
    place = position(grid, cell)
    assert place is not None
    outlined = grid[place[0] : place[0] + height, -width:]
    mask = np.asarray(Image.open(folder / "00_mask.png")).repeat(ZOOM, 0).repeat(ZOOM, 1) > 0
    colour = tuple(int(LIGHT.outline[i : i + 2], 16) for i in (1, 3, 5))
    line = (outlined == colour).all(-1)
    assert (outlined[mask] == cell[mask]).all()
    rows, columns = np.nonzero(line)
    assert (rows.min(), rows.max()) == (8 * ZOOM - 4, 20 * ZOOM + 3)
    assert (columns.min(), columns.max()) == (10 * ZOOM - 4, 25 * ZOOM + 3)


def test_without_masks_there_is_no_fourth_column(folder: Path) -> None:
    four = decode(figure_grid(folder)).shape[1]
    assert decode(figure_grid(folder, outline=False)).shape[1] < four
    (folder / "01_mask.png").unlink()
    assert decode(figure_grid(folder)).shape[1] < four


def test_rows_are_shared_by_the_directions(folder: Path) -> None:
    """Two rows of three examples, of which the first two have the same direction: one of each is shown."""
    grid = decode(figure_grid(folder, rows=2))
    first, second, third = (position(grid, enlarged(folder / f"{number:02d}_original.png")) for number in range(3))
    assert second is None
    assert first is not None
    assert third is not None
    assert first[0] < third[0]


def test_missing_and_broken_files_are_named(folder: Path) -> None:
    (folder / "02_input.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"02_input\.png"):
        figure_grid(folder)
    (folder / "examples.json").write_text(json.dumps([]))
    with pytest.raises(UserError, match="found none"):
        figure_grid(folder)
    (folder / "examples.json").unlink()
    with pytest.raises(UserError, match="found no file"):
        figure_grid(folder)
