"""From stored values to grey levels: Modality LUT, VOI LUT or window, polarity (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

All of it is worked out once per value that a pixel can hold, so that an image costs one look-up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from mammo_gan.errors import UserError

WHITE = 65535
_Values = NDArray[np.float64]


def grey_levels(path: Path, dataset: FileDataset) -> NDArray[np.uint16]:
    """(2**BitsStored,) uint16, by the value's bits as `stored_bits` gives them; 65535 is the densest tissue.

    A window's black and white are 0 and 65535, and so are a LUT's least and greatest possible output, whether or not
    a pixel reaches them: images with one window stay comparable. Without either (FOR PROCESSING) black and white are
    the ends of the file's depth: such an image isn't meant to be looked at (C.8.11.1.1.1), and a stretch by its own
    percentiles, as viewers do, would take from it the one scale that it has.

    Raises:
        UserError: a window or LUT that breaks the standard's rules, or that makes all values the same.
    """
    try:
        values = _values(dataset)
        padding = _padding(dataset, values)
        levels = _voi(dataset, _modality(dataset, values), padding)
    except Exception as error:  # a header with broken fields raises whatever it trips over
        raise UserError(f"{path}: its window or LUT can't be applied ({error}); export the image again") from error
    kept = levels[~padding]
    if not (np.isfinite(kept).all() and kept.min(initial=np.inf) < kept.max(initial=-np.inf)):
        raise UserError(f"{path}: expected a window or LUT that tells grey levels apart, found one that doesn't")
    # Presentation LUT Shape only repeats this (C.8.11.3: INVERSE goes with MONOCHROME1, IDENTITY with MONOCHROME2), so
    # it doesn't invert again. Where the two differ, known cases have the wrong shape (dcm4chee-arc-light, #3155).
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        levels = 1 - levels
    levels[padding] = 0
    return np.rint(np.clip(levels, 0, 1) * WHITE).astype(np.uint16)


def _values(dataset: Dataset) -> _Values:
    """What each pattern of BitsStored bits means."""
    count = 2 ** int(dataset.BitsStored)
    values = np.arange(count, dtype=np.float64)
    if dataset.PixelRepresentation == 1:
        values[count // 2 :] -= count
    return values


def _padding(dataset: Dataset, values: _Values) -> NDArray[np.bool_]:
    """Which values mark pixels that were never exposed (C.7.5.1.1.2); the ends of a range come in either order."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(values), dtype=bool)
    last = dataset.get("PixelPaddingRangeLimit")
    ends = [_as_signed(int(end), values.min() < 0) for end in (first, first if last is None else last)]
    return np.asarray((values >= min(ends)) & (values <= max(ends)))


def _as_signed(value: int, signed: bool) -> int:
    """Of an element whose type follows the pixels' (US or SS) and was written as the other."""
    if signed:
        return value - 65536 if value > 32767 else value
    return value + 65536 if value < 0 else value


def _modality(dataset: Dataset, values: _Values) -> _Values:
    if dataset.get("ModalityLUTSequence"):
        return _look_up(dataset, dataset.ModalityLUTSequence[0], values)[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None and intercept is None:
        return values
    return np.asarray(values * float(1 if slope is None else slope) + float(intercept or 0))


def _voi(dataset: Dataset, values: _Values, padding: NDArray[np.bool_]) -> _Values:
    """0 is black, 1 is white. A LUT is preferred to a window, and of several the first: it's the maker's own choice."""
    if dataset.get("VOILUTSequence"):
        shown, white = _look_up(dataset, dataset.VOILUTSequence[0], values)
        return np.asarray(shown / white)
    center, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if center is not None and width is not None:
        return _window(values, center, width, str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper())
    black, white = values[~padding].min(initial=np.inf), values[~padding].max(initial=-np.inf)
    if not white > black:
        raise ValueError("all values are padding")
    return np.asarray((values - black) / (white - black))


def _window(values: _Values, center: float, width: float, function: str) -> _Values:
    """C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, for black 0 and white 1."""
    if not (np.isfinite(center) and np.isfinite(width)):
        raise ValueError(f"a window of centre {center} and width {width}")
    if function == "SIGMOID" and width > 0:
        exponent = np.clip(-4 * (values - center) / width, -700, 700)  # beyond, exp overflows
        return np.asarray(1 / (1 + np.exp(exponent)))
    if function == "LINEAR_EXACT" and width > 0:
        return np.asarray(np.clip((values - center) / width + 0.5, 0, 1))
    if function == "LINEAR" and width > 1:
        return np.asarray(np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1))
    if function == "LINEAR" and width == 1:
        return np.asarray(values > center - 0.5, dtype=np.float64)
    raise ValueError(f"a window of function {function} and width {width:g}")


def _first(dataset: Dataset, name: str) -> float | None:
    value = dataset.get(name)
    if value is None or isinstance(value, str):
        return float(value) if value else None
    return float(value[0] if hasattr(value, "__len__") else value) if np.size(value) else None


def _look_up(dataset: Dataset, item: Dataset, values: _Values) -> tuple[_Values, float]:
    """Entries for `values`, and the greatest that the table could hold (C.11.1.1, C.11.2.1.1)."""
    count, first, depth = (int(number) for number in item.LUTDescriptor)
    count = count or 65536  # which 16 bits can't say
    entries = _entries(dataset, item, count)
    at = np.clip(np.rint(values) - _as_signed(first, values.min() < 0), 0, count - 1).astype(np.int64)
    # Some makers understate the depth; a table can't be deeper than its entries need.
    white = 2.0 ** max(depth, int(entries.max()).bit_length()) - 1
    return entries[at].astype(np.float64), white


def _entries(dataset: Dataset, item: Dataset, count: int) -> NDArray[np.integer]:
    data = item.LUTData
    if isinstance(data, bytes):  # OW
        order = "<" if dataset.original_encoding[1] is not False else ">"
        wide = len(data) >= 2 * count
        entries: NDArray[np.integer] = np.frombuffer(data, f"{order}u2" if wide else "u1")[:count]
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64))[:count]
    if len(entries) != count:
        raise ValueError(f"a LUT of {count} entries holds {len(entries)}")
    return entries
