"""A score over the number of real patches, a line for each mode (alyafi2019_dcgan, Figure 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes, to_svg

# Shares of the smallest gap between sizes.
_ASIDE = 0.16  # between modes, which stand beside each other
_POINTS_ASIDE = 0.07  # from a mean to its folds


@dataclass(frozen=True, slots=True)
class Look:
    """What tells a mode from the others: colour (on light, on dark), marker and dashes each alone would do."""

    light: str
    dark: str
    marker: str
    dashes: str


# Hues as in the paper's figure, of a lightness that the colour-blind can tell apart on either theme.
LOOKS = {
    "org": Look("#0072b2", "#3d8fe0", "o", "-"),
    "gan": Look("#00a37a", "#5fe0b0", "s", "--"),
    "aug_org": Look("#b07d00", "#f0c244", "^", "-."),
    "aug_gan": Look("#b3123f", "#e8546a", "D", ":"),
}

Scores = Mapping[str, Mapping[int, Sequence[float]]]  # mode -> training size -> the score of each fold


def score_over_size(scores: Scores, labels: Mapping[str, str], score: str, title: str, theme: Theme = LIGHT) -> str:
    """SVG of the mean over folds, the folds' standard deviation as bars and the single folds as small points.

    Modes stand a little beside their training size, so that none hides another.

    Args:
        labels: of the modes that are shown; those of `scores` are among LOOKS.
        score: what the vertical axis is, as in F1.
    """
    figure = new_figure(8, 4.4, theme)
    axes = figure.subplots()
    style_axes(axes, theme, title)
    ticks = sorted({size for by_size in scores.values() for size in by_size})
    gap = min(np.diff(ticks), default=max(ticks, default=1))
    for place, (mode, by_size) in enumerate(scores.items()):
        look = LOOKS[mode]
        colour = look.dark if theme.surface != LIGHT.surface else look.light
        sizes = sorted(by_size)
        x = np.array(sizes) + gap * _ASIDE * (place - (len(scores) - 1) / 2)
        means = [float(np.mean(by_size[size])) for size in sizes]
        spreads = [float(np.std(by_size[size], ddof=1)) if len(by_size[size]) > 1 else 0.0 for size in sizes]
        axes.errorbar(
            x, means, spreads, color=colour, marker=look.marker, linestyle=look.dashes, label=labels[mode],
            markersize=6.5, linewidth=1.7, elinewidth=1.1, capsize=3,
        )  # fmt: skip
        beside = np.repeat(x + gap * _POINTS_ASIDE, [len(by_size[size]) for size in sizes])
        folds = [value for size in sizes for value in by_size[size]]
        axes.plot(
            beside, folds, look.marker, color=colour, markerfacecolor=theme.surface, markersize=3.2, markeredgewidth=0.9
        )  # fmt: skip
    axes.set_xticks(ticks)
    axes.set_xlabel("real positive patches in training, k", fontsize=9, color=theme.muted)
    axes.set_ylabel(score, fontsize=9, color=theme.muted)
    lines, modes = axes.get_legend_handles_labels()
    figure.legend(
        lines, modes, loc="outside lower center", ncols=len(scores), fontsize=8.5, frameon=False, labelcolor=theme.ink,
        handlelength=3.4,
    )  # fmt: skip
    return to_svg(figure)
