"""Many small pictures on one sheet, to see at a glance what a set of images is like."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil, sqrt

import cv2
import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mammo_gan.reporting.figures.style import LIGHT, Theme

HEIGHT = 320  # px, of a picture on the sheet
_GAP = 8
_LABEL_HEIGHT = 22
_FONT_SIZE = 14


def contact_sheet(pictures: Sequence[tuple[NDArray[np.uint8], str]], theme: Theme = LIGHT) -> bytes:
    """PNG of pictures in rows, each with its label below; about as wide as high.

    Args:
        pictures: at least one; (H, W) uint8, all of one shape, and a few words that fit under it (what doesn't is cut).
    """
    shape = pictures[0][0].shape
    height, width = HEIGHT, max(1, round(HEIGHT * shape[1] / shape[0]))
    cell_height, cell_width = height + _LABEL_HEIGHT + _GAP, width + _GAP
    columns = min(len(pictures), max(1, ceil(sqrt(len(pictures) * cell_height / cell_width))))
    rows = ceil(len(pictures) / columns)
    canvas = Image.new("RGB", (columns * cell_width + _GAP, rows * cell_height + _GAP), theme.surface)
    draw, font = ImageDraw.Draw(canvas), ImageFont.truetype(findfont("DejaVu Sans"), _FONT_SIZE)
    for number, (picture, label) in enumerate(pictures):
        if picture.shape != shape:
            raise ValueError(f"expected pictures of one shape, got {shape} and {picture.shape}")
        x, y = _GAP + number % columns * cell_width, _GAP + number // columns * cell_height
        shrinks = picture.shape[0] > height
        scaled = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
        canvas.paste(Image.fromarray(scaled), (x, y))
        draw.text((x, y + height + _LABEL_HEIGHT // 2), _fitting(label, font, width), theme.ink, font, anchor="lm")
    with io.BytesIO() as buffer:
        canvas.save(buffer, "png", optimize=True)
        return buffer.getvalue()


def _fitting(label: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    while label and font.getlength(label) > width:
        label = label[:-1].rstrip()
    return label
