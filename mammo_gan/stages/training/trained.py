"""What a training leaves: weights to sample from, and how they came to be."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import pytorch_lightning as pl
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mammo_gan.callbacks.throughput import IMAGES_PER_SECOND
from mammo_gan.errors import UserError
from mammo_gan.methods.base import GanMethod
from mammo_gan.stages.stage import write_json
from mammo_gan.stages.training.rollbacks import Rollback

GENERATOR = "generator.safetensors"
GENERATOR_AVERAGE = "generator_average.safetensors"
METRICS = "metrics.csv"
TRAINING = "training.json"


def write(
    folder: Path,
    method: GanMethod,
    average: nn.Module,
    trainer: pl.Trainer,
    precision: str,
    rollbacks: Sequence[Rollback],
) -> None:
    """Write the generator, its `average`, and training.json; metrics.csv is there already."""
    save_file(_weights(method.get_submodule("generator")), folder / GENERATOR)
    save_file(_weights(average), folder / GENERATOR_AVERAGE)
    write_json(
        folder / TRAINING,
        {
            "iterations": int(method.iterations),
            "images_seen": int(method.images_seen),
            "images_per_second": _median_speed(folder / METRICS),
            "device": device_name(trainer.strategy.root_device),
            "processes": trainer.world_size,
            "precision": precision,
            "rollbacks": [asdict(rollback) for rollback in rollbacks],
            "parameters": {name: count(method.get_submodule(name)) for name in ("generator", "discriminator")},
        },
    )


def load_generator(generator: nn.Module, file: Path) -> None:
    """Start a generator from trained weights.

    Args:
        file: a generator's .safetensors, or a checkpoint of a training (.ckpt), of which the generator is taken.

    Raises:
        UserError: the file can't be read or belongs to another network.
    """
    try:
        if file.suffix == ".safetensors":
            weights = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
            prefix = "generator."
            weights = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        generator.load_state_dict(weights)
    except UnpicklingError as error:
        raise UserError(
            f"init_from={file}: holds more than tensors and plain values, and is not loaded because it could run code. "
            "Give the generator.safetensors of that training"
        ) from error
    except Exception as error:  # the formats raise errors of many kinds for what isn't theirs
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"init_from={file}: expected weights of a {type(generator).__name__} of these sizes, found: {reason}. "
            "Give the generator.safetensors or the checkpoint of a training with the same method settings"
        ) from error


def _median_speed(metrics: Path) -> float | None:
    """Images per second, the median over all windows of a training; None if it was too short for one."""
    with metrics.open(newline="", encoding="utf-8") as file:
        speeds = [float(row[IMAGES_PER_SECOND]) for row in csv.DictReader(file) if row.get(IMAGES_PER_SECOND)]
    return statistics.median(speeds) if speeds else None


def device_name(device: torch.device) -> str:
    """What trained: the GPU's name, or the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def count(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
