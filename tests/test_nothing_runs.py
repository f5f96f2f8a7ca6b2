"""Nothing runs that should not: each file that a run takes would write a canary here, if anything in it were run."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import nn

from mammo_gan.archives import index
from mammo_gan.callbacks.checkpoint_files import LAST, PREVIOUS, find_last
from mammo_gan.data import resized
from mammo_gan.data.patch_slots import BREASTS, IMAGES, MASKS
from mammo_gan.data.store import ROWS, PatchStore
from mammo_gan.errors import UserError
from mammo_gan.stages import experiment
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.training.trained import load_generator
from mammo_gan.weights import TORCHVISION_FILE, TORCHVISION_NAME, VARIABLE, vgg19_features
from tests.stages.command import lab
from tests.synthesis.small_store import small_store

PACKAGE = Path(__file__).parents[1] / "mammo_gan"


class Touch:
    """Writes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.canary,)


@pytest.fixture
def touch(tmp_path: Path) -> Iterator[Touch]:
    """The test passes only if the canary is unwritten at its end."""
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Touch(canary)))  # noqa: S301 - it must work where nothing stands in its way
    assert canary.exists(), "the canary shows nothing"
    canary.unlink()
    yield Touch(canary)
    assert not canary.exists()


def pickled(file: Path, touch: Touch, zipped: bool) -> Path:
    """A checkpoint as torch.save writes it, or a bare pickle, with more than tensors in it."""
    state: dict[str, Any] = {"state_dict": {"generator.weight": torch.zeros(1, 1), "iterations": torch.tensor(3)}}
    state |= {"hyper_parameters": touch}
    file.parent.mkdir(parents=True, exist_ok=True)
    if zipped:
        torch.save(state, file)
    else:
        file.write_bytes(pickle.dumps(state, protocol=2))
    return file


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["x.ckpt", "x.pth", "x.safetensors"])
def test_init_from_a_pickle(tmp_path: Path, touch: Touch, name: str, zipped: bool) -> None:
    file = pickled(tmp_path / name, touch, zipped)
    with pytest.raises(UserError, match=f"init_from={file}"):
        load_generator(nn.Linear(1, 1, bias=False), file)


@pytest.mark.parametrize("zipped", [True, False])
def test_going_on_from_a_pickle(tmp_path: Path, touch: Touch, zipped: bool, caplog: pytest.LogCaptureFixture) -> None:
    pickled(tmp_path / LAST, touch, zipped)
    with pytest.raises(UserError, match=LAST):
        find_last(tmp_path)
    torch.save({"state_dict": {}}, tmp_path / PREVIOUS)
    assert find_last(tmp_path) == tmp_path / PREVIOUS
    assert LAST in caplog.text


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_from_a_pickle(tmp_path: Path, touch: Touch, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="can run code"):
        vgg19_features(str(pickled(tmp_path / "vgg.pth", touch, zipped)))
    disguised = pickled(tmp_path / "vgg.safetensors", touch, zipped)
    with pytest.raises(UserError, match="safetensors file"):
        vgg19_features(str(disguised))
    monkeypatch.setenv(VARIABLE, str(disguised))
    with pytest.raises(UserError, match="safetensors file"):
        vgg19_features("auto")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    pickled(tmp_path / "hub" / "checkpoints" / TORCHVISION_FILE, touch, zipped)
    with pytest.raises(UserError, match=f"{TORCHVISION_FILE} holds more than tensors"):
        vgg19_features(TORCHVISION_NAME)


@pytest.mark.parametrize("kind", ["objects", "record of objects", "npz of objects", "broken npz", "pickle"])
@pytest.mark.parametrize("name", [IMAGES, MASKS, BREASTS])
def test_arrays_with_objects(tmp_path: Path, touch: Touch, name: str, kind: str) -> None:
    small_store(tmp_path / "store")
    file = tmp_path / "store" / name
    with file.open("wb") as stream:
        if kind == "objects":
            np.save(stream, np.array([[touch]], dtype=object), allow_pickle=True)
        elif kind == "record of objects":
            np.save(stream, np.array([[(touch,)]], dtype=[("x", object)]), allow_pickle=True)
        elif kind == "npz of objects":
            np.savez(stream, images=np.array([[touch]], dtype=object))
        else:
            stream.write(b"PK\x03\x04 cut short" if kind == "broken npz" else pickle.dumps(touch))
    with pytest.raises(UserError, match=str(file)):
        PatchStore.open(tmp_path / "store")


def test_a_kept_image_with_objects(tmp_path: Path, touch: Touch) -> None:
    file = tmp_path / "0.npz"
    objects = np.array([[touch]], dtype=object)
    np.savez(file, image=objects, breast=objects, scale=np.array(1.0), count=np.array(0))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        resized.load(file)


def test_tables_that_are_pickles(tmp_path: Path, touch: Touch) -> None:
    small_store(tmp_path / "store")
    for file in (tmp_path / "store" / ROWS, tmp_path / "index.parquet"):
        file.write_bytes(pickle.dumps(touch))
    with pytest.raises(UserError, match=ROWS):
        PatchStore.open(tmp_path / "store")
    with pytest.raises(UserError, match=r"index\.parquet"):
        index.read(tmp_path / "index.parquet")


FOREIGN = "import pathlib\npathlib.Path('canary').touch()\ndef build(*_, **__):\n    pass\n"


@pytest.mark.parametrize(
    "text",
    [
        "archive: {reader: {_target_: foreign.build}}",
        "hydra: {callbacks: {x: {_target_: foreign.build}}}",
        "hydra: {job_logging: {handlers: {x: {(): foreign.build}}}}",
        "hydra: {hydra_logging: {handlers: {console: {stream: 'ext://foreign.build'}}}}",
    ],
)
def test_an_experiment_that_names_foreign_code(tmp_path: Path, text: str) -> None:
    """With `python -m`, a module in the working folder can be imported."""
    (tmp_path / "foreign.py").write_text(FOREIGN)
    arguments = [lab.experiment(tmp_path / "lab", text), "experiment=lab", "source=phantom", "scale=smoke"]
    command = [sys.executable, "-m", "mammo_gan.run", *arguments, "weights=random", "logger=csv"]
    variables = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, env=variables
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("mammo_gan: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "canary").exists()


def test_a_way_through_our_own_modules_ends_before_anything_is_built(tmp_path: Path) -> None:
    overrides = ["experiment=cigan_ddsm", "source=phantom", "scale=smoke", "weights=random"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[*overrides, f"paths.output={tmp_path / 'out'}"])
    cfg.pipeline.report._target_ = "mammo_gan.stages.run_folder.subprocess.run"  # the last one: the others are sound
    with pytest.raises(UserError, match=r"pipeline\.report\._target_"):
        experiment.plan(cfg, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_foreign_code_would_run_if_it_were_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    instantiate({"_target_": "foreign.build"})
    sys.modules.pop("foreign")
    assert (tmp_path / "canary").exists()


# What loads or runs what a file or a text says. `safe` is the argument that a loader must be given, with its value.
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
FORBIDDEN_ENDS = {"extractall", "extract", "unpack_archive", "system", "popen", "load_from_checkpoint", "literal_exec"}
FORBIDDEN_LOADS = {"yaml", "pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle", "hub", "jit"}
FORBIDDEN_IMPORTS = {"xml", "lxml", "marshal", "shelve", "dill", "cloudpickle", "tarfile", "code", "runpy"}
SAFE = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
ANYWHERE = {"weights_only": False, "allow_pickle": True, "shell": True, "trust_remote_code": True}


def doors(source: str) -> list[str]:
    """Lines of a source that could run what they should only read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [ast.unparse(node) for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS]
            loaders = isinstance(node, ast.ImportFrom) and names[0] in FORBIDDEN_LOADS | {"torch", "numpy"}
            found += [ast.unparse(node) for alias in node.names if loaders and alias.name.endswith(("load", "loads"))]
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        owner, _, last = name.rpartition(".")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        values = {key: value.value for key, value in given.items() if isinstance(value, ast.Constant)}
        if (
            name in FORBIDDEN_CALLS
            or (owner and last in FORBIDDEN_ENDS)
            or (owner.rpartition(".")[2] in FORBIDDEN_LOADS and "load" in last.lower())
            or last == "Unpickler"
            or (name in SAFE and values.get(SAFE[name][0]) is not SAFE[name][1])
            or any(key in given and values.get(key) is not (not value) for key, value in ANYWHERE.items())
        ):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_door_is_open_in_the_source(path: Path) -> None:
    assert doors(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "torch.load(file, weights_only=safe)",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "np.save(file, array, allow_pickle=True)",
        "trainer.fit(method, weights_only=False)",
        "archive.extractall(folder)",
        "shutil.unpack_archive(file)",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=shell)",
        "os.system(text)",
        "eval(text)",
        "exec(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "pickle.load(file)",
        "pickle.loads(data)",
        "pickle.Unpickler(file).load()",
        "joblib.load(file)",
        "torch.hub.load('x', 'y')",
        "torch.jit.load(file)",
        "CiGAN.load_from_checkpoint(file)",
        "from pickle import loads",
        "from torch import load",
        "import xml.etree.ElementTree",
        "import tarfile",
    ],
)
def test_an_open_door_is_seen(line: str) -> None:
    assert doors(f"def f():\n    {line}")


def test_what_is_safe_passes() -> None:
    assert not doors(
        "torch.load(f, map_location='cpu', weights_only=True)\nnp.load(f, allow_pickle=False)\nmodel.eval()"
    )
    assert not doors("json.load(f)\nfrom pickle import UnpicklingError\nsubprocess.run(['git'])\nOmegaConf.load(f)")
