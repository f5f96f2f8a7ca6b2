"""A training from its newest checkpoint to its end: what all kinds of trainings have in common."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.counting import iterations_of
from mammo_gan.callbacks.divergence import DivergenceGuard
from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.callbacks.progress import IterationProgress
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.callbacks.throughput import Throughput
from mammo_gan.errors import DivergenceError, UserError
from mammo_gan.stages.stage import Context
from mammo_gan.stages.training import loggers, memory, trained
from mammo_gan.stages.training.rollbacks import Rollbacks, iterations_in, put_spoiled_aside

CHECKPOINTS = "checkpoints"
DIVERGENCE = "divergence"
ROLLBACKS = "divergence/rollbacks.json"


def to_the_end(
    folder: Path,
    context: Context,
    divergence: DictConfig,
    fit: Callable[[Path | None, Rollbacks], None],
    shortage: Callable[[], UserError],
    first: Callable[[Path | None], None] | None = None,
) -> None:
    """Train until it is done, going back to the newest checkpoint after a divergence.

    Args:
        fit: trains on from a checkpoint, or from the beginning without one.
        shortage: what to say if memory runs out.
        first: called once before that, with the same checkpoint.

    Raises:
        DivergenceError: it has diverged too often.
        UserError: memory ran out, or what `fit` raises.
    """
    quieten_lightning()
    rollbacks = Rollbacks(folder / ROLLBACKS, divergence.rollbacks, divergence.learning_rate_factor)
    while True:
        try:
            with context.interruption.deferred():
                checkpoint = find_last(folder / CHECKPOINTS)
                if first is not None:
                    first(checkpoint)
                    first = None
                if checkpoint is not None:
                    context.screen.say(f"going on from iteration {iterations_in(checkpoint)}, {checkpoint}")
                fit(checkpoint, rollbacks)
            return
        except DivergenceError as error:
            context.screen.say(rollbacks.add(error))
            put_spoiled_aside(folder / CHECKPOINTS, error)
        except Exception as error:
            if memory.is_shortage(error):
                raise shortage() from error
            raise


def fit(
    trainer: pl.Trainer,
    method: pl.LightningModule,
    data: pl.LightningDataModule,
    checkpoint: Path | None,
    iterations: int,
    folder: Path,
) -> None:
    """Fit up to `iterations`; the trainer's loggers are closed however it ends.

    Raises:
        UserError: it has stopped before.
    """
    if hasattr(trainer.fit_loop.epoch_loop, "_broadcast_sigterm_tensor"):
        # Signals are ours; Lightning would ask all processes in each step, and wait for the GPU's answer.
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]
    try:
        trainer.fit(method, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    finally:
        loggers.finish(trainer.loggers)
    if (done := iterations_of(method)) < iterations:
        raise UserError(
            f"training stopped at iteration {done} of {iterations}; its checkpoint is in {folder / CHECKPOINTS}. The "
            "same command goes on from there"
        )


def callbacks_around(
    own: Sequence[pl.Callback],
    folder: Path,
    context: Context,
    iterations: int,
    divergence: DictConfig,
    settings: DictConfig,
    best: Best | None,
) -> list[pl.Callback]:
    """A training's `own` callbacks among those that every one has: its end, divergence, progress, checkpoints.

    Args:
        settings: of conf/callbacks.
        best: by which value the best iteration is kept.
    """
    return [
        StopAtIteration(iterations),
        DivergenceGuard(folder / DIVERGENCE, divergence.explosion, divergence.dead_updates),
        Throughput(settings.log_every),
        *own,
        RandomState(),
        IterationProgress(iterations, console=context.screen.console),
        AtomicCheckpoint(
            folder / CHECKPOINTS,
            every_minutes=settings.checkpoint_minutes,
            interruption=context.interruption,
            best=best,
        ),
    ]


def loggers_of(unkeyed: DictConfig, folder: Path, context: Context, config: dict[str, Any]) -> list[Logger]:
    """metrics.csv and those that were asked for. `config` is what W&B shows of the settings."""
    extra = loggers.build(unkeyed.logger, folder, context.run_folder, unkeyed.name, config, context.screen.say)
    return [MetricsCsv(folder / trained.METRICS), *extra]


def set_aside(folder: Path, context: Context) -> None:
    """Keep what an interrupted training left under another name, never deleted, and begin with an empty folder."""
    if not any(folder.iterdir()):
        return
    aside = folder.with_name(f"{folder.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}")
    folder.rename(aside)
    folder.mkdir()
    context.screen.say(f"resume=none: the interrupted training was set aside in {aside}")


def quieten_lightning() -> None:
    """Leave out what Lightning says of hardware, of its other products and of torch's deprecations."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
