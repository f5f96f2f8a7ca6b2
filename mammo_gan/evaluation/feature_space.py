"""Where synthetic patches lie among real ones (alyafi2019, 5.2 and 9.3, Figures 10, 11, 13; alyafi2020, 4.1, Figure 2).

Patches of each group are drawn and embedded into a plane by t-SNE of their pixels, for the figure. A picture has no
p-value, so each group is also compared with the first in numbers: whose nearest neighbours are whose, and can a linear
model tell the two apart. Beside normal tissue, lesions among it are counted too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.evaluation.drawing import Drawn, Images, draw
from mammo_gan.evaluation.tsne import embed
from mammo_gan.evaluation.values import described
from mammo_gan.imaging.geometry import resize_image
from mammo_gan.statistics.logistic import fit
from mammo_gan.statistics.neighbours import mixing_rate
from mammo_gan.statistics.two_sample import FOLDS, separability

TABLE = "embedding.csv"
NORMAL = "normal"  # the group that lesions are outliers in
SMALL = 32  # px a side of the patches that the linear model sees: a thousand pixels, whatever the patches' size


@dataclass(frozen=True)
class FeatureSpace:
    """Draws, embeds and measures groups of patches.

    Args:
        counts: patches of each group, in the order of the points. The first is what the others are compared with.
        share: of `counts` and of `perplexity` that is taken, for a smaller figure of the same proportions.
        flips: as for `drawing.draw`.
        permutations: of who is of which group, for the mixing rate's range.
        jobs: threads; -1 = all cores.

    Raises:
        UserError: no group, a count below 1, or a share that is no share.
    """

    counts: Mapping[str, int]
    perplexity: float
    iterations: int
    seed: int
    share: float = 1.0
    flips: Mapping[str, str] = field(default_factory=dict)
    permutations: int = 999
    jobs: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError(f"feature space: expected a share above 0 and at most 1, found share={self.share:g}")
        if min(self.counts.values(), default=0) < 1:
            raise UserError(f"feature space: expected groups of 1 patch or more, found counts={dict(self.counts)}")

    def compare(
        self, groups: Mapping[str, Images], folder: Path, patients: Mapping[str, Sequence[str]] | None = None
    ) -> list[dict[str, Any]]:
        """All values, each with name, label, value (None where it can't be measured), n, interval and note.

        Writes embedding.csv to `folder`: a row per point with its group, its place in the group, x and y.

        Args:
            patients: keyed hashes, one per patch of a group; patches of groups without count as independent.

        Raises:
            UserError: a group isn't there, or the points are too few for the perplexity.
        """
        perplexity = self.perplexity * self.share
        asked = {name: max(1, round(count * self.share)) for name, count in self.counts.items()}
        drawn = draw(groups, asked, self.flips, self.seed, patients)
        images = np.concatenate([_flat(group.images) for group in drawn.values() if len(group)] or [np.empty((0, 1))])
        embedding = embed(images, perplexity=perplexity, iterations=self.iterations, seed=self.seed, jobs=self.jobs)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / TABLE, drawn, embedding.points)
        ends = np.cumsum([len(group) for group in drawn.values()])
        places = dict(zip(drawn, np.split(embedding.points, ends[:-1]), strict=True))
        first, *others = drawn
        return [
            *(_points(name, group) for name, group in drawn.items()),
            described(
                "tsne_divergence",
                "t-SNE: Kullback-Leibler divergence of the embedding",
                embedding.divergence,
                n=len(images),
                unit="nats",
                note=f"perplexity {perplexity:g}, {self.iterations:,} iterations",
            ),
            *(value for other in others for value in self._pair(first, other, drawn, places)),
            *_outliers(first, places),
        ]

    def _pair(
        self, first: str, other: str, drawn: Mapping[str, Drawn], places: Mapping[str, NDArray[np.float64]]
    ) -> Iterator[dict[str, Any]]:
        one, two = drawn[first], drawn[other]
        pair = f"{first}_{other}"
        for space, where, a, b in (
            ("pixels", "in the pixels", one.images, two.images),
            ("tsne", "in the t-SNE plane", places[first], places[other]),
        ):
            label = f"nearest neighbour of the other set, {where}: {first} and {other}"
            yield self._mixing(f"neighbour_mixing/{space}/{pair}", label, a, b)
        label = f"AUC of a linear model that tells {first} from {other}"
        yield self._separability(f"two_sample_auc/pixels_{SMALL}/{pair}", label, one, two)

    def _mixing(self, name: str, label: str, one: NDArray[Any], two: NDArray[Any]) -> dict[str, Any]:
        count = len(one) + len(two)
        if not len(one) or not len(two) or count < 3:
            return described(name, label, None, n=count, note=f"needs both sets; there are {len(one)} and {len(two)}")
        mixing = mixing_rate(_flat(one), _flat(two), np.random.default_rng(self.seed), self.permutations)
        note = (
            f"sets drawn alike: {mixing.expected:.3f} ({mixing.low:.3f} to {mixing.high:.3f} in 95 %), "
            f"p = {mixing.p_value:.3g}; lower = apart, higher = copies"
        )
        return described(name, label, mixing.rate, n=count, note=note)

    def _separability(self, name: str, label: str, one: Drawn, two: Drawn) -> dict[str, Any]:
        owners = [len(set(group.owners)) for group in (one, two)]
        count = len(one) + len(two)
        if min(owners) < FOLDS:
            note = f"needs patches of {FOLDS} patients in both sets; there are {owners[0]} and {owners[1]}"
            return described(name, label, None, n=count, note=note)
        found = separability(
            _small(one.images), _small(two.images), np.random.default_rng(self.seed), one.owners, two.owners
        )
        note = f"0.5 = can't be told apart; pixels averaged to {SMALL} x {SMALL}, {FOLDS}-fold by patient"
        return described(name, label, found.auc, n=count, interval=found.interval, note=note)


def _flat(images: NDArray[Any]) -> NDArray[Any]:
    """(N, ...) -> (N, D), of no group that is empty."""
    return images.reshape(len(images), -1)


def _small(images: NDArray[np.float32]) -> NDArray[Any]:
    """(N, H, W) -> (N, 32 * 32), averaged; as they are where they aren't larger."""
    if max(images.shape[1:]) <= SMALL:
        return _flat(images)
    return _flat(np.stack([resize_image(image, (SMALL, SMALL)) for image in images]))


def _points(name: str, group: Drawn) -> dict[str, Any]:
    count = len(group)
    note = f"as asked, of {group.there:,}" if count == group.asked else f"asked {group.asked:,}, there are {count:,}"
    return described(f"tsne_points/{name}", f"t-SNE: points, {name}", count, n=count, note=note)


def _outliers(first: str, places: Mapping[str, NDArray[np.float64]]) -> Iterator[dict[str, Any]]:
    """Lesions "on the side of the triangles" (alyafi2020, 5.1; alyafi2019, 6: "a linear boundary can separate")."""
    lesions, normal = places[first], places.get(NORMAL, np.empty((0, 2)))
    if not len(lesions) or not len(normal):
        return
    line = fit(np.concatenate([lesions, normal]), np.repeat([False, True], [len(lesions), len(normal)]))
    middle = np.log(len(normal) / len(lesions))  # where the line lies if both have the same weight, however many
    for name, points in places.items():
        if name != NORMAL and len(points):
            beyond = int((line.scores(points) > middle).sum())
            yield described(
                f"tsne_outliers/{name}",
                f"share of {name} patches on normal tissue's side, in the t-SNE plane",
                beyond / len(points),
                n=len(points),
                note=f"{beyond:,} beyond the line that parts {first} patches from normal tissue best, by logistic "
                "regression",
            )


def _write(path: Path, drawn: Mapping[str, Drawn], points: NDArray[np.float64]) -> None:
    sources = [(name, number) for name, group in drawn.items() for number in group.numbers.tolist()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("group", "index", "x", "y"))
        writer.writerows((*source, f"{x:.7g}", f"{y:.7g}") for source, (x, y) in zip(sources, points, strict=True))
