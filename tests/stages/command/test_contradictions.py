"""Contradictions of lesion experiments and of methods' own sizes and presets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mammo_gan.errors import UserError
from mammo_gan.stages.command import command_line

DCGAN = ("experiment=dcgan_optimam", "source=phantom")


def said_of(*overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        command_line.check(list(overrides))
    return str(caught.value)


@pytest.mark.parametrize("scale", ["paper", "demo", "smoke"])
@pytest.mark.parametrize("preset", ["paper", "as_published", "improved"])
def test_every_preset_and_scale_can_run(scale: str, preset: str) -> None:
    command_line.check([*DCGAN, f"scale={scale}", f"preset={preset}"])


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["method.image_size=256"], "5 generator blocks (method.generator.channels) grow from 4 to 128 px"),
        (
            ["method.generator.channels=[8,4]", "scale=smoke"],
            "2 generator blocks (method.generator.channels) grow from 4",
        ),
        (["training.epochs=0"], "training.epochs=0: expected 1 or more"),
        (["training.iterations=10"], "training.iterations=10 and training.epochs=1000: expected one of the two"),
        (["training.epochs=null"], "training.iterations=null and training.epochs=null: expected one of the two"),
        (["training.metric.samples=0"], "training.metric.samples=0"),
        (["training.metric=null"], "synthesis.generator=best: nothing is measured"),
        (["training.epochs=9"], "synthesis.generator=best: nothing is measured"),
        (["synthesis.generator=newest"], "expected best, average or last"),
        (
            ["weights.inception=/nowhere/i.safetensors"],
            "weights.inception=/nowhere/i.safetensors: there is no such file",
        ),
        (["trainer.accumulate=2"], "expected 1 with batch normalisation"),
        (["archive=mias"], "layout of archive=mias"),
    ],
)
def test_a_contradiction_is_said(overrides: list[str], said: str) -> None:
    assert said in said_of(*DCGAN, *overrides)


def test_what_is_no_contradiction() -> None:
    command_line.check([*DCGAN, "training.metric=null", "synthesis.generator=average"])
    command_line.check([*DCGAN, "training.epochs=null", "training.iterations=10"])
    layers = [f"method.{network}.normalisation=layer" for network in ("generator", "discriminator")]
    command_line.check([*DCGAN, "trainer.accumulate=2", *layers])
    command_line.check(["experiment=cigan_ddsm", "source=phantom", "trainer.accumulate=2"])


def test_a_method_without_a_preset_refuses_it() -> None:
    said = said_of("experiment=cigan_ddsm", "source=phantom", "preset=improved")
    assert "preset=improved: the method of cigan_ddsm has no such preset" in said
    command_line.check(["experiment=cigan_ddsm", "source=phantom", "preset=as_published"])
    command_line.check(["experiment=prepare_images", "source=phantom", "preset=improved"])  # has no method


def test_the_check_does_not_import_torch() -> None:
    code = (
        f"import sys; from mammo_gan.stages.command import command_line; command_line.check({list(DCGAN)!r}); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
