"""report: what the stages left -> results.json and one HTML page in the run folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

from omegaconf import DictConfig, OmegaConf

from mammo_gan.reporting import html
from mammo_gan.reporting.command import shareable_command
from mammo_gan.reporting.infill_report import Sources, infill_report
from mammo_gan.reporting.papers import Paper, read_paper
from mammo_gan.reporting.results import (
    Data,
    PatchCount,
    Results,
    SelectionStep,
    StageRun,
    Value,
    Weights,
    write_results,
)
from mammo_gan.stages import evaluate, index, prepare, run_folder, synthesize, train
from mammo_gan.stages.command.groups import experiments_folder
from mammo_gan.stages.stage import Context, Stage, describe
from mammo_gan.stages.training.trained import METRICS, TRAINING
from mammo_gan.weights import checksum

RESULTS = "results.json"
REPORT = "report.html"


class Report(Stage):
    """Gathers a run. Its output belongs to the run folder, and its path is the last line on the screen."""

    version: ClassVar[int] = 1
    shared: ClassVar[bool] = False

    def __init__(self, inputs: list[str], unkeyed: DictConfig) -> None:
        super().__init__(inputs, unkeyed)
        self.paper = experiments_folder() / unkeyed.paper / "paper.toml"

    def fingerprint(self) -> str:
        return checksum(self.paper)

    def run(self, folder: Path, context: Context) -> None:
        indexed, prepared, trained, synthesised, evaluated = (context.inputs[name] for name in self.inputs)
        shutil.copyfile(trained / METRICS, folder / METRICS)
        results = self._results(folder, context, indexed, prepared, trained, evaluated)
        write_results(folder / RESULTS, results)
        html.save(folder / REPORT, self.page(results, read_paper(self.paper), trained, synthesised, evaluated))
        context.screen.say(str((folder / REPORT).resolve()))

    def page(self, results: Results, paper: Paper, trained: Path, synthesised: Path, evaluated: Path) -> html.Report:
        """The report, from the folders of the stages before."""
        sources = Sources(
            examples=synthesised / synthesize.EXAMPLES,
            metrics=trained / METRICS,
            samples=trained / train.SAMPLES,
            moments=evaluated / evaluate.MOMENTS,
            pretraining_iterations=self.unkeyed.pretraining_iterations,
        )
        return infill_report(results, paper, sources)

    def patches(self, prepared: Path) -> tuple[PatchCount, ...]:
        """Counts of what the preparation made."""
        return tuple(_patch_count(count) for count in _read(prepared / prepare.PREPARATION)["classes"])

    def _results(
        self, folder: Path, context: Context, indexed: Path, prepared: Path, trained: Path | None, evaluated: Path
    ) -> Results:
        run, preparation = self.unkeyed, _read(prepared / prepare.PREPARATION)
        evaluation, environment = _read(evaluated / evaluate.VALUES), _read(folder / run_folder.ENVIRONMENT)
        warnings = () if trained is None else training_warnings(trained)
        computed = _without_training(evaluation) if trained is None else _by_training(_read(trained / TRAINING))
        return Results(
            experiment=run.name,
            paper=run.paper,
            title=run.title,
            command=shareable_command([str(item) for item in OmegaConf.load(folder / run_folder.OVERRIDES)]),
            scale=run.scale,
            preset=run.preset,
            archive=preparation["archive"],
            source=run.source,
            seed=environment["seeds"]["run"],
            split_hash=preparation["split_hash"],
            weights=Weights(name=evaluation["weights"]["name"], random=evaluation["weights"]["random"]),
            data=Data(
                patients=preparation["patients"],
                images=preparation["images"],
                faulty=_read(indexed / index.INTEGRITY)["files_faulty"],
                selection=tuple(
                    SelectionStep(rule=rule, removed=removed) for rule, removed in preparation["selection"]
                ),
                patches=self.patches(prepared),
                warnings=(*preparation.get("warnings", ()), *warnings),
            ),
            versions=environment["versions"],
            commit=environment["git_commit"],
            stages=tuple(_stage(name, place, context) for name, place in context.inputs.items()),
            values=tuple(value_of(value) for value in evaluation["values"]),
            **computed,
        )


def training_warnings(trained: Path) -> tuple[str, ...]:
    """What a reader must know of a training: test patients that it may have seen, divided batches, divergences."""
    training = _read(trained / TRAINING)
    return *training.get("warnings", ()), *map(_rolled_back, training["rollbacks"])


def _by_training(training: dict[str, Any]) -> dict[str, Any]:
    """How it was computed and what has learnt, from training.json."""
    processes, device = training["processes"], training["device"]
    said = {name: training[name] for name in ("precision", "parameters", "images_per_second")}
    return {**said, "device": device if processes == 1 else f"{processes} x {device}"}


def _without_training(evaluation: dict[str, Any]) -> dict[str, Any]:
    """The same where nothing has learnt: features alone were computed."""
    return {"device": evaluation["device"], "precision": "32-true", "parameters": {}, "images_per_second": None}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _stage(name: str, folder: Path, context: Context) -> StageRun:
    described = describe(folder)
    return StageRun(name=name, key=described["key"], seconds=described["seconds"], skipped=name not in context.made)


def _rolled_back(rollback: dict[str, Any]) -> str:
    return (
        f"The training diverged at iteration {rollback['iteration']:,} ({rollback['seen']}) and went on from a "
        f"checkpoint with its learning rates times {rollback['learning_rate_factor']:g}."
    )


def _patch_count(count: dict[str, Any]) -> PatchCount:
    return PatchCount(**{name: value for name, value in count.items() if name != "asked"})


def value_of(value: dict[str, Any]) -> Value:
    """As `evaluation.values.described` has it."""
    interval = value.pop("interval", None)
    return Value(**value, interval=None if interval is None else (interval[0], interval[1]))
