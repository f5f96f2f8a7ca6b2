"""Stages of an experiment: chosen, found again, shared, resumed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mammo_gan.callbacks import stop
from mammo_gan.errors import UserError
from mammo_gan.stages import train
from mammo_gan.stages.training import trained
from tests.archives.miniature import breast, write_manifest
from tests.stages.running import run


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index and patches of a phantom, which the tests of later stages share."""
    folder = tmp_path_factory.mktemp("output")
    run(folder, "source=phantom", "stages=[index,prepare/patches]")
    return folder


def test_a_stage_without_its_input_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stages=\[index,prepare/patches,train/infill\]"):
        run(tmp_path, "source=phantom", "stages=[index,train/infill]")


def test_settings_that_a_stage_does_not_read_leave_its_output_alone(output: Path) -> None:
    one = run(output, "source=phantom", "stages=[]")
    other = run(output, "source=phantom", "stages=[]", "training.batch_size=2", "jobs=2", "name=other")
    for name in ("index", "prepare/patches"):
        assert one.folders[name] == other.folders[name]
    assert one.folders["train/infill"] != other.folders["train/infill"]
    assert one.folders["evaluate"] != other.folders["evaluate"]


def interrupted(monkeypatch: pytest.MonkeyPatch, output: Path, *overrides: str) -> None:
    """A training that ends after 5 of its 10 iterations, as if its time were over."""
    with monkeypatch.context() as patch:
        patch.setattr(stop.StopAtIteration, "__init__", lambda self, iterations: setattr(self, "iterations", 5))
        with pytest.raises(UserError, match="stopped at iteration 5 of 10"):
            run(output, "source=phantom", "stages=[train/infill]", *overrides)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    output: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    settings = ("source=phantom", "stages=[train/infill]", f"callbacks.workers={workers}", f"seed={2 + workers}")
    run(output, *settings, "stages=[index,prepare/patches]")
    whole = run(output, *settings).folders["train/infill"]
    expected, metrics = load_file(whole / trained.GENERATOR), (whole / trained.METRICS).read_text(encoding="utf-8")
    whole.rename(whole.with_name(f"uninterrupted-{workers}"))
    interrupted(monkeypatch, output, *settings[2:])
    resumed = run(output, *settings)
    assert "going on from" in resumed.screen
    found = load_file(resumed.folders["train/infill"] / trained.GENERATOR)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    columns = ("iteration", "images_seen", "generator/feature")
    assert _columns(resumed.folders["train/infill"] / trained.METRICS, columns) == _rows(metrics, columns)


def _columns(path: Path, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return _rows(path.read_text(encoding="utf-8"), names)


def _rows(text: str, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in csv.DictReader(text.splitlines())]


def test_starting_again_sets_the_old_training_aside(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, output, "training.average_decay=0.5")
    again = run(output, "source=phantom", "stages=[train/infill]", "training.average_decay=0.5", "resume=none")
    place = again.folders["train/infill"]
    aside = list(place.parent.glob(f"{place.name}.aside-*"))
    assert len(aside) == 1
    assert (aside[0] / train.CHECKPOINTS / "last.ckpt").is_file()


def test_a_training_starts_from_a_generator_or_a_checkpoint(output: Path) -> None:
    first = run(output, "source=phantom", "stages=[train/infill]").folders["train/infill"]
    expected = load_file(first / trained.GENERATOR)
    for file in (first / trained.GENERATOR, first / train.CHECKPOINTS / "last.ckpt"):
        network = torch.nn.Module()
        for name, value in expected.items():
            _register(network, name, torch.zeros_like(value))
        trained.load_generator(network, file)
        assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    ran = run(output, "source=phantom", "stages=[train/infill]", f"init_from={first / trained.GENERATOR}", "seed=1")
    assert ran.folders["train/infill"] != first


def _register(module: torch.nn.Module, name: str, value: torch.Tensor) -> None:
    first, dot, rest = name.partition(".")
    if not dot:
        module.register_parameter(first, torch.nn.Parameter(value))
        return
    if first not in dict(module.named_children()):
        module.add_module(first, torch.nn.Module())
    _register(module.get_submodule(first), rest, value)


def test_a_generator_of_another_size_is_refused(output: Path, tmp_path: Path) -> None:
    broken = tmp_path / "generator.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(UserError, match="init_from"):
        run(output, "source=phantom", "stages=[train/infill]", f"init_from={broken}")


def test_the_published_preset_runs_whole(output: Path) -> None:
    ran = run(output, "source=phantom", "preset=as_published", name="published")
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert results["preset"] == "as_published"


def test_a_labs_own_folder_runs_whole_and_no_identifier_leaves_the_index(tmp_path: Path) -> None:
    root = tmp_path / "Radiology-Dr-Jane-Doe"
    rows = make_lab(root, patients=30)
    ran = run(tmp_path / "out", "archive=manifest", f"archive.root={root}", name="lab")
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert results["source"] == "disk"
    assert results["data"]["patients"] == 30
    secrets = [b"Jane-Doe", *(row["patient"].encode() for row in rows)]
    outside_index = [ran.run_folder / "report.html", ran.run_folder / "results.json", ran.run_folder / "metrics.csv"]
    for name in ("prepare/patches", "train/infill", "synthesize", "evaluate"):
        outside_index += [path for path in ran.folders[name].rglob("*") if path.is_file()]
    for path in outside_index:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path


def make_lab(root: Path, patients: int) -> list[dict[str, str]]:
    """A lab's folder: a malignant, a benign or a healthy breast for each patient, large enough for patches."""
    (root / "images").mkdir(parents=True)
    rows = []
    for number in range(patients):
        name, label = f"{number}.png", ("malignant", "benign", "normal")[number % 3]
        Image.fromarray(breast(172, 94, number)).save(root / "images" / name)
        row = {"image": f"images/{name}", "patient": f"SURNAME-{number:04d}", "label": label, "mm_per_px": "1.4"}
        if label != "normal":
            mask = np.zeros((172, 94), np.uint8)
            mask[80:92, 20:32] = 255
            Image.fromarray(mask).save(root / f"mask_{name}")
            row |= {"mask": f"mask_{name}", "kind": "mass"}
        rows.append(row)
    write_manifest(root, rows)
    return rows
