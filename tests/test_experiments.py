"""Every experiment composes, instantiates and runs whole at scale=smoke."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from mammo_gan.stages.command import contradictions
from mammo_gan.stages.command.groups import conf_folder, group_options

EXPERIMENTS = [name for name, _ in group_options("experiment")]
REPORTING = [
    name
    for name in EXPERIMENTS
    if "  _target_: mammo_gan.stages.report" in (conf_folder() / f"experiment/{name}.yaml").read_text()
    and name != "judge_lesions"  # needs a folder of images and trains nothing: tests/stages/test_judge_lesions.py
]
PRESETS = [name for name, _ in group_options("preset")]
# Every scale as the paper has it, and every other preset at the paper's scale: composing takes half a second each.
COMPOSED = [(scale, "paper") for scale in ("paper", "demo", "smoke")] + [
    ("paper", preset) for preset in PRESETS if preset != "paper"
]


@pytest.mark.parametrize(("scale", "preset"), COMPOSED)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_its_method_instantiates(experiment: str, scale: str, preset: str) -> None:
    overrides = [f"experiment={experiment}", f"scale={scale}", f"preset={preset}", "weights=random"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=overrides)
    name = cfg.method._target_.split(".")[-2]  # of its file, which is its option's
    known = preset == "paper" or (conf_folder() / f"preset/method/{name}_{preset}.yaml").is_file()
    missing = any("method" in node for node in cfg.pipeline.values()) and not known
    assert ["no such preset" in said for said in contradictions.find(cfg)] == [True] * missing
    method = instantiate(cfg.method, _convert_="all")
    assert int(method.iterations) == 0


def test_the_paper_is_what_runs_without_a_scale() -> None:
    """wu2018_cigan, sections 2.1, 2.2 and 3.1."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=["experiment=cigan_ddsm"])
    assert (cfg.scale, cfg.preset, cfg.source.name, cfg.archive.name) == ("paper", "paper", "disk", "ddsm")
    assert dict(cfg.split.fractions) == {"train": 0.8, "val": 0.1, "test": 0.1}
    assert (cfg.data.fit_height, cfg.data.fit_width, cfg.data.size) == (1375, 750, 256)
    assert (cfg.data.patches_per_class, cfg.data.min_breast_share) == (100_000, 0.75)
    assert (cfg.method.pretraining_iterations, cfg.training.iterations, cfg.training.batch_size) == (10_000, 100_000, 8)
    assert dict(cfg.method.loss_weights) == {"adversarial": 1, "feature": 10, "boundary": 10_000}
    assert cfg.method.boundary_loss.weight.sigma == 10
    for optimizer in (cfg.method.generator_optimizer, cfg.method.discriminator_optimizer):
        assert (optimizer.lr, list(optimizer.betas), optimizer.eps) == (1e-4, [0.9, 0.999], 1e-8)


def run(output: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mammo_gan.run", "source=phantom", "scale=smoke", "weights=random", *overrides]
    variables = os.environ | {"MAMMO_GAN_OUTPUT": str(output), "WANDB_MODE": "offline"}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=variables, check=False)


@pytest.mark.parametrize("experiment", REPORTING)
def test_every_experiment_runs_to_its_report_and_is_not_made_twice(experiment: str, tmp_path: Path) -> None:
    first = run(tmp_path, f"experiment={experiment}")
    assert first.returncode == 0, first.stderr + first.stdout
    report = Path(first.stdout.strip().splitlines()[-1])
    assert report.is_file()
    assert report.suffix == ".html"
    page = report.read_text(encoding="utf-8")
    assert "phantom" in page
    assert "random" in page

    folder = report.parent
    schema = Path(__file__).parents[1] / "mammo_gan" / "reporting" / "results.schema.json"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    jsonschema.validate(results, json.loads(schema.read_text(encoding="utf-8")))
    for name in ("config.yaml", "overrides.yaml", "environment.json"):
        assert (folder / name).stat().st_size > 0
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) > 1

    again = run(tmp_path, f"experiment={experiment}")
    assert again.returncode == 0, again.stderr
    assert "done in" not in again.stdout
    assert again.stdout.count("already there") == len(results["stages"])


@pytest.mark.slow
def test_images_are_prepared_from_the_command_line_and_not_twice(tmp_path: Path) -> None:
    first = run(tmp_path, "experiment=prepare_images")
    assert first.returncode == 0, first.stderr + first.stdout
    (folder,) = (tmp_path / "stages" / "prepare-images").glob("*/images.parquet")
    assert (folder.parent / "contact_sheet.png").is_file()
    again = run(tmp_path, "experiment=prepare_images")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("already there") == 2


@pytest.mark.slow
@pytest.mark.parametrize("archive", ["ddsm", "cbis"])
def test_mammograms_are_drawn_of_another_archive(archive: str, tmp_path: Path) -> None:
    """Both know the density, which OPTIMAM's phantom doesn't: it is asked for, and read off the images."""
    ran = run(tmp_path, "experiment=mammogan_optimam", f"archive={archive}")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    folder = Path(ran.stdout.strip().splitlines()[-1]).parent
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    values = {value["name"]: value for value in results["values"]}
    for images in ("real", "synthetic"):
        for attribute in ("view", "density"):
            read = values[f"attribute/{images}/{attribute}/accuracy"]
            assert read["n"] > 0
            assert 0 <= read["value"] <= 1
