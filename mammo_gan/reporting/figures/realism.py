"""Real and synthetic patches in two square grids (alyafi2020, Figure 3: 16 each; alyafi2019, Figure 12: 64 each)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme

# Pixels of the PNG, which is meant to be shown at half its size and so is sharp on fine screens.
_GRID = 1000  # side of a grid, about: patches are enlarged by a whole number
_GAP = 6  # between patches
_APART = 48  # between the grids
_HEADING_HEIGHT = 56
_FONT_SIZE = 26


def realism_grids(sample: Path, side: int, stacked: bool = False, theme: Theme = LIGHT) -> bytes:
    """PNG of a grid of real and one of synthetic patches, `side` x `side` each, in the order of their files.

    Beside one another the synthetic ones stand on the left, as in alyafi2020's Figure 3; stacked, the real ones stand
    on top, as in alyafi2019's Figure 12. Patches are enlarged by a whole number, pixel by pixel. With fewer than
    `side`^2 patches the heading says so, and places stay empty; rows that neither grid fills are left out.

    Args:
        sample: a folder with `real_{k:03d}.png` and `synthetic_{k:03d}.png`, all of one size.

    Raises:
        UserError: a set has no patches, a file is no image, or the patches differ in size.
    """
    names = ("real", "synthetic") if stacked else ("synthetic", "real")
    sets = {name: _read(sample, name, side * side) for name in names}
    sizes = {picture.shape for pictures in sets.values() for picture in pictures}
    if len(sizes) > 1:
        raise UserError(f"{sample}: expected patches of one size, found {sorted(sizes)}; run the stage evaluate again")
    height, width = sizes.pop()
    zoom = max(1, round(_GRID / side / max(height, width)))
    rows = -(-max(map(len, sets.values())) // side)
    block = side * (width * zoom + _GAP) - _GAP, _HEADING_HEIGHT + rows * (height * zoom + _GAP) - _GAP
    step = (0, block[1] + _APART // 2) if stacked else (block[0] + _APART, 0)
    canvas = Image.new("RGB", (block[0] + step[0], block[1] + step[1]), theme.surface)
    for place, (name, pictures) in enumerate(sets.items()):
        grid = _grid(name, pictures, side, zoom, block, theme)
        canvas.paste(grid, (place * step[0], place * step[1]))
    with io.BytesIO() as buffer:
        canvas.save(buffer, "png", optimize=True)
        return buffer.getvalue()


def _read(sample: Path, name: str, limit: int) -> list[NDArray[np.uint8]]:
    paths = sorted(sample.glob(f"{name}_*.png"))[:limit]
    if not paths:
        raise UserError(f"{sample}: expected patches {name}_000.png and on, found none; run the stage evaluate")
    return [_grey(path) for path in paths]


def _grey(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except OSError as error:
        raise UserError(f"{path}: expected a patch, found {error}; run the stage evaluate again") from error


def _grid(
    name: str, pictures: Sequence[NDArray[np.uint8]], side: int, zoom: int, size: tuple[int, int], theme: Theme
) -> Image.Image:
    """A heading and the patches below it, row by row."""
    canvas = Image.new("RGB", size, theme.surface)
    heading = name if len(pictures) == side * side else f"{name} ({len(pictures)}; {side * side} were asked for)"
    font = ImageFont.truetype(findfont("DejaVu Sans"), _FONT_SIZE)
    ImageDraw.Draw(canvas).text((size[0] // 2, _HEADING_HEIGHT // 2), heading, theme.ink, font, anchor="mm")
    for k, picture in enumerate(pictures):
        row, column = divmod(k, side)
        cell = Image.fromarray(np.repeat(np.repeat(picture, zoom, axis=0), zoom, axis=1))
        canvas.paste(cell, (column * (cell.width + _GAP), _HEADING_HEIGHT + row * (cell.height + _GAP)))
    return canvas
