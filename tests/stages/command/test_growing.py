"""Contradictions of an experiment whose GAN grows."""

from __future__ import annotations

import pytest

from mammo_gan.stages.command import command_line
from tests.stages.command.test_contradictions import said_of

MAMMOGAN = ("experiment=mammogan_optimam", "source=phantom")


@pytest.mark.parametrize("scale", ["paper", "demo", "smoke"])
def test_every_scale_can_run(scale: str) -> None:
    command_line.check([*MAMMOGAN, f"scale={scale}"])


def test_one_gpu_has_batches_of_its_own() -> None:
    command_line.check([*MAMMOGAN, "preset=one_gpu"])
    command_line.check([*MAMMOGAN, "trainer=ddp"])
    said = said_of(*MAMMOGAN, "preset=one_gpu", "trainer=ddp")
    assert "training.schedule.batch_sizes=4 images a step can't be shared" in said
    assert "training.schedule.batch_sizes=32 images" not in said
    assert "no such preset" in said_of("experiment=dcgan_optimam", "source=phantom", "preset=one_gpu")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "data.sizes=[[20,16],[10,8]]",
            "data.sizes: method.generator.base and stages make [[20, 16], [10, 8], [5, 4]]",
        ),
        ("method.generator.stages=2", "expected one for each of method.generator.stages=2 resolutions"),
        ("training.schedule.batch_sizes=[8,4]", "training.schedule.batch_sizes=[8, 4]: expected one for each"),
        ("training.schedule.stable=0", "training.schedule: stable and each batch are 1 image at least"),
        ("training.schedule.critic_iterations=[5,1]", "training.schedule: critic_iterations is two numbers"),
        ("training.more=-1", "training.epochs=1 and training.more=-1: a training that grows"),
        ("method.generator.attributes=3", "method.generator.attributes=3: method.attributes are 7 numbers"),
        ("method.critic.projection=3", "method.critic.projection=3: method.attributes are 7 numbers"),
        ("method.attributes.continuous=[]", "expected {'view': 2, 'density': 4} as method.attributes"),
        ("method.generator.attributes=0", "attributes that the generator isn't asked for"),
        ("trainer.accumulate=3", "training.schedule.batch_sizes=8 images a step can't be shared"),
        ("trainer.devices=3", "training.schedule.batch_sizes=4 images a step can't be shared"),
        ("training.metric.samples=0", "training.metric.samples=0: expected 1 or more"),
        ("training.metric=null", "synthesis.generator=best: nothing is measured"),
    ],
)
def test_a_contradiction_is_said(override: str, said: str) -> None:
    assert said in said_of(*MAMMOGAN, "scale=smoke", override)


def test_epochs_are_needed() -> None:
    said = said_of(*MAMMOGAN, "training.epochs=null", "training.iterations=10")
    assert "training.epochs=None" in said and "epochs, of 1 or more" in said


def test_what_is_no_contradiction() -> None:
    command_line.check([*MAMMOGAN, "scale=smoke", "method.critic.heads=null", "method.generator.attributes=0"])
    command_line.check([*MAMMOGAN, "scale=smoke", "trainer.accumulate=2", "trainer=ddp_cpu"])
