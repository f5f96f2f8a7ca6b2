"""Pictures of the same patches, infilled again and again while the generator learns."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import WandbLogger
from torch import Tensor, nn

from mammo_gan.callbacks.counting import images_seen_of, iterations_of
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.throughput import untimed
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT, InfillBatch
from mammo_gan.files import written_whole

CLASS_NAMES = {NON_MALIGNANT: "non-malignant", MALIGNANT: "malignant"}
GAP, LINE = 6, 20  # px between patches, and of a line of words
SMALLEST_CELL = 128  # px; the words need it


class SampleGrid(Callback):
    """Writes {iteration:07d}.png: a row per patch with original, input, and what the method generates for the patch's
    own class and for the opposite one.

    Written before the first iteration, every `every_iterations`, after the iterations in `also_at` (the end of
    pre-training) and at the end; handed to W&B where that logger is in use. The training isn't touched: the method
    goes to eval mode and back, module by module, and random states stay as they were.

    Args:
        batch: the patches, on any device; always the same.
        folder: where the pictures go; made if missing.
        average: sample from this average of the generator instead of the generator as it is.
    """

    def __init__(
        self,
        batch: InfillBatch,
        every_iterations: int,
        folder: Path,
        also_at: Collection[int] = (),
        average: GeneratorAverage | None = None,
    ) -> None:
        if every_iterations < 1:
            raise ValueError(f"every_iterations is at least 1; got {every_iterations}")
        self.batch = batch
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
        with untimed(trainer):
            picture = draw_grid(self.batch, *self._generate(trainer, pl_module))
            file = self.folder / f"{iteration:07d}.png"
            with written_whole(file) as unfinished:
                picture.save(unfinished, format="PNG")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    _log_to_wandb(logger, picture, iteration, images_seen_of(pl_module))

    def _generate(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> tuple[Tensor, Tensor]:
        """Images (B, 1, H, W) for the own and for the opposite class, on the CPU."""
        device = trainer.strategy.root_device
        batch = InfillBatch(*(field.to(device) for field in self.batch))
        average = nullcontext() if self.average is None else self.average.in_place(pl_module)
        with (
            torch.inference_mode(),
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            average,
            _evaluating(pl_module),
            trainer.precision_plugin.forward_context(),
        ):
            own = pl_module(batch.corrupted, batch.mask, batch.label)
            opposite = pl_module(batch.corrupted, batch.mask, 1 - batch.label)
        return own.float().cpu(), opposite.float().cpu()


def draw_grid(batch: InfillBatch, own: Tensor, opposite: Tensor) -> Image.Image:
    """Rows of original | input | own class | opposite class, each with its class above it.

    Patches narrower than 128 px are enlarged by a whole factor, pixel by pixel.

    Args:
        own, opposite: (B, 1, H, W), clipped to [0, 1] here.
    """
    scale = -(-SMALLEST_CELL // batch.image.shape[-1])
    height, width = (scale * length for length in batch.image.shape[-2:])
    grid = Image.new("L", (4 * (width + GAP) + GAP, LINE + len(batch.image) * (height + LINE + GAP) + GAP), 255)
    pen, font = ImageDraw.Draw(grid), ImageFont.load_default(size=13)
    for column, title in enumerate(("original", "input", "own class", "opposite class")):
        pen.text((GAP + column * (width + GAP), GAP), title, fill=0, font=font)
    for row, label in enumerate(batch.label.tolist()):
        cells = (
            (CLASS_NAMES[label], batch.image[row]),
            ("", batch.corrupted[row]),
            (CLASS_NAMES[label], own[row]),
            (CLASS_NAMES[1 - label], opposite[row]),
        )
        y = LINE + GAP + row * (height + LINE + GAP)
        for column, (words, image) in enumerate(cells):
            x = GAP + column * (width + GAP)
            pen.text((x, y), words, fill=90, font=font)
            grid.paste(Image.fromarray(_grey(image).repeat(scale, axis=0).repeat(scale, axis=1)), (x, y + LINE))
    return grid


def _grey(image: Tensor) -> NDArray[np.uint8]:
    """(1, H, W) -> (H, W) uint8."""
    grey: NDArray[np.uint8] = (image[0].detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return grey


def _log_to_wandb(logger: WandbLogger, picture: Image.Image, iteration: int, images_seen: int) -> None:
    import wandb

    try:
        image = wandb.Image(picture)
    except OSError:  # it goes through the system's temporary folder, which is full; the picture is in `folder`
        return
    values: dict[str, Any] = {"samples": image, "iteration": iteration, "images_seen": images_seen}
    logger.log_metrics(values, step=iteration)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """All of `module` in eval mode; afterwards each part is in the mode it had (a frozen VGG stays in eval)."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
