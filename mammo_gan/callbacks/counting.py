"""A method's own counts of progress, read by every callback in the same way.

Under manual optimisation the trainer's global_step counts the steps of all optimisers, so it says nothing about
how far a GAN's training is; the method's buffers `iterations` and `images_seen` do.
"""

from __future__ import annotations

import pytorch_lightning as pl
from torch import Tensor


def iterations_of(method: pl.LightningModule) -> int:
    """Iterations (training steps of the method) done so far, those before a resume included."""
    return _count(method, "iterations")


def images_seen_of(method: pl.LightningModule) -> int:
    """Real images the training has seen so far, over all processes."""
    return _count(method, "images_seen")


def _count(method: pl.LightningModule, name: str) -> int:
    value = getattr(method, name, None)
    if not isinstance(value, Tensor | int):
        raise TypeError(f"{type(method).__name__} keeps no count `{name}`; a method derives from GanMethod")
    return int(value)
