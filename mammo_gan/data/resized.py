"""A mammogram made ready for cutting: fitted into the limit, in 8 bits, with its breast and its lesions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.geometry import Xyxy, fit_within, mask_box, resize_image, resize_mask, scale_box, scaled_shape


@dataclass(frozen=True, slots=True)
class Area:
    """One lesion on the resized image.

    `mask` is (y1 - y0, x1 - x0) bool, the lesion within `box`; all True where the archive gives a box alone.
    """

    box: Xyxy
    mask: NDArray[np.bool_]
    outlined: bool  # False: only a box is known

    def drawn(self, shape: tuple[int, int], left: int = 0, top: int = 0) -> NDArray[np.bool_]:
        """(H, W) bool: the lesion on a window of `shape` whose upper left pixel is (left, top) of the image."""
        canvas = np.zeros(shape, dtype=bool)
        x0, y0, x1, y1 = self.box
        into_x0, into_y0 = max(x0 - left, 0), max(y0 - top, 0)
        into_x1, into_y1 = min(x1 - left, shape[1]), min(y1 - top, shape[0])
        if into_x0 < into_x1 and into_y0 < into_y1:
            rows = slice(into_y0 + top - y0, into_y1 + top - y0)
            columns = slice(into_x0 + left - x0, into_x1 + left - x0)
            canvas[into_y0:into_y1, into_x0:into_x1] = self.mask[rows, columns]
        return canvas


@dataclass(frozen=True, slots=True)
class Resized:
    """image: (H, W) uint8; breast: (H, W) bool; areas: one per lesion of the record, None where none is known."""

    image: NDArray[np.uint8]
    breast: NDArray[np.bool_]
    areas: tuple[Area | None, ...]
    scale: float


def resize(reader: Reader, root: Path, mammogram: Mammogram, fit_height: int, fit_width: int) -> Resized:
    """Read a mammogram and fit it into `fit_height` x `fit_width` px, aspect kept (wu2018, 3.1: 1375x750)."""
    pixels: NDArray[Any] = reader.pixels(root, mammogram)
    height, width = pixels.shape
    scale = fit_within(height, width, fit_height, fit_width)
    shape = scaled_shape(height, width, scale)
    image = to_8_bits(resize_image(pixels, shape))
    # An image that was cut out of a mammogram shows tissue from edge to edge.
    breast = np.ones(shape, dtype=bool) if mammogram.extent == "patch" else breast_mask(image)
    areas = []
    for lesion in mammogram.lesions:
        area = None
        if lesion.has_mask:
            area = _outlined(resize_mask(reader.mask(root, mammogram, lesion), shape))
        if area is None and lesion.box is not None:
            box = lesion.box
            x0, y0, x1, y1 = scale_box((box.x0, box.y0, box.x1, box.y1), scale, shape)
            area = Area((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), dtype=bool), outlined=False)
        areas.append(area)
    return Resized(image, breast, tuple(areas), scale)


def to_8_bits(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(H, W) -> uint8, the darkest pixel 0 and the brightest 255.

    # Assumption: wu2018 gives no intensities beyond "values between 0 and 1" for the noise (2.1); each image is
    # scaled by its own minimum and maximum after resizing, as published pipelines do.
    """
    values = image.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.zeros(image.shape, dtype=np.uint8)
    return np.asarray(np.rint((values - low) * (255 / (high - low))), dtype=np.uint8)


def save(resized: Resized, path: Path) -> None:
    """Keep a resized mammogram for the second pass, without compression: it is read once, soon."""
    arrays: dict[str, NDArray[Any]] = {"image": resized.image, "breast": resized.breast}
    arrays["scale"] = np.array(resized.scale)
    arrays["count"] = np.array(len(resized.areas))
    for number, area in enumerate(resized.areas):
        if area is not None:
            arrays[f"box{number}"] = np.array(area.box)
            arrays[f"mask{number}"] = area.mask
            arrays[f"outlined{number}"] = np.array(area.outlined)
    with path.open("wb") as file:  # a path would be given the ending .npz
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> Resized:
    """What `save` has kept."""
    with np.load(path, allow_pickle=False) as kept:
        areas: list[Area | None] = []
        for number in range(int(kept["count"])):
            area = None
            if f"box{number}" in kept:
                x0, y0, x1, y1 = (int(value) for value in kept[f"box{number}"])
                area = Area((x0, y0, x1, y1), kept[f"mask{number}"], bool(kept[f"outlined{number}"]))
            areas.append(area)
        return Resized(kept["image"], kept["breast"], tuple(areas), float(kept["scale"]))


def _outlined(mask: NDArray[np.bool_]) -> Area | None:
    box = mask_box(mask)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    return Area(box, mask[y0:y1, x0:x1].copy(), outlined=True)
