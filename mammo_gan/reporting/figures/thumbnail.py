"""A small picture of a mammogram with its lesions' boxes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mammo_gan.archives.records import Box

LONGEST = 240  # px
BOX_COLOUR = (255, 176, 0)


def thumbnail(pixels: NDArray[np.generic], boxes: Sequence[Box] = ()) -> bytes:
    """PNG of at most 240 px a side, black to white from the image's own minimum to its maximum.

    Args:
        pixels: (H, W) of any type.
        boxes: in px of the image; parts outside it aren't drawn.
    """
    height, width = pixels.shape
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(np.asarray(pixels, dtype=np.float32), size, interpolation=cv2.INTER_AREA)
    span = max(float(small.max() - small.min()), 1e-12)
    grey = np.rint((small - small.min()) / span * 255).astype(np.uint8)
    picture = Image.fromarray(grey).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for box in boxes:
        corners = (
            box.x0 * scale,
            box.y0 * scale,
            max(box.x1 * scale - 1, box.x0 * scale),
            max(box.y1 * scale - 1, box.y0 * scale),
        )
        pen.rectangle(corners, outline=BOX_COLOUR)
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
