"""report, for whole mammograms drawn from noise -> results.json and one HTML page in the run folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hydra.utils import instantiate

from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.image_store import ImageStore
from mammo_gan.evaluation.mammogram_quality import MOMENTS
from mammo_gan.reporting import html
from mammo_gan.reporting.mammogram_report import Sources, mammogram_report
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import PatchCount, write_results
from mammo_gan.schedules.progressive import ProgressiveSchedule
from mammo_gan.stages import evaluate, evaluate_mammograms, train
from mammo_gan.stages.report import REPORT, RESULTS, Report, value_of
from mammo_gan.stages.stage import Context
from mammo_gan.stages.training.trained import METRICS, TRAINING
from mammo_gan.stages.videos import VIDEOS
from mammo_gan.synthesis import pruned

UNKNOWN = "unknown"


class ReportMammograms(Report):
    """As `Report`, of whole images; `unkeyed.schedule` is the training's.

    Stages beyond `evaluate` may follow as inputs: where they measure something, their values are added to its own, and
    videos are shown.
    """

    version: ClassVar[int] = 2

    def run(self, folder: Path, context: Context) -> None:
        indexed, prepared, trained, synthesised, pruning, evaluated, *further = (
            context.inputs[name] for name in self.inputs
        )
        shutil.copyfile(trained / METRICS, folder / METRICS)
        results = self._results(folder, context, indexed, prepared, trained, evaluated)
        found, summary = _read(evaluated / evaluate.VALUES), _read(pruning / pruned.SUMMARY)
        schedule: ProgressiveSchedule = instantiate(self.unkeyed.schedule, _convert_="all")
        said = (*results.data.warnings, *_warnings(schedule, _read(trained / TRAINING)["images_seen"], summary))
        measured = [place / evaluate.VALUES for place in further if (place / evaluate.VALUES).is_file()]
        added = (value_of(value) for file in measured for value in _read(file)["values"])
        data = replace(results.data, warnings=said)
        results = replace(results, data=data, values=(*results.values, *added))
        write_results(folder / RESULTS, results)
        sources = Sources(
            sample=evaluated / evaluate_mammograms.SAMPLE,
            moments=evaluated / MOMENTS,
            metrics=folder / METRICS,
            samples=trained / train.SAMPLES,
            begun=tuple(schedule.iterations(schedule.entered(stage)) for stage in range(schedule.stages)),
            pruning=pruning / pruned.TABLE,
            pruned=pruning / pruned.SUMMARY,
            synthesised=synthesised,
            images=found["images"],
            size=(found["size"][0], found["size"][1]),
            videos=next((place for place in further if (place / VIDEOS).is_file()), None),
        )
        html.save(folder / REPORT, mammogram_report(results, read_paper(self.paper), sources))
        context.screen.say(str((folder / REPORT).resolve()))

    def patches(self, prepared: Path) -> tuple[PatchCount, ...]:
        """Whole images by split and view."""
        store = ImageStore.open(prepared)
        splits, patients, views = (store.column(name) for name in ("split", "patient_key", "view"))
        named = np.array([UNKNOWN if view is None else view for view in views], dtype=object)
        counts = []
        for split in SPLITS:
            for view in sorted(set(named)):
                members = np.flatnonzero((splits == split) & (named == view))
                people, count = len(set(patients[members])), len(members)
                counts.append(PatchCount(split=split, label=view, patients=people, images=count, patches=count))
        return tuple(count for count in counts if count.images)


def _warnings(schedule: ProgressiveSchedule, seen: int, pruning: dict[str, Any]) -> Iterator[str]:
    """What a reader must know of the synthetic images."""
    if seen < schedule.grown():
        yield (
            f"The training ended after {seen:,} images, before its last stage had faded in at {schedule.grown():,}: "
            "layers of the generator that the synthetic images were drawn with are hardly trained, or not at all."
        )
    if pruning["reason"] and pruning["quantile"] is not None:
        yield f"No synthetic image was pruned: {pruning['reason']}."


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
