"""train/...: prepared arrays -> a trained generator, with its checkpoints, metrics and sample grids."""

from __future__ import annotations

import json
import logging
import shutil
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from mammo_gan.archives.leaks import check_archives
from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.checkpoint_files import BEST
from mammo_gan.callbacks.divergence import DivergenceGuard
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.callbacks.progress import IterationProgress
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.sample_grid import SampleGrid
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.callbacks.throughput import Throughput
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.stores import open_store
from mammo_gan.errors import DivergenceError, UserError
from mammo_gan.methods.base import GanMethod
from mammo_gan.stages.command.contradictions import batch_normalised
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.training import following, forecast, lengths, loggers, memory, processes, trained
from mammo_gan.stages.training.devices import Devices, normalised_apart
from mammo_gan.stages.training.rollbacks import Rollbacks, iterations_in, put_spoiled_aside
from mammo_gan.weights import checksum

CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
DIVERGENCE = "divergence"
ROLLBACKS = "divergence/rollbacks.json"
WORTH_FORECASTING = 300  # iterations; a shorter training is over before its forecast


class Train(Stage):
    """Trains a method; an interrupted training goes on from its newest whole checkpoint.

    Args:
        data: makes the data module from a store, `batch_size`, `seed` and `workers`; None = patches to infill, with
            the training's `flips`.
        metric: of the generator while it learns, see `following.distance`, by whose running mean the best generator is
            kept unless callbacks.best names another; None = nothing is measured.
    """

    version: ClassVar[int] = 2
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
            _set_aside(folder, context)
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
        _quieten_lightning()
        settings = self.divergence
        rollbacks = Rollbacks(folder / ROLLBACKS, settings.rollbacks, settings.learning_rate_factor)
        data = self._data(context)
        iterations = lengths.iterations_of(self.training, self.method, data)
        forecast_due = iterations >= WORTH_FORECASTING
        while True:
            try:
                with context.interruption.deferred():
                    checkpoint = find_last(folder / CHECKPOINTS)
                    if forecast_due:
                        self._forecast(data, folder, context, iterations - iterations_in(checkpoint))
                        forecast_due = False
                    self._fit(folder, context, data, iterations, checkpoint, rollbacks)
                break
            except DivergenceError as error:
                context.screen.say(rollbacks.add(error))
                put_spoiled_aside(folder / CHECKPOINTS, error)
            except Exception as error:
                if memory.is_shortage(error):
                    in_parts = not batch_normalised(self.method)
                    raise memory.shortage(self.training.batch_size, self.devices, in_parts) from error
                raise

    def _fit(
        self,
        folder: Path,
        context: Context,
        data: pl.LightningDataModule,
        iterations: int,
        checkpoint: Path | None,
        rollbacks: Rollbacks,
    ) -> None:
        if checkpoint is not None:
            context.screen.say(f"going on from iteration {iterations_in(checkpoint)}, {checkpoint}")
        # Networks begin alike in all processes, what they draw later differs.
        pl.seed_everything(self.seed, verbose=False)
        method: GanMethod = instantiate(self.method, _convert_="all")
        method.log_every, method.accumulate = self.unkeyed.callbacks.log_every, self.devices.accumulate
        method.learning_rate_factor = rollbacks.learning_rate_factor
        method.archives = tuple(sorted({*self.trained_before, self._archive(context)}))
        if self.init_from is not None and checkpoint is None:
            trained.load_generator(method.get_submodule("generator"), Path(self.init_from))
        callbacks = self._callbacks(folder, data, iterations, context)
        trainer = pl.Trainer(**self._trainer_settings(), logger=False, callbacks=callbacks, default_root_dir=folder)
        if hasattr(trainer.fit_loop.epoch_loop, "_broadcast_sigterm_tensor"):
            # Signals are ours; Lightning would ask all processes in each step, and wait for the GPU's answer.
            trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]
        if trainer.is_global_zero:
            if (divided := normalised_apart(method, self.devices, self.training.batch_size)) is not None:
                context.screen.say(f"warning: {divided}")
            trainer.loggers = self._loggers(folder, context)
        else:
            pl.seed_everything(_seed_of(self.seed, trainer.global_rank), verbose=False)
        try:
            trainer.fit(method, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        finally:
            loggers.finish(trainer.loggers)
        if int(method.iterations) < iterations:
            raise UserError(
                f"training stopped at iteration {int(method.iterations)} of {iterations}; its checkpoint is in "
                f"{folder / CHECKPOINTS}. The same command goes on from there"
            )
        if trainer.is_global_zero:
            average = next(callback for callback in callbacks if isinstance(callback, GeneratorAverage))
            leaks = self._leaks(self._archive(context))
            trained.write_best(folder, folder / CHECKPOINTS / BEST)
            trained.write(folder, method, average.averaged(method), trainer, self.precision, rollbacks.made, leaks)

    def _forecast(self, data: pl.LightningDataModule, folder: Path, context: Context, iterations: int) -> None:
        trial = instantiate(self.method, _convert_="all")
        trial.accumulate = self.devices.accumulate
        said = forecast.of_training(trial, data, self._trainer_settings(), iterations)
        context.screen.say(str(said))
        free = shutil.disk_usage(folder).free
        if free < said.disk:
            context.screen.say(f"only {forecast.size(free)} are free in {folder}: the training may stop there")

    def _data(self, context: Context) -> pl.LightningDataModule:
        make: Callable[..., pl.LightningDataModule] = partial(InfillData, flips=self.training.flips)
        if self.data is not None:
            make = instantiate(self.data, _convert_="all")
        return make(
            open_store(context.inputs[self.inputs[0]]),
            batch_size=self.training.batch_size // self.devices.processes,
            seed=self.seed,
            workers=self.unkeyed.callbacks.workers,
        )

    def _archive(self, context: Context) -> str:
        """That the prepared patches come from, also where archive=auto named none."""
        described = json.loads((context.inputs[self.inputs[0]] / PREPARATION).read_text(encoding="utf-8"))
        return str(described["archive"])

    def _callbacks(
        self, folder: Path, data: pl.LightningDataModule, iterations: int, context: Context
    ) -> list[pl.Callback]:
        settings = self.unkeyed.callbacks
        best = None if settings.best is None else Best(**settings.best)
        measured: list[pl.Callback] = []
        if self.metric is not None:
            metric = following.distance(plain(self.metric), data, self.seed)
            measured, best = [metric], best or Best(f"{metric.name}_mean", "min")
        return [
            StopAtIteration(iterations),
            DivergenceGuard(folder / DIVERGENCE, self.divergence.explosion, self.divergence.dead_updates),
            Throughput(settings.log_every),
            GeneratorAverage(self.training.average_decay),
            RandomState(),
            *measured,
            SampleGrid(
                following.grid(data, settings.grid_patches, self.seed),  # type: ignore[arg-type]
                every_iterations=settings.grid_every,
                folder=folder / SAMPLES,
                also_at=[self.method.get("pretraining_iterations", 0)],
            ),
            IterationProgress(iterations, console=context.screen.console),
            AtomicCheckpoint(
                folder / CHECKPOINTS,
                every_minutes=settings.checkpoint_minutes,
                interruption=context.interruption,
                best=best,
            ),
        ]

    def _loggers(self, folder: Path, context: Context) -> list[Logger]:
        config = {"method": plain(self.method), "training": plain(self.training), "seed": self.seed}
        settings, name = self.unkeyed.logger, self.unkeyed.name
        extra = loggers.build(settings, folder, context.run_folder, name, config, context.screen.say)
        return [MetricsCsv(folder / trained.METRICS), *extra]

    def _trainer_settings(self) -> dict[str, Any]:
        """One endless epoch: the method's own counts say when it ends."""
        return {
            **self.devices.trainer_settings(),
            "max_epochs": 1,
            "log_every_n_steps": 1,  # the method decides what it logs and when
            "use_distributed_sampler": False,  # the data's own sampler shares batches out
            "enable_model_summary": False,
        }


def _set_aside(folder: Path, context: Context) -> None:
    """Keep what an interrupted training left under another name, never deleted, and begin with an empty folder."""
    if not any(folder.iterdir()):
        return
    aside = folder.with_name(f"{folder.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}")
    folder.rename(aside)
    folder.mkdir()
    context.screen.say(f"resume=none: the interrupted training was set aside in {aside}")


def _seed_of(seed: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])


def _quieten_lightning() -> None:
    """Leave out what Lightning says of hardware, of its other products and of torch's deprecations."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
