"""Do synthetic patches look like real ones? Grey-level moments, feature distance and the seam of the mask.

Per class, three sets are compared: synthetic patches (whose parents are of the training split), real patches of the
training split, and real patches of the held-out splits. A distance of synthetic from held-out patches means
something beside the same distance of real training patches from them, the floor: both are taken over equally many
patches, for a distance between small sets is large even where both are drawn alike.

The context of an infilled patch is close to a copy, so moments within the mask say more than those of the whole
patch; both are given. Means are published with intervals over resampled patients.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.evaluation.measurement import MOMENTS, Measured, measure, real_patches, synthetic_patches
from mammo_gan.evaluation.values import described
from mammo_gan.metrics.feature_distance import PooledMaps
from mammo_gan.statistics.bootstrap import ratio_by_patient
from mammo_gan.statistics.frechet import frechet_distance_of_features
from mammo_gan.statistics.shift import shift
from mammo_gan.synthesis.reading import SyntheticSet

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

CLASS_NAMES = {MALIGNANT: "malignant", NON_MALIGNANT: "non-malignant"}
SYNTHETIC, TRAINING, HELD_OUT = "synthetic", "training", "held-out"
REGIONS = {"whole": "whole patch", "in_mask": "within the mask"}


@dataclass(frozen=True)
class ImageQuality:
    """Compares a synthetic set with the real patches of a store.

    Args:
        network: VGG-19 as from `weights.vgg19_features`: its last map is pool3. Where its `provenance` says that the
            weights are random, the distance's name ends in `_random_features`.
        held_out: splits that the generator wasn't trained on.
        limit: patches of each set and class at most, drawn at random; None = all.
        band: px beside the mask's edge that its step is compared with.
        resamples: of patients, for the intervals.
    """

    network: nn.Module
    held_out: tuple[SplitName, ...]
    limit: int | None
    band: int
    resamples: int
    batch_size: int
    seed: int
    device: torch.device | str = "cpu"

    def compare(
        self,
        synthetic: SyntheticSet,
        store: PatchStore,
        folder: Path,
        progress: Progress = lambda items, total, description: items,
    ) -> list[dict[str, Any]]:
        """All values, each with name, label, value (None where it can't be measured), n, interval and note.

        Writes to `folder` what is behind them: moments.csv and moments_in_mask.csv, a row per patch, and means.csv,
        the means of each set with their intervals.
        """
        sets = {label: self._measure(synthetic, store, label, progress) for label in CLASS_NAMES}
        self._write(folder, sets)
        values: list[dict[str, Any]] = []
        for label, measured in sets.items():
            values.extend(self._feature_distances(label, measured))
            values.extend(self._moment_distances(label, measured))
            values.extend(self._seams(label, measured))
        return values

    def _measure(
        self, synthetic: SyntheticSet, store: PatchStore, label: int, progress: Progress
    ) -> dict[str, Measured]:
        groups = {
            SYNTHETIC: synthetic_patches(synthetic, label, self.limit, self.seed),
            TRAINING: real_patches(store, ("train",), label, self.limit, self.seed),
            HELD_OUT: real_patches(store, self.held_out, label, self.limit, self.seed),
        }
        measured = {}
        for name, group in groups.items():
            patches = progress(group, len(group), f"measuring {CLASS_NAMES[label]} patches, {name}")
            measured[name] = measure(
                patches, PooledMaps(self.network), band=self.band, batch_size=self.batch_size, device=self.device
            )
        return measured

    def _feature_distances(self, label: int, sets: dict[str, Measured]) -> Iterator[dict[str, Any]]:
        provenance: Any = self.network.provenance
        name = "frechet_vgg19_pool3_random_features" if provenance.random else "frechet_vgg19_pool3"
        count = _equal_number(sets)
        floor = _frechet(sets[TRAINING].features[:count], sets[HELD_OUT].features)
        for first, second in ((SYNTHETIC, HELD_OUT), (TRAINING, HELD_OUT), (SYNTHETIC, TRAINING)):
            one, other = sets[first].features[:count], sets[second].features
            value = _frechet(one, other)
            note = f"{len(one)} against {len(other)} patches"
            if value is None:
                note = f"needs two patches on each side; there are {note}"
            elif first == TRAINING:
                note = f"real against real, the floor; {note}"
            elif second == HELD_OUT and floor:
                note = f"{value / floor:.3g} times the floor; {note}"
            yield described(
                f"{name}/{CLASS_NAMES[label]}/{first}_{second}",
                f"feature distance, {CLASS_NAMES[label]}: {first} against {second}",
                value,
                n=len(one),
                note=note,
            )

    def _moment_distances(self, label: int, sets: dict[str, Measured]) -> Iterator[dict[str, Any]]:
        count = _equal_number(sets)
        for region, where in REGIONS.items():
            columns = {name: getattr(measured, region) for name, measured in sets.items()}
            for k, moment in enumerate(MOMENTS):
                real = columns[HELD_OUT][:, k]
                value = shift(columns[SYNTHETIC][:count, k], real)
                floor = shift(columns[TRAINING][:count, k], real)
                yield described(
                    f"moment_shift/{CLASS_NAMES[label]}/{region}/{moment}",
                    f"{moment} {where}, {CLASS_NAMES[label]}: synthetic from held-out",
                    value,
                    n=count,
                    unit="SD",
                    note="no patches to compare, or no spread among the real ones"
                    if value is None
                    else "Wasserstein distance over the real standard deviation"
                    + (f"; real from real {floor:.3g}" if floor is not None else ""),
                )

    def _seams(self, label: int, sets: dict[str, Measured]) -> Iterator[dict[str, Any]]:
        for name, measured in sets.items():
            usable = np.isfinite(measured.across) & np.isfinite(measured.beside)
            across, beside = measured.across[usable], measured.beside[usable]
            value = float(across.sum() / beside.sum()) if beside.sum() > 0 else None
            patients = [patient for patient, keep in zip(measured.patients, usable, strict=True) if keep]
            yield described(
                f"boundary_step/{CLASS_NAMES[label]}/{name}",
                f"step across the mask's edge over steps beside it, {CLASS_NAMES[label]}: {name}",
                value,
                n=int(usable.sum()),
                interval=self._interval(across, beside, patients) if value is not None else None,
                note="1 = no seam" if value is not None else "no patch with an edge of its mask",
            )

    def _interval(
        self, numerator: NDArray[np.float64], denominator: NDArray[np.float64], patients: Sequence[str]
    ) -> tuple[float, float] | None:
        rng = np.random.default_rng(self.seed)
        return ratio_by_patient(numerator, denominator, patients, rng, self.resamples)

    def _write(self, folder: Path, sets: dict[int, dict[str, Measured]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        groups = [
            (_set_and_split(name), CLASS_NAMES[label], measured)
            for label, group in sets.items()
            for name, measured in group.items()
        ]
        for region, file in (("whole", "moments.csv"), ("in_mask", "moments_in_mask.csv")):
            rows = [
                (*source, label, *(f"{value:.7g}" for value in row))
                for source, label, measured in groups
                for row in getattr(measured, region)
            ]
            _write_table(folder / file, ("set", "split", "label", *MOMENTS), rows)
        columns = ("set", "split", "label", "region", "moment", "mean", "low", "high", "patches", "patients")
        means = [
            (*source, label, *row) for source, label, measured in groups for row in self._means(measured) if measured
        ]
        _write_table(folder / "means.csv", columns, means)

    def _means(self, measured: Measured) -> Iterator[tuple[Any, ...]]:
        """region, moment, mean, low, high, patches, patients."""
        for region in REGIONS:
            for k, moment in enumerate(MOMENTS):
                values = getattr(measured, region)[:, k]
                usable = np.isfinite(values)
                patients = [patient for patient, keep in zip(measured.patients, usable, strict=True) if keep]
                if not patients:
                    continue
                low, high = self._interval(values[usable], np.ones(len(patients)), patients) or ("", "")
                yield region, moment, values[usable].mean(), low, high, len(patients), len(set(patients))


def _equal_number(sets: dict[str, Measured]) -> int:
    """Patches of the synthetic and of the training set that are compared with the held-out one."""
    return min(len(sets[SYNTHETIC]), len(sets[TRAINING])) or len(sets[SYNTHETIC])


def _frechet(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    return frechet_distance_of_features(one, other) if min(len(one), len(other)) > 1 else None


def _set_and_split(name: str) -> tuple[str, str]:
    return ("synthetic", "") if name == SYNTHETIC else ("real", name)


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
