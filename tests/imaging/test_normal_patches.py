"""Algorithm 1 of alyafi2019, against its pseudocode written out as a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from mammo_gan.imaging.geometry import Xyxy
from mammo_gan.imaging.normal_patches import all_normal_origins, grey_levels, normal_origins, normal_patches


def loop(
    image: np.ndarray, lesions: Sequence[Xyxy], rng: np.random.Generator, size: int, count: int
) -> list[tuple[int, int]]:
    """The pseudocode, line by line, stopped at `count`."""
    mask, truth = np.zeros(image.shape, np.uint8), np.zeros(image.shape, np.uint8)
    mask[image > 0] = 255
    for x0, y0, x1, y1 in lesions:
        truth[max(y0, 0) : y1, max(x0, 0) : x1] = 255
    kept: list[tuple[int, int]] = []
    for _ in range(5):
        rows = rng.integers(0, image.shape[0] - size + 1, size=100)
        columns = rng.integers(0, image.shape[1] - size + 1, size=100)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            window = slice(y, y + size), slice(x, x + size)
            if mask[window].sum(dtype=np.int64) == 255 * size**2 and truth[window].sum() == 0:
                kept.append((x, y))
    return kept[:count]


def breast(height: int, width: int, reach: float) -> np.ndarray:
    """uint8: a half ellipse at the left border that reaches `reach` of the width, with a few dead pixels inside."""
    y, x = np.mgrid[:height, :width]
    inside = (x / (reach * width)) ** 2 + ((y - height / 2) / (0.48 * height)) ** 2 < 1
    rng = np.random.default_rng(0)
    return np.asarray(inside * rng.integers(1, 256, inside.shape) * (rng.random(inside.shape) > 1e-4), dtype=np.uint8)


WIDE, NARROW = breast(120, 100, 0.9), breast(400, 240, 0.07)
THIN = breast(400, 240, 0.058)
SLANTED = np.zeros((400, 240), dtype=np.uint8)  # whose bounding box is of no help
SLANTED[np.abs(np.subtract.outer(np.arange(400) - 100, np.arange(240))) < 18] = 50
SLANTED[180:] = 0
SPECKLED = np.where(np.random.default_rng(1).random(WIDE.shape) < 4e-3, np.uint8(0), np.uint8(9))
LESIONS = [(10, 50, 30, 61), (-4, 100, 3, 130)]


def valid(image: np.ndarray, lesions: Sequence[Xyxy], size: int) -> set[tuple[int, int]]:
    free = image > 0
    for x0, y0, x1, y1 in lesions:
        free[max(y0, 0) : y1, max(x0, 0) : x1] = False
    windows = np.lib.stride_tricks.sliding_window_view(free, (size, size)).all(axis=(2, 3))
    return {(int(x), int(y)) for y, x in np.argwhere(windows)}


@pytest.mark.parametrize("seed", range(20))
def test_where_the_loop_finds_enough_the_positions_are_the_loops(seed: int) -> None:
    expected = loop(WIDE, LESIONS, np.random.default_rng(seed), 16, 10)
    assert len(expected) == 10
    for mask in (WIDE, WIDE > 0, WIDE.astype(np.uint16) * 256, WIDE.astype(np.float32)):
        found = normal_origins(mask, LESIONS, np.random.default_rng(seed), 16, 10)
        assert [tuple(xy) for xy in found.tolist()] == expected


@pytest.mark.parametrize("seed", range(20))
def test_where_it_does_not_they_begin_with_the_loops_and_are_ten(seed: int) -> None:
    allowed = valid(NARROW, LESIONS, 16)
    expected = loop(NARROW, LESIONS, np.random.default_rng(seed), 16, 10)
    found = [tuple(xy) for xy in normal_origins(NARROW, LESIONS, np.random.default_rng(seed), 16, 10).tolist()]
    assert len(expected) < 10
    assert len(found) == 10
    assert found[: len(expected)] == expected
    assert set(found) <= allowed


@pytest.mark.parametrize("size", [1, 5, 14, 23, 32])
@pytest.mark.parametrize("lesions", [[], LESIONS])
def test_all_positions_are_those_of_every_patch_looked_at_row_by_row(size: int, lesions: list[Xyxy]) -> None:
    for image in (WIDE, NARROW, SLANTED, SPECKLED):
        found = [tuple(xy) for xy in all_normal_origins(image, lesions, size).tolist()]
        assert found == sorted(valid(image, lesions, size), key=lambda xy: xy[::-1])


@pytest.mark.parametrize(
    ("image", "size"),
    [(WIDE, 40), (NARROW, 14), (THIN, 14), (SLANTED, 18)],
    ids=["tries", "tries in the box", "box filter", "all of them"],
)
def test_positions_are_uniform_and_independent(image: np.ndarray, size: int) -> None:
    """As the loop's: uniform over all that pass, and one draw says nothing of the next."""
    allowed = sorted(valid(image, LESIONS, size))
    rng = np.random.default_rng(1)
    draws = [[tuple(xy) for xy in normal_origins(image, LESIONS, rng, size, 10).tolist()] for _ in range(1500)]
    places = [Counter(drawn[place] for drawn in draws) for place in (0, 9)]
    total = Counter(xy for drawn in draws for xy in drawn)
    assert set(total) <= set(allowed)
    assert chisquare([total[xy] for xy in allowed]).pvalue > 0.01
    # The first and the last draw each: coarse cells of equal expectation.
    cell = {xy: 20 * number // len(allowed) for number, xy in enumerate(allowed)}
    sizes = np.array([sum(cell[xy] == k for xy in allowed) for k in range(20)]) / len(allowed)
    for place in places:
        counts = [sum(n for xy, n in place.items() if cell[xy] == k) for k in range(20)]
        assert chisquare(counts, sizes * 1500).pvalue > 0.01
    # With replacement: neighbours in the draw are equal as often as chance has it.
    twins = sum(a == b for drawn in draws for a, b in pairwise(drawn))
    low, high = poisson.interval(0.998, 1500 * 9 / len(allowed))
    assert low <= twins <= high


def test_few_positions_come_once_each() -> None:
    image = np.zeros((300, 300), dtype=np.uint8)
    image[10:22, 30:41] = 9  # 3 x 2 positions of 10 px, of 84,681
    found = [tuple(xy) for xy in normal_origins(image, [], np.random.default_rng(0), 10, 10).tolist()]
    assert sorted(found) == [(30, 10), (30, 11), (30, 12), (31, 10), (31, 11), (31, 12)]


@pytest.mark.parametrize("offset", range(9))
def test_a_breast_of_one_patch_is_found_wherever_it_lies(offset: int) -> None:
    image = np.zeros((40, 50), dtype=np.uint8)
    image[20 + offset : 28 + offset, 30 - offset : 38 - offset] = 1
    assert all_normal_origins(image, [], 8).tolist() == [[30 - offset, 20 + offset]]
    assert normal_origins(image, [], np.random.default_rng(0), 8, 3).tolist() == [[30 - offset, 20 + offset]]


def test_no_room_gives_nothing() -> None:
    rng = np.random.default_rng(0)
    full = np.ones((20, 30), dtype=np.uint8)
    assert normal_origins(np.zeros_like(full), [], rng, 8).shape == (0, 2)
    assert normal_origins(full, [], rng, 21).shape == (0, 2)
    assert normal_origins(full, [(0, 0, 30, 20)], rng, 8).shape == (0, 2)
    assert normal_origins(full, [], rng, 8, 0).shape == (0, 2)
    assert normal_origins(full, [], rng, 20).shape == (10, 2)
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        normal_origins(np.ones((2, 2, 2)), [], rng, 1)


def test_grey_levels_are_the_different_values() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.integers(0, 256, (20, 20), dtype=np.uint8), rng.integers(0, 65536, (20, 20), dtype=np.uint16)
    assert grey_levels(small) == len(np.unique(small))
    assert grey_levels(large) == len(np.unique(large))


def test_flat_patches_are_removed_and_not_replaced() -> None:
    image = np.full((64, 200), 7, dtype=np.uint8)
    image[:, 100:] = np.arange(100)  # a patch of 16 px from here on has 16 levels
    origins = normal_origins(image, [], np.random.default_rng(3), 16)
    patches, kept = normal_patches(image, image, [], np.random.default_rng(3), 16, min_grey_levels=10)
    levels = np.array([len(np.unique(image[y : y + 16, x : x + 16])) for x, y in origins])
    assert 0 < (levels >= 10).sum() < 10
    assert kept.tolist() == origins[levels >= 10].tolist()
    assert patches.shape == (len(kept), 16, 16)
    for patch, (x, y) in zip(patches, kept.tolist(), strict=True):
        assert (patch == image[y : y + 16, x : x + 16]).all()
    exactly = normal_patches(image[:16, 100:], image[:16, 100:], [], np.random.default_rng(0), 16, min_grey_levels=16)
    assert len(exactly[0]) == 10  # just enough levels stay
    none, nowhere = normal_patches(image, image, [], np.random.default_rng(3), 16, min_grey_levels=99)
    assert none.shape == (0, 16, 16)
    assert nowhere.shape == (0, 2)
