"""Squared Euclidean distances between rows, a block of rows at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_VALUES = 2**23  # distances held at once: 64 MB
# Of |a|^2 + |b|^2, what rounding leaves between a row and its copy; below it a distance is zero.
ROUNDING = 1e-13


def two_sets(features1: ArrayLike, features2: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both sets as float64, shifted by their common mean: no distance changes, and less is lost to rounding.

    Raises:
        ValueError: if the widths differ, a set is empty, or a value isn't finite.
    """
    f1, f2 = np.asarray(features1, np.float64), np.asarray(features2, np.float64)
    if f1.ndim != 2 or f2.ndim != 2 or f1.shape[1] != f2.shape[1] or not len(f1) or not len(f2):
        raise ValueError(f"features of shapes (N1, D) and (N2, D) are needed; got {f1.shape} and {f2.shape}")
    if not (np.isfinite(f1).all() and np.isfinite(f2).all()):
        raise ValueError("features contain infs or NaNs")
    centre = (f1.sum(axis=0) + f2.sum(axis=0)) / (len(f1) + len(f2))
    return f1 - centre, f2 - centre


def blocks(
    rows: NDArray[np.float64], others: NDArray[np.float64], values: int = BLOCK_VALUES
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Which rows (b of them), and their squared distances (b, M) to `others` (M, D); copies are at exactly zero."""
    squares = np.einsum("ij,ij->i", others, others)
    step = max(1, values // len(others))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        scale = np.einsum("ij,ij->i", block, block)[:, None] + squares
        squared = scale - 2 * (block @ others.T)
        squared[squared <= ROUNDING * scale] = 0.0
        yield slice(start, start + len(block)), squared


def blocks_within(rows: NDArray[np.float64], values: int = BLOCK_VALUES) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """As `blocks` from a set to itself, with inf between a row and itself."""
    for where, squared in blocks(rows, rows, values):
        own = np.arange(where.start, where.stop)
        squared[own - where.start, own] = np.inf
        yield where, squared
