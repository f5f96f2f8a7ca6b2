"""report, for a classifier of real and perhaps synthetic patches -> results.json and one HTML page."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from mammo_gan.files import written_whole
from mammo_gan.reporting import html
from mammo_gan.reporting.classifier_report import Sources, classifier_report
from mammo_gan.reporting.figures.patch_grid import patch_grid
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import PatchCount, Results, Weights, write_results
from mammo_gan.stages import evaluate, report
from mammo_gan.stages.evaluate_classifier import SCORES
from mammo_gan.stages.report import REPORT, RESULTS, Report
from mammo_gan.stages.stage import Context, plain
from mammo_gan.stages.training.trained import METRICS, TRAINING
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.weights import inception_weights

GENERATED = "generated.png"
SIDE = 5  # patches along a side of GENERATED (alyafi2019_dcgan, Figure 15)


class ReportClassifier(Report):
    """As `Report`, of one job of a study: a classifier, and the GAN that drew for it where the mode has one.

    Beside the page lie what the study is gathered from: results.json with the job's settings, scores.csv and, with a
    GAN, generated.png.
    """

    version: ClassVar[int] = 1

    def run(self, folder: Path, context: Context) -> None:
        indexed, prepared, *drawing, trained, evaluated = (context.inputs[name] for name in self.inputs)
        for file in (trained / METRICS, evaluated / SCORES):
            shutil.copyfile(file, folder / file.name)
        results = self._results(folder, context, indexed, prepared, trained, evaluated)
        counts = tuple(PatchCount(**count) for count in _read(evaluated / evaluate.VALUES)["patches"])
        data = replace(results.data, patches=counts)
        results = replace(results, data=data, settings=plain(self.unkeyed.settings))
        learnt = _read(trained / TRAINING)
        sources = Sources(scores=folder / SCORES, metrics=folder / METRICS, best=learnt["best"]["metric"])
        if drawing:
            gan, synthesised = drawing
            results = self._with_gan(results, gan)
            synthetic = learnt["images"]["synthetic"]
            sources = replace(sources, synthetic=synthetic, generated=_grid(synthesised, folder / GENERATED))
        write_results(folder / RESULTS, results)
        html.save(folder / REPORT, classifier_report(results, read_paper(self.paper), sources))
        context.screen.say(str((folder / REPORT).resolve()))

    def patches(self, prepared: Path) -> tuple[PatchCount, ...]:
        """None of the preparation's: the evaluation counts those of the two classes."""
        return ()

    def _with_gan(self, results: Results, gan: Path) -> Results:
        """What is to be said of the GAN's training too."""
        data = replace(results.data, warnings=(*results.data.warnings, *report.training_warnings(gan)))
        parameters = {**_read(gan / TRAINING)["parameters"], **results.parameters}
        with (gan / METRICS).open(encoding="utf-8") as file:
            measured = any(name.startswith("fid") for name in file.readline().strip().split(","))
        weights = results.weights
        if measured:
            judge = inception_weights(**plain(self.unkeyed.judge)).provenance
            weights = Weights(name=judge.name, random=judge.random)
        return replace(results, data=data, parameters=parameters, weights=weights)


def _grid(synthesised: Path, file: Path) -> bytes:
    """Writes the first patches of a synthetic set, unselected, as a grid; returns the PNG."""
    made = SyntheticSet(synthesised)
    grid = patch_grid([made.image(number) for number in range(min(SIDE * SIDE, len(made)))], SIDE)
    with written_whole(file) as unfinished:
        unfinished.write_bytes(grid)
    return grid


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
