from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.schedules.progressive import ProgressiveSchedule, total_images

# Karras et al. 2018 on one GPU, 4 to 1024 px; MammoGAN's 5x4 to 1280x1024 px are as many stages.
ONE_GPU = ProgressiveSchedule(
    stable=600_000,
    fading=600_000,
    batch_sizes=[128, 128, 128, 64, 32, 16, 8, 4, 4],
    learning_rate=1.5e-3,
    critic_iterations=[1, 5],
)


@st.composite
def schedules(draw: st.DrawFn) -> ProgressiveSchedule:
    stable, fading = draw(st.integers(1, 20)), draw(st.integers(0, 20))
    sizes = draw(st.lists(st.integers(1, stable + fading), min_size=1, max_size=6))
    first = draw(st.integers(1, 4))
    return ProgressiveSchedule(
        stable=stable,
        fading=fading,
        batch_sizes=sizes,
        learning_rate=[1e-3 * (1 + stage) for stage in range(len(sizes))],
        critic_iterations=(first, draw(st.integers(first, 9))),
    )


def image_by_image(schedule: ProgressiveSchedule) -> Iterator[tuple[int, float]]:
    """Stage and alpha, counted rather than computed, to some images after the last stage's stable ones."""
    for stage in range(schedule.stages):
        if stage > 0:
            for faded in range(schedule.fading):
                yield stage, faded / schedule.fading
        for _ in range(schedule.stable):
            yield stage, 1.0
    for _ in range(50):
        yield schedule.stages - 1, 1.0


@given(schedules())
def test_it_equals_counting_image_by_image(schedule: ProgressiveSchedule) -> None:
    for images, (stage, alpha) in enumerate(image_by_image(schedule)):
        at = schedule.progress(images)
        assert (at.stage, at.alpha) == (stage, alpha)
        assert at.phase == ("fading" if alpha < 1 else "stable")
        assert at.batch_size == schedule.batch_sizes[stage]
        assert at.learning_rate == pytest.approx(1e-3 * (1 + stage))


@given(schedules(), st.integers(0, 400))
def test_it_grows_without_a_jump(schedule: ProgressiveSchedule, images: int) -> None:
    before, after = schedule.progress(images), schedule.progress(images + 1)
    growth = (after.stage + after.alpha) - (before.stage + before.alpha)
    assert 0 <= before.alpha <= 1
    assert after.stage >= before.stage
    assert after.critic_iterations >= before.critic_iterations
    assert -1e-9 <= growth <= 1 / max(schedule.fading, 1) + 1e-9


@given(schedules())
def test_a_stage_begins_where_the_one_before_stands_alone(schedule: ProgressiveSchedule) -> None:
    assert schedule.begins(0) == 0
    assert schedule.progress(0).alpha == 1
    for stage in range(1, schedule.stages):
        begins = schedule.begins(stage)
        before, first, grown = (schedule.progress(n) for n in (begins - 1, begins, begins + schedule.fading))
        assert (before.stage, before.alpha) == (stage - 1, 1)
        assert (first.stage, first.alpha) == (stage, 0 if schedule.fading else 1)
        assert (grown.stage, grown.alpha) == (stage, 1)


@given(schedules())
def test_batch_after_batch_no_stage_is_left_out(schedule: ProgressiveSchedule) -> None:
    images = 0
    visited: set[int] = set()
    while len(visited) < schedule.stages and images <= schedule.begins(schedule.stages - 1):
        at = schedule.progress(images)
        visited.add(at.stage)
        images += at.batch_size
    visited.add(schedule.progress(images).stage)
    assert visited == set(range(schedule.stages))


def test_a_batch_across_a_boundary_belongs_to_its_first_image() -> None:
    begins = ONE_GPU.begins(3)
    assert ONE_GPU.progress(begins - 1)[:3] == (2, 1.0, 128)
    assert ONE_GPU.progress(begins - 1 + 128)[:3] == (3, 127 / 600_000, 64)


@given(st.integers(0, 12_000_000))
def test_the_original_at_1024_px(images: int) -> None:
    """Its level of detail: doublings still to come, whole while a resolution is stable; 12 million images in all."""
    cycles, rest = divmod(images, 1_200_000)  # each a stable resolution, and the way to the next
    level_of_detail = max(8 - cycles - max(rest - 600_000, 0) / 600_000, 0)
    at = ONE_GPU.progress(images)
    assert 8 - (at.stage - 1 + at.alpha) == pytest.approx(level_of_detail)


def test_the_original_at_1024_px_by_hand() -> None:
    assert [ONE_GPU.begins(stage) for stage in (1, 2, 8)] == [600_000, 1_800_000, 9_000_000]
    assert ONE_GPU.progress(9_300_000) == (8, 0.5, 4, 1.5e-3, 5, "fading")
    assert ONE_GPU.progress(9_600_000) == (8, 1.0, 4, 1.5e-3, 5, "stable")
    assert ONE_GPU.progress(12_000_000) == ONE_GPU.progress(10**9) == ONE_GPU.progress(9_600_000)


@pytest.mark.parametrize(
    ("stages", "ends", "iterations"),
    [
        (9, (1, 5), [1, 2, 2, 3, 3, 4, 4, 5, 5]),  # 1, 1.5, 2 ... 5
        (5, (1, 5), [1, 2, 3, 4, 5]),
        (4, (1, 5), [1, 2, 4, 5]),  # 1, 2.33, 3.67, 5
        (3, (2, 2), [2, 2, 2]),
        (1, (1, 5), [1]),
    ],
)
def test_the_critic_ramp(stages: int, ends: tuple[int, int], iterations: list[int]) -> None:
    schedule = dataclasses.replace(ONE_GPU, batch_sizes=[4] * stages, critic_iterations=ends)
    assert [schedule.progress(schedule.begins(stage)).critic_iterations for stage in range(stages)] == iterations


def test_the_papers_length() -> None:
    assert total_images(1_000_000, epochs=33, more=5_000_000) == 38_000_000
    assert total_images(10, epochs=0, more=7) == 7


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"batch_sizes": []}, "one number a stage"),
        ({"stable": 600e3}, "whole numbers, not 600000.0"),
        ({"batch_sizes": [4, 2.5]}, "whole numbers, not 2.5"),
        ({"stable": 0}, "1 image at least and fading 0"),
        ({"fading": -1}, "1 image at least and fading 0"),
        ({"batch_sizes": [4, 0]}, "1 image at least and fading 0"),
        ({"stable": 100, "fading": 27}, "128 images could jump over a stage of 100 stable and 27"),
        ({"learning_rate": 0.0}, "above 0, or one for each of 9 stages"),
        ({"learning_rate": [1e-3] * 8}, "above 0, or one for each of 9 stages"),
        ({"critic_iterations": [0, 5]}, "two numbers"),
        ({"critic_iterations": [5, 1]}, "two numbers"),
        ({"critic_iterations": [1]}, "two numbers"),
    ],
)
def test_refuses_impossible_settings(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(ONE_GPU, **change)


def test_refuses_what_lies_outside() -> None:
    with pytest.raises(ValueError, match="0 at least, not -1"):
        ONE_GPU.progress(-1)
    for stage in (-1, 9):
        with pytest.raises(ValueError, match="stages are 0 to 8"):
            ONE_GPU.begins(stage)
    with pytest.raises(ValueError, match="a training image at least"):
        total_images(0, epochs=33, more=0)
    with pytest.raises(ValueError, match="no negative length"):
        total_images(10, epochs=33, more=-1)


@given(schedules(), st.integers(0, 300))
def test_iterations_are_the_batches_walked_through(schedule: ProgressiveSchedule, images: int) -> None:
    seen = batches = 0
    while seen < images:
        seen, batches = seen + schedule.progress(seen).batch_size, batches + 1
    assert schedule.iterations(images) == batches


@given(schedules())
def test_the_generator_is_due_after_each_nth_batch_of_a_stage(schedule: ProgressiveSchedule) -> None:
    seen, stage, steps, entered = 0, -1, 0, {}
    while seen < schedule.grown() + 30:
        now = schedule.progress(seen)
        if now.stage != stage:
            stage, steps = now.stage, 0
            entered[stage] = seen
        steps += 1
        assert schedule.generator_due(seen) == (steps % now.critic_iterations == 0)
        seen += now.batch_size
    assert entered == {stage: schedule.entered(stage) for stage in range(schedule.stages)}


@given(schedules())
def test_it_has_grown_when_the_last_stage_stands_alone(schedule: ProgressiveSchedule) -> None:
    last = schedule.stages - 1
    now = schedule.progress(schedule.grown())
    assert (now.stage, now.alpha) == (last, 1.0)
    assert schedule.grown() == 0 or schedule.progress(schedule.grown() - 1)[:2] < (last, 1.0)


def test_the_papers_iterations() -> None:
    """38 million images: each stage's in batches of its own, the last one's to the end."""
    entered = [ONE_GPU.entered(stage) for stage in range(9)]
    of_stages = [
        (end - start) // size for start, end, size in zip(entered, entered[1:], ONE_GPU.batch_sizes, strict=False)
    ]
    assert of_stages == [4688, 9375, 9375, 18749, 37500, 75000, 150000, 300000]
    assert entered[1:5] == [600_064, 1_800_064, 3_000_064, 4_200_000]  # 64 divides what 128 doesn't
    assert ONE_GPU.iterations(38_000_000) == sum(of_stages) + -(-(38_000_000 - 9_000_000) // 4)
