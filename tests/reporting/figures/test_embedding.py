from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import DARK, LIGHT, Theme
from mammo_gan.reporting.figures.embedding import embedding_scatter


def write(path: Path, groups: dict[str, np.ndarray]) -> Path:
    lines = [f"{name},{k},{x},{y}" for name, points in groups.items() for k, (x, y) in enumerate(points)]
    path.write_text("\n".join(["group,index,x,y", *lines]) + "\n")
    return path


@pytest.fixture
def embedding(tmp_path: Path) -> Path:
    """Real points on the left, synthetic ones on the right."""
    rng = np.random.default_rng(0)
    places = {"real": (-5, 0), "synthetic": (5, 0)}
    return write(tmp_path / "embedding.csv", {name: rng.normal(place, 1, (30, 2)) for name, place in places.items()})


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def near(picture: np.ndarray, colour: str) -> np.ndarray:
    """(H, W) bool: pixels of about that colour."""
    wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    return np.asarray((np.abs(picture.astype(int) - wanted) < 40).all(-1))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_groups_stand_where_their_points_are_in_the_themes_colours(embedding: Path, theme: Theme) -> None:
    picture = decode(embedding_scatter(embedding, theme))
    assert near(picture[:3], theme.surface).all()
    height, width, _ = picture.shape
    plot = picture[height // 6 :]  # below the legend
    for colour, half in ((theme.real, 0), (theme.synthetic, 1)):
        columns = np.flatnonzero(near(plot, colour).any(0))
        assert columns.size > 50
        assert ((columns >= width // 2) == half).all()


def test_the_same_table_gives_the_same_picture(embedding: Path) -> None:
    assert embedding_scatter(embedding) == embedding_scatter(embedding)


def test_no_group_hides_another(tmp_path: Path) -> None:
    """Two groups on the same places, many times over: whichever comes last in the table, both are seen."""
    points = np.tile(np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2), (4, 1))
    for names in (("synthetic", "normal"), ("normal", "synthetic")):
        table = write(tmp_path / f"{names[0]}.csv", dict.fromkeys(names, points))
        picture = decode(embedding_scatter(table))
        blue = near(picture[picture.shape[0] // 6 :], LIGHT.synthetic)
        grey = near(picture[picture.shape[0] // 6 :], "#8b949e")
        assert min(blue.sum(), grey.sum()) > 0.02 * max(blue.sum(), grey.sum())
        assert blue.sum() > 100


def test_groups_beyond_the_papers_are_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ("real", "synthetic", "flipped", "normal", "other")
    table = write(tmp_path / "e.csv", {name: rng.normal(5 * k, 1, (20, 2)) for k, name in enumerate(names)})
    picture = decode(embedding_scatter(table))
    for colour in (LIGHT.real, LIGHT.synthetic, "#009e73", "#8b949e", "#cc79a7"):
        assert near(picture, colour).sum() > 100


def test_one_point_and_points_on_a_line_are_borne(tmp_path: Path) -> None:
    for points in (np.zeros((1, 2)), np.stack([np.arange(9.0), np.zeros(9)], 1)):
        assert decode(embedding_scatter(write(tmp_path / "e.csv", {"real": points}))).size


@pytest.mark.parametrize("text", ["", "group,x\nreal,1\n", "group,index,x,y\n"])
def test_a_table_of_another_form_is_refused(embedding: Path, text: str) -> None:
    embedding.write_text(text)
    with pytest.raises(UserError, match="expected"):
        embedding_scatter(embedding)


@pytest.mark.parametrize("row", ["real,0,nan,1", "real,0,,1"])
def test_a_point_without_a_place_is_refused(embedding: Path, row: str) -> None:
    with embedding.open("a") as file:
        file.write(row + "\n")
    with pytest.raises(UserError, match="expected a number"):
        embedding_scatter(embedding)
