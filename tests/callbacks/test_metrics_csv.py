from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.metrics_csv import MetricsCsv
from mammo_gan.callbacks.stop import StopAtIteration
from tests.callbacks.tiny_gan import TinyGan, fit


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_rows_of_a_training(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    fit(TinyGan(), tmp_path, [StopAtIteration(10)], loggers=[MetricsCsv(file)])
    found = rows(file)
    assert list(found[0])[:2] == ["iteration", "images_seen"]
    assert [(row["iteration"], row["images_seen"]) for row in found] == [("5", "10"), ("10", "20")]
    assert float(found[0]["generator/loss"]) != float(found[1]["generator/loss"])
    assert "epoch" not in found[0]


def test_a_new_column_keeps_the_rows_before(tmp_path: Path) -> None:
    logger = MetricsCsv(tmp_path / "metrics.csv")
    logger.log_metrics({"iteration": 1.0, "images_seen": 8.0, "feature": 0.5}, step=0)
    logger.log_metrics({"iteration": 2.0, "images_seen": 16.0, "adversarial": 0.7}, step=1)
    logger.log_metrics({"iteration": 3.0, "images_seen": 24.0, "feature": 0.25}, step=2)
    assert (tmp_path / "metrics.csv").read_text() == (
        "iteration,images_seen,feature,adversarial\n1,8,0.5,\n2,16,,0.7\n3,24,0.25,\n"
    )


def test_values_of_one_iteration_share_a_row(tmp_path: Path) -> None:
    logger = MetricsCsv(tmp_path / "metrics.csv")
    logger.log_metrics({"a": 1.0}, step=4)
    logger.log_metrics({"b": 2.0}, step=4)
    logger.log_metrics({"a": 3.0}, step=4)
    logger.log_metrics({"a": 5.0}, step=8)
    assert (tmp_path / "metrics.csv").read_text() == "iteration,images_seen,a,b\n4,,3,2\n8,,5,\n"


def test_rows_past_a_resume_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    logger = MetricsCsv(file)
    for iteration in (10, 20, 30):
        logger.log_metrics({"loss": float(iteration)}, step=iteration)
    MetricsCsv(file).log_metrics({"loss": 0.0, "other": 1.0}, step=20)
    assert file.read_text() == "iteration,images_seen,loss,other\n10,,10,\n20,,0,1\n"


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text("iteration,images_seen,loss\n10,80,0.5\n20,160,0.2")
    MetricsCsv(file).log_metrics({"loss": 0.1, "images_seen": 240}, step=30)
    assert file.read_text() == "iteration,images_seen,loss\n10,80,0.5\n30,240,0.1\n"


def test_a_resumed_training_has_the_rows_of_the_whole_one(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path / "a", [StopAtIteration(20)], loggers=[MetricsCsv(tmp_path / "a.csv")])
    checkpoint = AtomicCheckpoint(tmp_path / "b", None, 10)
    fit(TinyGan(), tmp_path / "b", [StopAtIteration(15), checkpoint], loggers=[MetricsCsv(tmp_path / "b.csv")])
    (tmp_path / "b" / "last.ckpt").unlink()  # as if killed at 15 with the checkpoint of 10
    resume = find_last(tmp_path / "b")
    fit(TinyGan(), tmp_path / "b", [StopAtIteration(20)], loggers=[MetricsCsv(tmp_path / "b.csv")], resume=resume)
    assert [row["iteration"] for row in rows(tmp_path / "b.csv")] == ["5", "10", "15", "20"]
    assert [row["iteration"] for row in rows(tmp_path / "a.csv")] == ["5", "10", "15", "20"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (float("nan"), "nan"), (1e-9, "1e-09"), (123456.7, "123456.7")]
)
def test_values_keep_their_digits(tmp_path: Path, value: float, text: str) -> None:
    MetricsCsv(tmp_path / "m.csv").log_metrics({"loss": value}, step=1)
    assert rows(tmp_path / "m.csv")[0]["loss"] == text
