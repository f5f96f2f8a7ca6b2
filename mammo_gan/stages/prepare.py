"""prepare/patches: records -> selected, split by patient, and cut into patches."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives import index as records_index
from mammo_gan.archives import splits
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.selection import Selection
from mammo_gan.data.prepare import PatchRecipe, peak_bytes, prepare_patches
from mammo_gan.stages import forecast
from mammo_gan.stages.index import RECORDS, root_of
from mammo_gan.stages.stage import Context, Stage, plain, write_json

PREPARATION = "preparation.json"


class Prepare(Stage):
    """Patches of both classes for training, validation and test; no patient on two sides."""

    version: ClassVar[int] = 1

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
        self.split = split
        self.recipe = PatchRecipe(**plain(patches), seed=seed)

    def run(self, folder: Path, context: Context) -> None:
        indexed = context.inputs[self.inputs[0]]
        records, removals = self.selection.apply(records_index.read(indexed / RECORDS))
        context.screen.table("selection", ("rule", "images left out"), removals)
        assignment = splits.assign(records, self.split.fractions, self.split.seed)
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
        described = {"selection": removals, "split_hash": splits.split_hash(assignment), **summary.as_json()}
        write_json(folder / PREPARATION, described)
