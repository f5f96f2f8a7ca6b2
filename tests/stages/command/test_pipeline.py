"""Which stages an experiment has, and that each finds its inputs before it."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.stages import experiment
from mammo_gan.stages.command import command_line
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.command.pipeline import stages_of, unmet

STUDY = ("experiment=dcgan_augmentation", "source=phantom")


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        return compose("config", overrides=[*overrides, "weights=random"])


def listed(**inputs: list[str] | None) -> DictConfig:
    nodes = {name: None if needed is None else {"inputs": needed} for name, needed in inputs.items()}
    return OmegaConf.create({"name": "study", "pipeline": nodes})


def test_a_stage_that_is_null_is_none() -> None:
    assert list(stages_of(listed(index=[], train=None, report=["index"]))) == ["index", "report"]


def test_an_input_has_to_be_made_before() -> None:
    assert list(unmet(listed(index=[], train=["index"], report=["index", "train"]))) == []
    (said,) = unmet(listed(index=[], train=None, report=["index", "train"]))
    assert said == "pipeline.report.inputs: train is no stage before it of study; these are: index"
    (said,) = unmet(listed(report=["index"], index=[]))
    assert "index is no stage before it" in said


def test_what_a_mode_leaves_out_runs_in_no_way() -> None:
    cfg = composed(*STUDY, "mode=org")
    assert experiment.chosen(cfg) == ["index", "prepare/lesions", "train/classifier", "evaluate", "report"]
    cfg = composed(*STUDY, "mode=org", "stages=[train/lesion,evaluate]")
    assert experiment.chosen(cfg) == ["evaluate"]


def test_weights_that_only_a_left_out_stage_reads_are_not_looked_for() -> None:
    needed = {
        mode: {name for node in stages_of(composed(*STUDY, f"mode={mode}")).values() for name in _weights(node)}
        for mode in ("org", "gan")
    }
    assert needed == {"org": set(), "gan": {"inception"}}


def _weights(node: DictConfig) -> set[str]:
    return experiment.needed_weights(node)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["mode=org", "stages=[train/lesion]"],
            "train/lesion is not a stage of dcgan_augmentation with these settings",
        ),
        (["pipeline.synthesize=null"], "pipeline.train/classifier.inputs: synthesize is no stage before it"),
        (["k=0"], "k=0: expected 1 or more"),
        (["k=null"], "k=None: expected 1 or more"),
        (["fold=3"], "fold=3: expected 0 to 2 (split.folds)"),
        (["split=by_patient"], "dcgan_augmentation compares folds over patients"),
        (["k=1", "augmentation.synthetic_per_real=0.5"], "gives no synthetic patch for k=1"),
        (["downstream.training.epochs=0"], "downstream.training.epochs=0: expected 1 or more"),
        (["downstream.classifier.network.channels=[9,18]"], "a classifier of 2 layers"),
    ],
)
def test_a_contradiction_of_a_study_is_said(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        command_line.check([*STUDY, *overrides])
    assert said in str(caught.value)


@pytest.mark.parametrize("scale", ["paper", "demo", "smoke"])
def test_every_mode_and_task_can_run(scale: str) -> None:
    command_line.check([*STUDY, f"scale={scale}", "mode=org,aug_org,gan,aug_gan", "task=mass,malignancy", "fold=0,2"])
    command_line.check([*STUDY, f"scale={scale}", "mode=org", "k=1", "augmentation.synthetic_per_real=0.5"])


def test_a_choice_that_only_another_experiment_has_is_named() -> None:
    with pytest.raises(UserError, match="mode: there is nothing to choose of it in experiment=cigan_ddsm"):
        command_line.check(["experiment=cigan_ddsm", "source=phantom", "mode=org"])
