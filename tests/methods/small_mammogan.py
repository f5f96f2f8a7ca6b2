"""A MammoGAN small enough to train in a test, and what trains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.callbacks.growth import Growth
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.data.attributes import Attributes, AttributeValues
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.losses.wasserstein import WassersteinLoss
from mammo_gan.methods.mammogan import MammoGAN
from mammo_gan.networks.mammogan import Critic, Generator
from mammo_gan.schedules.progressive import ProgressiveSchedule

BASE, WIDTHS, LATENT = (5, 4), (8, 6, 4), 6
SCHEMA = Attributes({"view": ["CC", "MLO"], "density": ["A", "B", "C", "D"]}, ["breast_mask_size"])
# Iterations 1 to 3 are of stage 0, 4 to 12 of stage 1 (4 to 7 fading), with a step of the generator after each second
# one, and from 13 on of stage 2 (to 17 fading), after each third.
SCHEDULE = ProgressiveSchedule(
    stable=20, fading=20, batch_sizes=[8, 4, 4], learning_rate=[1e-3, 2e-3, 1e-3], critic_iterations=[1, 3]
)
NONE, HEADS, PROJECTION = "none", "heads", "projection"


def small_mammogan(
    conditioning: str = HEADS,
    schedule: ProgressiveSchedule = SCHEDULE,
    attributes: Attributes = SCHEMA,
    seed: int = 0,
    minibatch_group: int = 4,
    **settings: Any,
) -> MammoGAN:
    """Networks of seeded weights for 5x4, 10x8 and 20x16 px; the global random state stays as it was."""
    shape: dict[str, Any] = {"base": BASE, "stages": schedule.stages, "widths": WIDTHS[: schedule.stages]}
    width = 0 if conditioning == NONE else attributes.width
    adam = partial(torch.optim.Adam, lr=1.0, betas=(0.0, 0.99), eps=1e-8)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        generator = Generator(**shape, latent=LATENT, attributes=width)
        critic = Critic(
            **shape,
            final_width=8,
            minibatch_group=minibatch_group,
            heads=attributes.heads if conditioning == HEADS else None,
            projection=width if conditioning == PROJECTION else 0,
        )
    method = MammoGAN(
        generator=generator,
        critic=critic,
        schedule=schedule,
        attributes=attributes,
        adversarial_loss=WassersteinLoss(),
        generator_optimizer=adam,
        critic_optimizer=adam,
        **settings,
    )
    method.training_attributes = values(9)
    return method


def values(count: int, known: bool = True, seed: int = 4) -> AttributeValues:
    """Of `count` images, the first unknown in all if not `known`."""
    source = torch.Generator().manual_seed(seed)
    categories = torch.stack([torch.randint(n, (count,), generator=source) for n in (2, 4)], 1)
    numbers = 2 * torch.rand(count, 1, generator=source) - 1
    if not known:
        categories[0], numbers[0] = -1, torch.nan
    return AttributeValues(categories, numbers)


def batch(size: int, stage: int, seed: int = 0, known: bool = True) -> MammogramBatch:
    """Images of a stage, always the same."""
    height, width = (side * 2**stage for side in BASE)
    image = 2 * torch.rand(size, 1, height, width, generator=torch.Generator().manual_seed(seed)) - 1
    return MammogramBatch(image, *values(size, known, seed))


class Staged(IterableDataset[MammogramBatch]):
    """Batches without end, as a schedule has them, from a position on."""

    def __init__(self, schedule: ProgressiveSchedule, start: int = 0, known: bool = True) -> None:
        self.schedule, self.start, self.known = schedule, start, known

    def __iter__(self) -> Iterator[MammogramBatch]:
        seen = self.start
        while True:
            now = self.schedule.progress(seen)
            yield batch(now.batch_size, now.stage, seen, self.known)
            seen += now.batch_size


def fit(
    method: MammoGAN,
    stop: int,
    *,
    resume: Path | None = None,
    callbacks: Sequence[Callback] = (),
    known: bool = True,
    growth: Growth | None = None,
    **settings: Any,
) -> pl.Trainer:
    """Train until `stop` iterations, growing by the schedule."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "callbacks": [StopAtIteration(stop), growth or Growth(), RandomState(), *callbacks],
    }
    trainer = pl.Trainer(**defaults | settings)
    start = 0 if resume is None else int(torch.load(resume, weights_only=True)["state_dict"]["images_seen"])
    loader = DataLoader(Staged(method.schedule, start, known), batch_size=None, generator=torch.Generator())
    trainer.fit(method, loader, ckpt_path=resume, weights_only=True)
    return trainer
