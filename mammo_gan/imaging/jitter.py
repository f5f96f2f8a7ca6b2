"""Small random changes of brightness and contrast (alyafi2019_dcgan, section 4.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GREY_LEVELS = 255.0


def jitter(image: NDArray[np.float32], rng: np.random.Generator, levels: float = 5.0) -> NDArray[np.float32]:
    """Brightness and contrast changed by a random amount of up to `levels` grey levels each.

    Args:
        image: (H, W) in [0, 1].
        rng: of this image and this time.
        levels: the paper's 5, of 255.

    Returns:
        (H, W) float32, clipped to [0, 1].
    """
    # Assumption: the paper jitters "brightness and contrast by a random amount picked from the range [-5, +5]" without
    # a unit. Grey levels of 255: brightness adds them; contrast stretches about the mean, so that a pixel half the
    # range away from it moves by that many.
    brightness, contrast = rng.uniform(-levels, levels, 2) / GREY_LEVELS
    mean = image.mean(dtype=np.float64)
    changed = mean + (image - mean) * (1 + 2 * contrast) + brightness
    return np.asarray(np.clip(changed, 0, 1), dtype=np.float32)
