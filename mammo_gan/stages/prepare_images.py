"""prepare/images: records -> selected, split by patient, and written whole in several sizes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from omegaconf import DictConfig

from mammo_gan.data.image_rows import ImageRow
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.image_summary import ImageSummary
from mammo_gan.data.prepare_images import ImageRecipe, expected_bytes, prepare_images
from mammo_gan.reporting.figures.contact_sheet import HEIGHT, contact_sheet
from mammo_gan.stages.preparation import Preparation, show_sheet
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, plain, write_json
from mammo_gan.stages.training import forecast

SHOWN = 24  # images on it


class PrepareImages(Preparation):
    """Whole images as memory-mapped arrays; no patient on two sides."""

    version: ClassVar[int] = 2
    recipe: ImageRecipe

    def __init__(
        self,
        inputs: list[str],
        reader: DictConfig,
        selection: DictConfig,
        split: DictConfig,
        images: DictConfig,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, reader, selection, split, unkeyed)
        self.recipe = ImageRecipe(**plain(images))

    def run(self, folder: Path, context: Context) -> None:
        selected = self.select(context)
        disk = expected_bytes(len(selected.records), self.recipe)
        context.screen.say(f"preparing images is expected to take {forecast.size(disk)} of disk")
        summary = self.prepare(prepare_images, selected, folder, context)
        _show(summary, context.screen)
        write_json(folder / PREPARATION, {**selected.described, **summary.as_json()})
        show_sheet(folder, _sheet, selected, context.screen)


def _show(summary: ImageSummary, screen: Screen) -> None:
    rows: list[tuple[str, str, int]] = [
        (heading, name, count)
        for heading, counts in (
            ("split", summary.images_by_split),
            ("label", summary.labels),
            ("view", summary.views),
            ("side", summary.lateralities),
            ("density", summary.densities),
        )
        for name, count in counts.items()
    ]
    screen.table(f"{summary.images} images of {summary.patients} patients", ("by", "", "images"), rows)


def _sheet(store: ImageStore, marked: str) -> bytes:
    """Images from all over the store, in the size that suits the sheet best."""
    size = min(store.sizes, key=lambda size: abs(size[0] - HEIGHT))
    shown = np.unique(np.linspace(0, len(store) - 1, min(SHOWN, len(store))).astype(int)).tolist()
    grey = np.rint(255 * store.floats(shown, size)).astype(np.uint8)
    return contact_sheet([(image, marked + _label(store.row(index))) for image, index in zip(grey, shown, strict=True)])


def _label(row: ImageRow) -> str:
    known = (row.split, row.view, row.laterality, None if row.density is None else f"density {row.density}")
    return " ".join(part for part in known if part is not None)
