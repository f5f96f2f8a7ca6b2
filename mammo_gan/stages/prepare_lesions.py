"""prepare/lesions: records -> selected, split by patient, and cut into patches of lesions and of normal tissue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo_gan.data.image_rows import ImageRow
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_cutting import LesionRecipe
from mammo_gan.data.lesion_summary import LesionSummary
from mammo_gan.data.prepare_lesions import peak_bytes, prepare_lesions
from mammo_gan.reporting.figures.contact_sheet import contact_sheet
from mammo_gan.stages.preparation import Preparation, show_sheet
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, plain, write_json
from mammo_gan.stages.training import forecast

SHOWN = 16  # patches of either content on the sheet


class PrepareLesions(Preparation):
    """Patches of lesions, and of normal tissue, as a memory-mapped array; no patient on two sides."""

    version: ClassVar[int] = 2
    recipe: LesionRecipe

    def __init__(
        self,
        inputs: list[str],
        reader: DictConfig,
        selection: DictConfig,
        split: DictConfig,
        lesions: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, reader, selection, split, unkeyed)
        self.recipe = LesionRecipe(**plain(lesions), seed=seed)

    def run(self, folder: Path, context: Context) -> None:
        selected = self.select(context)
        disk = peak_bytes(selected.records, self.recipe)
        context.screen.say(f"preparing patches is expected to take at most {forecast.size(disk)} of disk")
        summary = self.prepare(prepare_lesions, selected, folder, context)
        compared = self._beside_the_paper(summary, context.screen)
        _show(summary, context.screen)
        described = {**selected.described, "paper_counts": [*selected.described["paper_counts"], *compared]}
        write_json(folder / PREPARATION, {**described, **summary.as_json()})
        show_sheet(folder, _sheet, selected, context.screen)

    def _beside_the_paper(self, summary: LesionSummary, screen: Screen) -> list[tuple[str, int, int]]:
        """The paper's counts of patches and ours."""
        paper = self.selection.paper
        if paper is None:
            return []
        compared = replace(paper, archive={}, selected={}).beside([], [], summary.patches)
        if compared:
            screen.table(f"counts of {paper.where}", ("counted", "paper", "here"), compared)
        return compared


def _show(summary: LesionSummary, screen: Screen) -> None:
    rows = [
        (heading, name, count)
        for heading, counts in (
            *((split, counts) for split, counts in summary.patches_by_split.items()),
            ("lesion", summary.kinds),
            ("pathology", summary.pathologies),
        )
        for name, count in counts.items()
    ]
    patches = sum(summary.patches.values())
    screen.table(
        f"{patches} patches of {summary.images} images, {summary.patients} patients", ("by", "", "patches"), rows
    )
    if summary.skipped:
        screen.table("left out", ("why", "how many"), list(summary.skipped.items()))


def _sheet(store: ImageStore, marked: str) -> bytes:
    """Patches of lesions from all over the store, then of normal tissue."""
    shows = np.fromiter((len(lesions) > 0 for lesions in store.column("lesions")), dtype=bool, count=len(store))
    shown = [index for of_content in (shows, ~shows) for index in _spread(np.flatnonzero(of_content))]
    pictures = zip(store.batch(shown, store.sizes[0]), shown, strict=True)
    return contact_sheet([(patch, marked + _label(store.row(index))) for patch, index in pictures])


def _spread(indices: NDArray[np.intp]) -> list[int]:
    if not indices.size:
        return []
    places = np.linspace(0, len(indices) - 1, min(SHOWN, len(indices))).astype(int)
    spread: list[int] = indices[places].tolist()
    return spread


def _label(row: ImageRow) -> str:
    lesions = ", ".join(f"{lesion.pathology} {lesion.kind}" for lesion in row.lesions)
    return f"{row.split} {lesions or 'normal tissue'}"
