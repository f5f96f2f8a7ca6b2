"""A DCGAN at 16 px with a few channels: a step takes milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.data.batches import InfillBatch, LesionBatch
from mammo_gan.data.datamodule import InfillData
from mammo_gan.losses.smoothed import SmoothedLoss
from mammo_gan.methods.dcgan import DCGAN
from mammo_gan.networks.dcgan import Discriminator, Generator
from mammo_gan.schedules.epochs import real_label, staircase
from tests.methods.small import SIZE

BATCH = 4
LATENT = 6
TRAINING_IMAGES = 10  # an epoch is two and a half batches


def small_dcgan(
    *, seed: int = 0, drawing: dict[str, Any] | None = None, judging: dict[str, Any] | None = None, **changes: Any
) -> DCGAN:
    """In the paper's form but for its size; `drawing` changes the generator, `judging` the discriminator."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        generator = Generator([6, 4], SIZE, latent=LATENT, **drawing or {})
        discriminator = Discriminator([4, 6], SIZE, **judging or {})
    settings: dict[str, Any] = {
        "generator": generator,
        "discriminator": discriminator,
        "image_size": SIZE,
        "adversarial_loss": SmoothedLoss(),
        "real_label": partial(real_label, low=0.7, high=1.0, seed=3),
        "generator_optimizer": partial(torch.optim.Adam, lr=4e-3, betas=(0.0, 0.99), fused=True),
        "discriminator_optimizer": partial(torch.optim.Adam, lr=2e-3, betas=(0.0, 0.99), fused=True),
        "generator_decay": partial(staircase, factor=0.9, every=2),
        "discriminator_decay": partial(staircase, factor=0.8, every=1),
        "training_images": TRAINING_IMAGES,
        "log_every": 1,
    }
    return DCGAN(**settings | changes)


def batch(index: int, size: int = BATCH) -> LesionBatch:
    """The batch of position `index`, always the same."""
    source = torch.Generator().manual_seed(index)
    return LesionBatch(2 * torch.rand(size, 1, SIZE, SIZE, generator=source) - 1, torch.arange(size) % 2)


class Endless(IterableDataset[LesionBatch]):
    """Batches without end, from a position on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[LesionBatch]:
        index = self.start
        while True:
            yield batch(index)
            index += 1


class LesionsOfInfillData(InfillData):
    """The patches of a store for infilling, as lesions to draw."""

    @property
    def training_images(self) -> int:
        return len(self.store.indices("train"))

    def on_before_batch_transfer(self, batch: InfillBatch, dataloader_idx: int) -> LesionBatch:
        return LesionBatch(2 * batch.image - 1, batch.label)


def fit(
    method: DCGAN,
    start: int,
    stop: int,
    *,
    resume: Path | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> pl.Trainer:
    """Train until `stop` iterations, on the batches of positions `start` and up."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": -1,
        "max_steps": 2 * stop,  # an iteration is a step of each optimiser
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "callbacks": [RandomState(), *callbacks],
    }
    trainer = pl.Trainer(**defaults | settings)
    # With a generator of its own a loader draws nothing from the global one when it starts.
    loader = DataLoader(Endless(start), batch_size=None, generator=torch.Generator())
    trainer.fit(method, loader, ckpt_path=resume, weights_only=True)
    return trainer
