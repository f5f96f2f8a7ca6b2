"""experiment=judge_lesions from a phantom and a folder of images to its report."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.stages import experiment
from tests.stages.running import Ran
from tests.stages.test_lesion_experiment import SETTINGS, composed
from tests.stages.test_lesion_experiment import run as run_lesions

NAME = "judge_lesions"
FOLDER = "patient_4711"  # a name that must stay where it is
SIZE = 32  # px, of the smoke run's patches


def make_images(folder: Path, count: int = 14) -> Path:
    """Patches as somebody's program leaves them: 8 and 16 bits, grey and RGB, one of another size."""
    rng = np.random.default_rng(7)
    (folder / "more").mkdir(parents=True)
    for number in range(count - 3):
        Image.fromarray(rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8)).save(folder / f"{number}.png")
    Image.fromarray(rng.integers(0, 65536, (SIZE, SIZE)).astype(np.uint16)).save(folder / "more" / "deep.tif")
    Image.fromarray(rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8)).convert("RGB").save(folder / "more/rgb.png")
    Image.fromarray(rng.integers(0, 256, (2 * SIZE, 50)).astype(np.uint8)).save(folder / "more" / "large.jpg")
    return folder


def run(output: Path, images: Path, name: str = "run") -> Ran:
    return run_lesions(output, f"images={images}", name=name, experiment_name=NAME)


def states(folder: Path) -> dict[str, tuple[int, str]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(file): (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("lab") / FOLDER)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Ran:
    before = states(images)
    ran = run(tmp_path_factory.mktemp("output"), images)
    assert states(images) == before
    return ran


def test_what_is_measured_on_generated_lesions_is_measured_on_a_folder(ran: Ran) -> None:
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    values = {value["name"]: value for value in results["values"]}
    for size in (64, 192, 768):
        for kind in ("fid", "kid"):
            assert values[f"{kind}_random_features_{size}/synthetic_all"]["value"] is not None
    assert values["checkerboard/2px/synthetic"]["n"] == 8  # evaluation.limit of 14
    assert values["tsne_points/synthetic"]["value"] == 14
    assert "two_sample_auc/pixels_32/real_synthetic" in values
    assert values["neighbour_mixing/pixels/real_synthetic"]["value"] is not None


def test_results_say_that_nothing_was_trained(ran: Ran) -> None:
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert (results["device"], results["precision"]) == ("CPU", "32-true")
    assert (results["parameters"], results["images_per_second"]) == ({}, None)
    assert [stage["name"] for stage in results["stages"]] == ["index", "prepare/lesions", "evaluate"]
    assert set(results["settings"]) == {"images", "images_sha256"}
    assert results["settings"]["images"] == 14
    assert results["weights"]["random"]


def test_the_page_says_what_was_judged_and_has_no_part_on_training(ran: Ran) -> None:
    page = re.sub(r"data:image/[^\"]*", "", (ran.run_folder / "report.html").read_text(encoding="utf-8"))
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert "14 images of a folder judged against 6 patches of a phantom archive in the layout of optimam" in page
    assert results["settings"]["images_sha256"] in page
    assert re.findall(r'<section id="([^"]*)"', page) == [
        "images",
        "sample",
        "values",
        "feature-space",
        "run",
        "reproduce",
    ]
    assert "Trained on" not in page
    assert "best generator" not in page
    assert "drawn from noise" not in page
    assert "Phantom data." in page


def test_no_folder_and_no_file_is_named(ran: Ran, images: Path) -> None:
    for file in ("results.json", "report.html"):
        text = (ran.run_folder / file).read_text(encoding="utf-8")
        assert "images=PATH" in text
        for name in (FOLDER, "4711", str(images.parent), "deep.tif", "large.jpg"):
            assert name not in text


def test_other_sizes_are_said(ran: Ran) -> None:
    assert "images: 1 of 14 are resized to 32x32 px: 1 of 64x50" in ran.screen


def test_the_key_follows_the_files_and_not_their_place(ran: Ran, images: Path, tmp_path: Path) -> None:
    def keys(folder: Path) -> dict[str, str]:
        cfg = composed(f"experiment={NAME}", *SETTINGS, "weights=random", f"images={folder}")
        return {name: instance.key for name, instance in experiment.plan(cfg, tmp_path).items()}

    before = keys(images)
    assert ran.folders["evaluate"].name == before["evaluate"]
    moved = shutil.copytree(images, tmp_path / "moved")
    assert keys(moved) == before
    Image.new("L", (SIZE, SIZE), 7).save(moved / "0.png")
    after = keys(moved)
    assert {name for name in before if before[name] != after[name]} == {"evaluate", "report"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("images=null", "images=null: expected the folder of images to be judged; add images=FOLDER"),
        ("images=nowhere", "images=nowhere: expected a folder of images, found none"),
        ("images={folder}", "notes.txt: expected a whole image"),
    ],
)
def test_what_cannot_be_judged_is_told_before_anything_is_made(tmp_path: Path, setting: str, said: str) -> None:
    folder = make_images(tmp_path / "lab")
    (folder / "notes.txt").write_text("made on a Tuesday")
    with pytest.raises(UserError, match=re.escape(said)):
        run_lesions(tmp_path / "out", setting.format(folder=folder), experiment_name=NAME)
    assert not (tmp_path / "out").exists()


def test_results_do_not_go_into_the_folder(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "lab")
    before = states(folder)
    with pytest.raises(UserError, match="within a folder of data, which is only read"):
        run(folder / "out", folder)
    assert states(folder) == before
