"""prepare/patches: records -> selected, split by patient, and cut into patches."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives.dealing import Dealing
from mammo_gan.archives.needs import Needs
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.selection import Selection
from mammo_gan.data.prepare import PatchRecipe, peak_bytes, prepare_patches
from mammo_gan.stages.index import root_of
from mammo_gan.stages.selecting import select
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.training import forecast

PREPARATION = "preparation.json"


class Prepare(Stage):
    """Patches of both classes for training, validation and test; no patient on two sides."""

    version: ClassVar[int] = 2
    resumable: ClassVar[bool] = True

    def __init__(
        self,
        inputs: list[str],
        reader: DictConfig,
        selection: DictConfig,
        split: DictConfig,
        patches: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.reader: Reader = instantiate(reader)
        self.selection: Selection = instantiate(selection, _convert_="all")
        self.dealing: Dealing = instantiate(split, _convert_="all")
        self.needs: Needs = instantiate(unkeyed.needs, _convert_="all")
        self.recipe = PatchRecipe(**plain(patches), seed=seed)

    def run(self, folder: Path, context: Context) -> None:
        indexed = context.inputs[self.inputs[0]]
        selected = select(
            indexed, self.reader, self.selection, self.dealing, context, self.needs, self.unkeyed.experiment
        )
        disk = peak_bytes(len(selected.records), self.recipe)
        context.screen.say(f"preparing patches is expected to take at most {forecast.size(disk)} of disk")
        summary = prepare_patches(
            selected.records,
            self.reader,
            root_of(indexed),
            folder,
            self.recipe,
            selected.splits,
            context.identity_key,
            jobs=context.jobs,
            progress=context.screen.progress,
        )
        for warning in summary.warnings:
            context.screen.say(f"warning: {warning}")
        write_json(folder / PREPARATION, {**selected.described, **summary.as_json()})
