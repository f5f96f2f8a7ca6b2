"""prepare/patches: records -> selected, split by patient, and cut into patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives import index as records_index
from mammo_gan.archives import splits
from mammo_gan.archives.dealing import Dealing
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.archives.selection import Selection
from mammo_gan.data.prepare import PatchRecipe, peak_bytes, prepare_patches
from mammo_gan.stages.index import RECORDS, root_of
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.training import forecast

PREPARATION = "preparation.json"


class Prepare(Stage):
    """Patches of both classes for training, validation and test; no patient on two sides."""

    version: ClassVar[int] = 2

    def __init__(
        self,
        inputs: list[str],
        reader: DictConfig,
        selection: DictConfig,
        split: DictConfig,
        patches: DictConfig,
        seed: int,
        unkeyed: DictConfig | None = None,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.reader: Reader = instantiate(reader)
        self.selection: Selection = instantiate(selection, _convert_="all")
        self.dealing: Dealing = instantiate(split, _convert_="all")
        self.recipe = PatchRecipe(**plain(patches), seed=seed)

    def run(self, folder: Path, context: Context) -> None:
        indexed = context.inputs[self.inputs[0]]
        found = records_index.read(indexed / RECORDS)
        records, steps = self.selection.steps(found)
        rows = [(step.rule, step.removed, step.unknown) for step in steps]
        context.screen.table("selection", ("rule", "images left out", "not known of"), rows)
        compared = self._beside_the_paper(found, records, context)
        official = self.reader.official_sides(root_of(indexed))
        assignment = self.dealing.deal(records, context.identity_key, official)
        disk = peak_bytes(len(records), self.recipe)
        context.screen.say(f"preparing patches is expected to take at most {forecast.size(disk)} of disk")
        summary = prepare_patches(
            records,
            self.reader,
            root_of(indexed),
            folder,
            self.recipe,
            assignment,
            context.identity_key,
            jobs=context.jobs,
            progress=context.screen.progress,
        )
        for warning in summary.warnings:
            context.screen.say(f"warning: {warning}")
        archives = sorted({record.archive for record in records})  # one, also where archive=auto names none
        described = {
            "archive": ", ".join(archives),
            "selection": [(step.rule, step.removed) for step in steps],
            "paper_counts": compared,
            "split_hash": splits.split_hash(assignment),
            **summary.as_json(),
        }
        write_json(folder / PREPARATION, described)

    def _beside_the_paper(
        self, found: Sequence[Mammogram], selected: Sequence[Mammogram], context: Context
    ) -> list[tuple[str, int, int]]:
        """Shows the paper's counts of images and patients beside those here."""
        paper = self.selection.paper
        if paper is None:
            return []
        compared = paper.beside(found, selected)
        if compared:
            context.screen.table(f"counts of {paper.where}", ("counted", "paper", "here"), compared)
        if paper.note:
            context.screen.say(f"{paper.where}: {paper.note}")
        return compared
