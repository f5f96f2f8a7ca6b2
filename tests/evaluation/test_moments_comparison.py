from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from mammo_gan.evaluation.moments_comparison import compare_moments
from mammo_gan.statistics.moments import Moments, moments


def images(count: int, seed: int, gain: float = 1.0, black: int = 0) -> Moments:
    """Of images (count, 12, 10), the first `black` of them empty."""
    rng = np.random.default_rng(seed)
    grey = gain * rng.gamma(rng.uniform(1, 4, (count, 1, 1)), size=(count, 12, 10))
    grey[:black] = 0
    return moments(grey)


def compared(real: Moments, synthetic: Moments, patients: int | None = None, **options: Any) -> dict[str, Any]:
    count = len(real.mean)
    names = [f"patient {k % (patients or count)}" for k in range(count)]
    values = compare_moments(real, synthetic, names, np.random.default_rng(0), **({"resamples": 60} | options))
    return {value["name"]: value for value in values}


def test_each_moment_has_both_distances() -> None:
    real, synthetic = images(60, 0), images(40, 1)
    found = compared(real, synthetic)
    assert len(found) == 10
    for moment in Moments._fields:
        ours, theirs = getattr(synthetic, moment), getattr(real, moment)
        value = found[f"moment_shift/{moment}"]
        assert value["value"] == pytest.approx(stats.wasserstein_distance(ours, theirs) / theirs.std())
        assert (value["n"], value["unit"]) == (40, "SD")
        gap = found[f"moment_gap/{moment}"]
        assert gap["value"] == pytest.approx(stats.ks_2samp(ours, theirs).statistic)
        assert all(value["interval"][0] < value["interval"][1] for value in (value, gap))


def test_a_change_of_contrast_shows_in_mean_and_variance_alone() -> None:
    real = images(80, 0)
    found = compared(real, images(80, 0, gain=2.0))
    for moment in Moments._fields:
        value, gap = (found[f"moment_{kind}/{moment}"]["value"] for kind in ("shift", "gap"))
        changed = moment in ("mean", "variance")
        assert (value > 0.5) == (gap > 0.2) == changed
        if not changed:
            assert value == pytest.approx(0, abs=1e-9)


def test_the_interval_is_over_patients() -> None:
    real, synthetic = images(60, 0), images(60, 1, gain=1.5)
    each, few = (compared(real, synthetic, patients, resamples=300) for patients in (60, 4))
    # Of 60 images, 4 patients with 15 alike each: fewer ways to differ than their images have.
    repeated = Moments(*(np.tile(values[:4], 15) for values in real))
    alike = compared(repeated, synthetic, 4, resamples=300)["moment_shift/mean"]["interval"]
    one_each = compared(repeated, synthetic, 60, resamples=300)["moment_shift/mean"]["interval"]
    assert alike[1] - alike[0] > 2 * (one_each[1] - one_each[0])
    assert each["moment_shift/mean"]["value"] == few["moment_shift/mean"]["value"]
    assert compared(real, synthetic, 1)["moment_shift/mean"]["interval"] is None


def test_the_note_tells_the_floor() -> None:
    real = images(80, 0)
    note = compared(real, images(80, 1))["moment_gap/mean"]["note"]
    floor = float(note.split("halves of the real patients ")[1].split(" ")[0])
    assert 0.05 < floor < 0.3  # two samples of 40
    assert "halves" not in compared(real, real, 1)["moment_gap/mean"]["note"]


def test_images_without_a_moment_are_counted() -> None:
    found = compared(images(30, 0, black=2), images(20, 1, black=5))
    value = found["moment_shift/kurtosis"]
    assert value["n"] == 15
    assert "5 of 20 synthetic images don't have it; 2 of 30 real images don't have it" in value["note"]
    assert "don't have it" not in found["moment_shift/variance"]["note"]


def test_what_can_not_be_measured_says_why() -> None:
    found = compared(images(5, 0), images(3, 1, black=3))["moment_shift/skewness"]
    assert (found["value"], found["interval"], found["n"]) == (None, None, 0)
    assert found["note"].startswith("no images to compare")
    with pytest.raises(ValueError, match="got 2 for 5 images"):
        compare_moments(images(5, 0), images(3, 1), ["a", "b"], np.random.default_rng(0))
