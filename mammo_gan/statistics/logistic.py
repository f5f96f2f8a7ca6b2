"""Logistic regression with a ridge penalty, by Newton's method.

    minimise   sum_i log(1 + exp(-s_i (w . x_i + b)))  +  penalty / 2 * |w|^2,    s_i = 1 or -1

The features are standardised first, by the rows that it is fitted to. A ridge penalty doesn't see rotations, so with
more features than rows the problem is solved in the space that the rows span: no matrix is wider than that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

Values = NDArray[np.float64]

STEPS = 100
TOLERANCE = 1e-8  # of the gradient's largest element, per row


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model: mean, scale and weights (D,), of standardised features, and the intercept."""

    mean: Values
    scale: Values
    weights: Values
    intercept: float

    def scores(self, features: ArrayLike) -> Values:
        """Log odds (N,) of the positive class for features (N, D)."""
        standardised = (np.asarray(features, np.float64) - self.mean) / self.scale
        return np.asarray(standardised @ self.weights + self.intercept, dtype=np.float64)


def fit(features: ArrayLike, labels: ArrayLike, penalty: float = 1.0) -> Logistic:
    """Fit to features (N, D) and labels (N,), 1 or True = positive.

    Raises:
        ValueError: if shapes differ, a value isn't finite, the penalty isn't positive, or a class is missing.
    """
    x, positive = np.asarray(features, np.float64), np.asarray(labels).astype(np.bool_)
    if x.ndim != 2 or positive.shape != x.shape[:1] or not np.isfinite(x).all():
        raise ValueError(f"finite features (N, D) and labels (N,) are needed; got {x.shape} and {positive.shape}")
    if penalty <= 0 or positive.all() or not positive.any():
        raise ValueError(f"a positive penalty and both classes are needed; got {penalty}, {positive.sum()} positives")
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale <= 1e-12 * np.maximum(1.0, np.abs(mean))] = 1.0  # a constant feature says nothing
    x = (x - mean) / scale
    basis = linalg.svd(x, full_matrices=False)[2] if x.shape[1] > x.shape[0] else None  # (N, D)
    reduced = x if basis is None else x @ basis.T
    weights = _newton(np.column_stack([reduced, np.ones(len(x))]), np.where(positive, 1.0, -1.0), penalty)
    in_full = weights[:-1] if basis is None else weights[:-1] @ basis
    return Logistic(mean, scale, in_full, float(weights[-1]))


def _newton(x: Values, sign: Values, penalty: float) -> Values:
    """Weights (D + 1,) for x (N, D + 1), the last of them the intercept, which isn't penalised."""
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 0.0
    weights = np.zeros(x.shape[1])
    loss = _loss(weights, x, sign, ridge)
    for _ in range(STEPS):
        chance = special.expit(-sign * (x @ weights))  # of the wrong class
        gradient = ridge * weights - x.T @ (sign * chance)
        if np.abs(gradient).max() <= TOLERANCE * len(x):
            break
        hessian = (x.T * (chance * (1 - chance))) @ x + np.diag(ridge)
        hessian[-1, -1] += 1e-12 * len(x)  # where all rows are far on their side, the intercept's is zero
        step = linalg.solve(hessian, gradient, assume_a="pos")
        # The loss is convex, so a short enough step along Newton's lowers it; halved until it does.
        size, lower = 1.0, _loss(weights - step, x, sign, ridge)
        while lower > loss and size > 1e-10:
            size /= 2
            lower = _loss(weights - size * step, x, sign, ridge)
        if lower > loss:
            break
        weights, loss = weights - size * step, lower
    return weights


def _loss(weights: Values, x: Values, sign: Values, ridge: Values) -> float:
    return float(np.logaddexp(0.0, -sign * (x @ weights)).sum() + 0.5 * (ridge * weights**2).sum())
