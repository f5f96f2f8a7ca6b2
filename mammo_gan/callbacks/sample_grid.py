"""Pictures of the same images, generated again and again while the generator learns."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import pytorch_lightning as pl
from PIL import Image
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import WandbLogger

from mammo_gan.callbacks.counting import images_seen_of, iterations_of
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.undisturbed import undisturbed
from mammo_gan.files import written_whole


class Grid(Protocol):
    """What a picture shows."""

    def draw(self, method: pl.LightningModule) -> Image.Image:
        """The picture that `method`, in eval mode and without gradients, makes now; always of the same inputs."""
        ...


class SampleGrid(Callback):
    """Writes {iteration:07d}.png, as `grid` draws it.

    Written before the first iteration, every `every_iterations`, after the iterations in `also_at` (the end of
    pre-training) and at the end; handed to W&B where that logger is in use. The training isn't touched: the method
    goes to eval mode and back, module by module, and random states stay as they were.

    Args:
        grid: draws.
        folder: where the pictures go; made if missing.
        average: sample from this average of the generator instead of the generator as it is.
    """

    def __init__(
        self,
        grid: Grid,
        every_iterations: int,
        folder: Path,
        also_at: Collection[int] = (),
        average: GeneratorAverage | None = None,
    ) -> None:
        if every_iterations < 1:
            raise ValueError(f"every_iterations is at least 1; got {every_iterations}")
        self.grid = grid
        self.every_iterations = every_iterations
        self.folder = folder
        self.also_at = frozenset(also_at)
        self.average = average
        self._written_at: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._written_at = iterations_of(pl_module) if trainer.ckpt_path else None
        if iterations_of(pl_module) == 0:
            self.write(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        iteration = iterations_of(pl_module)
        if iteration % self.every_iterations == 0 or iteration in self.also_at:
            self.write(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._written_at != iterations_of(pl_module):
            self.write(trainer, pl_module)

    def write(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the picture of the present iteration (rank zero only)."""
        iteration = iterations_of(pl_module)
        self._written_at = iteration
        if not trainer.is_global_zero:
            return
        with undisturbed(trainer, pl_module, self.average):
            with trainer.precision_plugin.forward_context():
                picture = self.grid.draw(pl_module)
            file = self.folder / f"{iteration:07d}.png"
            with written_whole(file) as unfinished:
                picture.save(unfinished, format="PNG")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    _log_to_wandb(logger, picture, iteration, images_seen_of(pl_module))


def _log_to_wandb(logger: WandbLogger, picture: Image.Image, iteration: int, images_seen: int) -> None:
    import wandb

    try:
        image = wandb.Image(picture)
    except OSError:  # it goes through the system's temporary folder, which is full; the picture is in `folder`
        return
    values: dict[str, Any] = {"samples": image, "iteration": iteration, "images_seen": images_seen}
    logger.log_metrics(values, step=iteration)
