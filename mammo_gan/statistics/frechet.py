"""The Fréchet distance between two Gaussians, the mathematics of FID.

    d = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)

With C1 = A1 A1' and C2 = A2 A2' for any factors, the last trace is the sum of the singular values of A1' A2: no
square root of a matrix that isn't symmetric, hence no imaginary parts to drop. Centred features are such a
factor, so fewer images than features cost singular values of a small matrix only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

Matrix = NDArray[np.float64]


def frechet_distance(mean1: ArrayLike, cov1: ArrayLike, mean2: ArrayLike, cov2: ArrayLike) -> float:
    """Fréchet distance of two Gaussians given by mean (D,) and covariance (D, D), in float64.

    Raises:
        ValueError: if shapes differ, a value isn't finite, or a covariance isn't symmetric with eigenvalues of at
            least zero (up to rounding).
    """
    m1, m2 = np.asarray(mean1, np.float64), np.asarray(mean2, np.float64)
    c1, c2 = np.asarray(cov1, np.float64), np.asarray(cov2, np.float64)
    if m1.ndim != 1 or m1.shape != m2.shape or c1.shape != c2.shape or c1.shape != (m1.size, m1.size):
        raise ValueError(
            f"means of shape (D,) and covariances of shape (D, D) are needed; got {m1.shape}, {c1.shape}, "
            f"{m2.shape} and {c2.shape}"
        )
    return _distance(m1, _factor(c1), m2, _factor(c2))


def frechet_distance_of_features(features1: ArrayLike, features2: ArrayLike) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of features (N1, D) and (N2, D), in float64.

    The covariances are unbiased (divided by N - 1), as in FID.

    Raises:
        ValueError: if the widths differ, a set has fewer than two rows, or a value isn't finite.
    """
    f1, f2 = np.asarray(features1, np.float64), np.asarray(features2, np.float64)
    if f1.ndim != 2 or f2.ndim != 2 or f1.shape[1] != f2.shape[1]:
        raise ValueError(f"features of shapes (N1, D) and (N2, D) are needed; got {f1.shape} and {f2.shape}")
    if min(len(f1), len(f2)) < 2:
        raise ValueError(f"a covariance needs at least two images; got {len(f1)} and {len(f2)}")
    return _distance(f1.mean(axis=0), _factor_of_features(f1), f2.mean(axis=0), _factor_of_features(f2))


def _distance(mean1: Matrix, factor1: Matrix, mean2: Matrix, factor2: Matrix) -> float:
    """From means (D,) and factors (D, K1), (D, K2) of the covariances."""
    shift = mean1 - mean2
    cross = linalg.svdvals(factor1.T @ factor2).sum()  # checks that all is finite
    traces = np.square(factor1).sum() + np.square(factor2).sum()
    # Rounding can take the distance of equal sets below zero by an ulp of the traces.
    return max(0.0, float(shift @ shift + traces - 2.0 * cross))


def _factor(covariance: Matrix) -> Matrix:
    """(D, D) A with A A' = covariance."""
    if not np.allclose(covariance, covariance.T, rtol=1e-7, atol=1e-10 * max(1.0, float(np.abs(covariance).max()))):
        raise ValueError("a covariance must be symmetric")
    values, vectors = linalg.eigh(covariance)
    tolerance = 1e-7 * max(float(values.max()), 0.0) + 1e-12
    if values.min() < -tolerance:
        raise ValueError(f"a covariance has no negative eigenvalues; the smallest here is {values.min():.3g}")
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)), dtype=np.float64)


def _factor_of_features(features: Matrix) -> Matrix:
    """(D, min(N, D)) A with A A' = the unbiased covariance of features (N, D)."""
    centred: Matrix = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    if len(features) <= features.shape[1]:
        return centred.T
    return np.asarray(linalg.qr(centred, mode="r")[0][: features.shape[1]].T, dtype=np.float64)
