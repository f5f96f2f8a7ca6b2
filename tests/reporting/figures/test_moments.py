from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import LIGHT, moment_histograms
from tests.reporting import examples


@pytest.fixture
def moments(tmp_path: Path) -> Path:
    examples.write_moments(tmp_path / "moments.csv", np.random.default_rng(1))
    return tmp_path / "moments.csv"


def test_a_panel_for_each_moment_and_class_with_both_sets(moments: Path) -> None:
    svg = moment_histograms(moments)
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert len(re.findall(r'<g id="axes_\d+">', svg)) == 10
    lines = re.findall(r"stroke: (#\w+); stroke-width: 1.4", svg)
    assert lines.count(LIGHT.real) == lines.count(LIGHT.synthetic) == 10 + 1  # and one in the legend


def test_undefined_moments_and_outliers_are_borne(moments: Path) -> None:
    """A patch of one grey level has no skewness; one far outlier must not widen the bins."""
    plain = moment_histograms(moments)
    with moments.open("a") as file:
        file.write("real,malignant,0,0,nan,nan,nan\n")
    assert len(moment_histograms(moments)) == pytest.approx(len(plain), rel=0.1)


@pytest.mark.parametrize("text", ["", "set,label,mean\nreal,malignant,1\n"])
def test_a_table_of_another_form_is_refused(moments: Path, text: str) -> None:
    moments.write_text(text)
    with pytest.raises(UserError, match="expected"):
        moment_histograms(moments)


def test_both_sets_must_be_there(moments: Path) -> None:
    moments.write_text("\n".join(line for line in moments.read_text().splitlines() if "synthetic" not in line))
    with pytest.raises(UserError, match="synthetic, found real"):
        moment_histograms(moments)
