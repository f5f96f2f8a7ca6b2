"""Tubes keep their volume and their form, whatever the pixels; ducts, vessels and ligaments have the sizes named."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mammo_gan.archives.phantom.breast import BreastForm, draw_breast, skin_depth
from mammo_gan.archives.phantom.ducts import duct_tree
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.ligaments import ligaments
from mammo_gan.archives.phantom.tubes import Tubes, grown, projected
from mammo_gan.archives.phantom.vessels import vessels
from mammo_gan.archives.records import View

GRIDS = [Grid(height, round(0.55 * height)) for height in (120, 344, 1375)]


def straight(x: tuple[float, float], y: tuple[float, float], radius: float, deeper: float = 1.0) -> Tubes:
    nodes = np.linspace(0, 1, 20)
    along = [np.array([a + (b - a) * nodes]) for a, b in (x, y)]
    return Tubes(along[0], along[1], np.full((1, 20), radius), deeper)


def form(view: View = "MLO", seed: int = 0) -> BreastForm:
    return draw_breast(view, 90.0, 50.0, 131.0, np.random.default_rng(seed))


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: str(grid.height))
@pytest.mark.parametrize("radius", [0.05, 0.4, 1.5])
def test_a_tube_keeps_its_volume_on_any_pixels(grid: Grid, radius: float) -> None:
    film = projected([straight((20, 80), (30, 110), radius)], grid)
    assert film.sum() * grid.mm_per_px**2 == pytest.approx(np.pi * radius**2 * 100, rel=1e-3)


def test_a_wide_tube_is_as_deep_as_a_circle_is() -> None:
    grid = Grid(2400, 660)  # 0.1 mm
    film = projected([straight((10, 50), (100, 100), 2.0)], grid)
    profile = film[:, 300]
    distance = grid.y[:, 0] - 100
    circle = 2 * np.sqrt(np.clip(4 - distance**2, 0, None))
    inner = np.abs(distance) < 1.8
    np.testing.assert_allclose(profile[inner], circle[inner], rtol=0.05)
    assert not profile[np.abs(distance) > 2.3].any()
    np.testing.assert_allclose(projected([straight((10, 50), (100, 100), 2.0, 3.0)], grid), 3 * film, rtol=1e-5)


def test_films_of_two_resolutions_agree_where_the_finer_is_averaged() -> None:
    rng = np.random.default_rng(0)
    tubes = [*duct_tree(form(), rng), *vessels(form(), rng)]
    coarse, fine = (projected(tubes, Grid(side, side // 2)) for side in (240, 1200))
    averaged = fine.reshape(240, 5, 120, 5).mean(axis=(1, 3))
    assert coarse.sum() * 25 == pytest.approx(fine.sum(), rel=0.01)
    assert np.corrcoef(coarse.ravel(), averaged.ravel())[0, 1] > 0.93


def test_crossing_tubes_add_and_what_is_off_the_film_is_not_drawn() -> None:
    grid = GRIDS[1]
    one, other = straight((10, 70), (50, 50), 0.7), straight((40, 40), (20, 80), 0.7)
    np.testing.assert_allclose(
        projected([one, other], grid), projected([one], grid) + projected([other], grid), atol=1e-5
    )
    assert not projected([straight((-50, -20), (10, 20), 1.0)], grid).any()
    half = projected([straight((-30, 30), (100, 100), 1.0)], grid)
    assert half.sum() * grid.mm_per_px**2 == pytest.approx(np.pi * 30, rel=0.02)


def test_curves_are_as_long_as_asked_and_wind_as_asked() -> None:
    rng = np.random.default_rng(0)
    start, heading, length = np.zeros((50, 2)), rng.uniform(0, 6, 50), rng.uniform(5, 40, 50)
    x, y, end = grown(start, heading, length, 0.0, 12, rng)
    np.testing.assert_allclose(np.hypot(x[:, -1], y[:, -1]), length)
    np.testing.assert_allclose(end, heading)
    x, y, _ = grown(start, heading, length, 0.6, 200, rng)
    np.testing.assert_allclose(np.hypot(np.diff(x), np.diff(y)).sum(axis=1), length, rtol=1e-6)
    assert (np.hypot(x[:, -1], y[:, -1]) < 0.999 * length).mean() > 0.8


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_ducts_open_at_the_nipple_branch_and_taper(view: View) -> None:
    breast = form(view)
    tree = duct_tree(breast, np.random.default_rng(1))
    counts = [len(generation.x) for generation in tree]
    assert counts == [counts[0] * 2**k for k in range(5)]
    assert (np.hypot(tree[0].x[:, 0] - breast.reach, tree[0].y[:, 0] - breast.nipple_y) < 8).all()
    assert tree[0].radius[:, 0].min() >= 0.5
    assert tree[0].radius[:, 0].max() <= 1.0
    np.testing.assert_allclose(tree[-1].radius[:, -1], 0.1)
    for before, after in pairwise(tree):
        ends = np.repeat(np.stack([before.x[:, -1], before.y[:, -1]]), 2, axis=1)
        np.testing.assert_allclose(np.stack([after.x[:, 0], after.y[:, 0]]), ends)
        assert (after.radius[:, 0] <= np.repeat(before.radius[:, -1], 2)).all()
        assert (np.diff(after.radius) <= 1e-12).all()


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_vessels_taper_within_the_breast_and_some_follow_the_skin(view: View) -> None:
    grid = GRIDS[0]
    depth = skin_depth(form(view), grid)
    followed = 0
    for seed in range(8):
        drawn = vessels(form(view), np.random.default_rng(seed))
        for tubes in drawn:
            assert (np.diff(tubes.radius) <= 1e-12).all()
            assert tubes.radius.max() <= 1.5
        trunks = drawn[0]  # along the skin
        row = np.clip(trunks.y / grid.mm_per_px, 0, grid.height - 1).astype(int)
        column = np.clip(trunks.x / grid.mm_per_px, 0, grid.width - 1).astype(int)
        below = depth[row, column]
        followed += int((below.std(axis=1) < 5).sum())
        assert (below > 0).mean() > 0.95
    assert followed >= 8


def test_there_are_more_ligaments_in_gland_than_in_fat() -> None:
    grid, breast = GRIDS[0], form("CC")
    depth = skin_depth(breast, grid)
    everywhere = np.ones_like(depth)
    rng = np.random.default_rng
    dense, fatty = (len(ligaments(breast, share * everywhere, depth, grid, rng(2)).x) for share in (0.6, 0.0))
    assert dense > 3 * fatty > 0
