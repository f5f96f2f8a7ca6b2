"""What a generator was trained on goes with its weights, and keeps the films of its training out of a test."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mammo_gan.errors import UserError
from mammo_gan.stages import train
from mammo_gan.stages.training import trained
from tests.stages.running import run


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results that the tests here share, with a phantom's patches."""
    output = tmp_path_factory.mktemp("out")
    run(output, "source=phantom", "stages=[index,prepare/patches]")
    return output


def test_a_generator_says_what_it_was_trained_on_in_each_of_its_files(output: Path) -> None:
    folder = run(output, "source=phantom", "stages=[train/infill]").folders["train/infill"]
    files = (trained.GENERATOR, trained.GENERATOR_AVERAGE, f"{train.CHECKPOINTS}/last.ckpt")
    assert [trained.archives_of(folder / file) for file in files] == [{"ddsm"}] * 3


def test_weights_of_others_say_nothing(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "g.safetensors")
    torch.save({"state_dict": {"generator.weight": torch.zeros(1)}}, tmp_path / "g.ckpt")
    assert trained.archives_of(tmp_path / "g.safetensors") == trained.archives_of(tmp_path / "g.ckpt") == frozenset()


def test_going_on_from_the_same_patients_under_other_names_is_refused(output: Path, tmp_path: Path) -> None:
    first = run(output, "source=phantom", "stages=[train/infill]").folders["train/infill"]
    other = tmp_path / "generator.safetensors"
    with safe_open(first / trained.GENERATOR, framework="pt") as opened:
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    save_file(weights, other, metadata={trained.ARCHIVES: json.dumps(["cbis", "mias"])})
    settings = ("source=phantom", "stages=[train/infill]", f"init_from={other}")
    with pytest.raises(UserError, match=r"trained on archive=cbis, judged on archive=ddsm.*allow_ddsm_with_cbis=true"):
        run(output, *settings)
    allowed = run(output, *settings, "allow_ddsm_with_cbis=true")
    assert "warning: trained on archive=cbis" in allowed.screen
    folder = allowed.folders["train/infill"]
    assert trained.archives_of(folder / trained.GENERATOR) == {"cbis", "ddsm", "mias"}
    assert len(json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))["warnings"]) == 1
