"""A GAN small enough that a hundred iterations take a second, with the counts that every method keeps."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.data.batches import InfillBatch
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.base import GanMethod

SIZE = 8


class TinyGenerator(nn.Module):
    """(B, 4, H, W) -> (B, 1, H, W), with a buffer that training moves."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 1, 3, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, stack: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return torch.relu(self.dropout(self.convolution(stack)))


class TinyGan(GanMethod):
    """Trains its discriminator in odd iterations and its generator in even ones."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(log_every=5)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.frozen = nn.Linear(1, 1).eval().requires_grad_(False)
            self.generator = TinyGenerator()
            self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 1))
        self.seen: list[float] = []

    @property
    def phase_name(self) -> str:
        return "alternating"

    def forward(self, corrupted: Tensor, mask: Tensor, label: Tensor) -> Tensor:
        classes = torch.nn.functional.one_hot(label, 2).to(corrupted)[:, :, None, None].expand(-1, -1, SIZE, SIZE)
        image: Tensor = self.generator(torch.cat([corrupted, mask, classes], 1))
        return image

    def training_step(self, batch: InfillBatch, batch_idx: int) -> None:
        self.seen.append(float(batch.image.sum()))
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        if int(self.iterations) % 2:
            self.update(optimizers[0], self.generator_terms, batch)
        else:
            self.update(optimizers[1], self.discriminator_terms, batch)
        self.end_iteration(len(batch.image))

    def generator_terms(self, batch: InfillBatch) -> dict[str, LossTerm]:
        fake = self(batch.corrupted, batch.mask, batch.label)
        loss = -self.discriminator(fake).mean() + (fake - batch.image).abs().mean()
        return {"generator/loss": LossTerm(loss, 1.0)}

    def discriminator_terms(self, batch: InfillBatch) -> dict[str, LossTerm]:
        fake = self(batch.corrupted, batch.mask, batch.label).detach()
        loss = self.discriminator(fake).mean() - self.discriminator(batch.image).mean()
        return {"discriminator/loss": LossTerm(loss, 1.0)}

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [
            torch.optim.Adam(self.generator.parameters(), lr=1e-2),
            torch.optim.Adam(self.discriminator.parameters(), lr=1e-2),
        ]


class DrawingGan(TinyGan):
    """Draws from every global random generator that a method may draw from."""

    def training_step(self, batch: InfillBatch, batch_idx: int) -> None:
        # Normal numbers come in pairs, so the second one of a pair is part of a generator's state.
        noise = random.gauss(0, 1) + np.random.normal() + torch.rand(())  # noqa: NPY002
        super().training_step(batch._replace(image=batch.image + 0.1 * noise), batch_idx)


def batch(index: int, size: int = 2) -> InfillBatch:
    """The batch of position `index`, always the same."""
    source = torch.Generator().manual_seed(index)
    image = torch.rand(size, 1, SIZE, SIZE, generator=source)
    mask = torch.zeros(size, 1, SIZE, SIZE)
    mask[:, :, 2:6, 3:7] = 1
    noise = torch.rand(size, 1, SIZE, SIZE, generator=source)
    return InfillBatch(image, image * (1 - mask) + noise * mask, mask, torch.arange(size) % 2)


class Endless(IterableDataset):
    """Batches without end, from a position on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[InfillBatch]:
        index = self.start
        while True:
            yield batch(index)
            index += 1


class EndlessData(pl.LightningDataModule):
    """Goes on at the method's own count, as the data of a method do."""

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        method = self.trainer.lightning_module
        assert isinstance(method, TinyGan)
        return DataLoader(Endless(int(method.iterations)), batch_size=None)


def fit(
    method: pl.LightningModule,
    folder: Path,
    callbacks: Sequence[Callback],
    *,
    loggers: Sequence[Logger] = (),
    resume: Path | None = None,
    bar: bool = False,
) -> pl.Trainer:
    """Train until a callback says stop."""
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        callbacks=list(callbacks),
        logger=list(loggers),
        enable_progress_bar=bar,
        enable_model_summary=False,
        enable_checkpointing=any(callback.__class__.__name__ == "AtomicCheckpoint" for callback in callbacks),
        log_every_n_steps=1,  # a method says itself what it logs and when
    )
    trainer.fit(method, datamodule=EndlessData(), ckpt_path=resume, weights_only=True)
    return trainer
