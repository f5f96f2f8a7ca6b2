"""A ciGAN at 16 px whose VGG-19 has a few channels: a step takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.data.batches import InfillBatch
from mammo_gan.losses.adversarial import NonSaturatingLoss
from mammo_gan.losses.boundary import BoundaryLoss, BoundaryWeight
from mammo_gan.losses.feature import FeatureLoss
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.networks.cigan import Discriminator, Generator
from mammo_gan.schedules.alternation import Phase
from mammo_gan.weights import Provenance, Vgg19

SIZE = 16
BATCH = 4


def slim_vgg(pooling: Literal["max", "average"] = "max", maps: Literal["pools", "convolutions"] = "pools") -> Vgg19:
    """VGG-19's layers with 2 to 4 channels."""
    source = torch.Generator().manual_seed(7)
    widths = {0: (3, 2), 2: (2, 2), 5: (2, 3), 7: (3, 3), 10: (3, 4), 12: (4, 4), 14: (4, 4), 16: (4, 4)}
    weights = {}
    for index, (before, after) in widths.items():
        weights[f"{index}.weight"] = torch.randn(after, before, 3, 3, generator=source) / (4.5 * before) ** 0.5
        weights[f"{index}.bias"] = 0.1 * torch.randn(after, generator=source)
    return Vgg19(weights, Provenance("slim", None, random=True), pooling, maps)


def in_turns(until: float = 0.3, steps_per_check: int = 1, max_steps: int = 3) -> tuple[Phase, Phase]:
    """The paper's two phases."""
    discriminator = Phase(
        name="discriminator",
        network="discriminator",
        terms=("adversarial",),
        solver="D",
        until=until,
        steps_per_check=steps_per_check,
        max_steps=max_steps,
    )
    terms = ("adversarial", "feature", "boundary")
    return discriminator, replace(discriminator, name="generator", network="generator", terms=terms, solver="G")


def small_cigan(phases: Sequence[Phase] | None = None, *, pretraining: int = 2, seed: int = 0, **changes: Any) -> CiGAN:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        generator = Generator([8, 6, 4], SIZE)
        discriminator = Discriminator([4, 6], SIZE, pools=2, conditional=False, slopes=[0.2, 0.2])
    adam: Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer] = partial(
        torch.optim.Adam, lr=1e-3, fused=True
    )
    settings: dict[str, Any] = {
        "generator": generator,
        "discriminator": discriminator,
        "image_size": SIZE,
        "adversarial_loss": NonSaturatingLoss(),
        "feature_loss": FeatureLoss(slim_vgg()),
        "boundary_loss": BoundaryLoss(BoundaryWeight(2.0, SIZE)),
        "loss_weights": {"adversarial": 1.0, "feature": 10.0, "boundary": 10000.0},
        "pretraining_iterations": pretraining,
        "phases": phases or in_turns(),
        "generator_optimizer": adam,
        "discriminator_optimizer": adam,
        "log_every": 1,
    }
    return CiGAN(**settings | changes)


def batch(index: int, size: int = BATCH) -> InfillBatch:
    """The batch of position `index`, always the same."""
    source = torch.Generator().manual_seed(index)
    image = torch.rand(size, 1, SIZE, SIZE, generator=source)
    mask = torch.zeros(size, 1, SIZE, SIZE)
    mask[:, :, 4:11, 5:12] = 1
    noise = torch.rand(size, 1, SIZE, SIZE, generator=source)
    return InfillBatch(image, image * (1 - mask) + noise * mask, mask, torch.arange(size) % 2)


class Endless(IterableDataset[InfillBatch]):
    """Batches without end, from a position on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[InfillBatch]:
        index = self.start
        while True:
            yield batch(index)
            index += 1


def fit(method: CiGAN, start: int, stop: int, *, resume: Path | None = None, **settings: Any) -> pl.Trainer:
    """Train until `stop` iterations, on the batches of positions `start` and up."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": -1,
        "max_steps": stop,  # an iteration of ciGAN is one step of one optimiser
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(**defaults | settings)
    trainer.fit(method, DataLoader(Endless(start), batch_size=None), ckpt_path=resume, weights_only=True)
    return trainer
