"""Two archives beside each other: spectra, grey levels, moments, films. PNG, or SVG for a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure, style_axes
from mammo_gan.statistics.spectrum import Spectrum

_DPI = 130
_TAIL = 1.0  # per cent of a moment's values on either side that stand in the outermost bins
_INCHES = 1.7  # width of a film

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is drawn of one archive. `name` says everywhere what it is, a phantom by that word.

    grey:  (LEVELS,) density of grey levels over [0, 1]
    films: (h, w) uint8, for a look
    """

    name: str
    images: int
    patients: int
    spectrum: Spectrum | None
    exponent: float | None
    grey: Numbers
    moments: Mapping[str, Numbers]
    films: Sequence[NDArray[np.uint8]]

    @property
    def label(self) -> str:
        return f"{self.name}: {self.images:,} images, {self.patients:,} patients"


Sides = tuple[Side, Side]


def spectra(sides: Sides, band: tuple[float, float], theme: Theme = LIGHT) -> Figure:
    """Power over frequency, both logarithmic; dashed is the power law fitted within the band, which is shaded."""
    figure = new_figure(7.5, 4.6, theme)
    axes = figure.subplots()
    style_axes(axes, theme, "Power spectrum within the breast")
    for side, colour in zip(sides, (theme.synthetic, theme.real), strict=True):
        if side.spectrum is None or side.exponent is None:
            continue
        frequency, power = side.spectrum
        chosen = (frequency >= band[0]) & (frequency <= band[1]) & (power > 0)
        middle = np.exp(np.mean(np.log(power[chosen]) + side.exponent * np.log(frequency[chosen])))
        axes.loglog(
            frequency, power, color=colour, linewidth=1.6, label=f"{side.label}; falls as 1/f^{side.exponent:.2f}"
        )
        axes.loglog(band, middle * np.array(band) ** -side.exponent, color=colour, linewidth=1.1, linestyle="--")
    axes.axvspan(*band, color=theme.grid, alpha=0.5, linewidth=0)
    axes.set_xlabel("cycles per mm", fontsize=9, color=theme.muted)
    axes.set_ylabel("power, (share of white)² mm²", fontsize=9, color=theme.muted)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8.5, frameon=False, labelcolor=theme.ink)
    return figure


def grey_levels(sides: Sides, theme: Theme = LIGHT) -> Figure:
    """Histograms of grey within the breast, each film alike, each of area one."""
    figure = new_figure(7.5, 3.4, theme)
    axes = figure.subplots()
    style_axes(axes, theme, "Grey levels within the breast")
    for side, colour in zip(sides, (theme.synthetic, theme.real), strict=True):
        edges = np.linspace(0, 1, len(side.grey) + 1)
        axes.stairs(side.grey, edges, fill=True, color=colour, alpha=0.18, linewidth=0)
        axes.stairs(side.grey, edges, color=colour, linewidth=1.4, label=side.label)
    axes.set_xlabel("grey, 0 = black, 1 = white", fontsize=9, color=theme.muted)
    axes.legend(fontsize=8.5, frameon=False, labelcolor=theme.ink)
    return figure


def moments_side_by_side(sides: Sides, theme: Theme = LIGHT) -> Figure:
    """A histogram of each moment over films; medians are marked, and outliers stand in the outermost bins."""
    names = list(sides[0].moments)
    figure = new_figure(10, 2.4, theme)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        style_axes(axes, theme, name)
        axes.set_yticks([])
        kept = [side.moments[name][np.isfinite(side.moments[name])] for side in sides]
        values = np.concatenate(kept)
        low, high = np.percentile(values, [_TAIL, 100 - _TAIL]) if values.size else (0.0, 1.0)
        edges = np.linspace(low, high if high > low else low + 1, 17)
        for series, side, colour in zip(kept, sides, (theme.synthetic, theme.real), strict=True):
            if series.size:
                heights, _ = np.histogram(np.clip(series, edges[0], edges[-1]), edges, density=True)
                axes.stairs(heights, edges, fill=True, color=colour, alpha=0.18, linewidth=0)
                axes.stairs(heights, edges, color=colour, linewidth=1.3, label=side.label)
                axes.axvline(float(np.median(series)), color=colour, linewidth=1.1, linestyle=(0, (3, 2)))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, fontsize=8.5, frameon=False)
    return figure


def films_side_by_side(sides: Sides, theme: Theme = LIGHT) -> Figure:
    """A row of films from each archive, each from its own black to its own white."""
    columns = max(1, *(len(side.films) for side in sides))
    figure = new_figure(_INCHES * columns, 2 * (_INCHES * 1.75) + 0.3, theme)
    for row, side in zip(figure.subplots(2, columns, squeeze=False), sides, strict=True):
        for axes in row:
            axes.axis("off")
        for axes, film in zip(row, side.films, strict=False):
            axes.imshow(film, cmap="gray", interpolation="lanczos")
        row[0].set_title(side.name, loc="left", fontsize=10, color=theme.ink)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure as PNG, without the time at which it was made."""
    with io.BytesIO() as buffer:
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        return buffer.getvalue()
