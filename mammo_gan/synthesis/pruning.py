"""Which synthetic images lie outside the real ones, by their grey-level moments.

korkinof2019_mammogan (section 5) suggests that moments may serve to prune outliers from the synthesis and leaves it to
future work; how is our own. An image's distance is Mahalanobis', from the centre of the real images' moments in units
of their scatter. Both are robust: an odd film among the real images moves neither much. The limit is a quantile of the
real images' own distances, so no shape of their distribution is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

Values = NDArray[np.float64]

CORE = 0.75  # share of the real images that centre and scatter are taken from
MOST_STEPS = 50
_PER_MOMENT = 10  # real images at least


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is kept of M images with K moments, and why.

    distances:  (M,), inf where an image lacks a moment
    limit:      the largest distance that is kept
    deviations: (M, K), of each moment from the real images' centre, in their (robust) standard deviations; nan where
        the image lacks it
    moments:    K names
    """

    distances: Values
    limit: float
    deviations: Values
    moments: tuple[str, ...]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(M,) bool."""
        return np.asarray(self.distances <= self.limit)

    @property
    def removed(self) -> NDArray[np.intp]:
        """Numbers of the images that go, the farthest first."""
        order = np.argsort(-self.distances, kind="stable")
        return order[~self.kept[order]]

    def farthest(self, image: int) -> str:
        """The moment that deviates most; the first that is missing, if one is."""
        deviation = np.abs(self.deviations[image])
        return self.moments[int(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)))]


def prune_outliers(real: Values, synthetic: Values, moments: Sequence[str], quantile: float = 0.99) -> Pruning:
    """Find the synthetic images that lie farther out than nearly all real ones.

    Of images drawn as the real ones are, about 1 - `quantile` is removed. Real images that lack a moment (constant ones
    have but a mean and a variance of zero) aren't counted.

    Args:
        real, synthetic: (N, K) and (M, K), the moments of an image in a row, as `statistics.moments` names them.
        moments: their K names.
        quantile: of the real images' distances, in (0, 1].

    Raises:
        ValueError: the widths differ, the quantile is out of its range, there are fewer than ten real images for each
            moment, or a moment hardly varies among them or follows from others.
    """
    width = len(moments)
    if real.ndim != 2 or synthetic.ndim != 2 or real.shape[1] != width or synthetic.shape[1] != width:
        raise ValueError(
            f"rows of the {width} moments {', '.join(moments)} are needed; got {real.shape} and {synthetic.shape}"
        )
    if not 0 < quantile <= 1:
        raise ValueError(f"a quantile lies above 0 and is at most 1; got {quantile}")
    usable = real[np.isfinite(real).all(axis=1)]
    if len(usable) < _PER_MOMENT * width:
        raise ValueError(
            f"outliers of {width} moments need {_PER_MOMENT * width} real images; got {len(usable)} that have them all"
        )
    centre, scatter = _centre_and_scatter(usable)
    return Pruning(
        distances=_distances(synthetic, centre, scatter),
        limit=float(np.quantile(_distances(usable, centre, scatter), quantile)),
        deviations=(synthetic - centre) / np.sqrt(np.diag(scatter)),
        moments=tuple(moments),
    )


def _centre_and_scatter(rows: Values) -> tuple[Values, Values]:
    """Mean (K,) and covariance (K, K) of the core, the share of rows (N, K) that lies closest together.

    Minimum covariance determinant (Rousseeuw and Van Driessen 1999): begin with the rows nearest to the median, then
    take again and again those nearest to the mean of the last ones; the determinant falls until they stay the same.
    """
    scale = np.subtract(*np.quantile(rows, [0.75, 0.25], axis=0))
    if not (scale > 0).all():
        raise ValueError("a moment hardly varies among the real images; look at what they are")
    size = int(np.ceil(CORE * len(rows)))
    distances = np.linalg.norm((rows - np.median(rows, axis=0)) / scale, axis=1)
    core = np.argsort(distances, kind="stable")[:size]
    for _ in range(MOST_STEPS):
        centre, scatter = rows[core].mean(axis=0), np.cov(rows[core], rowvar=False).reshape(len(scale), -1)
        nearest = np.argsort(_distances(rows, centre, scatter), kind="stable")[:size]
        if set(nearest.tolist()) == set(core.tolist()):
            break
        core = nearest
    # The core has less spread than the whole: brought back by the median distance, which outliers don't reach.
    inner = np.median(_distances(rows, centre, scatter)) ** 2
    return centre, scatter * (inner / _median_of_normal(len(scale)))


def _distances(rows: Values, centre: Values, scatter: Values) -> Values:
    """(N,) Mahalanobis distances of rows (N, K); inf for a row with a missing value."""
    missing = np.asarray(~np.isfinite(rows).all(axis=1))
    away = np.where(missing[:, None], 0.0, rows - centre)
    # Moments differ in scale by orders of magnitude, which isn't to pass for dependence.
    scale = np.sqrt(np.diag(scatter))
    try:
        factor = linalg.cholesky(scatter / np.outer(scale, scale), lower=True)
    except linalg.LinAlgError:
        raise ValueError("a moment of the real images follows from the others; leave it out") from None
    found = np.linalg.norm(linalg.solve_triangular(factor, (away / scale).T, lower=True), axis=0)
    return np.where(missing, np.inf, found)


def _median_of_normal(width: int) -> float:
    """Median of the squared distance of a normal distribution in K dimensions."""
    return float(stats.chi2.ppf(0.5, width))
