"""Histograms of the first five moments of pixel values, real against synthetic (korkinof2019, Figure 2)."""

from __future__ import annotations

from pathlib import Path

from mammo_gan.reporting.figures.histograms import histograms
from mammo_gan.reporting.figures.style import LIGHT, Theme

MOMENTS = ("mean", "variance", "skewness", "kurtosis", "hyperskewness")


def moment_histograms(moments: Path, theme: Theme = LIGHT) -> str:
    """SVG with a column per moment and a row per class, as `histograms` draws them.

    Args:
        moments: a moments.csv with `set` (real or synthetic), `label` and the five moments, one row per patch.

    Raises:
        UserError: the file is missing, empty, or lacks a column or one of the two sets.
    """
    return histograms(moments, MOMENTS, theme, width=10)
