from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammo_gan.archives.phantom.breast import (
    BreastForm,
    draw_breast,
    muscle_depth,
    skin_depth,
    skin_thickness,
    tissue_thickness,
)
from mammo_gan.archives.phantom.grid import FILM_HEIGHT_MM, Grid
from mammo_gan.archives.records import View

GRID = Grid(240, 131)  # 1 mm per px


def form(view: View, seed: int = 0) -> BreastForm:
    return draw_breast(view, 90.0, 50.0, GRID.width_mm, np.random.default_rng(seed))


def test_a_film_has_the_same_height_in_mm_at_every_resolution() -> None:
    for height in (172, 344, 1375):
        grid = Grid(height, height // 2)
        assert grid.y[-1, 0] + grid.y[0, 0] == pytest.approx(FILM_HEIGHT_MM, rel=1e-5)


@pytest.mark.parametrize("view", ["CC", "MLO"])
@pytest.mark.parametrize("seed", range(4))
def test_the_breast_hangs_on_the_chest_wall_and_ends_before_the_film(view: View, seed: int) -> None:
    inside = skin_depth(form(view, seed), GRID) > 0
    assert inside[:, 0].any()
    assert not inside[:, -1].any()
    # Row by row it is one piece that begins at the chest wall.
    assert (np.diff(inside.astype(int), axis=1) <= 0).all()
    assert inside[0].any() == (view == "MLO")  # the axilla leaves the film at its top
    assert not inside[-1].any()


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_depth_is_a_distance_in_mm(view: View) -> None:
    breast = replace(form(view), nipple_height=-20.0)
    depth = skin_depth(breast, GRID)
    down, across = np.gradient(depth)
    near = np.abs(depth) < 12
    assert np.hypot(down, across)[near].mean() == pytest.approx(1.0, abs=0.02)
    row = int(breast.nipple_y)
    assert depth[row, 80] == pytest.approx(breast.reach - 80.5, abs=0.3)


def test_depth_does_not_depend_on_the_resolution() -> None:
    fine = skin_depth(form("CC"), Grid(960, 524)).reshape(240, 4, 131, 4).mean(axis=(1, 3))
    assert np.abs(fine - skin_depth(form("CC"), GRID)).max() < 0.3


def test_thickness_by_hand() -> None:
    depth = np.array([-3.0, 0.0, 9.0, 25.0, 60.0], dtype=np.float32)
    # A half circle of radius 25: 9 mm in, the chord is 2 * sqrt(25^2 - 16^2) = 38.42.
    np.testing.assert_allclose(tissue_thickness(depth, 50.0), [0, 0, 38.4187, 50, 50], rtol=1e-4)


def test_skin_is_a_line_where_the_beam_grazes_it() -> None:
    depth = np.linspace(0, 40, 401, dtype=np.float32)
    skin = skin_thickness(depth, 50.0, 1.5)
    assert skin[-1] == pytest.approx(2 * 1.5, abs=1e-4)
    assert depth[np.argmax(skin)] == pytest.approx(1.5, abs=0.2)
    assert skin.max() > 15


def test_the_pectoral_muscle_is_a_triangle_on_mlo_views_alone() -> None:
    assert muscle_depth(form("CC"), GRID) is None
    breast = form("MLO")
    muscle = muscle_depth(breast, GRID)
    assert muscle is not None
    inside = muscle > 0
    assert inside[0].sum() == pytest.approx(breast.muscle_width, abs=2)
    assert inside[:, 0].sum() == pytest.approx(breast.muscle_height, abs=3)
    assert (np.diff(inside.sum(axis=1)) <= 0).all()
    assert not (inside & (skin_depth(breast, GRID) < 0)).any()
