"""Do two sets mix? How often an image's nearest neighbour is of the other set (Schilling 1986, Henze 1988)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo_gan.statistics.distances import BLOCK_VALUES, blocks_within, two_sets


class Mixing(NamedTuple):
    """rate:     share of images whose nearest neighbour is of the other set, in [0, 1]
    expected: the rate where the sets are drawn alike, 2 N M / ((N + M) (N + M - 1)); about 0.5 with N = M
    low, high: the middle 95 % (or another share) of the rate over permutations of who is of which set
    p_value:  two-sided, of sets drawn alike; at least 1 / (permutations + 1)
    """

    rate: float
    expected: float
    low: float
    high: float
    p_value: float


def mixing_rate(
    features1: ArrayLike,
    features2: ArrayLike,
    rng: np.random.Generator,
    permutations: int = 999,
    confidence: float = 0.95,
) -> Mixing:
    """How well features (N, D) and (M, D) mix.

    Below the interval the sets lie apart; above it, images of one set stand closer to the other than its own do, as
    copies of training images would. An interval holds for images that are independent of each other: several of a
    patient are each other's neighbours, and lower the rate.

    Raises:
        ValueError: if the widths differ, a set is empty, a value isn't finite, or there are fewer than three images.
    """
    x, y = two_sets(features1, features2)
    total = len(x) + len(y)
    if total < 3:
        raise ValueError(f"nearest neighbours need three images; got {total}")
    nearest = nearest_neighbours(np.concatenate([x, y]))
    of_second = np.arange(total) >= len(x)
    rate = float((of_second[nearest] != of_second).mean())
    drawn = np.empty(permutations)
    for k in range(permutations):
        shuffled = rng.permutation(of_second)
        drawn[k] = (shuffled[nearest] != shuffled).mean()
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    expected = 2 * len(x) * len(y) / (total * (total - 1))
    # As far from the expected rate as the one seen, or further; the sets as they are count as one permutation.
    as_far = np.abs(drawn - expected) >= abs(rate - expected) - 1e-12
    return Mixing(rate, expected, float(low), float(high), float((1 + as_far.sum()) / (1 + permutations)))


def nearest_neighbours(features: NDArray[np.float64], block_values: int = BLOCK_VALUES) -> NDArray[np.intp]:
    """(N,): which other row is nearest to each row of (N, D); the first of several that are equally near."""
    return np.concatenate([squared.argmin(axis=1) for _, squared in blocks_within(features, block_values)])
