"""compare: two indexed archives -> how alike their films are, as JSON, a table, plots and one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mammo_gan.archives import index as records_index
from mammo_gan.archives.reader import Reader
from mammo_gan.errors import UserError
from mammo_gan.evaluation import archive_comparison as comparing
from mammo_gan.evaluation.archive_comparison import Measured
from mammo_gan.evaluation.texture import TextureRecipe, measure
from mammo_gan.files import write_text, written_whole
from mammo_gan.reporting import html
from mammo_gan.reporting.command import shareable_command
from mammo_gan.reporting.comparison_page import comparison_page
from mammo_gan.stages import comparison, run_folder
from mammo_gan.stages.comparison import Archive
from mammo_gan.stages.index import RECORDS, root_of
from mammo_gan.stages.stage import Context, Stage, plain, write_json

VALUES, TABLE, PAGE = "comparison.json", "comparison.csv", "comparison.html"


class Compare(Stage):
    """Power spectrum, moments, grey levels and density within the breast, of an archive and of a reference."""

    version: ClassVar[int] = 1

    def __init__(
        self,
        inputs: list[str],
        reader: DictConfig,
        reference_reader: DictConfig,
        compare: DictConfig,
        seed: int,
        unkeyed: DictConfig | None = None,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.readers: tuple[Reader, Reader] = instantiate(reader), instantiate(reference_reader)
        settings = plain(compare)
        self.view, self.images, self.resamples = (settings.pop(name) for name in ("view", "images", "resamples"))
        self.recipe, self.seed = TextureRecipe(**settings), seed
        if self.images is not None and self.images < 1:
            raise UserError(f"compare.images={self.images}: expected 1 or more, or null for all")

    def run(self, folder: Path, context: Context) -> None:
        indexed = [context.inputs[name] for name in self.inputs]
        ours, reference = (self._measured(*pair, context) for pair in zip(indexed, self.readers, strict=True))
        if ours.name == reference.name:
            reference = replace(reference, name=f"{reference.name}, the reference")
        band = comparing.common_band((ours.films, reference.films), self.recipe)
        rng = np.random.default_rng(self.seed)
        try:
            textures = tuple(
                comparing.summarise(archive.films, self.recipe.window_mm, band, self.resamples, rng)
                for archive in (ours, reference)
            )
            difference = comparing.exponent_difference(
                ours.films, reference.films, self.recipe.window_mm, band, self.resamples, rng
            )
        except ValueError as error:
            raise UserError(
                f"the spectra can't be compared from {band[0]:g} to {band[1]:g} cycles per mm ({error}); the coarsest "
                "film's pixels set the upper end: choose finer films or a lower compare.low"
            ) from error
        self._write(folder, context, (ours, reference), (textures[0], textures[1]), difference, band)

    def _measured(self, indexed: Path, reader: Reader, context: Context) -> Archive:
        """Reads the films of the wanted view, at most so many, spread over the archive."""
        records = [record for record in records_index.read(indexed / RECORDS) if record.extent == "mammogram"]
        wanted = [record for record in records if self.view is None or record.view == self.view]
        if not wanted:
            raise UserError(
                f"{indexed}: expected images of the view {self.view}, found none among {len(records)}; set compare.view"
            )
        phantom = any(record.source == "phantom" for record in wanted)
        name = " ".join([*sorted({record.archive for record in wanted}), *(["(phantom)"] if phantom else [])])
        count = len(wanted) if self.images is None else min(self.images, len(wanted))
        chosen = [wanted[i] for i in np.unique(np.linspace(0, len(wanted) - 1, count).astype(int))]
        root = root_of(indexed)
        films = measure(chosen, reader, root, self.recipe, context.jobs, context.screen.progress, f"measuring {name}")
        if not films:
            raise UserError(f"{root}: no breast was found on any of {len(chosen)} images; look at their pictures")
        return Archive(name, phantom, reader, root, chosen, len(wanted), films)

    def _write(
        self,
        folder: Path,
        context: Context,
        archives: comparison.Archives,
        textures: comparison.Textures,
        difference: Measured | None,
        band: tuple[float, float],
    ) -> None:
        rows = comparison.rows(textures)
        overrides = OmegaConf.load(context.run_folder / run_folder.OVERRIDES)
        described = {
            "view": self.view,
            "window_mm": self.recipe.window_mm,
            "cycles_per_mm": list(band),
            "exponent_difference": None if difference is None else comparison.as_json(difference),
            "archive": comparison.described(archives[0], textures[0]),
            "reference": comparison.described(archives[1], textures[1]),
        }
        write_json(folder / VALUES, described)
        write_text(folder / TABLE, comparison.table(archives, textures))
        sides = tuple(comparison.side(archive, texture) for archive, texture in zip(archives, textures, strict=True))
        plots = comparison.plots((sides[0], sides[1]), band)
        for plot in plots:
            with written_whole(folder / f"{plot.name}.png") as unfinished:
                unfinished.write_bytes(plot.png)
        said = comparison.sentence(archives, difference)
        page = comparison_page(
            names=(archives[0].name, archives[1].name),
            counts=comparison.counts(archives, textures, self.view),
            rows=rows,
            plots=plots,
            difference=said,
            notes=comparison.notes(archives, band, self.recipe.window_mm),
            phantom=any(archive.phantom for archive in archives),
            command=shareable_command([str(item) for item in overrides]),
        )
        html.save(folder / PAGE, page)
        columns = ("value", archives[0].name, archives[1].name)
        context.screen.table("means over films", columns, [(row.name, row.ours, row.reference) for row in rows])
        context.screen.say(said)
        context.screen.say(str((folder / PAGE).resolve()))
