"""Sharing out, by its properties."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.data.shares import even, proportional

counts = st.lists(st.integers(0, 50), min_size=1, max_size=12)


@given(st.integers(0, 1000), counts)
def test_proportional_parts_are_within_one_of_their_exact_share(total: int, weights: list[int]) -> None:
    parts = proportional(total, weights)
    if not any(weights):
        assert not any(parts)
        return
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1


def test_the_papers_split() -> None:
    assert proportional(100_000, [8384, 1048, 1048]) == [80_000, 10_000, 10_000]


@given(st.integers(0, 400), counts, st.integers(0, 5))
def test_even_shares(total: int, capacities: list[int], seed: int) -> None:
    shares = even(total, capacities, np.random.default_rng(seed)).tolist()
    held = sum(capacities)
    assert sum(shares) == (total if held else 0)
    assert all(share == 0 for share, capacity in zip(shares, capacities, strict=True) if capacity == 0)
    if total <= held:
        assert all(share <= capacity for share, capacity in zip(shares, capacities, strict=True))
        # Whoever gives less than another by two or more has nothing left to give.
        for share, capacity in zip(shares, capacities, strict=True):
            assert share == capacity or share >= max(shares) - 1
    elif held:
        above = [share - capacity for share, capacity in zip(shares, capacities, strict=True) if capacity]
        assert max(above) - min(above) <= 1


def test_the_remainder_is_drawn() -> None:
    drawn = {tuple(even(1, [9, 9, 9], np.random.default_rng(seed)).tolist()) for seed in range(50)}
    assert drawn == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert (
        even(7, [9, 9, 9], np.random.default_rng(3)).tolist() == even(7, [9, 9, 9], np.random.default_rng(3)).tolist()
    )
