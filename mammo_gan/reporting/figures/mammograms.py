"""Whole mammograms: synthetic ones beside real ones (korkinof2019_mammogan, Figure 3), and those that lie farthest from
the real."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.contact_sheet import contact_sheet
from mammo_gan.reporting.figures.style import LIGHT, Theme
from mammo_gan.reporting.figures.table import numbers, read_columns

_APART = 0.006  # of a picture's height, between the two of a pair
_GROUND = 255

Grey = NDArray[np.uint8]


def pair_sheet(sample: Path, theme: Theme = LIGHT) -> bytes:
    """PNG of pairs, the synthetic mammogram on the left and the real one on the right, each under what both show.

    Args:
        sample: a folder with pairs.csv, `synthetic_{k:03d}.png` and `real_{k:03d}.png`, all of one size.

    Raises:
        UserError: the table or a picture is missing or broken.
    """
    table = read_columns(sample / "pairs.csv", ("pair", "view", "density", "real_view", "real_density"))
    pictures = []
    for name, *said in zip(*(table[column] for column in ("pair", "view", "density", "real_view", "real_density")),
                           strict=True):  # fmt: skip
        synthetic, real = (_grey(sample / f"{origin}_{name}.png") for origin in ("synthetic", "real"))
        gap = np.full((len(real), max(1, round(_APART * len(real)))), _GROUND, np.uint8)
        asked, seen = _shows(*said[:2]), _shows(*said[2:])
        label = f"synthetic, real: {asked}" if asked == seen else f"synthetic: {asked}; real: {seen}"
        pictures.append((np.concatenate([synthetic, gap, real], axis=1), label))
    return contact_sheet(pictures, theme)


def outlier_sheet(pruning: Path, synthesised: Path, count: int, theme: Theme = LIGHT) -> bytes | None:
    """PNG of up to `count` pruned images, the farthest first, with the moment that tells most; None if none was pruned.

    Args:
        pruning: pruning.csv of the stage prune.
        synthesised: the folder of the stage synthesize.

    Raises:
        UserError: the table or a picture is missing or broken.
    """
    pictures = [(_grey(synthesised / name), label) for name, label in islice(_outliers(pruning), count)]
    return contact_sheet(pictures, theme) if pictures else None


def _outliers(pruning: Path) -> Iterator[tuple[str, str]]:
    """File and label of each pruned image, the farthest first."""
    table = read_columns(pruning, ("image", "kept", "distance", "farthest"))
    distances = numbers(table["distance"])
    for row in np.argsort(-distances, kind="stable").tolist():
        if table["kept"][row] == "no":
            moment = table["farthest"][row]
            (deviation,) = numbers([table[moment][row]])
            known = np.isfinite(deviation)
            yield table["image"][row], f"{moment} {deviation:+.1f} SD" if known else f"no {moment}"


def _shows(view: str, density: str) -> str:
    return f"{view or 'view unknown'}, {f'density {density}' if density else 'density unknown'}"


def _grey(path: Path) -> Grey:
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: expected a mammogram, found {error}; run the stage that writes it again") from error
