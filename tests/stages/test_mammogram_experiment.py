"""experiment=mammogan_optimam from a phantom to its generators: what is kept, and that it resumes exactly."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mammo_gan.callbacks import stop
from mammo_gan.errors import UserError
from mammo_gan.stages import train
from mammo_gan.stages.training import trained
from tests.stages import test_lesion_experiment
from tests.stages.running import Ran
from tests.stages.test_lesion_experiment import rows

SWD = "swd_16_20x16"
FILES = (trained.GENERATOR, trained.GENERATOR_AVERAGE, trained.GENERATOR_BEST)
TRAIN = "stages=[train/mammogram]"
run = partial(test_lesion_experiment.run, experiment_name="mammogan_optimam")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def ran(output: Path) -> Ran:
    return run(output, "stages=[index,prepare/images,train/mammogram]")


def test_it_grows_to_its_last_resolution(ran: Ran) -> None:
    folder = ran.folders["train/mammogram"]
    said = json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))
    assert said["iterations"] == len(rows(folder)) == 30  # 36 images and 100 more, in batches of 8 and then 4
    assert said["images_seen"] == 136
    assert said["parameters"].keys() == {"generator", "critic"}
    for text in (
        "10x8 fading from iteration 5, 32 images",
        "20x16 fading from iteration 17, 80 images",
        "20x16 stable",
    ):
        assert text in ran.screen


def test_the_averaged_generator_of_the_least_distance_is_kept(ran: Ran) -> None:
    folder = ran.folders["train/mammogram"]
    values = {int(row["iteration"]): float(row[f"{SWD}_average"]) for row in rows(folder) if row[f"{SWD}_average"]}
    assert list(values) == [26, 30]  # 120 images, and the last; not while it fades in, up to 96
    best = torch.load(folder / train.CHECKPOINTS / "best.ckpt", weights_only=True)
    assert int(best["state_dict"]["iterations"]) == min(values, key=lambda iteration: values[iteration])
    kept, average = load_file(folder / trained.GENERATOR_BEST), best["callbacks"]["GeneratorAverage"]["average"]
    assert kept.keys() == average.keys()
    assert all(torch.equal(value, average[name]) for name, value in kept.items())
    assert trained.archives_of(folder / trained.GENERATOR_BEST) == {"optimam"}


def test_pictures_grow(ran: Ran) -> None:
    pictures = sorted((ran.folders["train/mammogram"] / train.SAMPLES).iterdir())
    assert [path.stem for path in pictures] == ["0000000", "0000010", "0000020", "0000030"]
    heights = [Image.open(path).height for path in pictures]
    assert len(set(heights)) == 1  # 2 x 2 images, enlarged to 32 px wide at least


@pytest.mark.parametrize("cut", [pytest.param(10, marks=pytest.mark.slow), 16])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    cut: int, output: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a stage, and where one ends."""
    whole = ran.folders["train/mammogram"]
    aside = whole.rename(whole.with_name("uninterrupted"))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(stop.StopAtIteration, "__init__", lambda self, iterations: setattr(self, "iterations", cut))
            with pytest.raises(UserError, match=f"stopped at iteration {cut} of 30"):
                run(output, TRAIN, name=f"first{cut}")
        resumed = run(output, TRAIN, name=f"second{cut}")
        assert "going on from" in resumed.screen
        for file in FILES:
            expected, found = load_file(aside / file), load_file(whole / file)
            assert all(torch.equal(found[name], expected[name]) for name in expected)
        timeless = [[{**row, "images_per_second": ""} for row in rows(folder)] for folder in (whole, aside)]
        assert timeless[0] == timeless[1]
    finally:
        whole.rename(whole.with_name(f"resumed{cut}"))
        aside.rename(whole)


def test_a_training_that_would_not_grow_up_says_so(output: Path, ran: Ran) -> None:
    with pytest.raises(UserError, match=r"36 images and training.more=20 are 56 images.*10x8 px.*training.more=92"):
        run(output, TRAIN, "training.more=20", name="short")


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ("method.critic.heads=null", "method.critic.projection=7"),
        (
            "method.critic.heads=null",
            "method.generator.attributes=0",
            "training.metric=null",
            "synthesis.generator=last",
        ),
        ("trainer.precision=bf16-mixed", "trainer.accumulate=2", "training.metric.split=val"),
    ],
)
def test_other_forms_of_it_train(settings: tuple[str, ...], output: Path, ran: Ran) -> None:
    folder = run(output, TRAIN, *settings, name=str(len("".join(settings)))).folders["train/mammogram"]
    weights = load_file(folder / trained.GENERATOR)
    assert all(value.isfinite().all() for value in weights.values())
    assert (folder / trained.GENERATOR_BEST).exists() == ("training.metric=null" not in settings)


@pytest.mark.slow
def test_two_processes_train_and_measure_together(output: Path, ran: Ran) -> None:
    folder = run(output, TRAIN, "trainer=ddp_cpu", "training.average_decay=0.5", name="two").folders["train/mammogram"]
    assert [row["iteration"] for row in rows(folder) if row[SWD]] == ["26", "30"]
    assert (folder / trained.GENERATOR_BEST).is_file()
