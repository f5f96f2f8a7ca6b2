"""The command line is checked before any work: names, types, contradictions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammo_gan.errors import UserError
from mammo_gan.stages.command import command_line, help
from mammo_gan.stages.command.groups import group_options
from tests.stages.command import lab

CIGAN = "experiment=cigan_ddsm"
PHANTOM = [CIGAN, "source=phantom", "scale=demo"]


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        command_line.check(list(overrides))
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_good_command_lines_pass() -> None:
    command_line.check(PHANTOM)
    command_line.check([*PHANTOM, "seed=2", "training.batch_size=4", "stages=[index]", "archive.root=/data/DDSM"])
    command_line.check(["-m", *PHANTOM, "seed=1,2,3"])


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("training.batchsize=4", "training.batch_size"),
        ("batch_size=4", "training.batch_size"),
        ("experimnt=cigan_ddsm", "experiment"),
        ("archive=dsdm", "ddsm"),
        ("scale=dmeo", "demo"),
        ("+training.batchsize=4", "training.batch_size"),
        ("stages=[prepare/patch]", "prepare/patches"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(override: str, nearest: str) -> None:
    assert f"Did you mean {nearest}?" in refusal(*PHANTOM, override).replace("did you", "Did you")


@pytest.mark.parametrize(
    "override",
    [
        "training.batch_size=four",
        "training.batch_size=4.5",
        "seed=[1]",
        "training.flips=3",
        "split.fractions.train=most",
    ],
)
def test_a_wrong_type_is_named(override: str) -> None:
    assert "expected" in refusal(*PHANTOM, override)


def test_a_bad_value_anywhere_in_a_sweep_is_found() -> None:
    assert "training.batch_size=x" in refusal("-m", *PHANTOM, "seed=1,2", "training.batch_size=4,x")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("method.image_size=100", "generator blocks"),
        ("split.fractions.train=0.9", "sum to 1"),
        ("archive=mias", "layout of archive=mias"),
        ("training.batch_size=0", "expected 1 or more"),
        ("training.average_decay=1.5", "less than 1"),
        ("callbacks.checkpoint_minutes=0", "expected more than 0"),
        ("callbacks.best={metric: generator/feature, mode: least}", "mode: min"),
        ("divergence.explosion=1.0", "expected more than 1"),
        ("divergence.dead_updates=0", "expected 1 or more"),
        ("divergence.rollbacks=-1", "expected 0 or more"),
        ("divergence.learning_rate_factor=0", "more than 0, at most 1"),
        ("resume=first", "expected last or none"),
        ("init_from=/nowhere/at/all.ckpt", "no such file"),
        ("weights.vgg19=/nowhere/vgg.safetensors", "no such file"),
        ("trainer.precision=17", "trainer.precision"),
    ],
)
def test_a_contradiction_is_said(override: str, said: str) -> None:
    assert said in refusal(*PHANTOM, override)


def test_results_are_never_written_into_the_archive(tmp_path: Path) -> None:
    assert "only read" in refusal(CIGAN, f"archive.root={tmp_path}", f"paths.output={tmp_path / 'deep' / 'out'}")
    command_line.check([CIGAN, f"archive.root={tmp_path / 'archive'}", f"paths.output={tmp_path / 'out'}"])


def test_an_experiment_must_be_chosen() -> None:
    assert "no experiment" in refusal("scale=demo")


def test_help_lists_every_option_with_a_line() -> None:
    text = help.text()
    for group in ("experiment", "archive", "scale", "preset", "weights", "trainer"):
        for name, description in group_options(group):
            assert description
            assert any(name in line and description in line for line in text.splitlines())


def test_a_lab_keeps_its_experiments_in_a_folder_of_its_own(tmp_path: Path) -> None:
    option = lab.experiment(tmp_path / "lab", "name: lab\ntraining: {batch_size: 4}")
    own = [option, "experiment=lab", "source=phantom", "scale=demo"]
    command_line.check([*own, "training.flips=false"])
    command_line.check(["-m", *own[:1], *own[2:], "experiment=lab,cigan_ddsm"])
    assert "Did you mean lab?" in refusal(option, "experiment=lba").replace("did you", "Did you")
    assert "training.batch_size" in refusal(*own, "training.batchsize=4")
    assert "no such folder" in refusal("--config-dir", str(tmp_path / "none"), *PHANTOM)


def test_a_labs_files_stand_beside_ours_and_not_in_their_place(tmp_path: Path) -> None:
    option = lab.experiment(tmp_path, "seed: not-a-number", name="cigan_ddsm")
    (tmp_path / "config.yaml").write_text("hydra: {callbacks: {x: {_target_: os.system, command: touch canary}}}")
    command_line.check([option, *PHANTOM])


def test_the_run_composes_what_the_check_has_seen(tmp_path: Path) -> None:
    option = lab.experiment(tmp_path, "name: of_the_lab\ntraining: {batch_size: 4}")
    (tmp_path / "config.yaml").write_text("broken: [")
    done = run(option, "experiment=lab", "source=phantom", "--cfg", "job")
    assert done.returncode == 0, done.stderr
    assert "name: of_the_lab" in done.stdout
    assert "batch_size: 4" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("archive: {reader: {_target_: os.system, command: touch canary}}", "archive.reader._target_: 'os.system'"),
        ("pipeline: {index: {_target_: torch.hub.load}}", "pipeline.index._target_: 'torch.hub.load'"),
        ("extra: !!python/object/apply:os.system ['touch canary']", "constructor"),
        ("name: ../../elsewhere", "name: expected"),
        ("paper: /etc", "paper: expected"),
        ("pipeline: {../up: {_target_: mammo_gan.stages.index.Index, inputs: []}}", "pipeline: expected"),
    ],
)
def test_a_file_that_would_do_what_it_should_not_is_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refusal(lab.experiment(tmp_path / "lab", text), "experiment=lab", *PHANTOM[1:])
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config-path=/lab"], "--config-dir"),
        (["-cn", "mine"], "--config-dir"),
        (["--config-n", "mine"], "--config-dir"),
        (["hydra.searchpath=[pkg://lab]"], "--config-dir"),
        (["--experimental-rerun", "config.pickle"], "pickle"),
        (["--experimental-r=config.pickle"], "pickle"),
        (["--hydra-help", "--config-dir=/lab"], "stands alone"),
        (["archive.reader._target_=os.system"], "archive.reader._target_: 'os.system'"),
    ],
)
def test_ways_around_the_check_are_closed(arguments: list[str], said: str) -> None:
    assert said in refusal(*PHANTOM, *arguments)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mammo_gan.run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | variables, check=False)


def test_bad_input_is_one_line_exit_code_two_and_no_folder(tmp_path: Path) -> None:
    start = time.monotonic()
    done = run(*PHANTOM, "training.batchsize=4", MAMMO_GAN_OUTPUT=str(tmp_path / "out"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert time.monotonic() - start < 30  # a generous bound for a busy machine; the promise is 5 s


def test_a_missing_root_names_the_variable_and_the_way_out(tmp_path: Path) -> None:
    done = run(CIGAN, MAMMO_GAN_OUTPUT=str(tmp_path / "out"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for said in ("DDSM_ROOT", "archive.root", "source=phantom"):
        assert said in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], [*PHANTOM, "--cfg", "job"]])
def test_help_and_the_check_do_not_import_torch(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['run', *{arguments!r}]; from mammo_gan import run; run.main(); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_shell_completion_knows_groups_and_settings() -> None:
    mammo_gan = Path(sys.executable).parent / "mammo-gan"
    for line, expected in (("mammo-gan scale=", "scale=demo"), ("mammo-gan archive.ro", "archive.root=")):
        done = subprocess.run(
            [mammo_gan, "-sc", "query=bash"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"COMP_LINE": line, "COMP_POINT": str(len(line))},
        )
        assert expected in done.stdout.split(), done.stderr
