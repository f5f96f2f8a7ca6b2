"""Measuring in interleaved blocks, so that a machine's moods fall on all that is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Something measured in one or more ways.

    Each arm is a function that runs one block and returns its figure in `unit`. With a `floor`, the first arm
    divided by the second must not fall below it.
    """

    name: str
    unit: str
    arms: Mapping[str, Callable[[], float]]
    blocks: int
    floor: float | None = None


@dataclass(frozen=True)
class Summary:
    """Median and quartiles of a block's figure, over the blocks."""

    median: float
    low: float
    high: float
    blocks: int


@dataclass(frozen=True)
class Outcome:
    """A benchmark's summaries; `ratio` is of the first two arms, block by block."""

    name: str
    unit: str
    arms: Mapping[str, Summary]
    ratio: Summary | None
    fault: str | None


def summarise(figures: list[float]) -> Summary:
    """Median and quartiles (linear interpolation).

    Raises:
        ValueError: no figures, or one that is not a positive number.
    """
    if not figures or not all(np.isfinite(figure) and figure > 0 for figure in figures):
        raise ValueError(f"blocks give positive numbers; got {figures}")
    low, median, high = np.percentile(figures, [25, 50, 75])
    return Summary(float(median), float(low), float(high), len(figures))


def measure(benchmark: Benchmark) -> Outcome:
    """Run every arm once unmeasured, then block after block; the order of the arms turns round every time."""
    for arm in benchmark.arms.values():
        arm()
    figures: dict[str, list[float]] = {name: [] for name in benchmark.arms}
    for block in range(benchmark.blocks):
        names = list(benchmark.arms)
        for name in names if block % 2 == 0 else reversed(names):
            figures[name].append(benchmark.arms[name]())
    ratio = _ratio(list(figures.values()))
    return Outcome(
        benchmark.name,
        benchmark.unit,
        {name: summarise(values) for name, values in figures.items()},
        ratio,
        _fault(benchmark, ratio),
    )


def _ratio(figures: list[list[float]]) -> Summary | None:
    if len(figures) < 2:
        return None
    return summarise([first / second for first, second in zip(figures[0], figures[1], strict=True)])


def _fault(benchmark: Benchmark, ratio: Summary | None) -> str | None:
    if benchmark.floor is None or ratio is None or ratio.median >= benchmark.floor:
        return None
    first, second, *_ = benchmark.arms
    return f"{first} has {ratio.median:.2f} of {second}'s {benchmark.unit}; {benchmark.floor:.2f} is the least"
