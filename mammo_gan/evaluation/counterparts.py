"""Synthetic mammograms with real ones of the same view and density, to look at side by side (korkinof2019_mammogan,
Figure 3: "randomly sampled examples of real and generated MLO views")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Mammogram
from mammo_gan.data.image_store import ImageStore
from mammo_gan.evaluation.grey_levels import Images, Levels
from mammo_gan.imaging.geometry import resize_image
from mammo_gan.synthesis.layout import write_grey, write_table

PAIRS = "pairs.csv"


class Shown(NamedTuple):
    """What a real image shows, or what a synthetic one was asked for; None = unknown."""

    view: str | None
    density: str | None


class Pair(NamedTuple):
    """Places of a synthetic image and of a real one in their sets; `like` says what the two have in common."""

    synthetic: int
    real: int
    like: str


LIKENESS = ("", "view", "view and density")


def of_same_views(store: ImageStore, indices: NDArray[np.intp], synthetic: Sequence[Mammogram]) -> NDArray[np.intp]:
    """Those images of a store whose view some synthetic one was asked for; all where one was asked for none."""
    views = {record.view for record in synthetic}
    if None in views:
        return indices
    return indices[np.isin(store.column("view")[indices].astype(str), sorted(map(str, views)))]


def pair(synthetic: Sequence[Shown], real: Sequence[Shown], count: int, rng: np.random.Generator) -> list[Pair]:
    """`count` synthetic images drawn at random and unselected, or all where there are fewer, each with a real one.

    The real one is drawn from those of the same view and density, or failing that of the same view, or from all; of
    equals one that wasn't shown yet comes first. Without real images there are no pairs.
    """
    order: list[int] = rng.permutation(len(real)).tolist()
    used: set[int] = set()
    pairs = []
    for number in rng.permutation(len(synthetic))[: count if real else 0].tolist():
        likeness = {k: _likeness(synthetic[number], real[k]) for k in order}
        best = max(order, key=lambda k: (likeness[k], k not in used))
        used.add(best)
        pairs.append(Pair(number, best, LIKENESS[likeness[best]]))
    return pairs


def _likeness(asked: Shown, seen: Shown) -> int:
    """Place in LIKENESS; what is unknown is like nothing."""
    if asked.view is None or asked.view != seen.view:
        return 0
    return 2 if asked.density is not None and asked.density == seen.density else 1


def write_pairs(
    folder: Path,
    pairs: Sequence[Pair],
    images: tuple[Images, Images],
    shown: tuple[Sequence[Shown], Sequence[Shown]],
    size: tuple[int, int],
) -> None:
    """Write `synthetic_{k:03d}.png` and `real_{k:03d}.png`, 8-bit grey, and what each shows to pairs.csv.

    Args:
        images, shown: of the synthetic and of the real set.
        size: (height, width) of the pictures, px.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, (synthetic, real, like) in enumerate(pairs):
        for name, own, number in zip(("synthetic", "real"), images, (synthetic, real), strict=True):
            write_grey(folder / f"{name}_{k:03d}.png", _made_small(own[number], size))
        asked, seen = shown[0][synthetic], shown[1][real]
        rows.append(
            {
                "pair": f"{k:03d}",
                "view": asked.view,
                "density": asked.density,
                "real_view": seen.view,
                "real_density": seen.density,
                "like": like,
            }
        )
    write_table(folder / PAIRS, ("pair", "view", "density", "real_view", "real_density", "like"), rows)


def _made_small(levels: Levels, size: tuple[int, int]) -> Levels:
    """(h, w) float32 in [0, 1]."""
    return resize_image(np.asarray(levels / np.float32(np.iinfo(levels.dtype).max), np.float32), size)
