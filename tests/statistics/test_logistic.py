from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from mammo_gan.statistics.logistic import fit


def minimised(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Log odds of the rows by a general minimiser, written with probabilities."""
    x = (x - x.mean(0)) / x.std(0)

    def loss(w: np.ndarray) -> float:
        p = special.expit(x @ w[:-1] + w[-1])
        return float(-(special.xlogy(y, p) + special.xlog1py(1 - y, -p)).sum() + penalty / 2 * (w[:-1] ** 2).sum())

    w = optimize.minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-7}).x
    return np.asarray(x @ w[:-1] + w[-1])


def drawn(rows: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 2.0, size=(rows, features))
    return x, (x[:, 0] - x[:, 1] + rng.normal(size=rows) > 0.5).astype(float)


@pytest.mark.parametrize(("rows", "features"), [(60, 5), (12, 30)])
@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_agrees_with_a_general_minimiser(rows: int, features: int, penalty: float) -> None:
    x, y = drawn(rows, features, 0)
    np.testing.assert_allclose(fit(x, y, penalty).scores(x), minimised(x, y, penalty), atol=1e-4)


def test_sets_that_a_line_parts_have_finite_weights() -> None:
    x = np.concatenate([np.full((50, 3), -100.0), np.full((50, 3), 100.0)]) + np.random.default_rng(1).random((100, 3))
    model = fit(x, np.repeat([0, 1], 50), penalty=1e-3)
    assert np.isfinite(model.weights).all()
    assert (np.sign(model.scores(x)) == np.repeat([-1, 1], 50)).all()


def test_a_constant_feature_says_nothing() -> None:
    x, y = drawn(40, 3, 2)
    with_constant = np.column_stack([x, np.full(40, 7.3)])
    model = fit(with_constant, y)
    assert model.weights[3] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(model.scores(with_constant), fit(x, y).scores(x), atol=1e-9)


def test_units_do_not_matter() -> None:
    x, y = drawn(40, 3, 3)
    np.testing.assert_allclose(fit(x * 1e4 - 5, y).scores(x * 1e4 - 5), fit(x, y).scores(x), atol=1e-8)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit(np.eye(3), [1, 1, 1])
    with pytest.raises(ValueError, match="positive penalty"):
        fit(np.eye(3), [0, 1, 1], penalty=0)
    with pytest.raises(ValueError, match="finite features"):
        fit(np.full((3, 2), np.nan), [0, 1, 1])
