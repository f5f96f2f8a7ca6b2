"""A classifier's validation score while it learns, and the iteration that was kept (alyafi2019_dcgan, 4.6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes, to_svg
from mammo_gan.reporting.figures.table import numbers, read_columns


def validation_curve(metrics: Path, name: str, theme: Theme = LIGHT) -> str:
    """SVG of each measured score over iterations; the highest, of equal ones the earliest, is marked.

    Args:
        metrics: a metrics.csv with the columns `iteration` and `name`; empty cells are skipped.

    Raises:
        UserError: the file is missing or empty, lacks a column, or nothing was measured.
    """
    table = read_columns(metrics, ("iteration", name))
    iterations, scores = numbers(table["iteration"]), numbers(table[name])
    known = np.isfinite(iterations) & np.isfinite(scores)
    if not known.any():
        raise UserError(f"{metrics}: expected values of {name}, found none; run the stage train/classifier again")
    x, y = iterations[known], scores[known]
    best = int(np.argmax(y))
    figure = new_figure(7, 3.2, theme)
    axes = figure.subplots()
    style_axes(axes, theme, name)
    axes.plot(x, y, ".-", color=theme.accent, linewidth=1.4, markersize=4)
    axes.plot(x[best], y[best], "o", color=theme.ink, markersize=7, markerfacecolor="none", markeredgewidth=1.6)
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("iterations", fontsize=10, color=theme.muted)
    return to_svg(figure)
