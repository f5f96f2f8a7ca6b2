"""What is said before a long training can be read and is of the right size."""

from __future__ import annotations

import time
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics import Metric

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.stages.training import forecast
from mammo_gan.stages.training.forecast import Forecast, duration, seconds_of_measuring, size
from tests.methods.small_dcgan import BATCH, TRAINING_IMAGES, Endless, small_dcgan

EACH = 0.25  # s that a slow metric takes for an image


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(20, "1 minute"), (600, "10 minutes"), (3 * 3600, "3 hours"), (10 * 86400, "10 days")],
)
def test_durations_read_well(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(1, "1 MiB"), (300 * 2**20, "300 MiB"), (3 * 2**29, "1.5 GiB")])
def test_sizes_read_well(count: int, expected: str) -> None:
    assert size(count) == expected


def test_a_forecast_names_time_memory_disk_and_device() -> None:
    said = str(Forecast(seconds=7200, memory=2**30, disk=2**20, device="cpu"))
    assert all(part in said for part in ("2 hours", "1.0 GiB of memory", "1 MiB of disk", "cpu"))


class Clock:
    """Stands still but for what a slow metric takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


class Slow(Metric):
    """Takes a known time for each image, and longer for the first ones."""

    full_state_update = False

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.first = clock, 100.0

    def update(self, image: Tensor, real: bool) -> None:
        assert not real
        self.clock.now += EACH * len(image) + self.first
        self.first = 0.0

    def compute(self) -> Tensor:
        return torch.zeros(())


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Endless(0), batch_size=None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def slow(clock: Clock, **settings: Any) -> MetricOverTraining:
    usual: dict[str, Any] = {"every": 2, "samples": 50, "batch_size": BATCH, "seed": 0}
    return MetricOverTraining(Slow(clock), "slow", [], **usual | settings)


@pytest.mark.parametrize(
    ("settings", "images", "seen"),
    [
        ({}, 6 * TRAINING_IMAGES + 1, TRAINING_IMAGES + 3 * 50),  # every 2 of 6 epochs
        ({"average": GeneratorAverage(0.9)}, 4 * TRAINING_IMAGES, TRAINING_IMAGES + 2 * 2 * 50),
        ({"every": 7, "unit": "images"}, 15, TRAINING_IMAGES + 2 * 50),
        ({}, 2 * TRAINING_IMAGES - 1, 0),
    ],
)
def test_measuring_takes_the_time_of_all_images_that_are_seen(
    clock: Clock, settings: Any, images: int, seen: int
) -> None:
    """The real ones once, the synthetic ones each time."""
    assert seconds_of_measuring(slow(clock, **settings), small_dcgan(), images) == pytest.approx(EACH * seen)


def test_a_training_is_forecast_with_what_is_measured_in_it(clock: Clock) -> None:
    settings = {"accelerator": "cpu", "devices": 1, "max_epochs": 1, "enable_model_summary": False}
    iterations = 10 * TRAINING_IMAGES // BATCH
    alone = forecast.of_training(small_dcgan(), Data(), settings, iterations)
    measured = forecast.of_training(small_dcgan(), Data(), settings, iterations, slow(clock))
    assert alone.seconds == 0
    assert measured.seconds == pytest.approx(EACH * (TRAINING_IMAGES + 5 * 50))
    assert measured.disk == alone.disk
