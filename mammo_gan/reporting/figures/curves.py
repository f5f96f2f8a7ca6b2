"""Losses over training, one small panel each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes, to_svg
from mammo_gan.reporting.figures.table import numbers, read_columns

_COUNTERS = re.compile(r"^(iterations?|images_seen|epoch|step|phase.*|time|seconds|.*per_second|.*learning_rate.*)$")
_POINTS = 500  # drawn per panel at most, so that a long run's figure stays small
_FEW = 50  # points that need no transparency to be told apart
_COLUMNS = 3  # panels beside one another
_WINDOW_SHARE = 0.05  # of the logged points, averaged for the line

Series = NDArray[np.float64]


def loss_curves(
    metrics: Path,
    pretraining_iterations: int | None = None,
    columns: Sequence[str] | None = None,
    theme: Theme = LIGHT,
) -> str:
    """SVG of each loss over iterations: the logged points, and their centred moving average on top.

    A panel's axis is logarithmic where the losses are positive and span a factor of ten. The average doesn't reach
    over the end of pre-training, which is marked.

    Args:
        metrics: a metrics.csv with the column `iteration` and one column per loss; empty cells are skipped.
        pretraining_iterations: where pre-training ended; None = there was none.
        columns: the losses to draw; None = every column of numbers that isn't a counter.

    Raises:
        UserError: the file is missing, empty, or holds no losses.
    """
    table = read_columns(metrics, ("iteration", *(columns or ())))
    iterations = numbers(table.pop("iteration"))
    names = columns or [name for name in table if not _COUNTERS.match(name)]
    losses = {name: series for name in names if np.isfinite(series := numbers(table[name])).any()}
    if not losses:
        raise UserError(f"{metrics}: expected columns of losses, found {', '.join(table)}; train longer than log_every")

    rows = -(-len(losses) // _COLUMNS)
    figure = new_figure(10, 0.35 + 2.15 * rows, theme)
    grid = figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False)
    panels = list(grid.flat)
    for axes, (name, series) in zip(panels, losses.items(), strict=False):
        _panel(axes, name, iterations, series, pretraining_iterations, theme)
        axes.tick_params(labelbottom=True)
    for axes in panels[len(losses) :]:
        axes.remove()
    figure.supxlabel("iterations", fontsize=10, color=theme.muted)
    return to_svg(figure)


def _panel(axes: Axes, name: str, iterations: Series, series: Series, boundary: int | None, theme: Theme) -> None:
    style_axes(axes, theme, name)
    known = np.isfinite(iterations) & np.isfinite(series)
    x, y = iterations[known], series[known]
    if spans_decades(y):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if y.max() < 100 * y.min() else (1.0,)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    step = -(-len(x) // _POINTS)
    alpha = 0.35 if len(x) > _FEW else 0.9
    axes.plot(x[::step], y[::step], ".", color=theme.muted, alpha=alpha, markersize=3.5, markeredgewidth=0)
    for start, end in pairwise((-np.inf, boundary if boundary is not None else -np.inf, np.inf)):
        part = (x > start) & (x <= end)
        if part.any():
            step = -(-int(part.sum()) // _POINTS)
            axes.plot(x[part][::step], smooth(y[part])[::step], color=theme.accent, linewidth=1.6)
    if boundary and x.size and x.min() <= boundary < iterations[np.isfinite(iterations)].max():
        axes.axvline(boundary, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            "end of pre-training", (boundary, 1), (3, -2), ("data", "axes fraction"), "offset points",
            fontsize=7.5, color=theme.muted, va="top",
        )  # fmt: skip
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def spans_decades(values: Series) -> bool:
    """Whether positive values span a factor of ten, outliers of one in a hundred on either side aside."""
    if not (values > 0).all():
        return False
    low, high = np.percentile(values, [1, 99])
    return bool(high >= 10 * low)


def smooth(values: Series) -> Series:
    """Centred moving average over a twentieth of the values, cut off at the ends."""
    half = max(1, round(len(values) * _WINDOW_SHARE / 2))
    position = np.arange(len(values))
    low, high = np.maximum(position - half, 0), np.minimum(position + half + 1, len(values))
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((total[high] - total[low]) / (high - low), np.float64)
