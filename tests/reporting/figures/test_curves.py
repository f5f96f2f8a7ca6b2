from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures import DARK, loss_curves
from mammo_gan.reporting.figures.curves import smooth, spans_decades
from tests.reporting import examples


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    examples.write_metrics(tmp_path / "metrics.csv")
    return tmp_path / "metrics.csv"


def texts(svg: str) -> set[str]:
    """Matplotlib notes each drawn text in a comment."""
    return {text.strip() for text in re.findall(r"<!--(.*?)-->", svg)}


def panels(svg: str) -> int:
    return len(re.findall(r'<g id="axes_\d+">', svg))


def test_a_panel_for_each_loss_and_none_for_counters(metrics: Path) -> None:
    svg = loss_curves(metrics, pretraining_iterations=500)
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert panels(svg) == 2
    assert {"feature", "adversarial", "end of pre-training"} <= texts(svg)
    assert texts(svg).isdisjoint({"images_seen", "images_per_second"})


def test_pretraining_is_marked_only_where_it_ended(metrics: Path) -> None:
    assert "end of pre-training" not in texts(loss_curves(metrics))
    assert "end of pre-training" not in texts(loss_curves(metrics, pretraining_iterations=10_000))


def test_equal_files_give_equal_figures_and_themes_differ(metrics: Path) -> None:
    assert loss_curves(metrics) == loss_curves(metrics)
    assert loss_curves(metrics, theme=DARK) != loss_curves(metrics)


def test_only_chosen_columns(metrics: Path) -> None:
    assert panels(loss_curves(metrics, columns=["feature"])) == 1
    with pytest.raises(UserError, match="boundary"):
        loss_curves(metrics, columns=["boundary"])


def test_a_long_run_stays_small(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{np.sin(i)}" for i in range(20_000))
    (tmp_path / "metrics.csv").write_text(f"iteration,loss\n{rows}\n")
    assert len(loss_curves(tmp_path / "metrics.csv")) < 200_000


@pytest.mark.parametrize("text", ["", "iteration,loss\n", "iteration,loss\n1,\n2,\n", "step,loss\n1,2\n"])
def test_files_without_losses_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(UserError, match=r"metrics\.csv"):
        loss_curves(tmp_path / "metrics.csv")


def test_smoothing_is_the_mean_over_the_window() -> None:
    values = np.random.default_rng(1).normal(size=100)
    half = 2  # 5 % of 100 values, 2.5 to either side, rounded to even
    expected = [values[max(0, i - half) : i + half + 1].mean() for i in range(100)]
    assert smooth(values) == pytest.approx(np.array(expected))


@pytest.mark.parametrize(
    ("values", "spans"), [([1.0, 5.0], False), ([0.1, 1.1], True), ([-1.0, 100.0], False), ([0.0, 1.0], False)]
)
def test_decades(values: list[float], spans: bool) -> None:
    assert spans_decades(np.repeat(values, 100)) == spans
