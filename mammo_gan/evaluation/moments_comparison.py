"""Do synthetic images have the grey levels of real ones? The first five moments, real against synthetic
(korkinof2019_mammogan, section 5 and Figure 2).

The paper compares the histograms by eye; here each moment has its distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mammo_gan.evaluation.sample_comparison import compare_samples
from mammo_gan.statistics.moments import Moments


def compare_moments(
    real: Moments,
    synthetic: Moments,
    patients: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
) -> list[dict[str, Any]]:
    """`moment_shift/MOMENT` in SD and `moment_gap/MOMENT` in [0, 1] for each of the five, as `compare_samples` has it.

    Args:
        real, synthetic: one value per image, (N,) and (M,); nan where an image lacks the moment, as a constant one
            does.
        patients: (N,), whose the real images are, as keyed hashes.

    Raises:
        ValueError: if there isn't one patient per real image.
    """
    return compare_samples(
        real._asdict(), synthetic._asdict(), patients, rng, resamples, prefix="moment", things="images"
    )
