"""Do patches drawn from noise look like real ones? FID, KID, and the checkerboard (alyafi2019_dcgan, 4.3.1 and 4.4.1).

A distance means something beside two others: that of real patches from real ones of other patients, the floor, and that
of noise from real ones, the ceiling. All three are taken over equally many patches, half of the real ones on either
side, for the FID of small sets is large even where both are drawn alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mammo_gan.evaluation.drawing import Images
from mammo_gan.evaluation.values import described
from mammo_gan.metrics.names import COMPLETE
from mammo_gan.statistics.checkerboard import checkerboard
from mammo_gan.statistics.frechet import frechet_distance_of_features
from mammo_gan.statistics.kernel import kernel_distance

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
Features = Mapping[int, NDArray[np.float64]]  # (N, size) by size

REAL, SYNTHETIC, NOISE = "real", "synthetic", "noise"
LEAST_BINS = 5  # between two of a checkerboard's frequencies


class Tapped(Protocol):
    """A network such as Inception, whose features are taken at several depths."""

    def to(self, device: torch.device | str, /) -> Any: ...

    def taps(self, image: Tensor) -> Mapping[int, Tensor]:
        """(B, 1, H, W) float32 in [0, 1] -> features (B, size) by size."""
        ...


@dataclass(frozen=True)
class LesionQuality:
    """Compares synthetic patches with real ones.

    Args:
        network: in eval mode; its features of each size are compared.
        fid_name: what the FID over so many of its features may be called.
        periods: of a checkerboard, px.
        limit: patches of each set at most, drawn at random; None = all.
    """

    network: Tapped
    fid_name: Callable[[int], str]
    periods: Sequence[int]
    limit: int | None
    batch_size: int
    seed: int
    device: torch.device | str = "cpu"

    def compare(
        self,
        synthetic: Images,
        real: Images,
        patients: Sequence[str],
        progress: Progress = lambda items, total, description: items,
    ) -> list[dict[str, Any]]:
        """All values, each with name, label, value (None where it can't be measured), n, interval and note.

        Args:
            patients: keyed hashes, one per real patch.
        """
        rng = np.random.default_rng(self.seed)
        chosen = {
            name: rng.permutation(len(images))[: self.limit].tolist()
            for name, images in ((REAL, real), (SYNTHETIC, synthetic))
        }
        pictures = {
            REAL: np.stack([real[k] for k in chosen[REAL]]),  # (N, H, W)
            SYNTHETIC: np.stack([synthetic[k] for k in chosen[SYNTHETIC]]),
        }
        one, other = halves([patients[k] for k in chosen[REAL]], rng)
        pictures[NOISE] = rng.random((len(one), *pictures[REAL].shape[1:]), np.float32)
        features = {name: self._features(images, name, progress) for name, images in pictures.items()}
        return [*self._distances(features, one, other), *self._checkerboards(pictures)]

    def _features(self, images: NDArray[np.float32], name: str, progress: Progress) -> Features:
        network = self.network.to(self.device)
        starts = range(0, len(images), self.batch_size)
        parts: dict[int, list[NDArray[np.float64]]] = {}
        for start in progress(starts, len(starts), f"features of {name} patches"):
            batch = torch.from_numpy(images[start : start + self.batch_size])[:, None].to(self.device)
            with torch.inference_mode():
                for size, values in network.taps(batch).items():
                    parts.setdefault(size, []).append(values.double().cpu().numpy())
        return {size: np.concatenate(groups) for size, groups in parts.items()}

    def _distances(
        self, features: Mapping[str, Features], one: NDArray[np.intp], other: NDArray[np.intp]
    ) -> Iterator[dict[str, Any]]:
        for size, real in features[REAL].items():
            synthetic, noise = features[SYNTHETIC][size], features[NOISE].get(size, real[:0])
            against = real[other]
            for name, label, first, second in (
                ("real_real", "real against real of other patients, the floor", real[one], against),
                ("synthetic_real", "synthetic against real", synthetic[: len(one)], against),
                ("noise_real", "noise against real, the ceiling", noise, against),
                ("synthetic_all", "all synthetic against all real", synthetic, real),
            ):
                yield from self._distance(size, name, label, first, second)

    def _distance(
        self, size: int, pair: str, label: str, first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> Iterator[dict[str, Any]]:
        fid = self.fid_name(size)
        sizes = f"{len(first):,} against {len(second):,} patches"
        measurable = min(len(first), len(second)) > 1
        missing = f"needs two patches on each side; there are {sizes}"
        value = frechet_distance_of_features(first, second) if measurable else None
        features = f"{size} features" + ("" if size == COMPLETE else ", a part of Inception")
        yield described(
            f"{fid}/{pair}",
            f"FID over {features}: {label}",
            value,
            n=len(first),
            note=sizes if measurable else missing,
        )
        kernel = kernel_distance(first, second, np.random.default_rng(self.seed)) if measurable else None
        deviation = None if kernel is None else kernel.deviation
        spread = "" if deviation is None else f"; standard deviation over subsets {deviation:.3g}"
        yield described(
            f"{fid.replace('fid', 'kid', 1)}/{pair}",
            f"KID over {features}: {label}",
            None if kernel is None else kernel.mean,
            n=len(first),
            note=sizes + spread if measurable else missing,
        )

    def _checkerboards(self, pictures: Mapping[str, NDArray[np.float32]]) -> Iterator[dict[str, Any]]:
        for period in self.periods:
            for name in (REAL, SYNTHETIC):
                images = pictures[name]
                label = f"checkerboard of {period} px: its power over its neighbours', {name}"
                if images.shape[-1] < LEAST_BINS * period or images.shape[-1] % period:
                    value, note = None, f"needs patches of {LEAST_BINS * period} px or more, a multiple of the period"
                else:
                    found = checkerboard(images, period)
                    value = found.ratio if np.isfinite(found.ratio) else None
                    note = f"1 = none; {found.share:.3g} of the variance" if value is not None else "constant patches"
                yield described(f"checkerboard/{period}px/{name}", label, value, n=len(images), note=note)


def halves(patients: Sequence[str], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the patches of some patients, and of the others': about half of the patches each, in random order.

    One patient's patches are all in the second half, for nobody is on two sides.
    """
    names = np.asarray(patients)
    first: list[str] = []
    count = 0
    for patient in rng.permutation(np.unique(names)).tolist():
        own = int((names == patient).sum())
        if count + own <= len(names) / 2:
            first.append(patient)
            count += own
    is_first = np.isin(names, first)
    return rng.permutation(np.flatnonzero(is_first)), rng.permutation(np.flatnonzero(~is_first))
