"""prepare/patches: records -> selected, split by patient, and cut into patches."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig

from mammo_gan.data.prepare import PatchRecipe, peak_bytes, prepare_patches
from mammo_gan.stages.preparation import Preparation
from mammo_gan.stages.stage import Context, plain, write_json
from mammo_gan.stages.training import forecast

PREPARATION = "preparation.json"


class Prepare(Preparation):
    """Patches of both classes for training, validation and test; no patient on two sides."""

    version: ClassVar[int] = 2
    recipe: PatchRecipe

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
        super().__init__(inputs, reader, selection, split, unkeyed)
        self.recipe = PatchRecipe(**plain(patches), seed=seed)

    def run(self, folder: Path, context: Context) -> None:
        selected = self.select(context)
        disk = peak_bytes(len(selected.records), self.recipe)
        context.screen.say(f"preparing patches is expected to take at most {forecast.size(disk)} of disk")
        summary = self.prepare(prepare_patches, selected, folder, context)
        for warning in summary.warnings:
            context.screen.say(f"warning: {warning}")
        write_json(folder / PREPARATION, {**selected.described, **summary.as_json()})
