"""What is read off real images and off synthetic ones that show what they were asked for, or the opposite."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import load_file

from mammo_gan.callbacks import stop
from mammo_gan.errors import UserError
from mammo_gan.stages.evaluate import VALUES
from mammo_gan.stages.read_attributes import READER, READINGS, ReadAttributes
from mammo_gan.synthesis.mammograms import DrawnMammogram
from mammo_gan.synthesis.writing_mammograms import write_mammograms
from tests.downstream.read_store import SCHEMA, drawn, write_store
from tests.stages import mammograms

READER_SETTINGS = {
    "_target_": "mammo_gan.downstream.attribute_reader.AttributeReader",
    "_partial_": True,
    "network": {"_target_": "mammo_gan.networks.reader.Reader", "_partial_": True, "channels": [8, 16]},
    "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.01},
    "decay": {"_target_": "mammo_gan.schedules.epochs.staircase", "_partial_": True, "factor": 0.5, "every": 4},
}
READING = {"size": [20, 16], "training": {"batch_size": 16, "epochs": 20}, "resamples": 50}
ITERATIONS = 113  # twenty epochs of 90 images
TRAINER = {"accelerator": "cpu", "devices": 1, "nodes": 1, "start": "local", "precision": "32-true", "accumulate": 1}
UNKEYED = {
    "trainer": TRAINER,
    "callbacks": {"log_every": 4, "workers": 0, "checkpoint_minutes": 10},
    "logger": {"wandb": None, "tensorboard": False},
    "resume": "last",
    "name": "test",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of 40 synthetic images all have the density and half have the view that they were asked for."""
    folder = tmp_path_factory.mktemp("run")
    write_store(folder / "prepared")
    rng = np.random.default_rng(5)
    made = []
    for number in range(40):
        view, density = ("CC", "MLO")[number % 2], "ABC"[number % 3]
        shown = view if number < 20 else {"CC": "MLO", "MLO": "CC"}[view]
        image = np.asarray(drawn(shown, density, rng) / 255, dtype=np.float32)
        made.append(DrawnMammogram(image, number, {"view": view, "density": density, "breast_mask_size": 0.4}))
    (folder / "made").mkdir()
    names = ("view", "density", "breast_mask_size")
    write_mammograms(folder / "made", made, names, archive="optimam", generator="0" * 64, trained_on="train")
    return {"prepare/images": folder / "prepared", "synthesize": folder / "made"}


def run(inputs: dict[str, Path], folder: Path, seed: int = 1, **changes: Any) -> str:
    folder.mkdir(exist_ok=True)
    divergence = {"explosion": 1000.0, "dead_updates": 1, "rollbacks": 2, "learning_rate_factor": 0.5}
    parts = {"a": SCHEMA, "r": READER_SETTINGS, "g": READING | changes, "d": divergence, "u": UNKEYED}
    cfg, said = OmegaConf.create(parts), io.StringIO()
    stage = ReadAttributes(list(inputs), cfg.a, cfg.r, cfg.g, cfg.d, "32-true", seed, cfg.u)
    stage.run(folder, mammograms.context(inputs, said))
    return said.getvalue()


@pytest.fixture(scope="module")
def whole(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(inputs, folder)
    return folder


def test_what_images_show_is_told_from_what_they_were_asked_for(whole: Path) -> None:
    written = json.loads((whole / VALUES).read_text())
    values = {value["name"].removeprefix("attribute/"): value for value in written["values"]}
    assert set(values) == {
        *(
            f"{images}/{name}/{kind}"
            for images in ("real", "synthetic")
            for name in ("view", "density")
            for kind in ("accuracy", "chance")
        ),
        "real/view/auc",
        "synthetic/view/auc",
    }
    for name in ("real/view", "real/density", "synthetic/density"):
        assert values[f"{name}/accuracy"]["value"] > 0.9
    assert values["synthetic/view/accuracy"]["value"] == pytest.approx(0.5, abs=0.1)
    assert values["synthetic/view/chance"]["value"] == 0.5
    assert values["real/view/accuracy"]["n"] == 30
    assert values["real/density/accuracy"]["n"] < 30  # unknown ones are left out
    assert written["images"] == {"real": 30, "synthetic": 40}


def test_every_reading_is_in_the_table(whole: Path) -> None:
    with (whole / READINGS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 30 + 2 * 40
    views = [row for row in rows if (row["images"], row["attribute"]) == ("synthetic", "view")]
    right = [row["known"] == row["read"] for row in views]
    assert np.mean(right[:20]) > 0.9
    assert np.mean(right[20:]) < 0.1
    assert {row["known"] for row in rows if row["images"] == "real"} == {"CC", "MLO", "A", "B", "C", ""}


@pytest.mark.parametrize("stopped", [7, 30])
def test_an_interrupted_training_goes_on_to_the_same_bits(
    inputs: dict[str, Path], whole: Path, tmp_path: Path, stopped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stop.StopAtIteration, "__init__", lambda self, iterations: setattr(self, "iterations", stopped))
        with pytest.raises(UserError, match=rf"stopped at iteration {stopped} of {ITERATIONS}"):
            run(inputs, tmp_path)
    assert f"going on from iteration {stopped}" in run(inputs, tmp_path)
    kept, expected = load_file(tmp_path / READER), load_file(whole / READER)
    assert kept.keys() == expected.keys()
    assert all(torch.equal(kept[name], value) for name, value in expected.items())
    assert (tmp_path / VALUES).read_bytes() == (whole / VALUES).read_bytes()


def test_a_reading_that_was_interrupted_trains_no_more(inputs: dict[str, Path], whole: Path) -> None:
    weights = (whole / READER).read_bytes()
    (whole / VALUES).rename(whole / "before.json")
    assert "going on" not in run(inputs, whole)
    assert (whole / READER).read_bytes() == weights
    assert (whole / VALUES).read_bytes() == (whole / "before.json").read_bytes()


def test_what_cannot_be_read_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"downstream\.reading\.size=\[80, 64\]: expected one of"):
        run(inputs, tmp_path, size=[80, 64])
    nothing = OmegaConf.create({"a": SCHEMA | {"categorical": {}}, "u": UNKEYED, "r": READER_SETTINGS, "g": READING})
    with pytest.raises(UserError, match=r"method\.attributes\.categorical is empty"):
        ReadAttributes([], nothing.a, nothing.r, nothing.g, OmegaConf.create(), "32-true", 1, nothing.u)
