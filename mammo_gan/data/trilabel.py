"""The tri-label: what the infilling GAN is told of a patch (shen2021_trilabel, 3.3 and 4.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.data.corruption import corrupt
from mammo_gan.imaging.margin import SCALE, margin


def tri_label(
    tissue: NDArray[np.float32], mask: NDArray[np.bool_], rng: np.random.Generator, margin_scale: float | None = SCALE
) -> NDArray[np.float32]:
    """Tissue with the mask's part "filled by using uniformly random values between 0 and 255", mask and margin.

    The tissue outside the mask is as it was. Mask and margin are 1 where they are and -1 elsewhere.

    Args:
        tissue: (H, W) float32 in [0, 1].
        mask: (H, W) bool, True on what is to be infilled.
        rng: the noise is drawn from it, as much whatever the mask.
        margin_scale: of the enlarged mask that the margin is the rim of; None leaves the margin out (4.3).

    Returns:
        (3, H, W) float32 in [-1, 1], or (2, H, W) without the margin.

    Raises:
        ValueError: `margin_scale` below 1.
    """
    areas = [mask] if margin_scale is None else [mask, margin(mask, margin_scale)]
    # Assumption: all channels in the range of the generator's tanh; the paper speaks of grey values up to 255.
    return 2 * np.stack([corrupt(tissue, mask, rng), *areas], dtype=np.float32) - 1
