"""From what the beam meets to a developed film.

Attenuation at 20 keV (G. R. Hammerstein et al., Radiology 130 (1979) 485-491, rounded); film as a sigmoid
characteristic curve over a base, its grain by Selwyn's law: noise falls with the root of the area looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAT = 0.045  # 1/mm
GLAND = 0.080  # 1/mm; skin, muscle and masses attenuate alike
CALCIUM = 1.0  # 1/mm, of a calcification beyond the tissue that it displaces

_BASE, _SPAN = 0.18, 2.72  # optical density of clear film, and what a full exposure adds
_CONTRAST = 1.8  # optical density per unit of attenuation is at most _SPAN * _CONTRAST / 4
_MIDDLE = 0.3  # attenuation beyond that of fat alone which comes out at half the span
_GRAIN = 0.0025  # standard deviation of optical density, times mm


def develop(
    attenuation: NDArray[np.float32],
    thickness: float,
    mm_per_px: float,
    rng: np.random.Generator,
    darker: float = 0.0,
) -> NDArray[np.uint16]:
    """The film's grey levels, exposed for a breast of fat of that thickness.

    Args:
        attenuation: (H, W) float32, natural logarithm of entering over leaving intensity; 0 on free film.
        thickness: of the compressed breast, mm.
        mm_per_px: size of a pixel.
        rng: the grain's.
        darker: by how much more it was exposed, natural logarithm.

    Returns:
        (H, W) uint16, 0 is an optical density of 3 and 65535 one of 0.05, as `to_digits` takes them.
    """
    excess = attenuation - np.float32(FAT * thickness + _MIDDLE + darker)
    density = _BASE + _SPAN / (1 + np.exp(np.float32(_CONTRAST) * excess))
    density += np.float32(_GRAIN / mm_per_px) * rng.standard_normal(density.shape, dtype=np.float32)
    level = np.rint(np.clip((3.0 - density) / 2.95, 0, 1) * 65535)
    return np.asarray(level, dtype=np.uint16)
