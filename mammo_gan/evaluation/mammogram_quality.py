"""Do synthetic mammograms look like real ones? The sliced Wasserstein distance, and five moments of their grey levels
(korkinof2019_mammogan, sections 3 and 5).

Everything is said of all synthetic images and, where some were pruned, of those that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.grey_levels import Images, Measured, Progress, measure
from mammo_gan.evaluation.lesion_quality import halves
from mammo_gan.evaluation.moments_comparison import compare_moments
from mammo_gan.evaluation.swd_comparison import Numbers, Side, compare_by_swd, no_pyramid
from mammo_gan.statistics.moments import Moments
from mammo_gan.synthesis.layout import write_table

# Groups of synthetic images: what values of theirs are named by, and how a reader knows them.
ALL, KEPT = "synthetic", "kept"
LABELS = {ALL: "whole synthesis", KEPT: "after pruning"}
MOMENTS = "moments.csv"


@dataclass(frozen=True)
class MammogramQuality:
    """Compares synthetic mammograms with real ones.

    Args:
        images: synthetic ones at most, the first of the set, and twice as many real ones, drawn at random, so that a
            half of them is as many; None = all. An image of 1280x1024 px takes 88 kB of memory.
        resamples: of patients, for the intervals of the moments' distances.
    """

    images: int | None
    resamples: int
    seed: int

    def compare(
        self,
        synthetic: Images,
        kept: NDArray[np.bool_],
        real: Images,
        patients: Sequence[str],
        folder: Path,
        progress: Progress = lambda items, total, description: items,
    ) -> list[dict[str, Any]]:
        """All values, each with name, label, value (None where it can't be measured), n, interval and note.

        Writes to `folder` moments.csv, a row for each image in each group that it belongs to: the real ones stand
        beside all synthetic ones and again beside those that are kept.

        Args:
            kept: (N,), of the synthetic images.
            patients: keyed hashes, one per real image.
        """
        rng = np.random.default_rng(self.seed)
        ours = range(len(synthetic))[: self.images]
        theirs = rng.permutation(len(real))[: None if self.images is None else 2 * self.images].tolist()
        owners = [patients[number] for number in theirs]
        made = measure(synthetic, ours, "measuring synthetic mammograms", progress, self._places(synthetic, 0))
        found = measure(real, theirs, "measuring real mammograms", progress, self._places(real, 1))
        groups = {ALL: np.arange(len(ours))}
        if (own := kept[: len(ours)]).any() and not own.all():
            groups[KEPT] = np.flatnonzero(own)
        _write_moments(folder / MOMENTS, made, found, groups)
        first, second = (Side(found.patches, half) for half in halves(owners, rng))
        sides = {name: (f"synthetic, {LABELS[name]}", Side(made.patches, own)) for name, own in groups.items()}
        distances = compare_by_swd(sides, (first, second), real.size, self.seed)
        return [*distances, *self._moments(made, found, groups, owners)]

    def _places(self, images: Images, stream: int) -> np.random.Generator | None:
        """Where patches lie, the sets apart; None where the images are too small to have any."""
        return None if no_pyramid(images.size) else np.random.default_rng([self.seed, stream])

    def _moments(
        self, made: Measured, found: Measured, groups: Mapping[str, Numbers], patients: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        real = Moments(*found.moments.T)
        for name, numbers in groups.items():
            rng = np.random.default_rng(self.seed)
            for value in compare_moments(real, Moments(*made.moments[numbers].T), patients, rng, self.resamples):
                distance, _, moment = value["name"].partition("/")
                label = f"{value['label']}, {LABELS[name]}"
                yield value | {"name": f"{distance}/{name}/{moment}", "label": label}


def _write_moments(path: Path, made: Measured, found: Measured, groups: Mapping[str, Numbers]) -> None:
    rows = []
    for name, numbers in groups.items():
        for origin, moments in (("real", found.moments), ("synthetic", made.moments[numbers])):
            for row in moments:
                values = dict(zip(Moments._fields, (f"{value:.7g}" for value in row), strict=True))
                rows.append({"set": origin, "label": LABELS[name], **values})
    write_table(path, ("set", "label", *Moments._fields), rows)
