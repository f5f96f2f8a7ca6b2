"""experiment=prepare_images: what it writes, that it goes on after a kill, and that workers change nothing."""

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

from mammo_gan.archives.manifest import Manifest
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages import experiment
from mammo_gan.stages.command import command_line
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.screen import Screen
from tests.stages.interrupting import ended_at
from tests.stages.running import Ran
from tests.stages.test_experiment import make_lab

PATIENTS = 30
IMAGES, PATCHES = "experiment=prepare_images", "experiment=cigan_ddsm"


def run(output: Path, root: Path, *overrides: str) -> Ran:
    """Index and preparation of the archive at `root`, with results in `output`."""
    overrides = (
        *(overrides if PATCHES in overrides else (IMAGES, *overrides)),
        "scale=smoke",
        "weights=random",
        "archive=manifest",
        f"archive.root={root}",
        f"paths.output={output}",
    )
    command_line.check(overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=list(overrides))
    said, folder = io.StringIO(), output / "runs" / "run"
    screen = Screen(Console(file=said, width=400, highlight=False))
    return Ran(experiment.run(cfg, folder, overrides, screen, Interruption()), folder, said.getvalue())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lab") / "Radiology-Dr-Jane-Doe"
    make_lab(root, PATIENTS)
    return root


@pytest.fixture(scope="module")
def output(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the index and the images of the lab's folder."""
    folder = tmp_path_factory.mktemp("output")
    run(folder, lab)
    return folder


def test_it_leaves_a_store_its_counts_and_a_sheet(lab: Path, output: Path) -> None:
    ran = run(output, lab)
    assert ran.screen.count("already there") == 2
    folder = ran.folders["prepare/images"]
    store = ImageStore.open(folder)
    assert store.sizes == ((80, 64), (40, 32), (20, 16), (10, 8), (5, 4))
    sizes = {f"images_{height}x{width}.npy" for height, width in store.sizes}
    expected = {"images.parquet", "preparation.json", "contact_sheet.png", "stage.json"}
    assert {file.name for file in folder.iterdir()} == sizes | expected
    described = json.loads((folder / "preparation.json").read_text(encoding="utf-8"))
    assert (described["archive"], described["images"], described["patients"]) == ("manifest", PATIENTS, PATIENTS)
    assert sum(described["images_by_split"].values()) == len(store) == PATIENTS
    assert described["labels"] == {"malignant": 10, "no malignant lesion": 20}
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 1000
    for file in folder.iterdir():
        assert b"SURNAME" not in file.read_bytes()
        assert b"Jane-Doe" not in file.read_bytes()


def test_depth_and_sizes_are_part_of_the_key_and_workers_are_not(lab: Path, output: Path) -> None:
    def key(*overrides: str) -> str:
        overrides = (IMAGES, "scale=smoke", "archive=manifest", f"archive.root={lab}", f"paths.output={output}",
                     *overrides)  # fmt: skip
        command_line.check(overrides)
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
            return experiment.plan(compose("config", overrides=list(overrides)), output)["prepare/images"].key

    before = key()
    assert key("jobs=2", "prepare.backend=dask", "prepare.scheduler=tcp://cluster:8786") == before
    assert len({before, key("data.depth=16"), key("data.sizes=[[80,64]]"), key("data.left_oriented=false")}) == 4


def test_the_paper_is_what_runs_without_a_scale() -> None:
    """korkinof2019_mammogan, sections 2 and 3."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[IMAGES])
    assert cfg.data.sizes == [[1280 >> k, 1024 >> k] for k in range(9)]
    assert (cfg.data.depth, cfg.selection.paper.where) == (8, "korkinof2019_mammogan, 2")


@pytest.mark.parametrize("bad", ["data.depth=12", "data.sizes=[[80,64],[40,40]]", "data.sizes=[]"])
def test_a_recipe_that_cannot_be_is_refused_before_any_data_is_read(lab: Path, tmp_path: Path, bad: str) -> None:
    with pytest.raises(UserError, match=bad.split("=")[0]):
        run(tmp_path, lab, bad)
    assert not (tmp_path / "stages").exists()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with ended_at(20, Manifest, monkeypatch) as reads:
        yield reads


@pytest.mark.parametrize(("chosen", "name"), [(IMAGES, "prepare/images"), (PATCHES, "prepare/patches")])
def test_an_interrupted_stage_goes_on(lab: Path, output: Path, counted: list[str], chosen: str, name: str) -> None:
    # One size alone: a preparation that the output doesn't hold yet, of the index that it holds.
    settings = (f"stages=[{name}]", "data.sizes=[[40,32]]" if chosen == IMAGES else PATCHES)
    with pytest.raises(KeyboardInterrupt):
        run(output, lab, *settings)
    folder = run(output, lab, *settings).folders[name]
    assert len(counted) == PATIENTS + 1  # the twentieth is read again
    assert not (folder / "unfinished").exists()
    store = ImageStore.open(folder) if chosen == IMAGES else PatchStore.open(folder)
    assert len(store) > 0


def test_notes_that_a_kill_left_behind_go_at_the_next_run(lab: Path, output: Path) -> None:
    folder = run(output, lab).folders["prepare/images"]
    before = np.load(folder / "images_80x64.npy")
    (folder / "unfinished" / "chunk").mkdir(parents=True)
    (folder / "unfinished" / "begun.json").write_text('"0123"', encoding="utf-8")
    assert run(output, lab).screen.count("already there") == 2
    assert not (folder / "unfinished").exists()
    np.testing.assert_array_equal(np.load(folder / "images_80x64.npy"), before)
