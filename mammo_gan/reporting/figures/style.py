"""How our figures look: two themes, colours that the colour-blind can tell apart, one way to write SVG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure. Real and synthetic are vermilion and blue of Okabe and Ito's palette (2008)."""

    surface: str
    ink: str
    muted: str
    grid: str
    accent: str
    real: str
    synthetic: str
    outline: str = "#e69f00"  # on grey images, in either theme


LIGHT = Theme("#ffffff", "#1b1f24", "#57606a", "#e4e7eb", "#0072b2", "#c2500a", "#0072b2")
DARK = Theme("#15191e", "#e6e9ed", "#9aa4af", "#2b323a", "#56b4e9", "#f0814a", "#56b4e9")


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """A figure of width x height inches with its own canvas, known to no global state."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=theme.surface)
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, theme: Theme, title: str) -> None:
    """Quiet axes: a title on the left, two spines, a light grid of values."""
    axes.set_facecolor(theme.surface)
    axes.set_title(title, loc="left", fontsize=10, color=theme.ink)
    axes.tick_params(which="both", labelsize=8.5, colors=theme.muted, length=3)
    axes.grid(axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.muted)


def to_svg(figure: Figure) -> str:
    """The figure as SVG text: equal figures give equal text, and glyphs are drawn, so that no font is needed."""
    with mpl.rc_context({"svg.hashsalt": "mammo_gan", "svg.fonttype": "path"}), io.StringIO() as text:
        figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
