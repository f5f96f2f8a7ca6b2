from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks import throughput
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint
from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.callbacks.throughput import Throughput, untimed
from tests.callbacks.tiny_gan import TinyGan, fit


class Clock:
    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(throughput, "time", clock)
    yield clock


class Pace(Callback):
    """Every iteration takes half a second, the first one ten, and after the seventh comes a break of 100 s."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.clock.now += 10.0 if int(pl_module.iterations) == 0 else 0.5  # type: ignore[arg-type]

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if int(pl_module.iterations) == 7:  # type: ignore[arg-type]
            with untimed(trainer):
                self.clock.now += 100.0


def logged(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_breaks_and_the_first_iteration_do_not_count(tmp_path: Path, clock: Clock) -> None:
    speed, logger = Throughput(5), MetricsCsv(tmp_path / "metrics.csv")
    fit(TinyGan(), tmp_path, [StopAtIteration(13), Pace(clock), speed], loggers=[logger])
    assert speed.latest == pytest.approx(2 / 0.5)  # two images an iteration
    rows = logged(tmp_path / "metrics.csv")
    # In the rows of the losses, once a window and not in every iteration.
    assert [(row["iteration"], row["images_per_second"]) for row in rows] == [("5", "4"), ("10", "4")]
    assert all(row["generator/loss"] for row in rows)


def test_no_speed_before_a_window_is_whole(tmp_path: Path, clock: Clock) -> None:
    speed, logger = Throughput(20), MetricsCsv(tmp_path / "metrics.csv")
    fit(TinyGan(), tmp_path, [StopAtIteration(10), Pace(clock), speed], loggers=[logger])
    assert speed.latest is None
    assert "images_per_second" not in logged(tmp_path / "metrics.csv")[0]


def test_a_window_cut_short_by_a_resume_goes_on(tmp_path: Path, clock: Clock) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(8), AtomicCheckpoint(tmp_path, None)])
    logger = MetricsCsv(tmp_path / "metrics.csv")
    callbacks = [StopAtIteration(15), Pace(clock), Throughput(5)]
    fit(TinyGan(), tmp_path, callbacks, loggers=[logger], resume=tmp_path / "last.ckpt")
    rows = logged(tmp_path / "metrics.csv")
    assert [(row["iteration"], row["images_per_second"]) for row in rows] == [("10", ""), ("15", "4")]


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one iteration"):
        Throughput(0)
