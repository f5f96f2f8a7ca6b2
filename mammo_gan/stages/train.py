"""train/...: prepared arrays -> a trained generator, with its checkpoints, metrics and sample grids."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives.leaks import check_archives
from mammo_gan.callbacks.checkpoint_files import BEST
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.growth import Growth
from mammo_gan.callbacks.sample_grid import SampleGrid
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.data.stores import open_store
from mammo_gan.errors import UserError
from mammo_gan.methods.base import GanMethod
from mammo_gan.stages.command.contradictions import batch_normalised
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.training import (
    fitting,
    following,
    forecast,
    growing_forecast,
    judging,
    lengths,
    memory,
    processes,
    trained,
)
from mammo_gan.stages.training.devices import Devices, normalised_apart
from mammo_gan.stages.training.fitting import CHECKPOINTS as CHECKPOINTS
from mammo_gan.stages.training.rollbacks import Rollbacks, iterations_in
from mammo_gan.weights import checksum

SAMPLES = "samples"
WORTH_FORECASTING = 300  # iterations; a shorter training is over before its forecast


class Train(Stage):
    """Trains a method; an interrupted training goes on from its newest whole checkpoint.

    Args:
        training: `batch_size`, or the `schedule` of a GAN that grows, which tells it.
        data: makes the data module from a store, `batch_size` (without a schedule), `seed` and `workers`; None =
            patches to infill, with the training's `flips`.
        metric: of the generator while it learns, see `judging.distance`, or of a GAN that grows
            `judging.growing_distances`, by whose finest resolution the best generator is kept unless callbacks.best
            names another value. Where the average is measured, it is the average that is kept. None = nothing is
            measured.
    """

    version: ClassVar[int] = 3
    resumable: ClassVar[bool] = True

    def __init__(
        self,
        inputs: list[str],
        method: DictConfig,
        training: DictConfig,
        divergence: DictConfig,
        precision: str,
        init_from: str | None,
        seed: int,
        unkeyed: DictConfig,
        data: DictConfig | None = None,
        metric: DictConfig | None = None,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.method, self.training, self.divergence, self.precision = method, training, divergence, precision
        self.init_from, self.seed = init_from, seed
        self.data, self.metric = data, metric
        self.devices = Devices(**unkeyed.trainer)
        # What the weights to start from were trained on; a leak is told before any archive is read.
        self.trained_before = frozenset[str]() if init_from is None else trained.archives_of(Path(init_from))
        self._leaks(unkeyed.archive)

    def _leaks(self, archive: str) -> list[str]:
        """Warnings of going on from other weights with `archive`.

        Raises:
            UserError: its test patients may have been trained on, and that was not allowed.
        """
        return check_archives(self.trained_before, [archive], self.unkeyed.allow_ddsm_with_cbis)

    def fingerprint(self) -> str:
        return "" if self.init_from is None else checksum(Path(self.init_from))

    def run(self, folder: Path, context: Context) -> None:
        if self.unkeyed.resume == "none":
            fitting.set_aside(folder, context)
        for leak in self._leaks(self._archive(context)):
            context.screen.say(f"warning: {leak}")
        self.devices.require()
        if self.devices.processes == 1:
            self.train(folder, context)
        else:
            devices = self.devices
            processes.train(folder, context, start=devices.start, devices=devices.devices, nodes=devices.nodes)

    def train(self, folder: Path, context: Context) -> None:
        """Train in this process, the only one or one of several, to the end of the training."""
        data = self._data(context)
        iterations = lengths.iterations_of(self.training, self.method, data)

        def forecasting(checkpoint: Path | None) -> None:
            if iterations >= WORTH_FORECASTING:
                self._forecast(data, folder, context, iterations - iterations_in(checkpoint))

        def shortage() -> UserError:
            if self._grows:
                return memory.shortage_while_growing(self.devices)
            in_parts = not batch_normalised(self.method)
            return memory.shortage(self.training.batch_size, self.devices, in_parts)

        fit = partial(self._fit, folder, context, data, iterations)
        fitting.to_the_end(folder, context, self.divergence, fit, shortage, forecasting)

    def _fit(
        self,
        folder: Path,
        context: Context,
        data: pl.LightningDataModule,
        iterations: int,
        checkpoint: Path | None,
        rollbacks: Rollbacks,
    ) -> None:
        # Networks begin alike in all processes, what they draw later differs.
        pl.seed_everything(self.seed, verbose=False)
        method: GanMethod = instantiate(self.method, _convert_="all")
        method.log_every, method.accumulate = self.unkeyed.callbacks.log_every, self.devices.accumulate
        method.learning_rate_factor = rollbacks.learning_rate_factor
        method.archives = tuple(sorted({*self.trained_before, self._archive(context)}))
        if self.init_from is not None and checkpoint is None:
            trained.load_generator(method.get_submodule("generator"), Path(self.init_from))
        average = GeneratorAverage(self.training.average_decay, every_iteration=self._grows)
        judged = self._judged(data, average)
        callbacks = self._callbacks(folder, data, iterations, context, average, judged)
        settings = self.devices.trainer_settings()
        trainer = pl.Trainer(**settings, logger=False, callbacks=callbacks, default_root_dir=folder)
        divided = None if self._grows else normalised_apart(method, self.devices, self.training.batch_size)
        if trainer.is_global_zero:
            if divided is not None:
                context.screen.say(f"warning: {divided}")
            config = {"method": plain(self.method), "training": plain(self.training), "seed": self.seed}
            trainer.loggers = fitting.loggers_of(self.unkeyed, folder, context, config)
        else:
            pl.seed_everything(_seed_of(self.seed, trainer.global_rank), verbose=False)
        fitting.fit(trainer, method, data, checkpoint, iterations, folder)
        if trainer.is_global_zero:
            said = [*self._leaks(self._archive(context)), *([] if divided is None else [divided])]
            best = folder / CHECKPOINTS / BEST
            trained.write_best(best, folder / trained.GENERATOR_BEST, averaged=judged.by_average)
            trained.write(folder, method, average.averaged(method), trainer, self.precision, rollbacks.made, said)

    def _forecast(self, data: pl.LightningDataModule, folder: Path, context: Context, iterations: int) -> None:
        def trial() -> Any:
            method = instantiate(self.method, _convert_="all")
            method.accumulate = self.devices.accumulate
            return method

        settings = self.devices.trainer_settings
        measured = self._judged(data, GeneratorAverage(self.training.average_decay)).metrics
        if isinstance(data, MammogramData):
            said = growing_forecast.of_training(trial, data, settings, iterations, measured)
        else:
            said = forecast.of_training(trial(), data, settings(), iterations, next(iter(measured), None))
        context.screen.say(str(said))
        free = shutil.disk_usage(folder).free
        if free < said.disk:
            context.screen.say(f"only {forecast.size(free)} are free in {folder}: the training may stop there")

    def _data(self, context: Context) -> pl.LightningDataModule:
        make: Callable[..., pl.LightningDataModule]
        if self.data is None:
            make = partial(InfillData, flips=self.training.flips)
        else:
            make = instantiate(self.data, _convert_="all")
        return make(
            open_store(context.inputs[self.inputs[0]]),
            **({} if self._grows else {"batch_size": self.training.batch_size // self.devices.processes}),
            seed=self.seed,
            workers=self.unkeyed.callbacks.workers,
        )

    @property
    def _grows(self) -> bool:
        return "schedule" in self.training

    def _archive(self, context: Context) -> str:
        """That the prepared patches come from, also where archive=auto named none."""
        described = json.loads((context.inputs[self.inputs[0]] / PREPARATION).read_text(encoding="utf-8"))
        return str(described["archive"])

    def _callbacks(
        self,
        folder: Path,
        data: pl.LightningDataModule,
        iterations: int,
        context: Context,
        average: GeneratorAverage,
        judged: judging.Judged,
    ) -> list[pl.Callback]:
        settings = self.unkeyed.callbacks
        grid = SampleGrid(
            following.grid(data, settings.grid_patches, self.seed),  # type: ignore[arg-type]
            every_iterations=settings.grid_every,
            folder=folder / SAMPLES,
            also_at=[self.method.get("pretraining_iterations", 0)],
            average=average if settings.grid_average else None,
        )
        growth = [Growth(context.screen.say)] if self._grows else []
        own = [*growth, average, *judged.metrics, grid]
        return fitting.callbacks_around(own, folder, context, iterations, self.divergence, settings, judged.best)

    def _judged(self, data: pl.LightningDataModule, average: GeneratorAverage) -> judging.Judged:
        metric = None if self.metric is None else plain(self.metric)
        of_average = self.training.get("metric_of_average", False)
        best = self.unkeyed.callbacks.best
        asked = None if best is None else plain(best)
        return judging.judged(metric, asked, data, self.seed, average, of_average)


def _seed_of(seed: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])
