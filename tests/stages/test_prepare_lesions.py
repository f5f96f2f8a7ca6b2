"""experiment=prepare_lesions: what it writes of a phantom and of ready-made patches, and that it goes on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image
from rich.console import Console

from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesions import LesionData
from mammo_gan.errors import UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages import experiment
from mammo_gan.stages.command import command_line
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.screen import Screen
from tests.archives.miniature import write_manifest
from tests.stages.interrupting import ended_at
from tests.stages.running import Ran

LESIONS = "experiment=prepare_lesions"
PHANTOM = ("source=phantom", "phantom.patients=12")


def run(output: Path, *overrides: str) -> Ran:
    """Index and preparation, with results in `output`."""
    overrides = (LESIONS, "scale=smoke", *overrides, f"paths.output={output}")
    command_line.check(overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=list(overrides))
    said, folder = io.StringIO(), output / "runs" / "run"
    screen = Screen(Console(file=said, width=400, highlight=False))
    return Ran(experiment.run(cfg, folder, overrides, screen, Interruption()), folder, said.getvalue())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the index and the patches of a phantom of OPTIMAM."""
    folder = tmp_path_factory.mktemp("output")
    assert "counts of alyafi2019_dcgan" in run(folder, *PHANTOM).screen
    return folder


def test_it_leaves_a_store_its_counts_and_a_sheet(output: Path) -> None:
    ran = run(output, *PHANTOM)
    assert ran.screen.count("already there") == 2
    folder = ran.folders["prepare/lesions"]
    store = ImageStore.open(folder)
    assert store.sizes == ((32, 32),)
    expected = {"images_32x32.npy", "images.parquet", "preparation.json", "contact_sheet.png", "stage.json"}
    assert {file.name for file in folder.iterdir()} == expected
    described = json.loads((folder / "preparation.json").read_text(encoding="utf-8"))
    patches = described["patches"]
    assert described["archive"] == "optimam"
    assert sum(patches.values()) == len(store) == len(store.rows)
    assert patches["lesion"] == sum(len(row.lesions) == 1 for row in store.rows) > 0
    for content in ("lesion", "normal"):
        assert sum(of_split[content] for of_split in described["patches_by_split"].values()) == patches[content]
    compared = {name: (paper, here) for name, paper, here in described["paper_counts"]}
    assert compared["patches of a lesion"] == (5351, patches["lesion"])
    assert compared["patches of normal tissue"] == (147951, patches["normal"])
    assert compared["images with a lesion"][0] == 5267
    per_image = np.unique([row.image_key for row in store.rows if not row.lesions], return_counts=True)[1]
    assert per_image.max() == 10
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 600
    assert LesionData(store, 2, seed=1).training_images == described["patches_by_split"]["train"]["lesion"]


def test_size_and_recipe_are_part_of_the_key_and_workers_are_not(output: Path) -> None:
    def key(*overrides: str) -> str:
        overrides = (LESIONS, "scale=smoke", *PHANTOM, f"paths.output={output}", *overrides)
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
            return experiment.plan(compose("config", overrides=list(overrides)), output)["prepare/lesions"].key

    before = key()
    assert key("jobs=2", "prepare.backend=dask", "prepare.scheduler=tcp://cluster:8786") == before
    changes = ("data.size=16", "data.normal=5", "data.breast=found", "data.largest=9", "seed=2", "selection=located")
    assert len({before, *map(key, changes)}) == 1 + len(changes)


def test_the_paper_is_what_runs_without_a_scale() -> None:
    """alyafi2019_dcgan, sections 3.2 to 3.5."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[LESIONS])
    assert dict(cfg.data) == {
        "size": 128,
        "largest": 750,
        "min_grey_levels": 30,
        "normal": 10,
        "normal_beside_lesions": True,
        "breast": "nonzero",
    }
    assert (cfg.archive.name, dict(cfg.selection.paper.patches)) == ("optimam", {"lesion": 5351, "normal": 147951})


@pytest.mark.parametrize("bad", ["data.size=0", "data.normal=-1", "data.breast=skin"])
def test_a_recipe_that_cannot_be_is_refused_before_any_data_is_read(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UserError, match="data"):
        run(tmp_path, *PHANTOM, bad)
    assert not (tmp_path / "stages").exists()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with ended_at(10, OPTIMAM, monkeypatch) as reads:
        yield reads


def test_an_interrupted_stage_goes_on(output: Path, counted: list[str]) -> None:
    # Another size: a preparation that the output doesn't hold yet, of the index that it holds.
    settings = (*PHANTOM, "stages=[prepare/lesions]", "data.size=24")
    with pytest.raises(KeyboardInterrupt):
        run(output, *settings)
    folder = run(output, *settings).folders["prepare/lesions"]
    assert len(counted) == len(set(counted)) + 1  # the tenth is read again
    assert not (folder / "unfinished").exists()
    assert len(ImageStore.open(folder)) > 0


def test_a_labs_own_patches(tmp_path: Path) -> None:
    root, rng = tmp_path / "Radiology-Dr-Jane-Doe", np.random.default_rng(1)
    root.mkdir()
    labels = ("malignant", "benign", "normal")
    rows = [
        {"image": f"{n}.png", "patient": f"SURNAME{n}", "label": labels[n % 3], "extent": "patch", "split": "train"}
        for n in range(9)
    ]
    for row in rows:
        Image.fromarray(rng.integers(0, 256, (32, 32), dtype=np.uint8)).save(root / row["image"])
    write_manifest(root, rows)
    lab = ("archive=manifest", f"archive.root={root}")
    with pytest.raises(UserError, match="none of the archive's 9 images is left"):
        run(tmp_path / "output", *lab)
    folder = run(tmp_path / "output", *lab, "selection=patches").folders["prepare/lesions"]
    described = json.loads((folder / "preparation.json").read_text(encoding="utf-8"))
    assert described["patches_by_split"]["train"] == {"lesion": 6, "normal": 3}
    assert described["paper_counts"] == []
    for file in folder.iterdir():
        assert b"SURNAME" not in file.read_bytes()
        assert b"Jane-Doe" not in file.read_bytes()
