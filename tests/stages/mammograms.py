"""A prepared store of drawn mammograms and the folder of a training, as the stages after it find them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import save_file
from scipy import ndimage

from mammo_gan.archives.records import SplitName
from mammo_gan.data.image_store import ImageStore, array_name, write_rows
from mammo_gan.data.pyramid import pyramid
from mammo_gan.interruption import Interruption
from mammo_gan.networks.mammogan import Generator
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context
from mammo_gan.stages.training.trained import GENERATOR, GENERATOR_AVERAGE, GENERATOR_BEST, METRICS, TRAINING
from tests.data import mammogram_store

SIZES = ((40, 32), (20, 16), (10, 8), (5, 4))
SCHEMA = {
    "_target_": "mammo_gan.data.attributes.Attributes",
    "categorical": {"view": ["CC", "MLO"], "density": ["A", "B", "C", "D"]},
    "continuous": ["breast_mask_size"],
}
GENERATOR_SETTINGS = {
    "_target_": "mammo_gan.networks.mammogan.Generator",
    "base": [5, 4],
    "stages": 4,
    "widths": [8, 8, 4, 4],
    "latent": 6,
    "attributes": 7,
}
SCHEDULE = {
    "_target_": "mammo_gan.schedules.progressive.ProgressiveSchedule",
    "stable": 10,
    "fading": 10,
    "batch_sizes": [2, 2, 2, 2],
    "learning_rate": 0.001,
    "critic_iterations": [1, 1],
}
ROW = replace(mammogram_store.ROW, breast_mask_size=0.4)


def images(count: int, seed: int) -> np.ndarray:
    """(N, 40, 32) uint8: structured tissue of varying brightness and width on black."""
    rng = np.random.default_rng(seed)
    grey = ndimage.gaussian_filter(rng.normal(size=(count, *SIZES[0])), (0, 2, 2))
    grey = rng.normal(0.5, 0.04, (count, 1, 1)) + rng.normal(0.08, 0.01, (count, 1, 1)) * grey / grey.std()
    grey *= np.arange(SIZES[0][1]) < rng.uniform(16, 26, (count, 1, 1))
    return np.asarray(np.rint(255 * np.clip(grey, 0, 1)), dtype=np.uint8)


def write_store(folder: Path, count: int = 64, seed: int = 0) -> ImageStore:
    """Four images a patient, CC with densities A and B, MLO with B, C and unknown; the last eighth are for testing."""
    folder.mkdir(parents=True)
    pyramids = [pyramid(image, SIZES) for image in images(count, seed)]
    for place, size in enumerate(SIZES):
        np.save(folder / array_name(size), np.stack([levels[place] for levels in pyramids]))
    rows = []
    for k in range(count):
        split: SplitName = "test" if k >= count * 7 // 8 else "train"
        view, density = (("CC", "A"), ("CC", "B"), ("MLO", "B"), ("MLO", "C"), ("MLO", None))[k % 5]
        named = {"image_key": f"image-{k}", "patient_key": f"patient-{k // 4}", "split": split}
        rows.append(replace(ROW, view=view, density=density, breast_mask_size=0.2 + 0.01 * (k % 30), **named))  # type: ignore[arg-type]
    write_rows(folder, SIZES, [row.as_json() for row in rows])
    described = {"archive": "optimam", "split_hash": "0123456789abcdef", "patients": count // 4, "images": count}
    (folder / PREPARATION).write_text(json.dumps(described | {"selection": [["an implant", 2]]}))
    return ImageStore.open(folder)


def generator(seed: int = 1, attributes: int = 7) -> Generator:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Generator(base=(5, 4), stages=4, widths=[8, 8, 4, 4], latent=6, attributes=attributes)


def write_trained(folder: Path, attributes: int = 7) -> None:
    """Three generators that a training leaves, each of its own weights."""
    folder.mkdir(parents=True)
    for seed, name in enumerate((GENERATOR, GENERATOR_AVERAGE, GENERATOR_BEST)):
        save_file(generator(seed, attributes).state_dict(), folder / name)


def write_inputs(folder: Path) -> dict[str, Path]:
    """A store and generators, by the names of the stages that make them."""
    write_store(folder / "prepared")
    write_trained(folder / "trained")
    return {"prepare/images": folder / "prepared", "train/mammogram": folder / "trained"}


def write_training(folder: Path, images_seen: int) -> None:
    """What a training of `SCHEDULE` says of itself, with a grid of samples before its first iteration and after 40."""
    said = {"precision": "32-true", "parameters": {"generator": 9}, "images_per_second": 3.0}
    said |= {"device": "CPU", "processes": 1, "rollbacks": [], "images_seen": images_seen}
    (folder / TRAINING).write_text(json.dumps(said))
    rows = [f"{k},{2 * k},{1 / k},{90 / k},{99 / k}" for k in range(1, 41)]
    (folder / METRICS).write_text(
        "\n".join(["iteration,images_seen,critic/drift,swd_8_40x32,swd_8_40x32_mean", *rows]) + "\n"
    )
    (folder / "samples").mkdir()
    for iteration in (0, 40):
        Image.new("L", (64, 80), iteration).save(folder / f"samples/{iteration:07d}.png")


def context(inputs: dict[str, Path], said: io.StringIO | None = None) -> Context:
    screen = Screen(Console(file=said or io.StringIO(), width=400, highlight=False))
    return Context(Path(), "stage", inputs, frozenset(), b"k" * 32, 1, screen, Interruption())
