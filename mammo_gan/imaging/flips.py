"""Reflections, which change no grey level."""

from __future__ import annotations

import numpy as np


def random_flips(rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns in an order that mirrors left-right, then up-down, each with probability 1/2.

    alyafi2019, 4.6: "random horizontal then vertical flipping". `image[random_flips(rng)]` is a view of (H, W).
    """
    left_right, up_down = (slice(None, None, -1 if flip else 1) for flip in rng.random(2) < 0.5)
    return up_down, left_right
