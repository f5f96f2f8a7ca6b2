"""Sampling from a method in the midst of its training, which doesn't notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytorch_lightning as pl
import torch
from torch import nn

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.throughput import untimed


@contextmanager
def undisturbed(
    trainer: pl.Trainer, pl_module: pl.LightningModule, average: GeneratorAverage | None = None
) -> Iterator[None]:
    """Within it nothing has gradients, and the method is in eval mode and draws from `average`, if that is given.

    Afterwards each part is in the mode it had (a frozen VGG stays in eval), random states are where they were, and the
    time isn't counted as training.
    """
    device = trainer.strategy.root_device
    with (
        untimed(trainer),
        torch.no_grad(),
        torch.random.fork_rng([device] if device.type == "cuda" else []),
        nullcontext() if average is None else average.in_place(pl_module),
        _evaluating(pl_module),
    ):
        yield


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
