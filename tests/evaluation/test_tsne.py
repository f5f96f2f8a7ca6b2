from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.errors import UserError
from mammo_gan.evaluation.tsne import embed

SIDE = 5


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, SIDE, SIDE)).astype(np.float32)


def test_equal_seeds_give_equal_places_whatever_the_threads() -> None:
    first, second, threaded = (embed(images(60), perplexity=10, iterations=120, seed=4, jobs=n) for n in (1, 1, 2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_allclose(first.points, threaded.points, rtol=1e-3, atol=1e-3)
    assert first.points.shape == (60, 2)
    assert first.divergence > 0


def test_neighbours_in_the_pixels_are_neighbours_in_the_plane() -> None:
    """Images along a line: their order is that of the places, from one end or the other."""
    line = np.linspace(0, 1, 50, dtype=np.float32)[:, None, None] * np.ones((1, SIDE, SIDE), np.float32)
    points = embed(line, perplexity=5, iterations=400, seed=0).points
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    apart = np.linalg.norm(points[10:] - points[:-10], axis=1)
    assert steps.max() < apart.min()


def test_a_perplexity_that_the_points_do_not_allow_is_refused() -> None:
    """31 points: each has 30 others, of which three are looked at for each unit of perplexity."""
    assert np.isfinite(embed(images(31), perplexity=10, iterations=10, seed=0).points).all()
    for perplexity in (10.1, 250, 0, -1):
        with pytest.raises(UserError, match=r"not between 0 and 10, .* there are 31 points"):
            embed(images(31), perplexity=perplexity, iterations=10, seed=0)
    with pytest.raises(UserError, match="there are 0 points"):
        embed(images(0), perplexity=1, iterations=10, seed=0)


def test_nothing_to_do_is_refused() -> None:
    with pytest.raises(UserError, match="at least one iteration"):
        embed(images(31), perplexity=5, iterations=0, seed=0)
    with pytest.raises(UserError, match="all 31 images are equal"):
        embed(np.full((31, SIDE, SIDE), 0.5, np.float32), perplexity=5, iterations=10, seed=0)
