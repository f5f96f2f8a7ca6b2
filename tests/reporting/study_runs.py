"""Folders of made-up jobs of a study: results.json, scores.csv and a grid of patches, with scores that are known."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mammo_gan.reporting.results import Data, PatchCount, Results, Value, write_results
from mammo_gan.reporting.study import MODES
from tests.reporting import examples

TESTED = 120  # patches of a fold
PATIENTS = 30
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def f1(k: int, mode: str, fold: int) -> float:
    """A known score of each cell: more patches and more augmentation help, and folds differ by mode."""
    place = list(MODES).index(mode)
    return round(0.7 + 0.0001 * k + 0.02 * place + 0.01 * fold - 0.003 * place * (fold - 1) ** 2, 6)


def scores(k: int, mode: str, fold: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Patients, labels and scores of the fold's test patches: the same patches whatever k and mode are."""
    patches = np.random.default_rng(fold)
    labels = (patches.random(TESTED) < 0.25).astype(int)
    patients = [f"p{fold}{number:02d}" for number in np.sort(patches.integers(0, PATIENTS, TESTED))]
    rng = np.random.default_rng([fold, k, list(MODES).index(mode)])
    sharpness = 0.6 + 0.001 * k + 0.3 * list(MODES).index(mode)
    return patients, labels, 1 / (1 + np.exp(-(sharpness * (2 * labels - 1) + rng.normal(size=TESTED))))


def auc(k: int, mode: str, fold: int) -> float:
    """By comparing all pairs."""
    _, labels, found = scores(k, mode, fold)
    above, below = found[labels == 1][:, None], found[labels == 0][None]
    return float(np.mean((above > below) + 0.5 * (above == below)))


def results(k: int, mode: str, fold: int, task: str = "mass", **other: object) -> Results:
    made = examples.results(scale="demo")
    counts = (
        PatchCount(split="train", label="lesion", patients=9, images=9, patches=k - (fold == 2 and k > 200)),
        PatchCount(split="train", label="normal", patients=9, images=9, patches=10 * k),
        PatchCount(split="test", label="lesion", patients=9, images=9, patches=30),
        PatchCount(split="test", label="normal", patients=9, images=9, patches=TESTED - 30),
    )
    made = replace(
        made,
        experiment="dcgan_augmentation",
        paper="alyafi2019_dcgan",
        title="DCGAN as augmentation",
        command=f"python -m mammo_gan.run experiment=dcgan_augmentation source=phantom scale=demo k={k} mode={mode} "
        f"fold={fold} archive.root=PATH",
        archive="optimam",
        commit=COMMIT,
        data=Data(patients=40, images=80, faulty=0, patches=counts),
        values=(
            Value(name="classification/f1", label="F1", value=f1(k, mode, fold), n=TESTED),
            Value(name="classification/precision", label="precision", value=0.5, n=TESTED),
            Value(name="classification/auc", label="AUC", value=auc(k, mode, fold), n=TESTED, interval=(0.1, 0.9)),
        ),
        settings={"task": task, "k": k, "mode": mode, "fold": fold},
    )
    return replace(made, **other)  # type: ignore[arg-type]


def write_job(folder: Path, k: int, mode: str, fold: int, task: str = "mass", **other: object) -> Path:
    """A job's folder, which is returned; `other` are fields of Results."""
    folder.mkdir(parents=True)
    write_results(folder / "results.json", results(k, mode, fold, task, **other))
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["patient", "label", "score"])
        rows.writerows(zip(*scores(k, mode, fold), strict=True))
    if "gan" in mode:
        grey = np.random.default_rng([k, fold]).integers(0, 256, (64, 64), np.uint8)
        Image.fromarray(np.clip(grey // 4 + k // 4, 0, 255).astype(np.uint8)).save(folder / "generated.png")
    return folder


def write_sweep(
    folder: Path,
    sizes: Sequence[int] = (100, 250),
    modes: Sequence[str] = tuple(MODES),
    folds: Sequence[int] = (0, 1, 2),
    task: str = "mass",
    **other: object,
) -> Path:
    """A job for each cell, as a sweep leaves them: FOLDER/0, FOLDER/1 and on."""
    cells = [(k, mode, fold) for k in sizes for mode in modes for fold in folds]
    for number, (k, mode, fold) in enumerate(cells):
        write_job(folder / str(number), k, mode, fold, task, **other)
    return folder


def made_at(job: Path, seconds: int) -> None:
    """Date a job's results."""
    os.utime(job / "results.json", (seconds, seconds))
