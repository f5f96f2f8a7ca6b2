from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import pytest

from tests.bench.runner import Benchmark, UnavailableError, measure, summarise


def test_summary_is_median_and_quartiles() -> None:
    figures = [5.0, 1.0, 4.0, 2.0, 3.0, 9.0]
    summary = summarise(figures)
    low, median, high = statistics.quantiles(figures, n=4, method="inclusive")
    assert (summary.low, summary.median, summary.high) == pytest.approx((low, median, high))
    assert summary.blocks == 6


@pytest.mark.parametrize("figures", [[], [1.0, math.nan], [0.0], [math.inf]])
def test_summary_refuses_what_is_no_measurement(figures: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        summarise(figures)


def test_blocks_interleave_and_the_first_of_each_arm_is_not_counted() -> None:
    calls: list[str] = []

    def arm(name: str, warm: float) -> float:
        calls.append(name)
        return 1000.0 if calls.count(name) == 1 else warm

    outcome = measure(
        Benchmark(name="x", unit="1/s", blocks=3, arms={"a": lambda: arm("a", 2.0), "b": lambda: arm("b", 4.0)})
    )
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert outcome.arms["a"].median == 2.0
    assert outcome.ratio is not None
    assert outcome.ratio.median == 0.5
    assert outcome.fault is None


def test_ratio_is_taken_within_blocks() -> None:
    """A machine that slows down threefold halfway changes both medians, and no block's ratio."""
    speeds = iter([9.0, 10.0, 9.0, 10.0, 10.0 / 3, 3.0, 3.0, 10.0 / 3, 10.0 / 3, 3.0])
    outcome = measure(
        Benchmark(name="x", unit="1/s", blocks=4, arms={"a": lambda: next(speeds), "b": lambda: next(speeds)})
    )
    assert outcome.ratio is not None
    assert outcome.ratio.low == pytest.approx(0.9)
    assert outcome.ratio.high == pytest.approx(0.9)


@pytest.mark.parametrize(("speed", "faulty"), [(0.91, False), (0.89, True)])
def test_below_the_floor_is_a_fault(speed: float, faulty: bool) -> None:
    outcome = measure(
        Benchmark(name="x", unit="images/s", blocks=2, floor=0.9, arms={"a": lambda: speed, "b": lambda: 1.0})
    )
    assert (outcome.fault is not None) == faulty


def test_each_arm_is_compared_with_the_first() -> None:
    arms = {"a": lambda: 6.0, "b": lambda: 3.0, "c": lambda: 12.0}
    outcome = measure(Benchmark(name="x", unit="1/s", blocks=2, arms=arms))
    assert {name: ratio.median for name, ratio in outcome.ratios.items()} == {"b": 2.0, "c": 0.5}


def test_each_arm_has_the_first_beside_it() -> None:
    calls: list[str] = []

    def arm(name: str) -> Callable[[], float]:
        def block() -> float:
            calls.append(name)
            return 1.0

        return block

    outcome = measure(Benchmark(name="x", unit="1/s", blocks=2, arms={name: arm(name) for name in "abc"}))
    assert "".join(calls) == "abc" + "abac" + "baca"
    assert {name: summary.blocks for name, summary in outcome.arms.items()} == {"a": 4, "b": 2, "c": 2}


def _unavailable() -> float:
    raise UnavailableError("no compiler")


def test_an_arm_that_cannot_run_is_left_out_and_the_others_are_measured() -> None:
    arms = {"a": lambda: 6.0, "b": _unavailable, "c": lambda: 12.0}
    outcome = measure(Benchmark(name="x", unit="1/s", blocks=2, arms=arms))
    assert outcome.left_out == {"b": "no compiler"}
    assert list(outcome.arms) == ["a", "c"]
    assert list(outcome.ratios) == ["c"]


def test_without_the_first_arm_nothing_is_compared() -> None:
    with pytest.raises(UnavailableError, match="no compiler"):
        measure(Benchmark(name="x", unit="1/s", blocks=2, arms={"a": _unavailable, "b": lambda: 1.0}))


def test_where_no_arm_can_run_that_is_said_and_no_fault() -> None:
    outcome = measure(Benchmark(name="x", unit="1/s", blocks=2, arms={"a": _unavailable}, floor=1.0))
    assert (outcome.arms, outcome.fault, outcome.left_out) == ({}, None, {"a": "no compiler"})
