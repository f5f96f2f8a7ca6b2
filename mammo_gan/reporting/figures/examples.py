"""The paper's Figure 1: what went in, what ciGAN was shown, and what came out (wu2018, Figure 1)."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.style import LIGHT, Theme

_HEADINGS = ("original", "input to ciGAN", "synthetic, opposite class", "synthetic, mask outlined")
_COLUMNS = ("original", "input", "synthetic")
# Pixels of the PNG, which is meant to be shown at half its size and so is sharp on fine screens.
_CELL = 400  # about; the enlargement is a whole number at half size too
_GAP = 12
_LABEL_WIDTH = 250
_HEADING_HEIGHT = 64
_FONT_SIZE = 25
_LINE = 4  # width of the outline

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Example:
    direction: str
    pictures: tuple[Picture, ...]
    mask: NDArray[np.bool_] | None


def figure_grid(examples: Path, outline: bool = True, rows: int = 6, theme: Theme = LIGHT) -> bytes:
    """PNG of rows (original, input to ciGAN, synthetic example of the opposite class), labelled with the direction.

    Patches are enlarged by a whole number, pixel by pixel. Both directions get an equal part of the rows.

    Args:
        examples: a folder with examples.json and `{k:02d}_{original,input,synthetic}.png`; `{k:02d}_mask.png` too for
            the outline.
        outline: add a column that draws the mask's outline on the synthetic example, where masks are there.
        rows: examples to show at most.

    Raises:
        UserError: a file is missing, is no image, or examples.json is not a list of examples.
    """
    chosen = [_read(examples, number, direction) for number, direction in _choose(examples, rows)]
    outlined = outline and all(example.mask is not None for example in chosen)
    columns = len(_COLUMNS) + outlined
    sizes = {picture.shape for example in chosen for picture in example.pictures}
    height, width = (max(size[axis] for size in sizes) for axis in (0, 1))
    zoom = 2 * max(1, round(_CELL / 2 / max(height, width)))
    cell_height, cell_width = height * zoom + _GAP, width * zoom + _GAP

    size = (_LABEL_WIDTH + columns * cell_width - _GAP, _HEADING_HEIGHT + len(chosen) * cell_height - _GAP)
    canvas = Image.new("RGB", size, theme.surface)
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.truetype(findfont("DejaVu Sans"), _FONT_SIZE)
    for column, heading in enumerate(_HEADINGS[:columns]):
        x = _LABEL_WIDTH + column * cell_width + width * zoom // 2
        draw.text((x, _HEADING_HEIGHT // 2), _shorten(heading, font, width * zoom), theme.ink, font, anchor="mm")
    for row, example in enumerate(chosen):
        y = _HEADING_HEIGHT + row * cell_height
        label = example.direction.replace("->", "\n→ ")
        draw.multiline_text((0, y + height * zoom // 2), label, theme.ink, font, anchor="lm", spacing=10)
        for column, cell in enumerate(_cells(example, outlined, zoom, theme)):
            canvas.paste(cell, (_LABEL_WIDTH + column * cell_width, y))
    with io.BytesIO() as buffer:
        canvas.save(buffer, "png", optimize=True)
        return buffer.getvalue()


def _choose(examples: Path, rows: int) -> list[tuple[int, str]]:
    """Numbers and directions of the examples shown: each direction's first ones."""
    path = examples / "examples.json"
    try:
        directions = [str(entry["direction"]) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise UserError(f"{path}: expected the list of examples, found no file ({error.strerror}); run the stage "
                        "synthesize") from error  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: expected a list of examples with a direction each, found {error!r}") from error
    if not directions:
        raise UserError(f"{path}: expected examples, found none; run the stage synthesize again")
    kinds = sorted(set(directions))  # as in the paper: lesions taken out, then lesions drawn in
    share = -(-rows // len(kinds))
    return [
        (number, kind)
        for kind in kinds
        for number in [n for n, direction in enumerate(directions) if direction == kind][:share]
    ][:rows]


def _read(examples: Path, number: int, direction: str) -> _Example:
    paths = [examples / f"{number:02d}_{column}.png" for column in _COLUMNS]
    mask = examples / f"{number:02d}_mask.png"
    return _Example(direction, tuple(map(_grey, paths)), _grey(mask) > 0 if mask.is_file() else None)


def _grey(path: Path) -> Picture:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except OSError as error:
        raise UserError(
            f"{path}: expected an example's image, found {error}; run the stage synthesize again"
        ) from error


def _cells(example: _Example, outlined: bool, zoom: int, theme: Theme) -> list[Image.Image]:
    cells = [Image.fromarray(_enlarge(picture, zoom)).convert("RGB") for picture in example.pictures]
    if outlined and example.mask is not None:
        cell = cells[-1].copy()
        cell.paste(theme.outline, mask=Image.fromarray(_outline(example.mask, zoom)))
        cells.append(cell)
    return cells


def _enlarge(picture: NDArray[np.generic], zoom: int) -> Picture:
    """Each pixel as a zoom x zoom square."""
    return np.repeat(np.repeat(picture, zoom, axis=0), zoom, axis=1).astype(np.uint8)


def _outline(mask: NDArray[np.bool_], zoom: int) -> Picture:
    """255 on a line just outside the enlarged mask, so that it hides none of the lesion."""
    inside = _enlarge(mask, zoom).astype(bool)
    return np.where(ndimage.binary_dilation(inside, iterations=_LINE) & ~inside, 255, 0).astype(np.uint8)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The heading, without what follows its comma where that doesn't fit."""
    return text if font.getlength(text) <= width else text.partition(",")[0]
