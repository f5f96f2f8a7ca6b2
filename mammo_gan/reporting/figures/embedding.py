"""Points of a t-SNE embedding, coloured by group (alyafi2019, Figures 10, 11, 13; alyafi2020, Figure 2)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray
from scipy.spatial import KDTree

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure
from mammo_gan.reporting.figures.table import numbers, read_columns

_WIDTH = 6.4  # inches
_FLATTEST = 0.5  # height over width of the frame, at least
_DPI = 200
_MARKER = 4.4  # points (1/72 inch) across, of up to _MANY; of more they shrink
_MANY = 1500
_LINE = 1.1  # of a cross
_FAINTEST = 0.3  # opacity where very many points lie on one another
_MARKERS = {"real": "x", "synthetic": "o", "flipped": "o", "normal": "^"}  # as in the papers
_NORMAL = "#8b949e"  # between the surfaces of both themes, so that the many don't outshine the few
_OTHERS = (("s", "#009e73"), ("D", "#cc79a7"), ("v", "#e69f00"))  # of Okabe and Ito's palette (2008)

Points = NDArray[np.float64]


def embedding_scatter(embedding: Path, theme: Theme = LIGHT) -> bytes:
    """PNG of the points, with the number of each group in the legend.

    They are drawn in random order, so that no group hides another, and fainter where they lie close together. Axes
    have one scale and no numbers, as the distances have no unit.

    Args:
        embedding: an embedding.csv with `group`, `x` and `y`, one row per point.

    Raises:
        UserError: the file is missing, empty, or lacks a column, or a point's place is no number.
    """
    table = read_columns(embedding, ("group", "x", "y"))
    points = np.stack([numbers(table["x"]), numbers(table["y"])], axis=1)  # (N, 2)
    if not np.isfinite(points).all():
        raise UserError(f"{embedding}: expected a number for x and y of each point; run the stage evaluate again")
    groups = np.array(table["group"])
    names = list(dict.fromkeys(table["group"]))
    looks = _looks(names, theme)

    reach = np.maximum(np.ptp(points, axis=0), 1e-9) * 1.04
    reach = np.maximum(reach, reach[::-1] * _FLATTEST)  # of the frame, in the embedding's own measure
    figure = new_figure(_WIDTH, _WIDTH * min(reach[1] / reach[0], 1.2) + 0.5, theme)
    axes = figure.subplots()
    _frame(axes, (points.min(axis=0) + points.max(axis=0)) / 2, reach / 2, theme)
    _draw(axes, points, groups, looks)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6, markeredgewidth=1.4 * _is_cross(marker))
        for marker, colour in looks.values()
    ]
    labels = [f"{name} (n = {int((groups == name).sum()):,})" for name in names]
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(len(names), 3), fontsize=10, frameon=False,
        labelcolor=theme.ink, handletextpad=0.2,
    )  # fmt: skip
    with io.BytesIO() as buffer:
        figure.savefig(buffer, format="png", dpi=_DPI)
        return buffer.getvalue()


def _looks(names: list[str], theme: Theme) -> dict[str, tuple[str, str]]:
    """Marker and colour of each group."""
    colours = {"real": theme.real, "synthetic": theme.synthetic, "flipped": theme.synthetic, "normal": _NORMAL}
    others = cycle(_OTHERS)
    known = "flipped" if {"flipped", "synthetic"} <= set(names) else ""  # they share their look when apart
    return {
        name: (_MARKERS[name], colours[name]) if name in colours and name != known else next(others) for name in names
    }


def _frame(axes: Axes, middle: Points, half: Points, theme: Theme) -> None:
    axes.set_facecolor(theme.surface)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE 1", fontsize=9, color=theme.muted)
    axes.set_ylabel("t-SNE 2", fontsize=9, color=theme.muted)
    for spine in axes.spines.values():
        spine.set_color(theme.grid)
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])
    axes.set_aspect("equal")


def _draw(axes: Axes, points: Points, groups: NDArray[np.str_], looks: Mapping[str, tuple[str, str]]) -> None:
    """All points as one collection, which keeps their order whatever their markers."""
    order = np.random.default_rng(0).permutation(len(points))
    marker_size = _MARKER * float(np.clip((_MANY / len(points)) ** 0.25, 0.5, 1))
    opacity = _opacity(points, marker_size / (_WIDTH * 72) * float(np.diff(axes.get_xlim())[0]))
    styles = {marker: MarkerStyle(marker) for marker, _ in looks.values()}
    paths = {marker: style.get_path().transformed(style.get_transform()) for marker, style in styles.items()}
    drawn = [(*looks[str(groups[k])], float(opacity[k])) for k in order.tolist()]
    collection = PathCollection(
        [paths[marker] for marker, *_ in drawn],
        sizes=[marker_size**2],
        offsets=points[order],
        offset_transform=axes.transData,
        edgecolors=[to_rgba(colour, alpha * _is_cross(marker)) for marker, colour, alpha in drawn],
        facecolors=[to_rgba(colour, alpha * (not _is_cross(marker))) for marker, colour, alpha in drawn],
        linewidths=_LINE,
    )
    collection.set_transform(IdentityTransform())
    axes.add_collection(collection, autolim=False)


def _is_cross(marker: str) -> bool:
    """It has a line and no area; the others are areas without a line."""
    return marker == "x"


def _opacity(points: Points, breadth: float) -> Points:
    """(N,): falls with the cube root of the number of points within a marker's breadth, in the points' own measure."""
    count = KDTree(points).query_ball_point(points, breadth, return_length=True)
    return np.clip(np.asarray(count, np.float64) ** (-1 / 3), _FAINTEST, 0.9)
