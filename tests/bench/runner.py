"""Measuring in interleaved blocks, so that a machine's moods fall on all that is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Something measured in one or more ways.

    Each arm is a function that runs one block and returns its figure in `unit`. The first arm is what the others are
    compared with. With a `floor`, the first arm divided by the second must not fall below it.
    """

    name: str
    unit: str
    arms: Mapping[str, Callable[[], float]]
    blocks: int
    floor: float | None = None


class UnavailableError(Exception):
    """An arm cannot run on this machine; the message says why. The others are measured without it.

    Where none can, nothing is measured, and that is no fault.
    """


@dataclass(frozen=True)
class Summary:
    """Median and quartiles of a block's figure, over the blocks."""

    median: float
    low: float
    high: float
    blocks: int


@dataclass(frozen=True)
class Outcome:
    """A benchmark's summaries.

    `ratios` holds, by the name of each later arm, the first arm's figure divided by that arm's beside it.
    `left_out` says why an arm was not measured.
    """

    name: str
    unit: str
    arms: Mapping[str, Summary]
    ratios: Mapping[str, Summary]
    fault: str | None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def ratio(self) -> Summary | None:
        """Of the first two arms; None with one arm."""
        return next(iter(self.ratios.values()), None)


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
    """Run every arm once unmeasured, then block after block.

    In a block each later arm has the first one beside it, and the order of the two turns round every time.

    Raises:
        UnavailableError: by the first arm and not by all, so that there is nothing to compare the others with.
    """
    left_out = _warmed_up(benchmark)
    if len(left_out) == len(benchmark.arms):
        return Outcome(benchmark.name, benchmark.unit, {}, {}, None, left_out)
    first, *others = (name for name in benchmark.arms if name not in left_out)
    figures: dict[str, list[float]] = {name: [] for name in (first, *others)}
    ratios: dict[str, list[float]] = {name: [] for name in others}
    pairs: list[tuple[str, ...]] = [(first, other) for other in others] or [(first,)]
    for block in range(benchmark.blocks):
        for pair in pairs:
            measured = {name: benchmark.arms[name]() for name in (pair if block % 2 == 0 else reversed(pair))}
            for name, figure in measured.items():
                figures[name].append(figure)
            for other in pair[1:]:
                ratios[other].append(measured[first] / measured[other])
    summaries = {name: summarise(values) for name, values in ratios.items()}
    return Outcome(
        benchmark.name,
        benchmark.unit,
        {name: summarise(values) for name, values in figures.items()},
        summaries,
        _fault(benchmark, summaries),
        left_out,
    )


def _warmed_up(benchmark: Benchmark) -> dict[str, str]:
    """Why some arms cannot run."""
    left_out: dict[str, str] = {}
    for name, arm in benchmark.arms.items():
        try:
            arm()
        except UnavailableError as reason:
            left_out[name] = str(reason)
    first = next(iter(benchmark.arms))
    if first in left_out and len(left_out) < len(benchmark.arms):
        raise UnavailableError(left_out[first])
    return left_out


def _fault(benchmark: Benchmark, ratios: Mapping[str, Summary]) -> str | None:
    first, *others = benchmark.arms
    if benchmark.floor is None or not others or others[0] not in ratios:
        return None
    ratio = ratios[others[0]].median
    if ratio >= benchmark.floor:
        return None
    return f"{first} has {ratio:.2f} of {others[0]}'s {benchmark.unit}; {benchmark.floor:.2f} is the least"
