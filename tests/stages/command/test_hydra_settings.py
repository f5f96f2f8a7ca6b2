"""What Hydra acts on before any code of ours runs, in a file that somebody else wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.stages.command import command_line, hydra_settings
from mammo_gan.stages.command.groups import conf_folder
from tests.stages.command import lab

LAB = ["experiment=lab", "source=phantom", "scale=demo"]
TOUCH = {"_target_": "os.system", "command": "touch canary"}
FACTORY = {"()": "os.system", "command": "touch canary"}


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    """What a sweep on a cluster is composed of, with nothing of a lab's."""
    overrides = ["experiment=cigan_ddsm", "source=phantom", "hydra/launcher=submitit_slurm"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=overrides, return_hydra_config=True)
    OmegaConf.set_struct(cfg, False)
    OmegaConf.set_readonly(cfg.hydra, False)
    hydra_settings.check(cfg, [])
    return cfg


def refusal(cfg: DictConfig, settings: Any) -> str:
    cfg = cfg.copy()
    for name in ("launcher", "sweeper"):  # typed where Hydra composes them, which refuses some of it by itself
        cfg.hydra[name] = OmegaConf.create(OmegaConf.to_container(cfg.hydra[name], resolve=False))
    with pytest.raises(UserError) as caught:
        hydra_settings.check(DictConfig(OmegaConf.merge(cfg, {"hydra": settings})), [])
    text = str(caught.value)
    assert "\n" not in text
    return text


def refusal_of_file(settings: Any, *arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        command_line.check([*arguments, lab.under_hydra(Path("lab"), settings), *LAB])
    assert not Path("canary").exists()
    return str(caught.value)


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"callbacks": {"x": TOUCH}}, "hydra.callbacks.x._target_"),
        ({"callbacks": {"x": {"_target_": "hydra.utils.call", "config": TOUCH}}}, "hydra.callbacks.x._target_"),
        ({"callbacks": {"x": {"_target_": "hydra.experimental.callback.logging.os.system"}}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": {"_target_": "hydra_plugins.hydra_joblib_launcher._core.Path"}}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": {"_target_": "mammo_gan.stages.jobs.sweep.psutil.Popen"}}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": {"_target_": "${oc.env:HOME}"}}}, "hydra.callbacks.x._target_"),
        (
            {"callbacks": {"x": {"_target_": "hydra.experimental.callbacks.LogJobReturnCallback", "y": [TOUCH]}}},
            "x.y.0",
        ),
        ({"callbacks": {"x": "${oc.create:{_target_: os.system}}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": "${oc.decode:'{_target_: os.system}'}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": "${archive.reader}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": "${hydra.sweeper}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": "${hydra:sweeper}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": r"\${archive.reader}"}}, "hydra.callbacks.x"),
        ({"callbacks": {"x": "${.y}", "y": TOUCH}}, "hydra.callbacks.x"),
        ({"launcher": TOUCH}, "hydra.launcher._target_"),
        ({"launcher": {"x": {"y": TOUCH}}}, "hydra.launcher.x.y._target_"),
        ({"sweeper": TOUCH}, "hydra.sweeper._target_"),
        ({"job_logging": {"handlers": {"x": FACTORY}}}, "hydra.job_logging.handlers.x.()"),
        ({"job_logging": {"handlers": {"x": {"class": "subprocess.Popen"}}}}, "hydra.job_logging.handlers.x.class"),
        ({"job_logging": {"formatters": {"x": FACTORY}}}, "hydra.job_logging.formatters.x.()"),
        ({"hydra_logging": {"filters": {"x": FACTORY}}}, "hydra.hydra_logging.filters.x.()"),
        ({"job_logging": {"handlers": {"console": {"stream": "ext://lab.evil"}}}}, "stream=ext://lab.evil"),
        ({"job_logging": {"handlers": {"console": {"stream": "${name}"}}}}, "stream=${name}"),
        ({"job_logging": {"handlers": {"console": {"stream": "ex${name}"}}}}, "stream=ex${name}"),
        ({"job_logging": {"handlers": "${hydra.sweeper.params}"}}, "hydra.job_logging.handlers"),
        ({"job": {"env_set": {"PATH": "/lab/bin"}}}, "hydra.job.env_set.PATH"),
        ({"launcher": {"setup": ["touch canary"]}}, "hydra.launcher.setup.0"),
        ({"launcher": {"partition": "gpu\ntouch canary"}}, "hydra.launcher.partition"),
    ],
)
def test_what_hydra_should_not_act_on_is_refused(composed: DictConfig, settings: Any, key: str) -> None:
    assert key in refusal(composed, settings)


@pytest.mark.usefixtures("in_an_empty_folder")
@pytest.mark.parametrize("settings", [{"callbacks": {"x": TOUCH}}, {"launcher": {"_target_": "os.system"}}])
def test_a_file_that_has_hydra_build_what_it_should_not_is_refused(settings: Any) -> None:
    assert "_target_: 'os.system' is not built" in refusal_of_file(settings)


@pytest.mark.usefixtures("in_an_empty_folder")
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"+hydra.job_logging.handlers.x": "{class: subprocess.Popen, args: [touch, canary]}"}, "hydra.job_logging"),
        ({"training.batch_size": "4,x"}, "training.batch_size=x"),
        ({"hydra.searchpath": "[pkg://lab]"}, "--config-dir"),
    ],
)
def test_a_sweep_that_a_file_asks_for_is_looked_at(params: dict[str, str], said: str) -> None:
    assert said in refusal_of_file({"sweeper": {"params": params}}, "-m")


@pytest.mark.usefixtures("in_an_empty_folder")
def test_files_that_only_one_combination_of_a_sweep_chooses_are_looked_at() -> None:
    lab.experiment(Path("lab"), "name: plain\nhydra: {job: {name: a}}", "plain")
    Path("lab/scale/method").mkdir(parents=True)
    Path("lab/scale/odd.yaml").write_text("# @package _global_\n# Odd\ndefaults: [demo]\n")
    evil = "# @package hydra.job_logging.handlers.x\n'()': os.system\ncommand: touch canary\n"
    Path("lab/scale/method/cigan_odd.yaml").write_text(evil)
    lab.experiment(Path("lab"), "")
    with pytest.raises(UserError, match=r"hydra\.job_logging"):
        command_line.check(["-m", "--config-dir=lab", *LAB[:2], "scale=demo,odd", "seed=1,2"])


@pytest.mark.usefixtures("in_an_empty_folder")
def test_shell_lines_are_taken_from_the_command_line_alone() -> None:
    slurm = ["-m", *LAB[:1], "source=phantom", "hydra/launcher=submitit_slurm"]
    option = lab.experiment(Path("lab"), "")
    command_line.check([option, *slurm, "hydra.launcher.setup=[module load cuda]", "hydra.launcher.partition=gpu"])
    lab.under_hydra(Path("lab"), {"launcher": {"additional_parameters": {"wrap": "touch canary"}}})
    with pytest.raises(UserError, match=r"additional_parameters\.wrap"):
        command_line.check([option, *slurm, "+hydra.launcher.additional_parameters.nice=1"])


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10"],
        ["hydra/launcher=basic"],
    ],
)
def test_launchers_that_are_installed_pass(launcher: list[str]) -> None:
    command_line.check(["-m", "experiment=cigan_ddsm", "source=phantom", "seed=1,2", *launcher])


@pytest.mark.usefixtures("in_an_empty_folder")
def test_what_labs_set_under_hydra_passes() -> None:
    settings = {
        "run": {"dir": "${paths.output}/of_the_lab/${name}"},
        "job": {"env_set": {"OMP_NUM_THREADS": "2"}},
        "launcher": {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"},
        "callbacks": {"x": {"_target_": "hydra.experimental.callbacks.LogJobReturnCallback"}},
        "job_logging": {"handlers": {"file": {"filename": "${hydra.runtime.output_dir}/${hydra.job.name}.txt"}}},
    }
    command_line.check([lab.under_hydra(Path("lab"), settings), *LAB])
