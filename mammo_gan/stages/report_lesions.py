"""report, for patches drawn from noise: what the stages left -> results.json and one HTML page in the run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np

from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.image_store import ImageStore
from mammo_gan.evaluation import feature_space
from mammo_gan.reporting import html
from mammo_gan.reporting.lesion_report import Shown, Sources, lesion_report
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import PatchCount, Results
from mammo_gan.stages import evaluate, evaluate_lesions, train
from mammo_gan.stages.report import Report
from mammo_gan.stages.training.trained import METRICS


class ReportLesions(Report):
    """As `Report`, of another kind of experiment."""

    version: ClassVar[int] = 1

    def page(self, results: Results, paper: Paper, trained: Path, synthesised: Path, evaluated: Path) -> html.Report:
        sources = Sources(
            sample=evaluated / evaluate_lesions.SAMPLE,
            embedding=evaluated / feature_space.TABLE,
            metrics=trained / METRICS,
            samples=trained / train.SAMPLES,
        )
        shown = json.loads((evaluated / evaluate.VALUES).read_text(encoding="utf-8"))[evaluate_lesions.SHOWN]
        return lesion_report(results, paper, sources, Shown(**shown))

    def patches(self, prepared: Path) -> tuple[PatchCount, ...]:
        store = ImageStore.open(prepared)
        splits, patients, images = (store.column(name) for name in ("split", "patient_key", "image_key"))
        shows = np.fromiter((len(lesions) > 0 for lesions in store.column("lesions")), dtype=bool, count=len(store))
        counts = []
        for split in SPLITS:
            for label, chosen in (("lesion", shows), ("normal", ~shows)):
                members = np.flatnonzero(chosen & (splits == split))
                counts.append(
                    PatchCount(
                        split=split,
                        label=label,
                        patients=len(set(patients[members])),
                        images=len(set(images[members])),
                        patches=len(members),
                    )
                )
        return tuple(count for count in counts if count.patches)
