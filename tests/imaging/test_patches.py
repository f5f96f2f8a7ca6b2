"""Maps of patch positions, against one loop over all of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from mammo_gan.imaging.patches import breast_share, covered_pixels, holding_box, sample_origins


def test_breast_share_equals_the_mean_of_each_patch() -> None:
    mask = np.random.default_rng(0).random((23, 17)) < 0.6
    shares = breast_share(mask, 6)
    assert shares.dtype == np.float32
    assert shares.shape == (18, 12)
    for y, x in np.ndindex(shares.shape):
        assert shares[y, x] == pytest.approx(mask[y : y + 6, x : x + 6].mean())


def test_a_patch_as_large_as_the_image_has_one_position_and_a_larger_one_none() -> None:
    mask = np.ones((5, 8), dtype=bool)
    assert covered_pixels(mask, 5).tolist() == [[25] * 4]
    assert covered_pixels(mask, 6).shape == (0, 3)
    assert covered_pixels(mask[:, :4], 6).shape == (0, 0)


@pytest.mark.parametrize(
    "box", [(5, 6, 9, 8), (0, 3, 4, 9), (1, 1, 3, 3), (13, 16, 15, 18), (2, 2, 8, 4), (1, 2, 10, 4)]
)
def test_holding_box_is_every_patch_that_holds_box_and_rim(box: tuple[int, int, int, int]) -> None:
    shape, size = (19, 16), 8
    x0, y0, x1, y1 = box
    allowed = holding_box(box, shape, size)
    for y, x in np.ndindex(allowed.shape):
        inside = x <= x0 - 1 and y <= y0 - 1 and x + size >= x1 + 1 and y + size >= y1 + 1
        assert allowed[y, x] == inside, (x, y)


def test_origins_are_uniform_over_the_allowed_positions() -> None:
    allowed = np.random.default_rng(1).random((9, 11)) < 0.4
    rng = np.random.default_rng(2)
    draws = Counter(tuple(origin) for _ in range(4000) for origin in sample_origins(allowed, 3, rng).tolist())
    expected = {(int(x), int(y)) for y, x in np.argwhere(allowed)}
    assert set(draws) == expected
    assert chisquare(list(draws.values())).pvalue > 0.01


def test_no_position_comes_twice_before_all_have_come() -> None:
    allowed = np.random.default_rng(3).random((5, 6)) < 0.5
    positions = int(allowed.sum())
    origins = sample_origins(allowed, 2 * positions + 3, np.random.default_rng(4)).tolist()
    counts = Counter(map(tuple, origins))
    assert len(origins) == 2 * positions + 3
    assert sorted(counts.values()) == [2] * (positions - 3) + [3] * 3
    assert len(set(map(tuple, origins[:positions]))) == positions


def test_nothing_allowed_gives_nothing() -> None:
    rng = np.random.default_rng(0)
    assert sample_origins(np.zeros((4, 4), dtype=bool), 5, rng).shape == (0, 2)
    assert sample_origins(np.ones((4, 4), dtype=bool), 0, rng).shape == (0, 2)
    assert sample_origins(np.ones((0, 4), dtype=bool), 2, rng).shape == (0, 2)
