"""A classifier at 16 px with a few channels, and patches that it can learn: lesions are bright in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.archives.records import SplitName
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.data.classified import ClassifiedData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.downstream.classifier import Classifier
from mammo_gan.networks.dcgan import Discriminator
from mammo_gan.schedules.epochs import staircase
from tests.data.lesion_store import Patch, write

SIZE = 16
SETTINGS: dict[str, Any] = {
    "positive": "lesion",
    "kinds": ["mass"],
    "negatives_per_positive": 3,
    "patches": 20,
    "sizes": [10, 20],
}


def small_classifier(seed: int = 0, **changes: Any) -> Classifier:
    """In the paper's form but for its size."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = Discriminator([4, 6], SIZE, initialisation="xavier")
    settings: dict[str, Any] = {
        "network": network,
        "optimizer": partial(torch.optim.Adam, lr=5e-3, betas=(0.0, 0.99), fused=True),
        "decay": partial(staircase, factor=0.5, every=2),
        "log_every": 3,
    }
    return Classifier(**settings | changes)


def small_store(folder: Path, *, shuffled: bool = False) -> ImageStore:
    """Two lesions and six patches of normal tissue a patient; 12 patients train, 6 validate and 6 test.

    Args:
        shuffled: which patch shows what is drawn by lot.
    """
    rng = np.random.default_rng(8)
    patches: list[Patch] = []
    for patient in range(24):
        split: SplitName = "train" if patient < 12 else "val" if patient < 18 else "test"
        lesion: Patch = (f"p{patient}", split, "mass", "malignant")
        normal: Patch = (f"p{patient}", split, None, "unknown")
        patches += [lesion] * 2 + [normal] * 6
    images = rng.integers(40, 160, (len(patches), SIZE, SIZE), dtype=np.uint8)
    bright = np.array([patch[2] is not None for patch in patches])
    if shuffled:
        rng.shuffle(bright)
    images[bright, 5:11, 5:11] += 80
    return write(folder, patches, images)


def small_data(store: ImageStore, batch_size: int = 8, **changes: Any) -> ClassifiedData:
    """20 lesions and 60 patches of normal tissue: an epoch is ten batches."""
    return ClassifiedData(store, batch_size, 4, **SETTINGS | changes)


def fit(
    classifier: Classifier, data: ClassifiedData, iterations: int, callbacks: Sequence[Callback] = (), **settings: Any
) -> pl.Trainer:
    """Train until `iterations`."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "callbacks": [StopAtIteration(iterations), *callbacks],
    }
    trainer = pl.Trainer(**defaults | settings)
    trainer.fit(classifier, datamodule=data)
    return trainer
