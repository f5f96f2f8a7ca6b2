"""What the infilling generator sees in place of a lesion: noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def corrupt(image: NDArray[np.float32], mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """image * (1 - mask) + U(0, 1) * mask (wu2018, 2.1): the lesion replaced with uniform noise, pixel by pixel.

    Args:
        image: (H, W) float32 in [0, 1].
        mask: (H, W) bool, True on what is to be infilled.

    Returns:
        (H, W) float32 in [0, 1].
    """
    # Noise for the whole patch, so that what follows from `rng` doesn't depend on the lesion's size.
    noise = rng.random(image.shape, dtype=np.float32)
    return np.where(mask, noise, image)
