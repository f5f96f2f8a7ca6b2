"""Curves of some thickness - ducts, vessels, ligaments - as what they put into the beam, on pixels of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.grid import Grid

_STEP = 1.0  # px between the points that a tube is drawn with, along it and across


@dataclass(frozen=True, slots=True)
class Tubes:
    """B curves of N nodes each, straight between them; all arrays (B, N) float64, in mm.

    x, y:   distance from the chest wall and from the film's top
    radius: at each node
    deeper: how many times deeper than wide: 1 is round, more is a sheet seen on its edge
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    deeper: float = 1.0


def grown(
    start: NDArray[np.float64],
    heading: NDArray[np.float64],
    length: NDArray[np.float64],
    winding: float,
    nodes: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Curves that leave `start` in direction `heading` and wind gently about it.

    Args:
        start: (B, 2) xy in mm.
        heading: (B,) radians.
        length: (B,) mm along the curve.
        winding: radians by which the direction swings to either side, typically.
        nodes: of each curve, 2 or more.
        rng: the windings'.

    Returns:
        x and y, (B, nodes) mm, and the directions in which the curves end, (B,) radians.
    """
    along = np.linspace(0, 1, nodes)
    waves = np.zeros((len(heading), nodes))
    for order in (0.5, 1.0, 2.0):
        phase = rng.uniform(0, 2 * np.pi, (len(heading), 1))
        height = rng.normal(0, winding / (1 + order), (len(heading), 1))
        waves += height * (np.sin(2 * np.pi * order * along + phase) - np.sin(phase))
    direction = heading[:, None] + waves
    step = (length / (nodes - 1))[:, None]
    middle = (direction[:, 1:] + direction[:, :-1]) / 2
    x = np.cumsum(np.concatenate([start[:, :1], step * np.cos(middle)], axis=1), axis=1)
    y = np.cumsum(np.concatenate([start[:, 1:], step * np.sin(middle)], axis=1), axis=1)
    return x, y, direction[:, -1]


def projected(tubes: Sequence[Tubes], grid: Grid) -> NDArray[np.float32]:
    """(H, W) float32 mm of tube in each pixel's beam, 2 sqrt(r^2 - d^2) at a distance d from a tube's middle.

    Points are spread over each tube, each with its part of the volume, and dealt out to the four pixels around. So a
    pixel holds the mean over its area, and a tube thinner than a pixel keeps its volume. Where tubes cross, they add.
    """
    step = _STEP * grid.mm_per_px
    here, there = (
        [np.concatenate([getattr(each, name)[:, nodes].ravel() for each in tubes]) for name in ("x", "y", "radius")]
        for nodes in (slice(None, -1), slice(1, None))
    )
    deeper = np.concatenate([np.full(each.x[:, 1:].size, each.deeper) for each in tubes])
    along = [end - begin for begin, end in zip(here, there, strict=True)]
    length = np.hypot(along[0], along[1])
    count = np.ceil(length / step).astype(np.int64)
    segment, share = _spread(count)
    x, y, radius = (begin[segment] + way[segment] * share for begin, way in zip(here, along, strict=True))
    volume = (deeper * length / np.maximum(count, 1))[segment] * np.pi * radius**2

    point, place = _spread(np.maximum(np.ceil(2 * radius / step), 1).astype(np.int64))
    side = 2 * place - 1  # -1 to 1, from one wall of the tube to the other
    chord = np.sqrt(1 - side**2)
    mass = (volume / np.bincount(point, chord, minlength=len(x)))[point] * chord
    aside = (side * radius[point]) / length[segment][point]
    across = [way[segment][point] * aside for way in along[:2]]
    return _dealt(x[point] - across[1], y[point] + across[0], mass, grid)


def _spread(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`counts[i]` places for each i, evenly in (0, 1): whose place it is, and where."""
    which = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return which, (np.arange(len(which)) - first + 0.5) / counts[which]


def _dealt(
    x: NDArray[np.float64], y: NDArray[np.float64], mass: NDArray[np.float64], grid: Grid
) -> NDArray[np.float32]:
    """(H, W) float32: mm^3 at places (mm) shared by the four pixel centres around, over a pixel's area."""
    column, row = x / grid.mm_per_px - 0.5, y / grid.mm_per_px - 0.5
    inside = (column > -1) & (row > -1) & (column < grid.width) & (row < grid.height)
    column, row, mass = column[inside], row[inside], mass[inside]
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right, low = column - left, row - top
    # One pixel more on each side takes what falls beyond the film's edge.
    place = (top + 1) * (grid.width + 2) + left + 1
    size = (grid.height + 2) * (grid.width + 2)
    film = np.zeros(size)
    for shift, weight in (
        (0, (1 - right) * (1 - low)),
        (1, right * (1 - low)),
        (grid.width + 2, (1 - right) * low),
        (grid.width + 3, right * low),
    ):
        film += np.bincount(place + shift, mass * weight, minlength=size)
    within = film.reshape(grid.height + 2, grid.width + 2)[1:-1, 1:-1]
    return np.asarray(within / grid.mm_per_px**2, dtype=np.float32)
