"""A training that grows is reckoned stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.methods.mammogan import MammoGAN
from mammo_gan.stages.training import growing_forecast, judging
from tests.data import mammogram_store
from tests.methods.small_mammogan import SCHEDULE, SCHEMA, small_mammogan

SETTINGS = {"accelerator": "cpu", "devices": 1, "max_epochs": 1, "enable_model_summary": False}
METRIC = {"every": 20, "samples": 6, "split": "train", "batch_size": 4}


@pytest.fixture
def data(tmp_path: Path) -> MammogramData:
    return MammogramData(mammogram_store.write(tmp_path), SCHEDULE, SCHEMA, seed=1)


def test_each_stage_counts_with_its_own_steps(data: MammogramData, monkeypatch: pytest.MonkeyPatch) -> None:
    """3, 9 and 15 iterations of 1, 10 and 100 s; two measurements of the last stage, of two generators."""
    timed: list[tuple[int, int]] = []

    def seconds_of_steps(method: MammoGAN, data: Any, settings: Any, steps: int) -> float:
        assert settings == SETTINGS
        timed.append((int(method.images_seen), steps))
        return float(10**method.progress.stage)

    def seconds_of_measuring(metric: Any, method: MammoGAN, images: int, reals: int) -> float:
        assert (metric.name, method.progress.stage, images, reals) == ("swd_6_20x16", 2, 60, 6)
        return 1000.0

    monkeypatch.setattr(growing_forecast, "seconds_of_steps", seconds_of_steps)
    monkeypatch.setattr(growing_forecast, "seconds_of_measuring", seconds_of_measuring)
    monkeypatch.setattr(growing_forecast, "needs_of", lambda _, seconds: seconds)
    monkeypatch.setattr(MammoGAN, "trainer", type("Trainer", (), {"world_size": 2}))
    measured = judging.growing_distances(METRIC, data, 0, GeneratorAverage(0.9))
    said: Any = growing_forecast.of_training(small_mammogan, data, lambda: SETTINGS, 27, measured)
    assert said == 3 * 1 + 9 * 10 + 15 * 100 + 1000 / 2
    assert timed == [(0, 3), (24, 4), (60, 3)]  # whole rounds of 1, 2 and 3 steps of the critic


@pytest.mark.filterwarnings("ignore")
def test_it_trains_and_measures(data: MammogramData) -> None:
    measured = judging.growing_distances(METRIC, data, 0, GeneratorAverage(0.9))
    said = growing_forecast.of_training(small_mammogan, data, lambda: dict(SETTINGS), 1000, measured)
    assert said.seconds > 0 and said.memory > 0 and said.disk > 0
