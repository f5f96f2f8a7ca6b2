"""experiment=dcgan_augmentation in its modes and tasks: what is trained, shared, kept and said."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.reporting.results import read_results
from mammo_gan.stages import experiment
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.training import trained
from tests.archives.miniature import write_manifest
from tests.stages.jobs import sweeping
from tests.stages.running import Ran, run

NAME = "experiment=dcgan_augmentation"
PHANTOM = (NAME, "source=phantom")
GAN_STAGES = {"train/lesion", "synthesize"}


def planned(*overrides: str) -> dict[str, experiment.Instance]:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[*PHANTOM, "weights=random", *overrides])
    return experiment.plan(cfg, Path("run"))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def ran(output: Path) -> Ran:
    return run(output, *PHANTOM, "mode=gan", name="gan")


@pytest.fixture(scope="module")
def without_gan(output: Path, ran: Ran) -> Ran:
    return run(output, *PHANTOM, "mode=aug_org", name="aug_org")


@pytest.fixture(scope="module")
def before() -> dict[str, experiment.Instance]:
    return planned()


def test_the_modes_share_what_they_have_in_common() -> None:
    plans = {mode: planned(f"mode={mode}") for mode in ("org", "aug_org", "gan", "aug_gan")}
    for mode, stages in plans.items():
        assert set(stages) & GAN_STAGES == (GAN_STAGES if mode.endswith("gan") else set())
    for name in ("index", "prepare/lesions", *GAN_STAGES):
        assert len({stages[name].folder for stages in plans.values() if name in stages}) == 1
    assert len({stages["train/classifier"].folder for stages in plans.values()}) == 4


@pytest.mark.parametrize(
    ("change", "makes_anew"),
    [
        ("k=250", {*GAN_STAGES, "train/classifier", "evaluate"}),
        ("fold=1", {"prepare/lesions", *GAN_STAGES, "train/classifier", "evaluate"}),
        ("task=malignancy", {"prepare/lesions", *GAN_STAGES, "train/classifier", "evaluate"}),
        ("synthesis.generator=last", {"synthesize", "train/classifier", "evaluate"}),
        ("augmentation.synthetic_per_real=2", {"synthesize", "train/classifier", "evaluate"}),
        ("downstream.training.epochs=5", {"train/classifier", "evaluate"}),
        ("evaluation.resamples=10", {"evaluate"}),
        ("callbacks.workers=0", set()),
    ],
)
def test_a_setting_makes_anew_what_depends_on_it(
    before: dict[str, experiment.Instance], change: str, makes_anew: set[str]
) -> None:
    after = planned(change)
    shared = [name for name in before if before[name].stage.shared]
    assert {name for name in shared if before[name].key != after[name].key} == makes_anew


def test_too_few_synthetic_patches_are_refused_before_a_gan_is_trained() -> None:
    with pytest.raises(UserError, match="synthetic patches for each real one are 150") as caught:
        planned("synthesis.images=149")
    assert caught.value.__cause__ is None  # or whoever follows causes goes round in circles
    assert planned("synthesis.images=150")["synthesize"].key != planned()["synthesize"].key


def test_the_paper_is_what_runs_without_a_scale() -> None:
    """alyafi2019_dcgan, 4.4.2 and 4.6."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[NAME, "k=250", "fold=2"])
    assert (cfg.archive.name, cfg.split.folds, cfg.split.fold) == ("optimam", 3, 2)
    assert (cfg.task.positive, list(cfg.task.kinds), cfg.task.negatives_per_positive) == ("lesion", ["mass"], 10)
    assert list(cfg.task.sizes) == [100, 250, 500, 750, 1000, 1300]
    assert (cfg.training.epochs, cfg.training.jitter, cfg.training.flips) == (1000, 5.0, True)
    assert (cfg.training.patches, list(cfg.training.kinds), cfg.training.per_class) == (250, ["mass"], False)
    assert (cfg.augmentation.synthetic_per_real, cfg.synthesis.generator) == (1.5, "best")
    assert list(cfg.downstream.classifier.network.channels) == [9, 18, 36, 72, 90]
    assert (cfg.downstream.training.epochs, cfg.downstream.training.batch_size) == (20, 64)


def test_the_gan_and_the_classifier_learn_from_k_masses_and_as_many_synthetic_ones_as_asked(ran: Ran) -> None:
    described = json.loads((ran.folders["train/classifier"] / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["images"] == {"positive": 2, "negative": 20, "synthetic": 3}
    records = index.read(ran.folders["synthesize"] / "records.parquet")
    assert len(records) == 3
    assert {record.split for record in records} == {"train"}
    gan = json.loads((ran.folders["train/lesion"] / trained.TRAINING).read_text(encoding="utf-8"))
    assert gan["iterations"] == 2  # 4 epochs of 2 patches are 2 batches of 4


def test_a_job_leaves_what_its_study_is_gathered_from(ran: Ran) -> None:
    results = read_results(ran.run_folder / "results.json")
    assert results.settings == {"task": "mass", "k": 2, "mode": "gan", "fold": 0}
    values = {value.name: value for value in results.values}
    assert list(values) == [f"classification/{name}" for name in ("f1", "precision", "recall", "auc")]
    assert results.weights.random
    assert set(results.parameters) == {"generator", "discriminator", "classifier"}
    counts = {(count.split, count.label): count.patches for count in results.data.patches}
    assert (counts["train", "lesion"], counts["train", "normal"]) == (2, 20)
    with (ran.run_folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["patient", "label", "score"]
    assert sum(row["label"] == "1" for row in rows) == counts["test", "lesion"]
    assert len(rows) == counts["test", "lesion"] + counts["test", "normal"]
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    store = ImageStore.open(ran.folders["prepare/lesions"])
    test_patients = set(store.column("patient_key")[store.indices("test")])
    assert {row["patient"] for row in rows} <= test_patients
    with Image.open(ran.run_folder / "generated.png") as grid:
        assert grid.mode == "L"
    page = (ran.run_folder / "report.html").read_text(encoding="utf-8")
    assert "experiment=dcgan_augmentation_study runs=[FOLDER]" in page


def test_without_a_gan_there_is_no_trace_of_one(ran: Ran, without_gan: Ran) -> None:
    results = read_results(without_gan.run_folder / "results.json")
    assert results.settings == {"task": "mass", "k": 2, "mode": "aug_org", "fold": 0}
    assert (results.weights.name, results.weights.random) == ("not used", False)
    assert [stage.name for stage in results.stages] == ["index", "prepare/lesions", "train/classifier", "evaluate"]
    assert not (without_gan.run_folder / "generated.png").exists()
    assert "prepare/lesions: already there" in without_gan.screen
    page = (without_gan.run_folder / "report.html").read_text(encoding="utf-8")
    assert "Inception that has seen no images" not in page


def make_patches(root: Path, patients: int, columns: Mapping[str, str] | None = None) -> None:
    """A lab's ready-made patches of masses: a malignant and a benign one of each patient, brighter where malignant."""
    rng, rows = np.random.default_rng(1), []
    root.mkdir()
    for number in range(patients):
        for label, grey in (("malignant", 150), ("benign", 90)):
            name = f"{number}-{label}.png"
            Image.fromarray(rng.integers(grey - 60, grey + 60, (32, 32)).astype(np.uint8)).save(root / name)
            row = {"image": name, "patient": f"P{number}", "label": label, "kind": "mass", "extent": "patch"}
            rows.append({**row, **(columns or {})})
    write_manifest(root, rows)


def test_malignancy_on_a_labs_own_patches(tmp_path: Path) -> None:
    make_patches(tmp_path / "lab", 30)
    lab = (NAME, "task=malignancy", "archive=manifest", f"archive.root={tmp_path / 'lab'}", "selection=patches")
    malignancy = run(tmp_path / "out", *lab, "k=4", "task.sizes=[2,4]", "mode=aug_gan")
    described = json.loads((malignancy.folders["train/classifier"] / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["images"] == {"positive": 4, "negative": 4, "synthetic": 12}
    assert described["best"]["metric"] == "validation/auc"
    records = index.read(malignancy.folders["synthesize"] / "records.parquet")
    pathologies: list[Any] = [lesion.pathology for record in records for lesion in record.lesions]
    assert (pathologies.count("malignant"), pathologies.count("benign")) == (6, 6)
    results = read_results(malignancy.run_folder / "results.json")
    assert results.settings["task"] == "malignancy"
    counts = {(count.split, count.label): count.patches for count in results.data.patches}
    assert (counts["train", "malignant"], counts["train", "benign"]) == (4, 4)
    assert ("train", "normal") not in counts


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_a_smoke_run_has_both_classes_in_each_split_of_each_fold(output: Path, ran: Ran, fold: int) -> None:
    """The AUC that malignancy's classifier is chosen by needs both to validate."""
    settings = ("task=malignancy", f"fold={fold}", "stages=[index,prepare/lesions]")
    store = ImageStore.open(run(output, *PHANTOM, *settings, name=f"fold{fold}").folders["prepare/lesions"])
    masses = {(row.split, row.label) for row in store.rows if any(lesion.kind == "mass" for lesion in row.lesions)}
    assert masses == {(split, label) for split in ("train", "val", "test") for label in (0, 1)}


def test_a_labs_own_split_is_not_dealt_into_folds(tmp_path: Path) -> None:
    make_patches(tmp_path / "lab", 6, {"split": "train"})
    lab = (NAME, "task=malignancy", "archive=manifest", f"archive.root={tmp_path / 'lab'}", "selection=patches")
    with pytest.raises(UserError, match="a fold would move its patient"):
        run(tmp_path / "out", *lab, "mode=org")


def test_patches_of_one_class_alone_are_refused(tmp_path: Path) -> None:
    make_patches(tmp_path / "lab", 6, {"label": "benign"})
    lab = (NAME, "task=malignancy", "archive=manifest", f"archive.root={tmp_path / 'lab'}", "selection=patches")
    with pytest.raises(UserError, match="of which 0 are malignant"):
        run(tmp_path / "out", *lab, "mode=org")


@pytest.mark.slow
def test_a_sweep_trains_each_gan_once_and_a_second_call_nothing(tmp_path: Path) -> None:
    sweep = sweeping.command(tmp_path, NAME, "mode=org,aug_org,gan,aug_gan", "fold=0,1,2")
    for again in (False, True):
        done = subprocess.run(sweep, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        made = {kind.name: len(list(kind.glob("*/stage.json"))) for kind in (tmp_path / "stages").iterdir()}
        assert made == {
            "index": 1,
            "prepare-lesions": 3,
            "train-lesion": 3,
            "synthesize": 3,
            "train-classifier": 12,
            "evaluate": 12,
        }
        folder = max((tmp_path / "sweeps" / "dcgan_augmentation").iterdir())
        jobs = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
        assert [job["state"] for job in jobs] == ["already done" if again else "done"] * 12
        assert ("done in" in done.stdout) == (not again)
