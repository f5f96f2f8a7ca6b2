"""train/...: prepared arrays -> a trained generator, with its checkpoints, metrics and sample grids."""

from __future__ import annotations

import csv
import logging
import statistics
import time
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from safetensors.torch import load_file, save_file
from torch import nn

from mammo_gan.archives.records import SplitName
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.callbacks.progress import IterationProgress
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.sample_grid import SampleGrid
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.callbacks.throughput import IMAGES_PER_SECOND, Throughput
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.methods.base import GanMethod
from mammo_gan.stages import forecast, loggers
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.weights import checksum

GENERATOR = "generator.safetensors"
GENERATOR_AVERAGE = "generator_average.safetensors"
METRICS = "metrics.csv"
TRAINING = "training.json"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
WORTH_FORECASTING = 300  # iterations; a shorter training is over before its forecast


class Train(Stage):
    """Trains a method; an interrupted training goes on from its newest whole checkpoint."""

    version: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    def __init__(
        self,
        inputs: list[str],
        method: DictConfig,
        training: DictConfig,
        precision: str,
        init_from: str | None,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.method, self.training, self.precision = method, training, precision
        self.init_from, self.seed = init_from, seed
        self.iterations = method.pretraining_iterations + training.iterations

    def fingerprint(self) -> str:
        return "" if self.init_from is None else checksum(Path(self.init_from))

    def run(self, folder: Path, context: Context) -> None:
        _quieten_lightning()
        pl.seed_everything(self.seed, verbose=False)
        checkpoint = self._checkpoint(folder, context)
        data = self._data(context)
        method: GanMethod = instantiate(self.method, _convert_="all")
        method.log_every = self.unkeyed.callbacks.log_every
        if self.init_from is not None and checkpoint is None:
            load_generator(method.get_submodule("generator"), Path(self.init_from))
        callbacks = self._callbacks(folder, data, context)
        trainer = self._trainer(folder, callbacks, context)
        if self.iterations >= WORTH_FORECASTING:
            trial = instantiate(self.method, _convert_="all")
            said = forecast.of_training(trial, data, self._trainer_settings(), self.iterations - _done(checkpoint))
            context.screen.say(str(said))
        trainer.fit(method, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        loggers.finish(trainer.loggers)
        if int(method.iterations) < self.iterations:
            raise UserError(
                f"training stopped at iteration {int(method.iterations)} of {self.iterations}; its checkpoint is in "
                f"{folder / CHECKPOINTS}. The same command goes on from there"
            )
        self._export(folder, method, callbacks, trainer)

    def _checkpoint(self, folder: Path, context: Context) -> Path | None:
        """The checkpoint to go on from; with resume=none what is there is set aside, never deleted."""
        checkpoints = folder / CHECKPOINTS
        if self.unkeyed.resume == "none" and checkpoints.exists():
            aside = folder.with_name(f"{folder.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}")
            folder.rename(aside)
            folder.mkdir()
            context.screen.say(f"resume=none: the interrupted training was set aside in {aside}")
        found = find_last(checkpoints)
        if found is not None:
            context.screen.say(f"going on from {found}")
        return found

    def _data(self, context: Context) -> InfillData:
        return InfillData(
            PatchStore.open(context.inputs[self.inputs[0]]),
            batch_size=self.training.batch_size,
            seed=self.seed,
            workers=self.unkeyed.callbacks.workers,
            flips=self.training.flips,
        )

    def _callbacks(self, folder: Path, data: InfillData, context: Context) -> list[pl.Callback]:
        settings = self.unkeyed.callbacks
        # A small archive may have nothing to infill in its validation split.
        shown: SplitName = "val" if data.store.has_lesion[data.store.indices("val")].any() else "train"
        return [
            StopAtIteration(self.iterations),
            Throughput(settings.log_every),
            GeneratorAverage(self.training.average_decay),
            RandomState(),
            SampleGrid(
                data.fixed_batch(shown, settings.grid_patches, self.seed),
                every_iterations=settings.grid_every,
                folder=folder / SAMPLES,
                also_at=[self.method.pretraining_iterations],
            ),
            IterationProgress(self.iterations, console=context.screen.console),
            AtomicCheckpoint(folder / CHECKPOINTS, every_minutes=settings.checkpoint_minutes),
        ]

    def _trainer(self, folder: Path, callbacks: list[pl.Callback], context: Context) -> pl.Trainer:
        config = {"method": plain(self.method), "training": plain(self.training), "seed": self.seed}
        extra = loggers.build(self.unkeyed.logger, folder, context.run_folder, self.unkeyed.name, config)
        return pl.Trainer(
            **self._trainer_settings(),
            logger=[MetricsCsv(folder / METRICS), *extra],
            callbacks=callbacks,
            default_root_dir=folder,
        )

    def _trainer_settings(self) -> dict[str, Any]:
        """One endless epoch: the method's own counts say when it ends."""
        return {
            "accelerator": self.unkeyed.trainer.accelerator,
            "devices": self.unkeyed.trainer.devices,
            "precision": self.precision,
            "max_epochs": 1,
            "log_every_n_steps": 1,  # the method decides what it logs and when
            "use_distributed_sampler": False,  # the data's own sampler shares batches out
            "enable_model_summary": False,
        }

    def _export(self, folder: Path, method: GanMethod, callbacks: list[pl.Callback], trainer: pl.Trainer) -> None:
        average = next(callback for callback in callbacks if isinstance(callback, GeneratorAverage))
        save_file(_weights(method.get_submodule("generator")), folder / GENERATOR)
        save_file(_weights(average.averaged(method)), folder / GENERATOR_AVERAGE)
        write_json(
            folder / TRAINING,
            {
                "iterations": int(method.iterations),
                "images_seen": int(method.images_seen),
                "images_per_second": _median_speed(folder / METRICS),
                "device": device_name(trainer.strategy.root_device),
                "precision": self.precision,
                "parameters": {name: count(method.get_submodule(name)) for name in ("generator", "discriminator")},
            },
        )


def _quieten_lightning() -> None:
    """Leave out what Lightning says of hardware, of its other products and of torch's deprecations."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")


def _done(checkpoint: Path | None) -> int:
    """Iterations that a checkpoint has behind it."""
    if checkpoint is None:
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]["iterations"])


def load_generator(generator: nn.Module, file: Path) -> None:
    """Start a generator from trained weights.

    Args:
        file: a generator's .safetensors, or a checkpoint of a training (.ckpt), of which the generator is taken.

    Raises:
        UserError: the file can't be read or belongs to another network.
    """
    try:
        if file.suffix == ".safetensors":
            weights = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
            prefix = "generator."
            weights = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        generator.load_state_dict(weights)
    except Exception as error:  # the formats raise errors of many kinds for what isn't theirs
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"init_from={file}: expected weights of a {type(generator).__name__} of these sizes, found: {reason}. "
            "Give the generator.safetensors or the checkpoint of a training with the same method settings"
        ) from error


def _median_speed(metrics: Path) -> float | None:
    """Images per second, the median over all windows of a training; None if it was too short for one."""
    with metrics.open(newline="", encoding="utf-8") as file:
        speeds = [float(row[IMAGES_PER_SECOND]) for row in csv.DictReader(file) if row.get(IMAGES_PER_SECOND)]
    return statistics.median(speeds) if speeds else None


def device_name(device: torch.device) -> str:
    """What trained: the GPU's name, or the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def count(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
