"""evaluate, for whole mammograms drawn from noise: synthetic and real images -> values."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from omegaconf import DictConfig

from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.evaluation.counterparts import Shown, of_same_views, pair, write_pairs
from mammo_gan.evaluation.grey_levels import stored, synthesised
from mammo_gan.evaluation.mammogram_quality import MammogramQuality
from mammo_gan.stages.evaluate import VALUES
from mammo_gan.stages.stage import Context, Stage, write_json
from mammo_gan.synthesis.pruned import read_kept
from mammo_gan.synthesis.reading import SyntheticSet

SAMPLE = "sample"
SHOWN_HEIGHT = 320  # px of a picture, about: the size of the store that is nearest


class EvaluateMammograms(Stage):
    """Do synthetic mammograms look like real ones: sliced Wasserstein distance, five moments, and pairs to look at.

    Args:
        evaluation: real images of which `split`, in the views that the synthetic ones were asked for; `images` and
            `resamples` as of `MammogramQuality`; `sample` pairs.
    """

    version: ClassVar[int] = 1

    def __init__(self, inputs: list[str], evaluation: DictConfig, seed: int, unkeyed: DictConfig | None = None) -> None:
        super().__init__(inputs, unkeyed)
        self.evaluation, self.seed = evaluation, seed

    def run(self, folder: Path, context: Context) -> None:
        prepared, made, pruned = (context.inputs[name] for name in self.inputs)
        store, synthetic = ImageStore.open(prepared), SyntheticSet(made)
        ours = synthesised(synthetic)
        indices = of_same_views(store, store.indices(self.evaluation.split), synthetic.records)
        theirs = stored(store, indices)
        if not len(theirs):
            raise UserError(
                f"evaluation.split={self.evaluation.split}: {prepared} has no image of it in the views of {made}; "
                "choose another split"
            )
        if ours.size != theirs.size:
            raise UserError(
                f"{made}: expected images of {theirs.size[0]}x{theirs.size[1]} px, the finest of {prepared}, found "
                f"{ours.size[0]}x{ours.size[1]}; train and prepare one finest size"
            )
        kept = read_kept(pruned, [record.image for record in synthetic.records])
        patients: list[str] = store.column("patient_key")[indices].tolist()
        quality = MammogramQuality(self.evaluation.images, self.evaluation.resamples, self.seed)
        values = quality.compare(ours, kept, theirs, patients, folder, context.screen.progress)
        views, densities = (store.column(name)[indices].tolist() for name in ("view", "density"))
        asked = [Shown(record.view, record.density) for record in synthetic.records]
        seen = list(map(Shown, views, densities))
        pairs = pair(asked, seen, self.evaluation.sample, np.random.default_rng(self.seed))
        write_pairs(folder / SAMPLE, pairs, (ours, theirs), (asked, seen), _nearest(store.sizes))
        counts = {"real": len(theirs), "synthetic": len(ours), "kept": int(kept.sum())}
        weights = {"name": "none", "random": False}  # nothing here is judged by a network
        write_json(folder / VALUES, {"values": values, "weights": weights, "images": counts, "size": list(ours.size)})


def _nearest(sizes: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    return min(sizes, key=lambda size: abs(size[0] - SHOWN_HEIGHT))
