"""What a configuration may build: real paths to os.system and its like, and what experiments do build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.stages.command import targets
from mammo_gan.stages.command.groups import conf_folder, group_options


def refusal(node: Any) -> str:
    with pytest.raises(UserError) as caught:
        targets.check(OmegaConf.create(node))
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "mammo_gan_evil.Stage",
        "torchevil.nn.Linear",
        # Ways through the modules of what is allowed.
        "mammo_gan.stages.stage.shutil.rmtree",
        "mammo_gan.stages.run_folder.subprocess.run",
        "mammo_gan.archives.index.joblib.load",
        "mammo_gan.archives.index.Path",
        "torch.nn.functional.torch.load",
        "torch.nn.modules.module.functools.reduce",
        "pytorch_lightning.callbacks.model_checkpoint.shutil.rmtree",
        "albumentations.core.serialization.yaml.unsafe_load",
        "functools.reduce",
        # What runs, loads or writes in allowed packages.
        "mammo_gan.files.write_text",
        "mammo_gan.stages.run_folder._git",
        "mammo_gan.stages.training.processes.train",
        "mammo_gan.stages.screen.Screen",
        "mammo_gan.archives.index.write",
        "mammo_gan.methods.cigan.CiGAN.load_from_checkpoint",
        "mammo_gan.run.main",
        "torch.load",
        "torch.os.system",
        "torch.hub.load",
        "torch.jit.load",
        "torch.ops.load_library",
        "torch.package.PackageImporter",
        "torch.utils.cpp_extension.load_inline",
        "torchvision.datasets.utils.extract_archive",
        "torchvision.models.vgg19",
        "torchvision.models.vgg.load_state_dict_from_url",
        "pytorch_lightning.LightningModule.load_from_checkpoint",
        "pytorch_lightning.cli.LightningCLI",
        "albumentations.load",
        "hydra.utils.call",
        "hydra.utils.get_method",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        # No names at all.
        "",
        ".",
        "torch.nn.",
        "torch.nn",
        "torch.nn.Nothing",
        " torch.nn.Linear",
        "torch.optim.Adam\nos.system",
        None,
        3,
        ["os.system"],
        {"_target_": "os.system"},
    ],
)
def test_what_may_not_be_built_is_refused_by_key_and_name(target: Any) -> None:
    text = refusal({"pipeline": {"index": {"_target_": target}}})
    assert text.startswith(f"pipeline.index._target_: {target!r} is not built")
    assert "Allowed are classes of mammo_gan.archives" in text


@pytest.mark.parametrize(
    "target",
    [
        "mammo_gan.stages.index.Index",
        "mammo_gan.archives.ddsm.DDSM",
        "mammo_gan.archives.phantom.archive.PhantomArchive",
        "mammo_gan.weights.vgg19_features",
        "mammo_gan.schedules.learning_rate.exponential",
        "mammo_gan.methods.cigan.CiGAN",
        "torch.nn.Linear",
        "torch.nn.init.xavier_uniform_",
        "torch.optim.Adam",
        "torch.optim.lr_scheduler.StepLR",
        "torchvision.transforms.v2.Normalize",
        "torchmetrics.MeanMetric",
        "torchmetrics.image.StructuralSimilarityIndexMeasure",
        "pytorch_lightning.Trainer",
        "pytorch_lightning.callbacks.EarlyStopping",
        "albumentations.HorizontalFlip",
        "functools.partial",
    ],
)
def test_what_papers_are_made_of_is_allowed(target: str) -> None:
    targets.check(OmegaConf.create({"x": {"_target_": target}}))
    targets.check_names({"x": {"_target_": target}})


@pytest.mark.parametrize("preset", [name for name, _ in group_options("preset")])
@pytest.mark.parametrize("experiment", [name for name, _ in group_options("experiment")])
def test_every_experiment_of_ours_is_allowed(experiment: str, preset: str) -> None:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[f"experiment={experiment}", f"preset={preset}", "source=phantom"])
    targets.check(cfg)
    assert not any("${" in str(value) for _, value in targets.leaves(OmegaConf.to_container(cfg)))


EVIL = {"_target_": "os.system", "_args_": ["touch canary"]}


@pytest.mark.parametrize(
    "node",
    [
        {"a": [{"b": [[EVIL]]}]},
        {"a": {"_target_": "functools.partial", "_args_": [EVIL]}},
        {"a": {"_target_": "torch.nn.ReLU", "inplace": EVIL}},
        {"a": {**EVIL, "_partial_": True}},
        {"a": {"_target_": "mammo_gan.stages.index.Index", "_recursive_": False, "reader": EVIL}},
        {"a": {**EVIL, "_convert_": "object"}},
        {"a": {"_target_": "${b}"}, "b": "os.system"},
        {"a": {"_target_": "${b}.system"}, "b": "os"},
        {"a": {"_target_": "mammo_gan.${b}"}, "b": "files.os.system"},
        {"a": "${oc.create:{_target_: os.system}}"},
        {"a": "${oc.decode:'{_target_: os.system}'}"},
        {"a": {"${b}": "os.system"}, "b": "${oc.create:{_target_: os.system}}"},
        # Right where it stands, and another thing in another place.
        {"a": {"r": {"_target_": "${..t}"}, "t": "torch.nn.ReLU"}, "b": {"r": "${a.r}", "t": "os.system"}},
        {"a": {"_target_": "torch.nn.ReLU", "inplace": r"\${oc.create:{_target_: os.system}}"}},
    ],
)
def test_nothing_gets_around_the_check(node: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either it is refused, or what is built after the check is what the check has seen."""
    monkeypatch.chdir(tmp_path)
    cfg = OmegaConf.create(node)
    try:
        targets.check(cfg)
    except UserError as error:
        assert str(error).startswith(("a", "b", "settings: Value 'dict'"))  # the key
    else:
        assert "os.system" not in {value for key, value in targets.leaves(OmegaConf.to_container(cfg)) if "_t" in key}
        instantiate(cfg.b, _recursive_=False)
    assert not (tmp_path / "canary").exists()


def test_what_was_looked_at_is_what_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CLASS", "torch.nn.ReLU")
    cfg = OmegaConf.create({"a": {"_target_": "${oc.env:LAB_CLASS}"}})
    targets.check(cfg)
    monkeypatch.setenv("LAB_CLASS", "os.system")
    assert type(instantiate(cfg.a)).__name__ == "ReLU"


def test_a_reference_that_leads_nowhere_is_one_line() -> None:
    assert "nowhere" in refusal({"a": "${nowhere}"})


def test_names_are_checked_without_an_import() -> None:
    code = (
        "import sys; from mammo_gan.stages.command import targets\n"
        "targets.check_names({'a': {'_target_': 'torch.optim.Adam'}})\n"
        "try: targets.check_names({'a': [{'_target_': 'torch.hub.load'}]})\n"
        "except targets.UserError: assert not {'torch', 'torchvision', 'pytorch_lightning'} & set(sys.modules)\n"
        "else: raise SystemExit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
