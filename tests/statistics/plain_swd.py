"""The sliced Wasserstein distance by its definition: three channels, whole batches, nothing saved."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Corners = list[np.ndarray]  # one array (L, 128, 2) per image: row and column where each patch begins

_LINE = np.array([1, 4, 6, 4, 1], np.float32) / 16
_KERNEL = np.outer(_LINE, _LINE)[None, None]


def plain_swd(
    first: np.ndarray,
    second: np.ndarray,
    of_first: np.random.Generator,
    of_second: np.random.Generator,
    of_directions: np.random.Generator,
) -> list[float]:
    """Distance at each level of two sets of grey images (N, H, W) in [0, 255], the finest first."""
    ours, theirs = descriptors(first, of_first), descriptors(second, of_second)
    return [_distance(a, b, of_directions) for a, b in zip(ours, theirs, strict=True)]


def descriptors(images: np.ndarray, rng: np.random.Generator, batch: int = 32) -> list[np.ndarray]:
    """(N * 128, 3, 7, 7) per level."""
    levels: list[list[np.ndarray]] = []
    for start in range(0, len(images), batch):
        pyramid = plain_pyramid(np.repeat(images[start : start + batch, None], 3, axis=1))
        corners = [
            rng.integers([[[s - 6 for s in level.shape[2:]]] for level in pyramid], size=(len(pyramid), 128, 2))
            for _ in range(len(pyramid[0]))
        ]
        levels.append([_patches(level, np.stack(corners)[:, k]) for k, level in enumerate(pyramid)])
    return [np.concatenate(parts) for parts in zip(*levels, strict=True)]


def plain_pyramid(images: np.ndarray) -> list[np.ndarray]:
    """Of images (N, C, H, W), the height halved while it is 16 or more."""
    pyramid = [images.astype(np.float32)]
    while pyramid[-1].shape[2] // 2 >= 16:
        small = ndimage.convolve(pyramid[-1], _KERNEL, mode="mirror")[:, :, ::2, ::2]
        spread = np.zeros_like(pyramid[-1])
        spread[:, :, ::2, ::2] = small
        pyramid[-1] = pyramid[-1] - ndimage.convolve(spread, 4 * _KERNEL, mode="mirror")
        pyramid.append(small)
    return pyramid


def _patches(level: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N * P, C, 7, 7) of (N, C, H, W) at corners (N, P, 2)."""
    count, places = corners.shape[:2]
    image, channel, row, column = np.ogrid[: count * places, : level.shape[1], :7, :7]
    row = row + corners[..., 0].reshape(-1, 1, 1, 1)
    column = column + corners[..., 1].reshape(-1, 1, 1, 1)
    return np.asarray(level[image // places, channel, row, column])


def _distance(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> float:
    """Of descriptors (M, 3, 7, 7): 4 repeats of 128 directions, times 1000."""
    ours, theirs = (
        ((set_ - set_.mean(axis=(0, 2, 3), keepdims=True)) / set_.std(axis=(0, 2, 3), keepdims=True)).reshape(-1, 147)
        for set_ in (first, second)
    )
    found = []
    for _ in range(4):
        directions = rng.standard_normal((147, 128))
        directions = (directions / np.sqrt((directions**2).sum(axis=0, keepdims=True))).astype(np.float32)
        projected = np.sort(ours @ directions, axis=0), np.sort(theirs @ directions, axis=0)
        found.append(np.abs(projected[0] - projected[1]).mean())
    return 1000 * float(np.mean(found))
