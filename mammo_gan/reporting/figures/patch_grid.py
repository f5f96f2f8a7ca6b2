"""Generated patches in a square grid, as they are (alyafi2019_dcgan, 9.4, Figure 15)."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LONGEST = 700  # px of the grid, about: patches are enlarged by a whole number
_GAP = 4  # px
_GROUND = 255  # between patches and in empty places


def patch_grid(patches: Sequence[NDArray[np.float32]], side: int) -> bytes:
    """8-bit grey PNG of `side` x `side` patches, row by row; with fewer, places stay empty.

    Args:
        patches: (H, W) in [0, 1], at least one, all of one shape; those beyond the last place are left out.

    Raises:
        ValueError: there is none, or their shapes differ.
    """
    shapes = {patch.shape for patch in patches}
    if len(shapes) != 1:
        raise ValueError(f"expected patches of one shape, got {sorted(shapes)}")
    height, width = shapes.pop()
    zoom = max(1, round(_LONGEST / side / max(height, width)))
    step = height * zoom + _GAP, width * zoom + _GAP
    canvas = np.full((side * step[0] - _GAP, side * step[1] - _GAP), _GROUND, dtype=np.uint8)
    for place, patch in enumerate(patches[: side * side]):
        y, x = place // side * step[0], place % side * step[1]
        grey = np.rint(np.clip(patch, 0, 1) * 255).astype(np.uint8)
        canvas[y : y + height * zoom, x : x + width * zoom] = grey.repeat(zoom, axis=0).repeat(zoom, axis=1)
    with io.BytesIO() as buffer:
        Image.fromarray(canvas).save(buffer, "png", optimize=True)
        return buffer.getvalue()
