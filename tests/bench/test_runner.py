from __future__ import annotations

import math
import statistics

import pytest

from tests.bench.runner import Benchmark, measure, summarise


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
