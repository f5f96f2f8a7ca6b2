from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.distance import distance_curve
from mammo_gan.reporting.figures.validation import validation_curve

ROWS = "iteration,images_seen,generator/adversarial,fid_768,fid_768_mean\n"


def test_a_curve_of_values_and_their_mean(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.csv"
    metrics.write_text(ROWS + "5,40,1.2,,\n10,80,1.1,120,120\n15,120,1.0,,\n20,160,1.0,40,80\n")
    svg = distance_curve(metrics, "fid_768")
    assert svg.startswith("<?xml")
    assert svg == distance_curve(metrics, "fid_768")
    metrics.write_text(ROWS + "5,40,1.2,,\n10,80,1.1,120,120\n15,120,1.0,,\n20,160,1.0,90,105\n")
    assert svg != distance_curve(metrics, "fid_768")


@pytest.mark.parametrize("curve", [distance_curve, validation_curve])
def test_nothing_measured_is_said(tmp_path: Path, curve: Callable[[Path, str], str]) -> None:
    metrics = tmp_path / "metrics.csv"
    metrics.write_text(ROWS + "5,40,1.2,,\n")
    with pytest.raises(UserError, match="expected values of fid_768"):
        curve(metrics, "fid_768")
    with pytest.raises(UserError, match="fid_2048"):
        curve(metrics, "fid_2048")
