"""Histograms of several numbers, real against synthetic, a row for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import Theme, new_figure, style_axes, to_svg
from mammo_gan.reporting.figures.table import numbers, read_columns

_SETS = ("real", "synthetic")
_TAIL = 1.0  # per cent of the values on either side that may stand in the outermost bins

Values = NDArray[np.float64]


def histograms(measured: Path, columns: Sequence[str], theme: Theme, width: float) -> str:
    """SVG with a column per number and a row per class; each histogram's area is one, its median is marked.

    Values beyond the middle 98 % of a number stand in the outermost bins, so that a few outliers don't hide the rest.

    Args:
        measured: a CSV file with `set` (real or synthetic), `label` (the class) and the numbers, a row for each thing
            measured. Cells that hold no number are left out.
        width: inches.

    Raises:
        UserError: the file is missing, empty, or lacks a column or one of the two sets.
    """
    table = read_columns(measured, ("set", "label", *columns))
    sets, labels = np.array(table["set"]), np.array(table["label"])
    if (found := sorted(set(table["set"]))) != list(_SETS):
        raise UserError(
            f"{measured}: expected the sets real and synthetic, found {', '.join(found)}; run the evaluate stage again"
        )
    classes = sorted(set(labels.tolist()), reverse=True)
    figure = new_figure(width, 0.6 + 1.9 * len(classes), theme)
    grid = figure.subplots(len(classes), len(columns), sharex="col", squeeze=False)
    smallest = min(int(((sets == name) & (labels == label)).sum()) for name in _SETS for label in classes)
    for column, title in enumerate(columns):
        values = numbers(table[title])
        edges = _edges(values[np.isfinite(values)], smallest)
        for row, label in enumerate(classes):
            axes = grid[row, column]
            _style(axes, theme, title.replace("_", " ") if row == 0 else "")
            groups = {name: values[(sets == name) & (labels == label) & np.isfinite(values)] for name in _SETS}
            for (name, chosen), colour in zip(groups.items(), (theme.real, theme.synthetic), strict=True):
                _histogram(axes, chosen, edges, colour, name)
            if column == 0:
                counts = ", ".join(f"{chosen.size:,} {name}" for name, chosen in groups.items())
                axes.set_ylabel(f"{label}\n({counts})", fontsize=8.5, color=theme.ink)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=2, fontsize=9, frameon=False, labelcolor=theme.ink)
    return to_svg(figure)


def _style(axes: Axes, theme: Theme, title: str) -> None:
    style_axes(axes, theme, title)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)


def _edges(values: Values, smallest: int) -> Values:
    """Bin edges that all histograms of a number share, coarse enough for the smallest of them."""
    low, high = np.percentile(values, [_TAIL, 100 - _TAIL]) if values.size else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return np.linspace(low, high, int(np.clip(np.sqrt(smallest), 8, 30)) + 1)


def _histogram(axes: Axes, values: Values, edges: Values, colour: str, label: str) -> None:
    if not values.size:
        return
    heights, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges, density=True)
    axes.stairs(heights, edges, fill=True, color=colour, alpha=0.18, linewidth=0)
    axes.stairs(heights, edges, color=colour, linewidth=1.4, label=label)
    axes.axvline(float(np.median(values)), color=colour, linewidth=1.1, linestyle=(0, (3, 2)))
