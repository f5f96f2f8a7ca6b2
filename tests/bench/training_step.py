"""Images per second of ciGAN's step at the paper's size: the project's module in a Trainer, and a plain loop.

Both train in turns, one step of the discriminator and one of the generator on all its losses, and look at the loss
after each, as the paper's schedule does. The plain loop spells out the same computation, so the ratio shows what the
framework costs.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.utils.data import DataLoader

from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.data.batches import InfillBatch
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.stages.command.groups import conf_folder
from tests.bench.runner import Benchmark

FLOOR = 0.90
BATCH = 8
WARM_UP = 2  # steps of a block that are not timed: one of each network


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Both arms on the GPU where there is one, in float32."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    steps = {"cpu": 2 if quick else 4, "cuda": 100 if quick else 400}[device.type]
    blocks = 2 if quick else 5
    arms = {
        "Lightning": in_lightning(method(), steps, device, scratch, warm_up=0 if device.type == "cpu" else WARM_UP),
        "plain loop": in_a_loop(method(), steps, device),
    }
    yield Benchmark(name="ciGAN step, 256 px", unit="images/s", arms=arms, blocks=blocks, floor=FLOOR)


def method(scale: str = "paper") -> CiGAN:
    """ciGAN in the paper's form, its networks taking turns step by step, with an untrained VGG-19.

    Args:
        scale: paper is 256 px, demo 64 px, smoke the tests'.
    """
    overrides = ["experiment=cigan_ddsm", f"scale={scale}", "weights=random", "method.pretraining_iterations=0"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides)
    for phase in cfg.method.phases:
        phase.until, phase.max_steps = 0.0, 1  # the loss is read and never low enough
    torch.manual_seed(1)
    built = instantiate(cfg.method, _convert_="all")
    assert isinstance(built, CiGAN)
    return built


def batch(size: int, images: int = BATCH) -> InfillBatch:
    """(images, 1, size, size) patches of noise with a square mask, of both classes."""
    noise = torch.Generator().manual_seed(1)
    image = torch.rand(images, 1, size, size, generator=noise)
    mask = torch.zeros_like(image)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    corrupted = image * (1 - mask) + torch.rand(image.shape, generator=noise) * mask
    return InfillBatch(image, corrupted, mask, torch.arange(images) % 2)


class _Clock(pl.Callback):
    """Times the steps after the first ones."""

    def __init__(self, device: torch.device, warm_up: int) -> None:
        self.device, self.warm_up = device, warm_up
        self.start = self.end = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        if index == self.warm_up:
            self.start = now(self.device)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *step: Any) -> None:
        if step[-1] + 1 == trainer.num_training_batches:
            self.end = now(self.device)


def in_lightning(
    method: CiGAN,
    steps: int,
    device: torch.device,
    scratch: Path,
    *,
    images: int = BATCH,
    warm_up: int = WARM_UP,
    callbacks: Sequence[pl.Callback] = (),
    **settings: Any,
) -> Callable[[], float]:
    """A block is a fit of its own; starting the Trainer is not timed.

    Args:
        images: of a batch, in this process.
        warm_up: steps before those that are timed.
        callbacks: used by every block again.
        settings: of the Trainer, instead of or beside those here.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    batches: list[InfillBatch] = [batch(method.image_size, images)] * (warm_up + steps)
    loader: DataLoader[InfillBatch] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    def block() -> float:
        clock = _Clock(device, warm_up)
        chosen = {
            "accelerator": "cpu" if device.type == "cpu" else "gpu",
            "devices": 1,
            "logger": MetricsCsv(scratch / "metrics.csv"),
            **settings,
        }
        trainer = pl.Trainer(
            max_epochs=1,
            callbacks=[*callbacks, clock],
            default_root_dir=scratch,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            **chosen,
        )
        with warnings.catch_warnings(action="ignore"):  # that the loader has no workers and the epoch few steps
            trainer.fit(method, train_dataloaders=loader)
        return steps * images / (clock.end - clock.start)

    return block


def in_a_loop(method: CiGAN, steps: int, device: torch.device) -> Callable[[], float]:
    """The networks and losses of `method` without its code or Lightning's."""
    method.to(device, memory_format=torch.channels_last)
    generator, discriminator = method.generator, method.discriminator
    adversarial, feature, boundary = method.adversarial_loss, method.feature_loss, method.boundary_loss
    weights = method.loss_weights
    generator_steps, discriminator_steps = (
        method.make_optimizer[name](network.parameters())
        for name, network in (("generator", generator), ("discriminator", discriminator))
    )
    cpu_batch = batch(method.image_size)

    def discriminate(image: torch.Tensor, corrupted: torch.Tensor, mask: torch.Tensor, label: torch.Tensor) -> float:
        with torch.no_grad():
            synthetic = generator(corrupted, mask, label)
        logits = discriminator(torch.cat([image, synthetic]), torch.cat([label, label]))
        loss = adversarial.discriminator(*logits.chunk(2))
        discriminator_steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        discriminator_steps.step()
        return float(loss.detach())

    def generate(image: torch.Tensor, corrupted: torch.Tensor, mask: torch.Tensor, label: torch.Tensor) -> float:
        synthetic = generator(corrupted, mask, label)
        discriminator.requires_grad_(False)
        deceived = adversarial.generator(discriminator(synthetic, label))
        discriminator.requires_grad_(True)
        kept = weights["feature"] * feature(image, synthetic, mask)
        smooth = weights["boundary"] * boundary(image, synthetic, mask)
        generator_steps.zero_grad()
        (weights["adversarial"] * deceived + kept + smooth).backward()
        generator_steps.step()
        return float(deceived.detach())

    def block() -> float:
        start = now(device)
        for step in range(steps):
            on_device = [field.to(device) for field in cpu_batch]
            (discriminate if step % 2 == 0 else generate)(*on_device)
        return steps * BATCH / (now(device) - start)

    return block


def now(device: torch.device) -> float:
    """Seconds; a GPU works behind the program's back, so wait for it before reading the clock."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
