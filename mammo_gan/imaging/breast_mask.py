"""Where the breast is on a mammogram: without film background, labels, tape and bright scanning borders.

The search runs on a small copy of the image: a core that is surely bright is cut free of labels and strips, then
grows outwards through the fading skin line down to the level of the film background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

_SEARCH_SIZE = 256  # px, longer side of the copy that is searched; other lengths below are in its pixels
_OPENING_RADIUS = 3  # cuts labels, hairlines and folds off that touch the breast by a bridge of less than 7 px
_SKIN_REACH = 14  # the skin line fades out within this distance of the core
_MAX_STRIP = 0.25  # a bright border strip takes at most this share of the image's width or height
_WHITE = 0.9  # of the brightest pixel; film that light shone through is as bright as the image gets
_PADDING_LEVEL = 0.004  # below one grey level of 8 bits
_CORE_LEVEL = 0.2  # the core is brighter than background + 0.2 * (median of the breast - background)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Grey levels of the small copy, in [0, 1]."""

    background: float
    core: float


def nonzero_mask(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Every pixel above 0: (H, W) bool. The breast of a digital mammogram whose maker blackened all else.

    alyafi2019, 3.2: "a simple thresholding algorithm (I > 0)". The image is the stretched one, so black is its own
    minimum. On scanned film nearly everything is above 0: there, take `breast_mask`.
    """
    return np.asarray(image > 0)


def breast_mask(image: NDArray[np.generic]) -> NDArray[np.bool_]:
    """The breast, its holes filled; on an MLO view with the pectoral muscle, which `pectoral_muscle` tells from it.

    Args:
        image: (H, W) uint8, uint16 or float, dense tissue bright, background dark.

    Returns:
        (H, W) bool. All False for an image of one grey level. An image that holds nothing but tissue
        (a cut-out patch) has no background to tell the breast from, so don't ask for its mask.
    """
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"breast_mask takes one grey image (H, W), got shape {image.shape}")
    height, width = image.shape
    scale = _SEARCH_SIZE / max(height, width)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    source: NDArray[Any] = image if image.dtype in (np.uint8, np.uint16) else image.astype(np.float32)
    small = np.asarray(cv2.resize(source, small_size, interpolation=interpolation), dtype=np.float32)
    small -= small.min()
    if small.max() == 0:
        return np.zeros((height, width), dtype=bool)
    small = _blacken_strips(np.asarray(cv2.medianBlur(small / small.max(), 5), dtype=np.float32))
    mask = _find(small) if small.max() > 0 else np.zeros(small.shape, dtype=np.uint8)
    full = cv2.resize(255 * mask, (width, height), interpolation=cv2.INTER_LINEAR)  # soft steps between 0 and 255
    return np.asarray(full > 127)


def _find(small: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels = _levels(small)
    everything_bright = np.asarray(small > levels.core, dtype=np.uint8)
    bright = _opened(everything_bright, _OPENING_RADIUS)
    core = _breast_component(bright, small)
    if not core.any():
        return core
    skin_level = min(_film_level(small, everything_bright, levels) + 0.02, levels.core)
    # Labels and strips near the breast stay out of its reach, the thin ones that the opening took away as well.
    others = (bright - core) | (everything_bright & (cv2.dilate(core, _disk(2 * _OPENING_RADIUS)) == 0))
    others = cv2.dilate(others, _disk(_OPENING_RADIUS))
    reach = (cv2.dilate(core, _disk(_SKIN_REACH)) > 0) & (others == 0)
    grown = _opened(((small > skin_level) & reach).astype(np.uint8) | core, _OPENING_RADIUS - 1)
    return _filled(_component_over(grown, core))


def _levels(small: NDArray[np.float32]) -> _Levels:
    """Background and core level: Otsu on the square root, which puts the dark fatty rim on the breast's side."""
    split = float(threshold_otsu(np.sqrt(small))) ** 2  # type: ignore[no-untyped-call]
    dark, bright = small[small <= split], small[small > split]
    film = dark[dark > _PADDING_LEVEL]
    background = float(np.median(film)) if film.size > 0.02 * small.size else float(np.median(dark))
    return _Levels(background, background + _CORE_LEVEL * (float(np.median(bright)) - background))


def _film_level(small: NDArray[np.float32], bright: NDArray[np.uint8], levels: _Levels) -> float:
    """The level that film clear of everything bright hardly exceeds."""
    clear = small[cv2.dilate(bright, _disk(_SKIN_REACH)) == 0]
    # Pixels added around a film are blacker than film; they would pull the level down.
    film = clear[clear > _PADDING_LEVEL]
    for sample in (film, clear):
        if sample.size > 0.02 * small.size:
            return float(np.percentile(sample, 95))
    return levels.background


def _blacken_strips(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blackens bands along the border that are white over nearly their whole length.

    They are film margins that the scanner lit through. They end at a straight edge, behind which most of a line is
    darker; a breast that happens to be as white narrows down gradually.
    """
    cleared = small.copy()
    for lines, target in ((small, cleared), (small.T, cleared.T)):
        white = np.percentile(lines, 10, axis=1) > _WHITE
        mostly_white = np.median(lines, axis=1) > _WHITE
        target[: _strip_width(white, mostly_white)] = 0
        target[len(target) - _strip_width(white[::-1], mostly_white[::-1]) :] = 0
    return cleared


def _strip_width(white: NDArray[np.bool_], mostly_white: NDArray[np.bool_]) -> int:
    """Lines from the border to the far edge of its white strip; 0 without one. Both run from the border inwards."""
    start = int(np.argmax(white))
    if start > len(white) // 40 or not white[start]:  # a strip may begin a few black lines inside the image
        return 0
    end = start + int(np.argmin(white[start:])) + 3  # the blur has spread its edge
    if end > _MAX_STRIP * len(white) or white[start:].all() or mostly_white[end]:
        return 0
    return end


def _breast_component(bright: NDArray[np.uint8], small: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The largest component that isn't plain white, as labels and margins are; the largest where all are."""
    count, labelled, statistics, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
    if count == 1:
        return np.zeros_like(bright)
    areas = statistics[1:, cv2.CC_STAT_AREA].astype(np.float64)
    white = np.bincount(labelled[small > _WHITE + 0.05], minlength=count)[1:] / areas
    candidates = areas * (white < 0.7) if (white < 0.7).any() else areas
    return np.asarray(labelled == 1 + int(np.argmax(candidates)), dtype=np.uint8)


def _component_over(mask: NDArray[np.uint8], core: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The component of `mask` that covers most of `core`."""
    _, labelled = cv2.connectedComponents(mask, connectivity=4)
    covering = np.bincount(labelled[core > 0])
    covering[0] = 0
    return np.asarray((labelled == int(np.argmax(covering))) & (mask > 0), dtype=np.uint8)


def _filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, thickness=cv2.FILLED), dtype=np.uint8)


def _opened(mask: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    # Mirrored at the image's border, or a breast would be rounded off at the chest wall; a line of light along the
    # border stays as thin as twice its width, and goes.
    padded = cv2.copyMakeBorder(mask, radius, radius, radius, radius, cv2.BORDER_REFLECT)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, _disk(radius))
    return np.asarray(opened[radius:-radius, radius:-radius], dtype=np.uint8)


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)
