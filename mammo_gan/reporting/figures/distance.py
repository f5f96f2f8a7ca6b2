"""A distance to the real images over training, with its running mean (alyafi2019_dcgan, Figure 8)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes, to_svg
from mammo_gan.reporting.figures.table import numbers, read_columns


def distance_curve(metrics: Path, name: str, theme: Theme = LIGHT) -> str:
    """SVG of each measured value over iterations, and on top of them their running mean.

    Args:
        metrics: a metrics.csv with the columns `iteration`, `name` and NAME_mean; empty cells are skipped.

    Raises:
        UserError: the file is missing or empty, lacks a column, or nothing was measured.
    """
    mean_name = f"{name}_mean"
    table = read_columns(metrics, ("iteration", name, mean_name))
    iterations, values, means = (numbers(table[column]) for column in ("iteration", name, mean_name))
    known = np.isfinite(iterations) & np.isfinite(values)
    if not known.any():
        raise UserError(f"{metrics}: expected values of {name}, found none; train longer than training.metric.every")
    figure = new_figure(7, 3.2, theme)
    axes = figure.subplots()
    style_axes(axes, theme, name)
    axes.plot(iterations[known], values[known], ".-", color=theme.muted, alpha=0.7, linewidth=0.9, markersize=5)
    axes.plot(iterations[known], means[known], color=theme.accent, linewidth=1.8)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("iterations", fontsize=10, color=theme.muted)
    return to_svg(figure)
