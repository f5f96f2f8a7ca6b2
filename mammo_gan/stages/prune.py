"""prune: synthetic and real mammograms -> which of the synthetic ones lie within the real ones by their moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.evaluation.counterparts import of_same_views
from mammo_gan.evaluation.grey_levels import measure, stored, synthesised
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.synthesize import TRAINED_ON
from mammo_gan.statistics.moments import Moments
from mammo_gan.synthesis.pruned import write_pruning
from mammo_gan.synthesis.pruning import Pruning, prune_outliers
from mammo_gan.synthesis.reading import SyntheticSet


class Prune(Stage):
    """Tells outliers of a synthetic set by a table; the set itself stays whole.

    Args:
        synthesis: `prune_outliers`, the quantile of the real training images' own distances that is still kept (null =
            all is kept); `prune_against`, of how many of them, drawn at random (null = all), in the views that the
            synthetic ones were asked for.

    Raises:
        UserError: the quantile isn't in (0, 1].
    """

    version: ClassVar[int] = 1

    def __init__(self, inputs: list[str], synthesis: DictConfig, seed: int, unkeyed: DictConfig | None = None) -> None:
        super().__init__(inputs, unkeyed)
        settings = plain(synthesis)
        self.quantile: float | None = settings["prune_outliers"]
        self.against: int | None = settings["prune_against"]
        self.seed = seed
        if self.quantile is not None and not 0 < self.quantile <= 1:
            raise UserError(
                f"synthesis.prune_outliers={self.quantile}: expected a quantile above 0 and at most 1, such as 0.99, "
                "or null to keep all images"
            )

    def run(self, folder: Path, context: Context) -> None:
        prepared, made = (context.inputs[name] for name in self.inputs)
        synthetic = SyntheticSet(made)
        names = [record.image for record in synthetic.records]
        if self.quantile is None:
            write_pruning(folder, names, None, quantile=None, real=0, reason="synthesis.prune_outliers=null")
            return
        store = ImageStore.open(prepared)
        real = _moments(stored(store, self._real(store, synthetic)), "moments of real mammograms", context)
        ours = _moments(synthesised(synthetic), "moments of synthetic mammograms", context)
        pruning, reason = _pruned(real, ours, self.quantile)
        write_pruning(folder, names, pruning, quantile=self.quantile, real=len(real), reason=reason)
        removed = 0 if pruning is None else len(pruning.removed)
        context.screen.say(
            f"warning: no image is pruned: {reason}" if reason else f"{removed:,} of {len(names):,} images are outliers"
        )

    def _real(self, store: ImageStore, synthetic: SyntheticSet) -> NDArray[np.intp]:
        of_training = of_same_views(store, store.indices(TRAINED_ON), synthetic.records)
        chosen = np.random.default_rng(self.seed).permutation(len(of_training))[: self.against]
        return of_training[np.sort(chosen)]


def _moments(images: Any, description: str, context: Context) -> NDArray[np.float64]:
    return measure(images, range(len(images)), description, context.screen.progress).moments


def _pruned(real: NDArray[np.float64], synthetic: NDArray[np.float64], quantile: float) -> tuple[Pruning | None, str]:
    """None where the real images can't say what an outlier is, and why. A long training isn't to end in that."""
    try:
        return prune_outliers(real, synthetic, Moments._fields, quantile), ""
    except ValueError as error:
        return None, str(error)
