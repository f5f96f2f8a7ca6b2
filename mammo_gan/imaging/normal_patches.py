"""Patches of normal tissue, by Algorithm 1 of alyafi2019 (3.4): random positions, all breast, no pixel of a lesion.

The paper tries up to five batches of 100 positions and keeps those that pass. So do we, but a batch is first held
against nine pixels of each patch, so that few patches are looked at whole. On a narrow breast the 500 tries find fewer
than ten; the rest then comes from tries within the breast's bounding box, and at last from all positions that pass,
found by a box filter where there is room for a patch. The positions that the paper keeps are independent and uniform
over those that pass, and so are ours, whichever way found them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Xyxy

SIZE = 128  # px (3.4)
COUNT = 10  # patches an image, at most (3.4, in the text)
BATCH, BATCHES = 100, 5  # tries (Algorithm 1, lines 12 and 13)
MIN_GREY_LEVELS = 30  # (3.5)

_PROBES = 3  # per side: a patch is probed at its corners, the middles of its sides and its centre
_BLOCKS = 8  # in a patch's side; breast that isn't whole in blocks of that size is not searched pixel by pixel


def normal_origins(
    breast: NDArray[Any],
    lesions: Sequence[Xyxy],
    rng: np.random.Generator,
    size: int = SIZE,
    count: int = COUNT,
) -> NDArray[np.intp]:
    """Upper left corners of patches that are all breast and touch no lesion: (K, 2) xy, K at most `count`.

    A position can come twice, as in the paper, whose positions are drawn one by one without regard to each other.

    Args:
        breast: (H, W), above 0 where there is breast: a mask, or the image itself for the paper's mask I > 0
            (lines 3 and 4).
        lesions: half-open boxes, px; the publisher's end points are inside.
        size: a patch's side, px.

    # Assumption: the pseudocode keeps every position of a batch that passes, the text at most ten: ten, the first.
    # Deviation: where 500 tries find fewer than `count`, we look on, so that a narrow breast gives as many patches as
    # a wide one. If no more than `count` positions pass and the tries found too few, each of them is taken once.
    """
    if breast.ndim != 2 or size < 1 or count < 0:
        raise ValueError(f"expected (H, W), size >= 1 and count >= 0, got {breast.shape}, {size} and {count}")
    if min(breast.shape) < size or not count:
        return np.empty((0, 2), dtype=np.intp)
    inside = _unsigned(breast)
    found: list[tuple[int, int]] = []
    _try(inside, lesions, (0, 0, breast.shape[1], breast.shape[0]), size, count, rng, found)
    if len(found) == count:
        return np.array(found, dtype=np.intp)
    frame = _frame(inside, size)
    if frame is not None and _positions(frame, size) > BATCHES * BATCH:  # so few are counted out as quickly
        _try(inside, lesions, frame, size, count, rng, found)
    if len(found) == count:
        return np.array(found, dtype=np.intp)
    positions = all_normal_origins(inside, lesions, size)
    if len(positions) <= count:
        return rng.permutation(positions)
    rest = positions[rng.integers(len(positions), size=count - len(found))]
    return np.concatenate([np.array(found, dtype=np.intp).reshape(-1, 2), rest])


def all_normal_origins(breast: NDArray[Any], lesions: Sequence[Xyxy], size: int = SIZE) -> NDArray[np.intp]:
    """Every position that Algorithm 1 would keep: (K, 2) xy, row by row. Arguments as for `normal_origins`."""
    mask = _unsigned(breast)
    frame = _frame(mask, size)
    if frame is None:
        return np.empty((0, 2), dtype=np.intp)
    left, top, right, bottom = frame
    crop = np.asarray(mask[top:bottom, left:right] != 0).view(np.uint8)
    for x0, y0, x1, y1 in lesions:
        crop[max(y0 - top, 0) : max(y1 - top, 0), max(x0 - left, 0) : max(x1 - left, 0)] = 0
    found = [np.empty((0, 2), dtype=np.intp)]
    for x0, y0, x1, y1 in _bands(crop, size):
        covered = cv2.boxFilter(crop[y0:y1, x0:x1], cv2.CV_32S, (size, size), anchor=(0, 0), normalize=False)
        rows, columns = np.nonzero(covered[: y1 - y0 - size + 1, : x1 - x0 - size + 1] == size * size)
        found.append(np.stack([columns + left + x0, rows + top + y0], axis=1))
    return np.concatenate(found)


def grey_levels(patch: NDArray[np.uint8] | NDArray[np.uint16]) -> int:
    """The number of different grey values in a patch."""
    return int(np.count_nonzero(np.bincount(patch.ravel())))


def normal_patches(
    image: NDArray[np.uint8],
    breast: NDArray[Any],
    lesions: Sequence[Xyxy],
    rng: np.random.Generator,
    size: int = SIZE,
    count: int = COUNT,
    min_grey_levels: int = MIN_GREY_LEVELS,
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Cut an image's normal patches: (K, size, size) uint8 and their corners (K, 2) xy.

    Those with fewer than `min_grey_levels` are removed afterwards and not replaced (3.5).

    Args:
        image: (H, W) uint8, stretched to [0, 255].
        breast: (H, W), as for `normal_origins`.
    """
    if image.shape != breast.shape:
        raise ValueError(f"expected a breast mask of the image's shape {image.shape}, got {breast.shape}")
    origins = normal_origins(breast, lesions, rng, size, count)
    windows = [image[y : y + size, x : x + size] for x, y in origins.tolist()]
    rich = [number for number, window in enumerate(windows) if grey_levels(window) >= min_grey_levels]
    patches = np.array([windows[number] for number in rich], dtype=np.uint8).reshape(-1, size, size)
    return patches, origins[rich]


def _unsigned(breast: NDArray[Any]) -> NDArray[np.uint8]:
    """Non-zero where `breast` is above 0, without a copy of masks and 8-bit images."""
    if breast.dtype == np.uint8:
        return breast
    mask = breast if breast.dtype == np.bool_ else np.asarray(breast > 0)
    return mask.view(np.uint8)


def _try(
    inside: NDArray[np.uint8],
    lesions: Sequence[Xyxy],
    frame: Xyxy,
    size: int,
    count: int,
    rng: np.random.Generator,
    found: list[tuple[int, int]],
) -> None:
    """Append to `found` what five batches of positions within `frame` give, until it holds `count`."""
    left, top, right, bottom = frame
    for _ in range(BATCHES):
        rows = rng.integers(top, bottom - size + 1, size=BATCH)
        columns = rng.integers(left, right - size + 1, size=BATCH)
        hopeful = np.flatnonzero(_probed(inside, rows, columns, size) & ~_touching(lesions, rows, columns, size))
        for x, y in zip(columns[hopeful].tolist(), rows[hopeful].tolist(), strict=True):
            if cv2.countNonZero(inside[y : y + size, x : x + size]) == size * size:
                found.append((x, y))
                if len(found) == count:
                    return


def _frame(inside: NDArray[np.uint8], size: int) -> Xyxy | None:
    """A box that holds every patch which is all breast; None where there is room for none.

    Such a patch shows its whole width in one of every `size`-th rows, and its whole height in one of every `size`-th
    columns, so that the breast's bounding box need not be sought in all pixels.
    """
    columns = np.flatnonzero(inside[::size].any(axis=0))
    rows = np.flatnonzero(inside[:, ::size].any(axis=1))
    if not columns.size or min(columns[-1] - columns[0], rows[-1] - rows[0]) + 1 < size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _bands(crop: NDArray[np.uint8], size: int) -> Iterator[Xyxy]:
    """Boxes that hold every patch of ones, from above; no two hold the same patch.

    Wherever a patch lies, a square of whole blocks lies in it, so that most of a slanted or speckled breast is counted
    out by a look at blocks.
    """
    side = max(1, size // _BLOCKS)
    across = (size - side + 1) // side  # blocks that any patch holds, in a row
    height, width = crop.shape[0] // side, crop.shape[1] // side
    lines = crop[: height * side, : width * side].reshape(height, side, -1).min(axis=1)
    whole = lines.reshape(height, width, side).min(axis=2)  # (height, width), 1 where a block is all ones
    squares = cv2.boxFilter(whole, cv2.CV_32S, (across, across), anchor=(0, 0), normalize=False)
    hopeful = squares[: height - across + 1, : width - across + 1] == across * across
    for first in range(0, len(hopeful), _BLOCKS):
        rows, columns = np.nonzero(hopeful[first : first + _BLOCKS])
        if rows.size:
            # The patches whose first whole block is one of these begin at it, or less than a block before it.
            x0, y0 = (max((int(at) - 1) * side + 1, 0) for at in (columns.min(), first + rows.min()))
            x1, y1 = (int(at) * side + size for at in (columns.max(), first + rows.max()))
            yield x0, y0, min(x1, crop.shape[1]), min(y1, crop.shape[0])


def _positions(frame: Xyxy, size: int) -> int:
    return (frame[2] - frame[0] - size + 1) * (frame[3] - frame[1] - size + 1)


def _probed(
    inside: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64], size: int
) -> NDArray[np.bool_]:
    """The patches with breast at every probe."""
    steps = np.linspace(0, size - 1, _PROBES).astype(np.int64)
    probes = inside[(rows[:, None] + steps)[:, :, None], (columns[:, None] + steps)[:, None, :]]  # (batch, 3, 3)
    return np.asarray(probes.all(axis=(1, 2)))


def _touching(
    lesions: Sequence[Xyxy], rows: NDArray[np.int64], columns: NDArray[np.int64], size: int
) -> NDArray[np.bool_]:
    """The patches that share a pixel with one of the boxes."""
    touching = np.zeros(rows.shape, dtype=bool)
    for x0, y0, x1, y1 in lesions:
        touching |= (columns < x1) & (columns + size > x0) & (rows < y1) & (rows + size > y0)
    return touching
