"""Lesions' masks, real beside drawn ones: the masks themselves, and histograms of their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from mammo_gan.reporting.figures.comparison import to_png
from mammo_gan.reporting.figures.histograms import histograms
from mammo_gan.reporting.figures.style import LIGHT, Theme, new_figure

SHAPES = ("area_share", "eccentricity", "solidity")
_INCHES = 4.2  # width of a sheet
_GAP = 3  # px between masks

Masks = Sequence[NDArray[np.bool_]] | NDArray[np.bool_]


def mask_shape_histograms(shapes: Path, theme: Theme = LIGHT) -> str:
    """SVG with a column per number and a row per class, as `histograms` draws them.

    Args:
        shapes: a mask_shapes.csv with `set` (real or synthetic), `label` and the three numbers, one row per mask.

    Raises:
        UserError: the file is missing, empty, or lacks a column or one of the two sets.
    """
    return histograms(shapes, SHAPES, theme, width=7.5)


def mask_sheet(real: Masks, synthetic: Masks, side: int = 8, theme: Theme = LIGHT) -> bytes:
    """PNG of two sheets of `side` x `side` masks, real ones at the left, row by row; with fewer, places stay empty.

    Args:
        real, synthetic: (H, W) bool, all of one shape; those beyond the last place are left out.

    Raises:
        ValueError: the shapes differ, or there is no mask.
    """
    shapes = {mask.shape for masks in (real, synthetic) for mask in masks}
    if len(shapes) != 1:
        raise ValueError(f"expected masks of one shape, got {sorted(shapes)}")
    shape = shapes.pop()
    figure = new_figure(2 * _INCHES, _INCHES * shape[0] / shape[1] + 0.4, theme)
    sheets = (("real", real, theme.real), ("synthetic", synthetic, theme.synthetic))
    for axes, (name, masks, colour) in zip(figure.subplots(1, 2), sheets, strict=True):
        shown = masks[: side * side]
        axes.imshow(
            _tiled(shown, side, shape), cmap=ListedColormap([theme.surface, theme.grid, colour]), vmin=0, vmax=2,
            interpolation="nearest",
        )  # fmt: skip
        axes.set_title(f"{name}, {len(shown):,} of {len(masks):,}", loc="left", fontsize=10, color=theme.ink)
        axes.axis("off")
    return to_png(figure)


def _tiled(masks: Masks, side: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """0 = no mask's place, 1 = frame, 2 = lesion."""
    height, width = shape[0] + _GAP, shape[1] + _GAP
    sheet = np.zeros((side * height - _GAP, side * width - _GAP), dtype=np.uint8)
    for place, mask in enumerate(masks):
        y, x = place // side * height, place % side * width
        sheet[y : y + shape[0], x : x + shape[1]] = 1 + mask
    return sheet
