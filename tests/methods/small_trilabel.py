"""An infilling GAN on tri-labels at 16 px with a few channels: a step takes milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.data.batches import TriLabelBatch
from mammo_gan.data.trilabel import tri_label
from mammo_gan.imaging.margin import SCALE
from mammo_gan.losses.adversarial import NonSaturatingLoss
from mammo_gan.losses.feature import FeatureMatchingLoss
from mammo_gan.methods.trilabel import TriLabelGAN
from mammo_gan.networks.trilabel import CRN, PairDiscriminator, UNet
from tests.methods.small import SIZE, slim_vgg

BATCH = 4
UNET, REFINING = "unet", "crn"


def small_trilabel(generator: str = UNET, *, channels: int = 3, seed: int = 0, **changes: Any) -> TriLabelGAN:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = UNet if generator == UNET else CRN
        settings: dict[str, Any] = {
            "generator": network([6, 6, 4, 4], SIZE, label_channels=channels),
            "discriminator": PairDiscriminator([4, 6], SIZE, label_channels=channels),
        }
    settings |= {
        "image_size": SIZE,
        "adversarial_loss": NonSaturatingLoss(),
        "feature_loss": FeatureMatchingLoss(slim_vgg(maps="convolutions")),
        "feature_weight": 100.0,
        "generator_optimizer": partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.9), fused=True),
        "discriminator_optimizer": partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.9), fused=True),
        "log_every": 1,
    }
    return TriLabelGAN(**settings | changes)


def batch(index: int, channels: int = 3) -> TriLabelBatch:
    """The batch of position `index`, always the same."""
    rng = np.random.default_rng(index)
    patches = rng.random((BATCH, SIZE, SIZE), dtype=np.float32)
    masks = np.zeros((BATCH, SIZE, SIZE), dtype=bool)
    for place, mask in enumerate(masks):
        mask[3 + place : 9 + place, 4:12] = True
    scale = SCALE if channels == 3 else None
    labels = [tri_label(patch, mask, rng, scale) for patch, mask in zip(patches, masks, strict=True)]

    def whole(image: np.ndarray) -> Tensor:
        return torch.from_numpy(image[:, None])

    return TriLabelBatch(torch.from_numpy(np.stack(labels)), whole(2 * patches - 1), whole(masks.astype(np.float32)))


class Endless(IterableDataset[TriLabelBatch]):
    """Batches without end, from a position on."""

    def __init__(self, start: int, channels: int) -> None:
        self.start, self.channels = start, channels

    def __iter__(self) -> Iterator[TriLabelBatch]:
        index = self.start
        while True:
            yield batch(index, self.channels)
            index += 1


def fit(
    method: TriLabelGAN,
    start: int,
    stop: int,
    *,
    channels: int = 3,
    resume: Path | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> pl.Trainer:
    """Train until `stop` iterations, each a step of both optimisers, on the batches of positions `start` and up."""
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    defaults: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "max_epochs": -1, "max_steps": 2 * stop, **quiet}
    trainer = pl.Trainer(**defaults | settings, callbacks=list(callbacks))
    loader = DataLoader(Endless(start, channels), batch_size=None)
    trainer.fit(method, loader, ckpt_path=resume, weights_only=True)
    return trainer
