from __future__ import annotations

from pathlib import Path

from mammo_gan.reporting.figures.validation import validation_curve

HEAD = "iteration,classifier/cross_entropy,validation/f1\n"


def test_a_curve_whose_highest_point_is_marked(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.csv"
    metrics.write_text(HEAD + "5,0.7,\n10,0.6,0.4\n20,0.5,0.8\n30,0.4,0.8\n")
    svg = validation_curve(metrics, "validation/f1")
    assert svg == validation_curve(metrics, "validation/f1")
    metrics.write_text(HEAD + "5,0.7,\n10,0.6,0.4\n20,0.5,0.7999\n30,0.4,0.8\n")
    assert svg != validation_curve(metrics, "validation/f1")  # a hair lower, but the mark has moved
