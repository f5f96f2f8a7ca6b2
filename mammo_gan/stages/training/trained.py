"""What a training leaves: weights to sample from, and how they came to be."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from mammo_gan.callbacks.counting import images_seen_of, iterations_of
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.throughput import IMAGES_PER_SECOND
from mammo_gan.errors import UserError
from mammo_gan.methods.base import GanMethod
from mammo_gan.stages.stage import write_json
from mammo_gan.stages.training.rollbacks import Rollback

GENERATOR = "generator.safetensors"
GENERATOR_AVERAGE = "generator_average.safetensors"
GENERATOR_BEST = "generator_best.safetensors"  # where a value says which is the best
ARCHIVES = "archives"  # in a generator's metadata and in a checkpoint: all that it was trained on, one way or another
METRICS = "metrics.csv"
NETWORKS = ("generator", "discriminator", "critic")  # of a method, as far as it has them
TRAINING = "training.json"


def write(
    folder: Path,
    method: GanMethod,
    average: nn.Module,
    trainer: pl.Trainer,
    precision: str,
    rollbacks: Sequence[Rollback],
    warnings: Sequence[str],
) -> None:
    """Write the generator, its `average`, and training.json; metrics.csv is there already.

    Args:
        warnings: what who reads of the generator should know of its training.
    """
    origin = {ARCHIVES: json.dumps(list(method.archives))}
    save_file(_weights(method.get_submodule("generator")), folder / GENERATOR, metadata=origin)
    save_file(_weights(average), folder / GENERATOR_AVERAGE, metadata=origin)
    write_json(
        folder / TRAINING,
        {
            **described(folder, method, trainer, precision, rollbacks),
            "archives": list(method.archives),
            "warnings": list(warnings),
            "parameters": {name: count(network) for name, network in method.named_children() if name in NETWORKS},
        },
    )


def described(
    folder: Path, method: pl.LightningModule, trainer: pl.Trainer, precision: str, rollbacks: Sequence[Rollback]
) -> dict[str, Any]:
    """What training.json says of any training; its metrics.csv is in `folder`."""
    return {
        "iterations": iterations_of(method),
        "images_seen": images_seen_of(method),
        "images_per_second": _median_speed(folder / METRICS),
        "device": device_name(trainer.strategy.root_device),
        "processes": trainer.world_size,
        "precision": precision,
        "rollbacks": [asdict(rollback) for rollback in rollbacks],
    }


def write_best(checkpoint: Path, file: Path, network: str = "generator", averaged: bool = False) -> None:
    """Write a network of the best iteration, if that was kept in `checkpoint`, to `file`.

    Args:
        averaged: the average of the generator at that iteration instead.
    """
    if checkpoint.is_file():
        read = _read(checkpoint, network, averaged)
        origin = {ARCHIVES: json.dumps(list(read.archives))}
        save_file({name: value.contiguous() for name, value in read.weights.items()}, file, metadata=origin)


def load_generator(generator: nn.Module, file: Path) -> None:
    """Start a generator from trained weights.

    Args:
        file: a generator's .safetensors, or a checkpoint of a training (.ckpt), of which the generator is taken.

    Raises:
        UserError: the file can't be read or belongs to another network.
    """
    weights = _read(file).weights
    try:
        generator.load_state_dict(weights)
    except RuntimeError as error:
        raise _unexpected(file, f"weights of a {type(generator).__name__} of these sizes", error) from error


def archives_of(file: Path) -> frozenset[str]:
    """The archives that the weights in `file` were trained on, also by way of other weights; none if it says nothing.

    Raises:
        UserError: the file can't be read.
    """
    return frozenset(_read(file).archives)


class _Read(NamedTuple):
    weights: dict[str, torch.Tensor]
    archives: Collection[str]


def _read(file: Path, network: str = "generator", averaged: bool = False) -> _Read:
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                said = json.loads((opened.metadata() or {}).get(ARCHIVES, "[]"))
                return _Read({name: opened.get_tensor(name) for name in opened.keys()}, said)  # noqa: SIM118
        state = torch.load(file, map_location="cpu", weights_only=True)
        if averaged:
            return _Read(state["callbacks"][GeneratorAverage.__name__]["average"], state.get(ARCHIVES, []))
        prefix = f"{network}."
        weights = {n.removeprefix(prefix): value for n, value in state["state_dict"].items() if n.startswith(prefix)}
        return _Read(weights, state.get(ARCHIVES, []))
    except UnpicklingError as error:
        raise UserError(
            f"init_from={file}: holds more than tensors and plain values, and is not loaded because it could run code. "
            "Give the generator.safetensors of that training"
        ) from error
    except Exception as error:  # the formats raise errors of many kinds for what isn't theirs
        raise _unexpected(file, "a generator's weights", error) from error


def _unexpected(file: Path, expected: str, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0]
    return UserError(
        f"init_from={file}: expected {expected}, found: {reason}. "
        "Give the generator.safetensors or the checkpoint of a training with the same method settings"
    )


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
