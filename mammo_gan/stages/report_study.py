"""report, of a study: the jobs of a sweep -> one HTML page, its figures and its tables in the run folder."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig, OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.files import write_text, written_whole
from mammo_gan.reporting import html, study_sections
from mammo_gan.reporting.command import shareable_command
from mammo_gan.reporting.figures import LIGHT
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.study import MEASURES, gather
from mammo_gan.reporting.study_analysis import Study, analyse
from mammo_gan.reporting.study_latex import to_latex
from mammo_gan.reporting.study_report import study_report
from mammo_gan.reporting.study_table_file import as_csv
from mammo_gan.stages import run_folder
from mammo_gan.stages.command.groups import experiments_folder
from mammo_gan.stages.stage import Context, Stage

PAGE, TABLE = "study.html", "study.csv"
_LATEX = {"auc": "table_3", "f1": "f1"}


class ReportStudy(Stage):
    """Gathers the jobs that other runs left. Its output belongs to the run folder; the page's path is the last line."""

    version: ClassVar[int] = 1
    shared: ClassVar[bool] = False

    def __init__(self, inputs: list[str], unkeyed: DictConfig) -> None:
        super().__init__(inputs, unkeyed)
        if not unkeyed.runs:
            raise UserError(
                "runs=[]: expected folders of jobs, found none; name those that the sweep of "
                "experiment=dcgan_augmentation wrote, as in runs=[outputs/sweeps/dcgan_augmentation]"
            )
        if unkeyed.folds < 2:
            raise UserError(f"study.folds={unkeyed.folds}: expected 2 or more, as of the jobs (split.folds)")
        self.folders = [Path(str(folder)).expanduser() for folder in unkeyed.runs]

    def run(self, folder: Path, context: Context) -> None:
        paper = read_paper(experiments_folder() / self.unkeyed.paper / "paper.toml")
        gathered = gather(self.folders)
        studies = [
            analyse(tuple(cells), paper, self.unkeyed.folds)
            for _, cells in groupby(gathered.cells, key=lambda cell: cell.task)
        ]
        for study in studies:
            _write_figures(folder, study)
        write_text(folder / TABLE, as_csv(studies))
        overrides = [str(item) for item in OmegaConf.load(context.run_folder / run_folder.OVERRIDES)]
        page = study_report(studies, gathered, paper, self.unkeyed.title, shareable_command(overrides))
        html.save(folder / PAGE, page)
        for warning in (*gathered.warnings, *(warning for study in studies for warning in study.warnings)):
            context.screen.say(warning)
        for study in studies:
            _show(study, context)
        context.screen.say(str((folder / PAGE).resolve()))


def _write_figures(folder: Path, study: Study) -> None:
    """Figures and LaTeX beside the page, each named after its task."""
    if study.grids["f1"].means:
        write_text(folder / f"figure_9_{study.task}.svg", study_sections.figure_9(study, LIGHT))
    if study.generators:
        with written_whole(folder / f"figure_15_{study.task}.png") as unfinished:
            unfinished.write_bytes(study_sections.figure_15(study, LIGHT))
    for measure, name in _LATEX.items():
        text = to_latex(study.grids[measure], study.here, study_sections.caption(study, measure))
        write_text(folder / f"{name}_{study.task}.tex", text)


def _show(study: Study, context: Context) -> None:
    for measure in MEASURES:
        table = study_sections.scores(study, measure)
        context.screen.table(f"{MEASURES[measure]}, task {study.task}", table.headings, table.rows)
    if len(study.missing) == 1:
        context.screen.say("1 job is missing; the page has its command")
    elif study.missing:
        context.screen.say(f"{len(study.missing)} jobs are missing; the page has the command of each")
