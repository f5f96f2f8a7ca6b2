"""The endless order: each index once an epoch, from anywhere, by any number of processes."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.data.sampler import InfinitePermutation

Place = tuple[int, int]


def first(count: int, sampler: InfinitePermutation) -> list[Place]:
    """The first `count` places."""
    return list(islice((place for batch in sampler for place in batch), count))


@given(st.integers(1, 40), st.integers(1, 9))
def test_each_index_comes_once_an_epoch(length: int, batch_size: int) -> None:
    places = first(3 * length, InfinitePermutation(length, 1, batch_size))
    assert [position for position, _ in places] == list(range(3 * length))
    for epoch in range(3):
        assert sorted(index for _, index in places[epoch * length : (epoch + 1) * length]) == list(range(length))


def test_epochs_and_seeds_differ() -> None:
    places = [index for _, index in first(200, InfinitePermutation(100, 1, 8))]
    assert places[:100] != places[100:]
    assert places[:100] != [index for _, index in first(100, InfinitePermutation(100, 2, 8))]


@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 100))
def test_starting_anywhere_is_going_on(length: int, batch_size: int, start: int) -> None:
    whole = first(start + 40, InfinitePermutation(length, 7, batch_size))
    assert first(40, InfinitePermutation(length, 7, batch_size, start)) == whole[start:]


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 4), st.integers(0, 50))
def test_ranks_together_see_what_one_process_sees(length: int, batch_size: int, world_size: int, start: int) -> None:
    ranks = [
        islice(InfinitePermutation(length, 7, batch_size, start, rank, world_size), 6) for rank in range(world_size)
    ]
    together = [place for batches in zip(*ranks, strict=True) for batch in batches for place in batch]
    assert together == first(len(together), InfinitePermutation(length, 7, batch_size, start))
    assert len(together) == 6 * batch_size * world_size


def test_it_has_no_end() -> None:
    with pytest.raises(TypeError):
        len(InfinitePermutation(5, 1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"length": 0}, {"batch_size": 0}, {"start": -1}, {"rank": 2, "world_size": 2}])
def test_impossible_places(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at"):
        InfinitePermutation(**{"length": 5, "seed": 1, "batch_size": 2, **bad})
