"""How much of each of two sets lies where the other is, by balls that reach to the k-th nearest neighbour.

Precision and recall after Kynkäänniemi et al. 2019 (section 2), density and coverage after Naeem et al. 2020
(section 3). A ball is centred on an image and reaches to its k-th nearest neighbour of its own set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo_gan.statistics.distances import BLOCK_VALUES, blocks, blocks_within, two_sets

NEIGHBOURS = 3  # Kynkäänniemi et al.; Naeem et al. take 5 for density and coverage
SLACK = 1 + 1e-9  # a distance that equals the radius counts, however it was rounded


class Overlap(NamedTuple):
    """Of synthetic with real images.

    precision: share of synthetic images within a ball of a real one, in [0, 1]
    recall:    share of real images within a ball of a synthetic one, in [0, 1]
    density:   real balls that a synthetic image lies in, on average, over k; in [0, N / k]
    coverage:  share of real images with a synthetic one in their ball, in [0, 1]
    """

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(
    real: ArrayLike, synthetic: ArrayLike, neighbours: int = NEIGHBOURS, block_values: int = BLOCK_VALUES
) -> Overlap:
    """Precision, recall, density and coverage of features (N, D) and (M, D).

    They depend on N and M: only sets of equal sizes compare.

    Args:
        block_values: distances held at once.

    Raises:
        ValueError: if the widths differ, a value isn't finite, or a set has no more than `neighbours` rows.
    """
    x, y = two_sets(real, synthetic)
    if not 1 <= neighbours < min(len(x), len(y)):
        raise ValueError(f"{neighbours} neighbours need more images in each set; got {len(x)} and {len(y)}")
    real_reach, synthetic_reach = (_squared_reach(f, neighbours, block_values) for f in (x, y))
    balls = 0
    recalled = np.zeros(len(x), dtype=np.bool_)
    covered = np.zeros(len(x), dtype=np.bool_)
    precise = np.zeros(len(y), dtype=np.bool_)
    for rows, squared in blocks(x, y, block_values):
        within_real = squared <= real_reach[rows, None]  # (b, M)
        balls += int(within_real.sum())
        precise |= within_real.any(axis=0)
        covered[rows] = within_real.any(axis=1)
        recalled[rows] = (squared <= synthetic_reach).any(axis=1)
    return Overlap(
        precision=float(precise.mean()),
        recall=float(recalled.mean()),
        density=balls / (neighbours * len(y)),
        coverage=float(covered.mean()),
    )


def _squared_reach(rows: NDArray[np.float64], neighbours: int, block_values: int) -> NDArray[np.float64]:
    """(N,): squared distance to the k-th nearest neighbour within the set."""
    reach = [
        np.partition(squared, neighbours - 1)[:, neighbours - 1] for _, squared in blocks_within(rows, block_values)
    ]
    return np.concatenate(reach) * SLACK
