"""What each generator of a study draws, grid by grid (alyafi2019_dcgan, 9.4, Figure 15)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme

_IN_A_ROW = 3
_WIDTH = 640  # px of a grid, at least about: smaller ones are enlarged by a whole number
_APART = 40  # px between grids
_HEADING_HEIGHT = 56
_FONT_SIZE = 26


def read_grid(path: Path) -> Image.Image:
    """A grid of patches, in grey.

    Raises:
        UserError: the file is missing, or is no picture.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return image.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path}: expected a grid of generated patches, found {error}; run the job's stages synthesize and report"
        ) from error


def generator_grids(grids: Sequence[tuple[str, Image.Image]], title: str, theme: Theme = LIGHT) -> bytes:
    """PNG of grids side by side, three in a row, in the order in which they are given, each below its heading.

    Args:
        grids: at least one heading and (H, W) picture in grey, as `read_grid` gives it.
        title: of the whole, on the left above the first row.
    """
    zoom = max(1, round(_WIDTH / max(grid.width for _, grid in grids)))
    width, height = (zoom * max(grid.size[side] for _, grid in grids) for side in (0, 1))
    columns = min(_IN_A_ROW, len(grids))
    rows = -(-len(grids) // columns)
    cell = width + _APART, _HEADING_HEIGHT + height + _APART // 2
    canvas = Image.new("RGB", (columns * cell[0] - _APART, _HEADING_HEIGHT + rows * cell[1]), theme.surface)
    draw, font = ImageDraw.Draw(canvas), ImageFont.truetype(findfont("DejaVu Sans"), _FONT_SIZE)
    draw.text((0, _HEADING_HEIGHT // 2), title, theme.muted, font, anchor="lm")
    for place, (heading, grid) in enumerate(grids):
        row, column = divmod(place, columns)
        x, y = column * cell[0], _HEADING_HEIGHT + row * cell[1]
        draw.text((x + width // 2, y + _HEADING_HEIGHT // 2), heading, theme.ink, font, anchor="mm")
        enlarged = grid.resize((zoom * grid.width, zoom * grid.height), Image.Resampling.NEAREST)
        canvas.paste(enlarged, (x, y + _HEADING_HEIGHT))
    with io.BytesIO() as buffer:
        canvas.save(buffer, "png", optimize=True)
        return buffer.getvalue()
