"""Results and files of a small made-up run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from mammo_gan.reporting.figures.moments import MOMENTS
from mammo_gan.reporting.infill_report import Sources
from mammo_gan.reporting.results import Data, PatchCount, Results, SelectionStep, StageRun, Value, Weights

DIRECTIONS = ("malignant->non-malignant", "malignant->non-malignant", "non-malignant->malignant")
SIZE = 32  # px


def results(source: str = "phantom", random: bool = True, scale: str = "demo") -> Results:
    return Results(
        experiment="cigan_ddsm",
        paper="wu2018_cigan",
        title="Conditional infilling GAN (ciGAN)",
        command="python -m mammo_gan.run experiment=cigan_ddsm",
        scale=scale,
        preset="paper",
        archive="ddsm",
        source=source,  # type: ignore[arg-type]
        seed=1,
        split_hash="0123456789abcdef",
        weights=Weights(name="random" if random else "VGG19_Weights.IMAGENET1K_V1", random=random),
        data=Data(
            patients=12,
            images=48,
            faulty=1,
            selection=(SelectionStep(rule="smaller than a patch", removed=2),),
            patches=(PatchCount(split="train", label="malignant", patches=300, images=20, patients=9),),
            warnings=("train: 12 of 300 malignant patches lie where another one lies",),
        ),
        device="cpu",
        precision="32-true",
        versions={"python": "3.11.9", "torch": "2.15.0"},
        commit="0123456789abcdef0123456789abcdef01234567+changes",
        stages=(StageRun(name="train/infill", key="00ff00ff00ff00ff", seconds=172.0, skipped=False),),
        values=(
            Value(name="auc", label="AUC", value=None, note="no classifier yet", paper_value=0.896),
            Value(name="mean_difference", label="Mean, synthetic less real", value=0.01, n=300, interval=(-0.01, 0.03)),
        ),
        parameters={"generator": 709_473},
        images_per_second=41.2,
    )


def write_sources(folder: Path) -> Sources:
    """The files of the stages before the report, with 3 examples, 200 logged steps and 4 sample grids."""
    rng = np.random.default_rng(1)
    write_examples(folder / "examples", rng)
    write_metrics(folder / "metrics.csv")
    write_moments(folder / "moments.csv", rng)
    (folder / "samples").mkdir()
    for iteration in (0, 100, 200, 300):
        picture = rng.integers(0, 256, (SIZE, 2 * SIZE), np.uint8)
        Image.fromarray(picture).save(folder / "samples" / f"{iteration:07d}.png")
    return Sources(
        examples=folder / "examples",
        metrics=folder / "metrics.csv",
        samples=folder / "samples",
        moments=folder / "moments.csv",
        pretraining_iterations=500,
    )


def write_examples(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir()
    for number in range(len(DIRECTIONS)):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[8:20, 10:25] = 255
        pictures = {name: rng.integers(0, 256, (SIZE, SIZE), np.uint8) for name in ("original", "input", "synthetic")}
        for name, picture in {**pictures, "mask": mask}.items():
            Image.fromarray(picture).save(folder / f"{number:02d}_{name}.png")
    entries = [{"name": f"{k:02d}", "direction": direction} for k, direction in enumerate(DIRECTIONS)]
    (folder / "examples.json").write_text(json.dumps(entries))


def write_metrics(path: Path) -> None:
    """200 rows: the feature loss throughout, falling a thousandfold; the adversarial one after 100 rows of it."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["iteration", "images_seen", "feature", "adversarial", "images_per_second"])
        for step in range(1, 201):
            rows.writerow([5 * step, 40 * step, 10 ** (-3 * step / 200), "" if step <= 100 else 0.7, 41.2])


def write_moments(path: Path, rng: np.random.Generator) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["set", "label", *MOMENTS])
        for name in ("real", "synthetic"):
            for label in ("non-malignant", "malignant"):
                rows.writerows([name, label, *rng.normal(size=5)] for _ in range(20))
