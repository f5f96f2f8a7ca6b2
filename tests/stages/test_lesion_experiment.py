"""experiment=dcgan_optimam from a phantom to its report: what is kept, what it needs, that it resumes exactly."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from rich.console import Console
from safetensors.torch import load_file

from mammo_gan import weights
from mammo_gan.archives import index
from mammo_gan.callbacks import stop
from mammo_gan.errors import UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages import experiment, train
from mammo_gan.stages.command import command_line
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.training import trained
from mammo_gan.stages.training.devices import Devices, normalised_apart
from tests.methods.small_dcgan import small_dcgan
from tests.stages.running import Ran

SETTINGS = ("scale=smoke", "logger=csv", "trainer=cpu", "source=phantom")
FID = "fid_random_features_768"


def composed(*overrides: str) -> Any:
    command_line.check(overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        return compose("config", overrides=list(overrides))


def run(output: Path, *overrides: str, name: str = "run", experiment_name: str = "dcgan_optimam") -> Ran:
    overrides = (f"experiment={experiment_name}", *SETTINGS, *overrides, f"paths.output={output}")
    if not any(override.startswith("weights=") for override in overrides):
        overrides = (*overrides, "weights=random")
    said, folder = io.StringIO(), output / "runs" / name
    screen = Screen(Console(file=said, width=400, highlight=False))
    return Ran(experiment.run(composed(*overrides), folder, overrides, screen, Interruption()), folder, said.getvalue())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def ran(output: Path) -> Ran:
    return run(output)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / trained.METRICS).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_generator_with_the_least_running_mean_is_kept_and_drawn_from(ran: Ran) -> None:
    folder = ran.folders["train/lesion"]
    means = {int(row["iteration"]): float(row[f"{FID}_mean"]) for row in rows(folder) if row[f"{FID}_mean"]}
    assert list(means) == [3, 6]  # 6 patches: two epochs are 12 images, and then 24
    best = torch.load(folder / train.CHECKPOINTS / "best.ckpt", weights_only=True)["state_dict"]
    assert int(best["iterations"]) == min(means, key=lambda iteration: means[iteration])
    kept = load_file(folder / trained.GENERATOR_BEST)
    assert all(torch.equal(value, best[f"generator.{name}"]) for name, value in kept.items())
    assert trained.archives_of(folder / trained.GENERATOR_BEST) == {"optimam"}
    record = index.read(ran.folders["synthesize"] / "records.parquet")[0]
    assert record.origin is not None
    assert record.origin.generator == weights.checksum(folder / trained.GENERATOR_BEST)


def test_pictures_are_drawn_at_their_times(ran: Ran) -> None:
    pictures = sorted(path.stem for path in (ran.folders["train/lesion"] / train.SAMPLES).iterdir())
    assert pictures == ["0000000", "0000003", "0000006", "0000008"]  # 5 epochs of 6 patches are 7.5 batches of 4


def test_results_say_what_was_measured_on_what(ran: Ran) -> None:
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert (results["archive"], results["source"], results["scale"]) == ("optimam", "phantom", "smoke")
    assert results["weights"] == {"name": "random", "random": True}
    values = {value["name"]: value for value in results["values"]}
    for size in (64, 192, 768):
        for kind in ("fid", "kid"):
            for pair in ("real_real", "synthetic_real", "noise_real", "synthetic_all"):
                assert values[f"{kind}_random_features_{size}/{pair}"]["value"] is not None
    assert values["checkerboard/2px/synthetic"]["n"] == 8
    assert values["two_sample_auc/pixels_32/real_synthetic"]["value"] is None  # too few patients in a smoke run
    by_split = {(count["split"], count["label"]): count["patches"] for count in results["data"]["patches"]}
    assert by_split["train", "lesion"] == 6
    page = (ran.run_folder / "report.html").read_text(encoding="utf-8")
    assert "VGG" not in re.sub(r"data:image/[^\"]*", "", page)  # a picture's letters are anything


def test_it_needs_no_vgg_and_cigan_no_inception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.delenv("INCEPTION_WEIGHTS", raising=False)
    looked: list[str] = []

    def looking(name: str) -> str:
        looked.append(name)
        return "random"

    monkeypatch.setattr(weights, "find", partial(looking, "vgg19"))
    monkeypatch.setattr(weights, "find_inception", partial(looking, "inception"))
    for name, needed in (("dcgan_optimam", "inception"), ("cigan_ddsm", "vgg19")):
        cfg = composed(f"experiment={name}", *SETTINGS, "weights=auto")
        experiment.plan(cfg, tmp_path)
        assert looked == [needed]
        found = {need for node in cfg.pipeline.values() for need in experiment.needed_weights(node)}
        assert found == {needed}
        looked.clear()
    cfg = composed("experiment=dcgan_optimam", *SETTINGS, "training.metric=null", "synthesis.generator=last")
    assert not experiment.needed_weights(cfg.pipeline["train/lesion"])


def test_missing_weights_are_said_before_anything_is_made(tmp_path: Path) -> None:
    broken = tmp_path / "inception.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(UserError, match="weights of the FID's Inception"):
        run(tmp_path / "out", f"weights.inception={broken}")
    assert not (tmp_path / "out").exists()


def test_an_interrupted_training_goes_on_to_the_same_weights_and_the_same_best(
    output: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran.folders["train/lesion"]
    aside = whole.rename(whole.with_name("uninterrupted"))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(stop.StopAtIteration, "__init__", lambda self, iterations: setattr(self, "iterations", 4))
            with pytest.raises(UserError, match="stopped at iteration 4 of 8"):
                run(output, "stages=[train/lesion]", name="first")
        resumed = run(output, "stages=[train/lesion]", name="second")
        assert "going on from" in resumed.screen
        for file in (trained.GENERATOR, trained.GENERATOR_AVERAGE, trained.GENERATOR_BEST):
            expected, found = load_file(aside / file), load_file(whole / file)
            assert all(torch.equal(found[name], expected[name]) for name in expected)
        columns = ("iteration", "images_seen", "generator/adversarial", FID, f"{FID}_mean")
        assert [[row[name] for name in columns] for row in rows(whole)] == [
            [row[name] for name in columns] for row in rows(aside)
        ]
    finally:
        whole.rename(whole.with_name("resumed"))
        aside.rename(whole)


def test_lengths_of_iterations_and_a_training_without_a_metric(output: Path, ran: Ran) -> None:
    short = ("training.epochs=null", "training.iterations=3", "training.metric=null", "synthesis.generator=last")
    folder = run(output, *short, "stages=[train/lesion]", name="short").folders["train/lesion"]
    assert json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))["iterations"] == 3
    assert not (folder / trained.GENERATOR_BEST).exists()
    assert FID not in rows(folder)[0]


def test_the_average_can_be_measured_and_is_the_one_kept_then(output: Path, ran: Ran) -> None:
    settings = ("training.metric_of_average=true", "training.epochs=2", "training.average_decay=0.5")  # one measurement
    folder = run(output, *settings, "stages=[train/lesion]", name="average").folders["train/lesion"]
    measured = [row for row in rows(folder) if row[f"{FID}_average_mean"]]
    assert [row["iteration"] for row in measured] == [rows(folder)[-1]["iteration"]]
    assert measured[0][FID] != measured[0][f"{FID}_average"]
    best, average, last = (
        load_file(folder / file) for file in (trained.GENERATOR_BEST, trained.GENERATOR_AVERAGE, trained.GENERATOR)
    )
    assert all(torch.equal(best[name], average[name]) for name in average)
    assert not all(torch.equal(best[name], last[name]) for name in last)


def test_several_processes_with_batch_normalisation_are_warned_of() -> None:
    two = Devices(accelerator="cpu", devices=2, nodes=1, start="local", precision="32-true", accumulate=1)
    said = normalised_apart(small_dcgan(), two, 8)
    assert said is not None
    assert "sees the 4 images of each process" in said
    assert normalised_apart(small_dcgan(), replace(two, devices=1), 8) is None
    none = {"normalisation": "none"}
    assert normalised_apart(small_dcgan(drawing=none, judging=none), two, 8) is None


@pytest.mark.slow
def test_two_processes_train_and_measure_together(output: Path, ran: Ran, capfd: pytest.CaptureFixture[str]) -> None:
    settings = ("trainer=ddp_cpu", "training.average_decay=0.5", "stages=[train/lesion]")
    two = run(output, *settings, name="two")
    assert (
        "warning: batch normalisation sees the 2 images of each process" in capfd.readouterr().out
    )  # rank zero says it
    folder = two.folders["train/lesion"]
    assert [row["iteration"] for row in rows(folder) if row[FID]] == ["3", "6"]
    assert (folder / trained.GENERATOR_BEST).is_file()


@pytest.mark.slow
def test_sample_grids_can_be_the_averaged_generators_and_the_training_stays_the_same(ran: Ran, tmp_path: Path) -> None:
    stages = "stages=[index,prepare/lesions,train/lesion]"
    averaged = run(tmp_path, stages, "callbacks.grid_average=true").folders["train/lesion"]
    plain = ran.folders["train/lesion"]
    first, *_, last = sorted(path.name for path in (plain / train.SAMPLES).iterdir())
    drawn = {
        name: [(folder / train.SAMPLES / name).read_bytes() for folder in (plain, averaged)] for name in (first, last)
    }
    assert drawn[first][0] == drawn[first][1]  # before the first step both are the same
    assert drawn[last][0] != drawn[last][1]
    for name in (trained.GENERATOR, trained.GENERATOR_AVERAGE):
        weights_of = [load_file(folder / name) for folder in (plain, averaged)]
        assert all(torch.equal(weights_of[0][key], weights_of[1][key]) for key in weights_of[0])
