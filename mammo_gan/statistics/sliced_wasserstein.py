"""The sliced Wasserstein distance of two sets of images (Karras et al. 2018, section 5), by which korkinof2019_mammogan
(section 3) chooses its checkpoint.

An image is taken apart into a Laplacian pyramid, whose levels halve its height as long as that is 16 px or more. At
each level 128 patches of 7x7 px are drawn from every image. The patches of a set are standardised on their own and
projected onto random directions; the mean absolute difference of the two sets' sorted projections, times 1000, is the
level's distance. Low is alike. Fine levels speak of texture, the coarsest of the large structures.

- Patches of other images of the same kind are at a distance above zero, the more so the fewer there are. That floor,
  real images against other real ones, belongs beside each value.
- Each set being standardised on its own, a change of brightness or contrast that all its images share goes unseen.
- The original knows colour images alone, grey ones being repeated three times. A patch (a, a, a) has the projection
  a . (d1 + d2 + d3) on a direction (d1, d2, d3), and the three channels are standardised alike. So directions are drawn
  for three channels and their parts added up: one channel then gives the very number of three.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

IMAGES = 16_384  # of each set
PATCHES = 128  # of an image at each level
SIDE = 7  # of a patch, px
SMALLEST = 16  # height of a level, px
REPEATS, DIRECTIONS = 4, 128
CHANNELS = 3
SCALE = 1000
BLOCK_VALUES = 2**23  # projections of a set held at once: 32 MB, or
LEAST_DIRECTIONS = 16  # of these: with fewer, the product of matrices waits for memory

# (N, L, PATCHES, SIDE * SIDE), finest level first: 1.4 GB for 16,384 images of 1280x1024. Half precision, here and
# where projections are sorted, moves a distance by some hundred-thousandths of itself.
Patches = NDArray[np.float16]
Rows = NDArray[np.float32]


class Descriptors:
    """Patches of a set of images, drawn as the images come in; the images themselves aren't kept.

    Args:
        rng: where patches lie. The same images in the same order have the same patches, however they are grouped.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.parts: list[Patches] = []

    def add(self, images: NDArray[np.generic]) -> None:
        """Add images (N, H, W), real numbers in [0, 255]. Raises ValueError as `draw_patches` does."""
        self.parts.append(draw_patches(images, self._rng))

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def level_heights(height: int, width: int) -> tuple[int, ...]:
    """Height of each level, px, finest first: seven for 1280x1024, 1280 to 20.

    Raises:
        ValueError: the image is too small, or can't be halved without a remainder.
    """
    heights = [height >> k for k in range(max(height, 1).bit_length()) if height >> k >= SMALLEST]
    smallest = 2 ** (len(heights) - 1) if heights else 1
    if not heights or height % smallest or width % smallest or width // smallest < SIDE:
        raise ValueError(
            f"a pyramid needs images at least {SMALLEST} px high, whose sides can be halved until the height is below "
            f"{2 * SMALLEST}, the width then being {SIDE} or more; got {height}x{width}"
        )
    return tuple(heights)


def laplacian_pyramid(image: NDArray[np.generic], levels: int) -> list[NDArray[np.float32]]:
    """What each level adds to the next coarser one, from (H, W) on; the coarsest is the image itself, made small."""
    pyramid = [np.asarray(image, np.float32)]
    for _ in range(1, levels):
        coarser = np.asarray(cv2.pyrDown(pyramid[-1]), np.float32)
        pyramid[-1] = pyramid[-1] - cv2.pyrUp(coarser)
        pyramid.append(coarser)
    return pyramid


def draw_patches(images: NDArray[np.generic], rng: np.random.Generator) -> Patches:
    """(N, L, PATCHES, SIDE * SIDE) of images (N, H, W), real numbers in [0, 255].

    Raises:
        ValueError: for a size as in `level_heights`, and for values that aren't finite or far out of range.
    """
    if images.ndim != 3:
        raise ValueError(f"images of shape (N, H, W) are needed; got {images.shape}")
    _, height, width = images.shape
    levels = len(level_heights(height, width))
    # (L, 1, 2): rows and columns where a patch can begin.
    places = np.array([[(side >> k) - SIDE + 1 for side in (height, width)] for k in range(levels)])[:, None]
    drawn = np.empty((len(images), levels, PATCHES, SIDE * SIDE), np.float16)
    with np.errstate(over="ignore"):
        for image, patches in zip(images, drawn, strict=True):
            corners = rng.integers(places, size=(levels, PATCHES, 2))
            for level, k in zip(laplacian_pyramid(image, levels), range(levels), strict=True):
                windows = sliding_window_view(level, (SIDE, SIDE))
                patches[k] = windows[corners[k, :, 0], corners[k, :, 1]].reshape(PATCHES, -1)
    if not np.isfinite(drawn).all():
        raise ValueError("images have values that aren't finite, or far outside [0, 255]")
    return drawn


def sliced_wasserstein(
    first: Sequence[Patches], second: Sequence[Patches], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(L,) distance at each level, finest first; nan where all patches of a set are of one and the same value.

    Args:
        first, second: patches of equally many images, in one part or several.
        rng: of the directions.

    Raises:
        ValueError: the sets differ in number or levels, or are empty.
    """
    counts = sum(map(len, first)), sum(map(len, second))
    shapes = {part.shape[1:] for part in (*first, *second)}
    if counts[0] != counts[1] or not counts[0] or len(shapes) != 1:
        raise ValueError(
            f"two sets of equally many images of one size are needed; got {counts[0]} and {counts[1]} images, their "
            f"patches of shape {', '.join(map(str, sorted(shapes)))}"
        )
    levels = range(first[0].shape[1])
    return np.array([_distance(_level(first, k), _level(second, k), _directions(rng)) for k in levels])


def _level(parts: Sequence[Patches], level: int) -> Rows:
    """(M, SIDE * SIDE): all patches of a level, with mean 0 and standard deviation 1 over patches and pixels."""
    rows = np.concatenate([part[:, level].reshape(-1, SIDE * SIDE) for part in parts], dtype=np.float32)
    rows -= np.float32(rows.mean(dtype=np.float64))
    step = BLOCK_VALUES // SIDE**2
    blocks = (rows[start : start + step] for start in range(0, len(rows), step))
    variance = sum(float(np.square(block).sum(dtype=np.float64)) for block in blocks) / rows.size
    with np.errstate(invalid="ignore"):
        rows /= np.float32(variance**0.5)
    return rows


def _directions(rng: np.random.Generator) -> Rows:
    """(REPEATS * DIRECTIONS, SIDE * SIDE): unit vectors of three channels, the channels added up."""
    drawn = []
    for _ in range(REPEATS):
        directions = rng.standard_normal((CHANNELS * SIDE * SIDE, DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        drawn.append(directions.reshape(CHANNELS, -1, DIRECTIONS).sum(axis=0).T)
    return np.concatenate(drawn, dtype=np.float32)


def _distance(first: Rows, second: Rows, directions: Rows) -> float:
    """Over rows (M, SIDE * SIDE) and (M, SIDE * SIDE). Repeats of equally many directions average as one."""
    total, step = 0.0, max(LEAST_DIRECTIONS, BLOCK_VALUES // len(first))
    for start in range(0, len(directions), step):
        chosen = directions[start : start + step]
        # One direction at a time, whose values stay in the processor's cache.
        for ours, theirs in zip(chosen @ first.T, chosen @ second.T, strict=True):
            apart = _sorted(ours)
            apart -= _sorted(theirs)
            total += float(np.abs(apart, out=apart).sum(dtype=np.float64))
    return SCALE * total / (len(directions) * len(first))


def _sorted(projections: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M,) in ascending order, in half precision.

    The bits of such numbers, those of the negative ones turned round, are whole numbers in the same order, and NumPy
    sorts those of 16 bits by radix: four times faster than 262,144 numbers in float32, with the way there and back.
    """
    keys = projections.astype(np.float16).view(np.int16)
    keys ^= (keys >> 15) & 0x7FFF
    keys.sort(kind="stable")
    keys ^= (keys >> 15) & 0x7FFF
    return keys.view(np.float16).astype(np.float32)
