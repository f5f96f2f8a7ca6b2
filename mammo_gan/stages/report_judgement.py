"""report, for a folder of images that was judged -> results.json and one HTML page in the run folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from mammo_gan.evaluation import feature_space
from mammo_gan.evaluation.lesion_quality import REAL
from mammo_gan.reporting import html
from mammo_gan.reporting.judgement_report import Judged, judgement_report
from mammo_gan.reporting.lesion_report import Shown, Sources
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import write_results
from mammo_gan.stages import evaluate, evaluate_lesions
from mammo_gan.stages.judge_lesions import JUDGED
from mammo_gan.stages.report import REPORT, RESULTS
from mammo_gan.stages.report_lesions import ReportLesions
from mammo_gan.stages.stage import Context


class ReportJudgement(ReportLesions):
    """As `ReportLesions`, of patches whose training isn't known. The folder goes by its count and its sha256."""

    version: ClassVar[int] = 1

    def run(self, folder: Path, context: Context) -> None:
        indexed, prepared, evaluated = (context.inputs[name] for name in self.inputs)
        found = json.loads((evaluated / evaluate.VALUES).read_text(encoding="utf-8"))
        judged = Judged(**found[JUDGED], real=found["patches"][REAL])
        results = self._results(folder, context, indexed, prepared, None, evaluated)
        results = replace(results, settings={"images": judged.images, "images_sha256": judged.sha256})
        write_results(folder / RESULTS, results)
        sources = Sources(sample=evaluated / evaluate_lesions.SAMPLE, embedding=evaluated / feature_space.TABLE)
        shown = Shown(**found[evaluate_lesions.SHOWN], heading="the folder's patches and real ones")
        html.save(folder / REPORT, judgement_report(results, read_paper(self.paper), sources, shown, judged))
        context.screen.say(str((folder / REPORT).resolve()))
