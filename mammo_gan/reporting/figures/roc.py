"""A classifier's ROC curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes, to_svg
from mammo_gan.reporting.figures.table import numbers, read_columns
from mammo_gan.statistics.f1 import THRESHOLD


def roc_curve(scores: Path, theme: Theme = LIGHT) -> str | None:
    """SVG of the share of positives found over the share of negatives taken for positive, every threshold a step.

    The threshold of the F1 score is marked. None where a class is missing, of which there is no curve.

    Args:
        scores: a CSV file with the columns `label` (1 = positive) and `score`, a probability.

    Raises:
        UserError: the file is missing, empty or lacks a column, or a label or a score is no number.
    """
    table = read_columns(scores, ("label", "score"))
    labels, probabilities = numbers(table["label"]), numbers(table["score"])
    if not (np.isin(labels, (0, 1)).all() and np.isfinite(probabilities).all()):
        raise UserError(f"{scores}: expected labels of 0 and 1 and finite scores; run the stage evaluate again")
    positive = labels == 1
    if positive.all() or not positive.any():
        return None
    x, y = curve(probabilities, positive)
    figure = new_figure(4.6, 4.4, theme)
    axes = figure.subplots()
    style_axes(axes, theme, "ROC curve")
    axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.plot(x, y, color=theme.accent, linewidth=1.8)
    called = probabilities > THRESHOLD
    axes.plot(called[~positive].mean(), called[positive].mean(), "o", color=theme.ink, markersize=6)
    axes.set_aspect("equal")
    axes.set_xlim(-0.01, 1)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel("negatives taken for positive", fontsize=10, color=theme.muted)
    axes.set_ylabel("positives found", fontsize=10, color=theme.muted)
    return to_svg(figure)


def curve(
    probabilities: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K,) false and (K,) true positive rates, from (0, 0) to (1, 1); rows of equal score are called together."""
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.diff(probabilities[order], append=-np.inf))
    rates = [
        np.concatenate([[0.0], np.cumsum(members[order])[ends] / members.sum()]) for members in (~positive, positive)
    ]
    return rates[0], rates[1]
