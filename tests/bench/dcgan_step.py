"""Images per second and peak memory of DCGAN's step at the paper's size: ours in a Trainer, and a plain loop.

A step updates both networks. The plain loop is what one writes first: PyTorch's own memory order, Adam as it comes, and
a discriminator whose gradients are computed in the generator's step too. So the ratio shows what all economies of ours
gain, less what the framework costs.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.utils.data import DataLoader

from mammo_gan.data.batches import LesionBatch
from mammo_gan.methods.dcgan import DCGAN
from mammo_gan.stages.command.groups import conf_folder
from tests.bench import memory
from tests.bench.runner import Benchmark
from tests.bench.training_step import now

FLOOR = 1.0
BATCH, QUICK_BATCH = 64, 16
LIGHTNING, PLAIN = "Lightning", "plain loop"


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Speed in blocks, float32 and bf16; memory of a process that does nothing else."""
    device = _device()
    images = QUICK_BATCH if quick else BATCH
    steps = 1 if device.type == "cpu" else 50
    arms = {
        LIGHTNING: in_lightning(method(), images, steps, device, scratch),
        PLAIN: in_a_loop(method(), images, steps, device),
    }
    if not quick:
        arms["Lightning, bf16"] = in_lightning(method(), images, steps, device, scratch, precision="bf16-mixed")
    name = f"DCGAN step, 128 px, batch {images}"
    yield Benchmark(name=name, unit="images/s", arms=arms, blocks=2 if quick else 3, floor=FLOOR)
    peaks = {arm: memory.in_a_process("tests.bench.dcgan_step", arm, str(images)) for arm in (LIGHTNING, PLAIN)}
    yield Benchmark(name=f"{name}, peak memory of the process", unit="MiB", arms=peaks, blocks=1)


def method() -> DCGAN:
    """In the paper's form, the same each time."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", ["method=dcgan", f"method.training_images={BATCH}"])
    torch.manual_seed(1)
    built = instantiate(cfg.method, _convert_="all")
    assert isinstance(built, DCGAN)
    return built


def patches(images: int) -> LesionBatch:
    """(images, 1, 128, 128) of noise."""
    noise = torch.Generator().manual_seed(1)
    return LesionBatch(2 * torch.rand(images, 1, 128, 128, generator=noise) - 1, torch.zeros(images, dtype=torch.int64))


class _Clock(pl.Callback):
    """Times a fit's steps."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        self.seconds = -now(self.device)

    def on_train_epoch_end(self, *_: Any) -> None:
        self.seconds += now(self.device)


def in_lightning(
    method: DCGAN, images: int, steps: int, device: torch.device, scratch: Path, **settings: Any
) -> Callable[[], float]:
    """A block is a fit of its own; starting the Trainer is not timed."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    loader: DataLoader[LesionBatch] = DataLoader([patches(images)] * steps, batch_size=None)  # type: ignore[arg-type]

    def block() -> float:
        clock = _Clock(device)
        trainer = pl.Trainer(
            accelerator="cpu" if device.type == "cpu" else "gpu",
            devices=1,
            max_epochs=1,
            callbacks=[clock],
            default_root_dir=scratch,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            **settings,
        )
        with warnings.catch_warnings(action="ignore"):  # that the loader has no workers and the epoch few steps
            trainer.fit(method, train_dataloaders=loader)
        return steps * images / clock.seconds

    return block


def in_a_loop(method: DCGAN, images: int, steps: int, device: torch.device) -> Callable[[], float]:
    """The networks of `method` with the paper's losses, by PyTorch's defaults."""
    generator, discriminator = method.generator.to(device), method.discriminator.to(device)
    generator_steps = torch.optim.Adam(generator.parameters(), lr=4e-4, betas=(0.0, 0.99))
    discriminator_steps = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.0, 0.99))
    real_label, synthetic_label = (torch.full((images,), label, device=device) for label in (0.85, 0.0))
    verdict = F.binary_cross_entropy_with_logits
    on_host = patches(images).image

    def block() -> float:
        start = now(device)
        for _ in range(steps):
            image = on_host.to(device)
            synthetic = generator(torch.randn(images, generator.latent, device=device))
            discriminator_steps.zero_grad()
            loss = verdict(discriminator(image), real_label)
            loss = loss + verdict(discriminator(synthetic.detach()), synthetic_label)
            torch.autograd.backward(loss)
            discriminator_steps.step()
            generator_steps.zero_grad()
            torch.autograd.backward(verdict(discriminator(synthetic), real_label))
            generator_steps.step()
        return steps * images / (now(device) - start)

    return block


def peak(arm: str, images: int) -> float:
    """MiB of a training of two steps."""
    device = _device()
    block = (
        in_lightning(method(), images, 2, device, Path("outputs"))
        if arm == LIGHTNING
        else in_a_loop(method(), images, 2, device)
    )
    block()
    return memory.peak(device)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    print(peak(sys.argv[1], int(sys.argv[2])))
