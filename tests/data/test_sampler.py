"""The endless order: each index once an epoch, from anywhere, by any number of processes."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.data.sampler import InfinitePermutation, StagedPermutation
from mammo_gan.errors import UserError
from mammo_gan.networks.equalised import minibatch_deviation
from mammo_gan.schedules.progressive import ProgressiveSchedule
from tests.schedules.test_progressive import schedules

Place = tuple[int, int]
Order = InfinitePermutation | StagedPermutation


def first(count: int, sampler: Order) -> list[Place]:
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


@given(schedules(), st.integers(1, 30))
def test_staged_batches_are_as_their_first_image_has_them(schedule: ProgressiveSchedule, length: int) -> None:
    indices = [index for _, index in first(400, InfinitePermutation(length, 7, 1))]
    seen = 0
    for batch in StagedPermutation(length, 7, schedule):
        now = schedule.progress(seen)
        assert batch == [(now.stage, index) for index in indices[seen : seen + now.batch_size]]
        assert len(batch) == now.batch_size
        seen += len(batch)
        if seen > 300:
            break


@given(schedules(), st.integers(0, 15))
def test_staged_batches_go_on_anywhere(schedule: ProgressiveSchedule, done: int) -> None:
    whole = list(islice(StagedPermutation(11, 7, schedule), done + 5))
    start = sum(map(len, whole[:done]))
    assert list(islice(StagedPermutation(11, 7, schedule, start), 5)) == whole[done:]


@given(schedules(), st.integers(1, 4), st.integers(0, 30))
def test_ranks_share_a_staged_batch_in_turn(schedule: ProgressiveSchedule, world_size: int, start: int) -> None:
    shared = replace(
        schedule, batch_sizes=[size * world_size for size in schedule.batch_sizes], stable=schedule.stable * world_size,
        fading=schedule.fading * world_size,
    )  # fmt: skip
    ranks = [islice(StagedPermutation(9, 7, shared, start, rank, world_size), 6) for rank in range(world_size)]
    alone = list(islice(StagedPermutation(9, 7, shared, start), 6))
    assert [
        [place for places in zip(*batches, strict=True) for place in places] for batches in zip(*ranks, strict=True)
    ] == alone


def test_processes_group_images_for_the_deviation_as_one_does() -> None:
    images = torch.rand(16, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    alone = minibatch_deviation(images, 4)[:, -1, 0, 0]
    for world_size in (2, 4):
        for rank in range(world_size):
            share = minibatch_deviation(images[rank::world_size], 4)[:, -1, 0, 0]
            torch.testing.assert_close(share, alone[rank::world_size])


def test_a_batch_that_processes_cannot_share() -> None:
    schedule = ProgressiveSchedule(stable=8, fading=8, batch_sizes=[8, 6], learning_rate=1e-3, critic_iterations=[1, 1])
    with pytest.raises(UserError, match=r"training.schedule.batch_sizes=\[8, 6\]: 6 images of stage 1.*4 processes"):
        StagedPermutation(5, 1, schedule, 0, 0, 4)
    StagedPermutation(5, 1, schedule, 0, 1, 2)


@pytest.mark.parametrize("bad", [{"length": 0}, {"start": -1}, {"rank": 1}])
def test_impossible_staged_places(bad: dict[str, int]) -> None:
    schedule = ProgressiveSchedule(stable=8, fading=8, batch_sizes=[2], learning_rate=1e-3, critic_iterations=[1, 1])
    with pytest.raises(ValueError, match="at"):
        next(iter(StagedPermutation(**{"length": 5, "seed": 1, "schedule": schedule, **bad})))  # type: ignore[arg-type]
