"""train/classifier on patches that it can learn: what it leaves, that it resumes exactly, what it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from safetensors.torch import load_file

from mammo_gan.archives.records import SplitName
from mammo_gan.callbacks import stop
from mammo_gan.callbacks.validation import AUC_NAME, F1_NAME
from mammo_gan.downstream.classifier import LOSS, Classifier
from mammo_gan.errors import DivergenceError, UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context
from mammo_gan.stages.train_classifier import CLASSIFIER, TrainClassifier
from mammo_gan.stages.training import fitting, trained
from mammo_gan.synthesis.sampling import Sampled
from mammo_gan.synthesis.writing_samples import write_samples
from tests.data.lesion_store import Patch, write
from tests.downstream.small import SETTINGS, SIZE, small_store

ITERATIONS = 40  # four epochs of 80 images in batches of eight


def settings(**changes: Any) -> DictConfig:
    network = {
        "_target_": "mammo_gan.networks.dcgan.Discriminator",
        "channels": [4, 6],
        "image_size": SIZE,
        "initialisation": "xavier",
    }
    adam = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.005, "betas": [0.0, 0.99], "fused": True}
    callbacks = {"log_every": 4, "workers": 0, "checkpoint_minutes": 10}
    trainer = {
        "accelerator": "cpu",
        "devices": 2,
        "nodes": 1,
        "start": "local",
        "precision": "32-true",
        "accumulate": 1,
    }
    return OmegaConf.create(
        {
            "inputs": ["prepare/lesions"],
            "classifier": {
                "_target_": "mammo_gan.downstream.classifier.Classifier",
                "network": network,
                "optimizer": adam,
            },
            "training": {"batch_size": 8, "epochs": 4, "validate_every": 6, "best": F1_NAME},
            "data": {
                "_target_": "mammo_gan.data.classified.ClassifiedData",
                "_partial_": True,
                **SETTINGS,
                "flips": True,
            },
            "divergence": {"explosion": 1000.0, "dead_updates": 1, "rollbacks": 2, "learning_rate_factor": 0.5},
            "precision": "32-true",
            "seed": 4,
            "unkeyed": {
                "trainer": trainer,
                "callbacks": callbacks,
                "logger": {"wandb": None, "tensorboard": False},
                "resume": "last",
                "name": "test",
            },
            **changes,
        }
    )


@dataclass
class Lab:
    """A folder with prepared patches."""

    place: Path

    def train(self, folder: str, **changes: Any) -> tuple[Path, str]:
        """The stage's folder and what was said."""
        said, output = io.StringIO(), self.place / folder
        output.mkdir(exist_ok=True)
        node: dict[str, Any] = dict(settings(**changes))
        inputs = {"prepare/lesions": self.place / "prepared", "synthesize": self.place / "synthetic"}
        screen = Screen(Console(file=said, width=400, highlight=False))
        context = Context(self.place, "train/classifier", inputs, frozenset(), b"k" * 32, 1, screen, Interruption())
        TrainClassifier(**node).run(output, context)
        return output, said.getvalue()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    place = tmp_path_factory.mktemp("lab")
    small_store(place / "prepared")
    return Lab(place)


@pytest.fixture(scope="module")
def whole(lab: Lab) -> Path:
    return lab.train("whole")[0]


def rows(folder: Path) -> list[dict[str, str]]:
    """Without the speed, which differs from run to run."""
    with (folder / trained.METRICS).open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    return [{name: cell for name, cell in row.items() if name != "images_per_second"} for row in found]


def test_the_network_with_the_best_validation_f1_is_kept(whole: Path) -> None:
    scores = {int(row["iteration"]): float(row[F1_NAME]) for row in rows(whole) if row[F1_NAME]}
    assert list(scores) == [6, 12, 18, 24, 30, 36, 40]
    best = max(scores, key=lambda iteration: scores[iteration])
    assert scores[best] > 0.9
    kept = torch.load(whole / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert int(kept["iterations"]) == best
    weights = load_file(whole / CLASSIFIER)
    assert weights.keys() == {name.removeprefix("network.") for name in kept if name.startswith("network.")}
    assert all(torch.equal(value, kept[f"network.{name}"]) for name, value in weights.items())
    described = json.loads((whole / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["best"] == {"metric": F1_NAME, "value": pytest.approx(scores[best]), "iteration": best}
    assert (described["iterations"], described["images_seen"], described["processes"]) == (40, 320, 1)
    assert described["images"] == {"positive": 20, "negative": 60, "synthetic": 0}
    assert described["rollbacks"] == []
    assert [int(row["iteration"]) for row in rows(whole) if row[LOSS]] == list(range(4, 41, 4))


@pytest.mark.parametrize("stopped", [5, 12, 29])
def test_an_interrupted_training_goes_on_to_the_same_bits(
    lab: Lab, whole: Path, stopped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"stopped-{stopped}"
    with monkeypatch.context() as patch:
        patch.setattr(stop.StopAtIteration, "__init__", lambda self, iterations: setattr(self, "iterations", stopped))
        with pytest.raises(UserError, match=rf"stopped at iteration {stopped} of {ITERATIONS}"):
            lab.train(name)
    folder, said = lab.train(name)
    assert f"going on from iteration {stopped}" in said
    assert rows(folder) == rows(whole)
    for file in ("last.ckpt", "best.ckpt"):
        expected, found = (torch.load(place / "checkpoints" / file, weights_only=True) for place in (whole, folder))
        assert found["optimizer_states"][0]["state"].keys() == expected["optimizer_states"][0]["state"].keys()
        assert all(torch.equal(found["state_dict"][key], value) for key, value in expected["state_dict"].items())
    kept, expected = load_file(folder / CLASSIFIER), load_file(whole / CLASSIFIER)
    assert all(torch.equal(kept[key], value) for key, value in expected.items())


def test_another_seed_trains_another_classifier(lab: Lab, whole: Path) -> None:
    other, _ = lab.train("seed", seed=5, training={"batch_size": 8, "epochs": 1, "validate_every": 6, "best": F1_NAME})
    expected = load_file(whole / CLASSIFIER)
    assert any(not torch.equal(value, expected[name]) for name, value in load_file(other / CLASSIFIER).items())


def test_resume_none_sets_the_earlier_one_aside(lab: Lab, whole: Path) -> None:
    folder, _ = lab.train("again", training={"batch_size": 8, "epochs": 1, "validate_every": 6, "best": F1_NAME})
    kept = (folder / CLASSIFIER).read_bytes()
    unkeyed = {**settings().unkeyed, "resume": "none"}
    _, said = lab.train(
        "again", unkeyed=unkeyed, training={"batch_size": 8, "epochs": 1, "validate_every": 6, "best": F1_NAME}
    )
    assert "was set aside" in said
    assert "going on" not in said
    (aside,) = lab.place.glob("again.aside-*")
    assert (aside / CLASSIFIER).read_bytes() == (folder / CLASSIFIER).read_bytes() == kept


def nan_after(iteration: int, when: Callable[[Classifier], bool]) -> Callable[[Classifier, torch.Tensor], torch.Tensor]:
    healthy = Classifier.forward

    def forward(self: Classifier, image: torch.Tensor) -> torch.Tensor:
        logits = healthy(self, image)
        return logits * torch.nan if self.training and int(self.iterations) == iteration and when(self) else logits

    return forward


def test_nan_is_told_and_rolled_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "forward", nan_after(20, lambda method: method.learning_rate_factor == 1))
    folder, said = lab.train("nan")
    assert f"training diverged at iteration 21: {LOSS} was NaN" in said
    assert "Rolled back (1 of 2)" in said
    (rollback,) = json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))["rollbacks"]
    assert (rollback["iteration"], rollback["learning_rate_factor"]) == (21, 0.5)
    last = torch.load(folder / fitting.CHECKPOINTS / "last.ckpt", weights_only=True)
    assert last["optimizer_states"][0]["param_groups"][0]["lr"] == 0.0025
    assert list((folder / fitting.DIVERGENCE).glob("iteration-0000021/rank0-image.png"))
    monkeypatch.setattr(Classifier, "forward", nan_after(20, lambda method: True))
    with pytest.raises(DivergenceError, match="rolled back 2 times already"):
        lab.train("always nan")


def write_synthetic(folder: Path, count: int, trained_on: SplitName = "train") -> None:
    rng = np.random.default_rng(5)
    made = (
        Sampled(image=rng.random((SIZE, SIZE), dtype=np.float32), label=None, seed=1, place=n) for n in range(count)
    )
    write_samples(folder, made, archive="lab", generator="0" * 64, trained_on=trained_on, kinds=["mass"])


def test_synthetic_images_are_learnt_from_if_their_generator_saw_the_training_split_alone(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    small_store(tmp_path / "prepared")
    both = {
        "inputs": ["prepare/lesions", "synthesize"],
        "training": {"batch_size": 8, "epochs": 1, "validate_every": 9, "best": F1_NAME},
    }
    write_synthetic(tmp_path / "synthetic", 31)
    folder, _ = lab.train("gan", **both)
    described = json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["images"] == {"positive": 20, "negative": 60, "synthetic": 30}
    assert described["iterations"] == 14  # 110 images in batches of eight
    write_synthetic(tmp_path / "synthetic", 29)
    with pytest.raises(UserError, match="are 30, found 29"):
        lab.train("few", **both)
    write_synthetic(tmp_path / "synthetic", 31, trained_on="val")
    with pytest.raises(UserError, match="trained on the split train alone"):
        lab.train("leak", **both)


def test_the_best_can_be_that_of_the_auc_where_there_is_one(tmp_path: Path) -> None:
    lab, training = Lab(tmp_path), {"batch_size": 8, "epochs": 2, "validate_every": 6, "best": AUC_NAME}
    small_store(tmp_path / "prepared")
    folder, _ = lab.train("auc", training=training)
    scores = {int(row["iteration"]): float(row[AUC_NAME]) for row in rows(folder) if row[AUC_NAME]}
    best = max(scores, key=lambda iteration: scores[iteration])
    described = json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["best"] == {"metric": AUC_NAME, "value": pytest.approx(scores[best]), "iteration": best}
    with pytest.raises(UserError, match=r"best=validation/accuracy: expected validation/f1 or validation/auc"):
        lab.train("unknown", training={**training, "best": "validation/accuracy"})
    patches: list[Patch] = [
        (f"p{n}", "train" if n else "val", "mass", "malignant" if n % 2 else "benign") for n in range(9)
    ]
    write(tmp_path / "prepared", patches, np.zeros((9, SIZE, SIZE), dtype=np.uint8))
    malignancy = {**settings().data, "positive": "malignant", "negatives_per_positive": 1, "patches": 2}
    with pytest.raises(UserError, match="the validation split has 1 patches, all of one class"):
        lab.train("one", training=training, data=malignancy)


def test_memory_that_ran_out_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: Classifier, image: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(Classifier, "forward", forward)
    with pytest.raises(UserError, match="memory ran out with 8 images at once"):
        lab.train("memory")
