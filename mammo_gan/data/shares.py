"""Sharing a number of patches out over splits, images and lesions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def proportional(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts proportional to `weights`, by largest remainder; the first comes first among equals."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def even(total: int, capacities: Sequence[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """`total` shared out as evenly as the capacities allow; `rng` says who gets one of the remainder.

    Who can't give an even share gives all, and the others make up for it. Only where all of them together hold less
    than `total` do they give more than they have, each with a capacity an equal part of the rest.
    """
    capacity = np.asarray(capacities, dtype=np.int64)
    shares = np.zeros_like(capacity)
    if not capacity.any():
        return shares
    if total > capacity.sum():
        givers = np.flatnonzero(capacity)
        shares += capacity
        return shares + _spread(total - int(capacity.sum()), givers, len(capacity), rng)
    while (left := total - int(shares.sum())) > 0:
        givers = np.flatnonzero(capacity > shares)
        if left < len(givers):
            return shares + _spread(left, givers, len(capacity), rng)
        shares = np.minimum(capacity, shares + (capacity > shares) * (left // len(givers)))
    return shares


def _spread(total: int, givers: NDArray[np.intp], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    each, rest = divmod(total, len(givers))
    shares = np.zeros(count, dtype=np.int64)
    shares[givers] = each
    shares[rng.choice(givers, size=rest, replace=False)] += 1
    return shares
