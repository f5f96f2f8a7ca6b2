"""Which images a preparation takes, in which split each patient stands, and how the user is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives import index as records_index
from mammo_gan.archives import leaks, needs, splits
from mammo_gan.archives.dealing import Dealing
from mammo_gan.archives.needs import Needs
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.selection import Selection
from mammo_gan.data.image_store import ImageStore
from mammo_gan.files import written_whole
from mammo_gan.stages.index import RECORDS, root_of
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, Stage

SHEET = "contact_sheet.png"
Summary = TypeVar("Summary")


@dataclass(frozen=True)
class Selected:
    """The images of an index that an experiment uses.

    `splits` maps patients to their splits; `described` is what `preparation.json` says of archive, selection and split.
    """

    records: Sequence[Mammogram]
    splits: Mapping[str, SplitName]
    described: Mapping[str, Any]


class Preparation(Stage):
    """A stage that makes an index's images into what is trained on; no patient on two sides."""

    resumable: ClassVar[bool] = True
    recipe: object  # of what `prepare` writes

    def __init__(
        self, inputs: list[str], reader: DictConfig, selection: DictConfig, split: DictConfig, unkeyed: DictConfig
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.reader: Reader = instantiate(reader)
        self.selection: Selection = instantiate(selection, _convert_="all")
        self.dealing: Dealing = instantiate(split, _convert_="all")
        self.needs: Needs = instantiate(unkeyed.needs, _convert_="all")

    def root(self, context: Context) -> Path:
        """The archive's folder."""
        return root_of(context.inputs[self.inputs[0]])

    def prepare(self, write: Callable[..., Summary], selected: Selected, folder: Path, context: Context) -> Summary:
        """What `write` makes of the selected images by this stage's recipe."""
        return write(
            selected.records,
            self.reader,
            self.root(context),
            folder,
            self.recipe,
            selected.splits,
            context.identity_key,
            jobs=context.jobs,
            progress=context.screen.progress,
        )

    def select(self, context: Context) -> Selected:
        """Select images from the index and deal out their patients, with tables on the screen.

        Raises:
            UserError: the archive, or what is left of it, lacks what is needed, or its own split can't be kept.
        """
        found = records_index.read(context.inputs[self.inputs[0]] / RECORDS)
        needs.check(found, self.needs, self.unkeyed.experiment)
        records, steps = self.selection.steps(found)
        needs.check(records, self.needs, self.unkeyed.experiment, "images left by the selection")
        rows = [(step.rule, step.removed, step.unknown) for step in steps]
        context.screen.table("selection", ("rule", "images left out", "not known of"), rows)
        compared = _beside_the_paper(self.selection, found, records, context)
        official = self.reader.official_sides(self.root(context))
        assignment = self.dealing.deal(records, context.identity_key, official)
        two_sided = leaks.on_two_sides(records, context.identity_key, official)
        if two_sided:
            context.screen.say(
                f"the archive's own split has {len(two_sided)} of these patients on both sides: "
                f"{leaks.shown_hashes(two_sided)}; here each stands on one"
            )
        archives = sorted({record.archive for record in records})  # one, also where archive=auto names none
        described = {
            "archive": ", ".join(archives),
            "selection": [(step.rule, step.removed) for step in steps],
            "paper_counts": compared,
            "on_two_sides": [patient.patient for patient in two_sided],  # of the archive's own split; keyed hashes
            "split_hash": splits.split_hash(assignment),
        }
        return Selected(records, assignment, described)


def show_sheet(folder: Path, sheet: Callable[[ImageStore, str], bytes], selected: Selected, screen: Screen) -> None:
    """Write a picture of what was prepared, marked where it is a phantom's, and say where it is."""
    drawn = any(record.source == "phantom" for record in selected.records)
    with written_whole(folder / SHEET) as unfinished:
        unfinished.write_bytes(sheet(ImageStore.open(folder), "phantom " if drawn else ""))
    screen.say(f"a look at them: {(folder / SHEET).resolve()}")


def _beside_the_paper(
    selection: Selection, found: Sequence[Mammogram], selected: Sequence[Mammogram], context: Context
) -> list[tuple[str, int, int]]:
    """Shows the paper's counts of images and patients beside those here."""
    paper = selection.paper
    if paper is None:
        return []
    compared = paper.beside(found, selected)
    if compared:
        context.screen.table(f"counts of {paper.where}", ("counted", "paper", "here"), compared)
    if paper.note:
        context.screen.say(f"{paper.where}: {paper.note}")
    return compared
