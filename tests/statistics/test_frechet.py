from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from mammo_gan.statistics.frechet import frechet_distance, frechet_distance_of_features


def by_definition(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    root = linalg.sqrtm(cov1 @ cov2)
    return float(((mean1 - mean2) ** 2).sum() + np.trace(cov1 + cov2) - 2 * np.trace(root).real)


def covariance(rng: np.random.Generator, size: int) -> np.ndarray:
    factor = rng.normal(size=(size, 2 * size))
    return factor @ factor.T / size


def test_agrees_with_the_square_root_of_the_product() -> None:
    rng = np.random.default_rng(0)
    mean1, mean2 = rng.normal(size=(2, 24))
    cov1, cov2 = covariance(rng, 24), covariance(rng, 24)
    assert frechet_distance(mean1, cov1, mean2, cov2) == pytest.approx(
        by_definition(mean1, cov1, mean2, cov2), rel=1e-10
    )


@pytest.mark.parametrize(("n1", "n2"), [(200, 150), (5, 200), (9, 6)])
def test_features_agree_with_their_means_and_covariances(n1: int, n2: int) -> None:
    rng = np.random.default_rng(1)
    f1, f2 = rng.normal(size=(n1, 16)), rng.gamma(2.0, size=(n2, 16))
    direct = frechet_distance(f1.mean(0), np.cov(f1.T), f2.mean(0), np.cov(f2.T))
    assert frechet_distance_of_features(f1, f2) == pytest.approx(direct, rel=1e-7)


class AsTheyAre(nn.Module):
    num_features = 48

    def forward(self, image: Tensor) -> Tensor:
        return image.flatten(1)


@pytest.mark.parametrize(("n1", "n2"), [(300, 200), (60, 30)])  # the last with covariances of rank 29
def test_agrees_with_fid_as_others_compute_it(n1: int, n2: int) -> None:
    """torchmetrics takes eigenvalues of the product; the original, pytorch-fid and torch-fidelity scipy's sqrtm."""
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(48, 48)) * np.geomspace(1, 1e-3, 48)  # as skewed as Inception's features
    f1, f2 = (rng.gamma(1.0, size=(count, 48)) @ mixing for count in (n1, n2))
    f2 = 1.2 * f2 + 0.1
    found = frechet_distance_of_features(f1, f2)
    metric = FrechetInceptionDistance(feature=AsTheyAre(), normalize=True).set_dtype(torch.float64)
    metric.update(torch.from_numpy(f1.reshape(-1, 3, 4, 4)), real=True)
    metric.update(torch.from_numpy(f2.reshape(-1, 3, 4, 4)), real=False)
    assert found == pytest.approx(float(metric.compute()), rel=1e-3)
    offset = np.eye(48) * (1e-6 if n2 < 48 else 0)  # as the original adds where the product is singular
    roots = by_definition(f1.mean(0), np.cov(f1.T) + offset, f2.mean(0), np.cov(f2.T) + offset)
    assert found == pytest.approx(roots, rel=1e-3)


def test_diagonal_covariances_have_a_closed_form() -> None:
    s1, s2 = np.array([1.0, 4.0, 0.0]), np.array([9.0, 0.25, 2.0])
    expected = 3 * 0.5**2 + ((np.sqrt(s1) - np.sqrt(s2)) ** 2).sum()
    assert frechet_distance(np.zeros(3), np.diag(s1), np.full(3, 0.5), np.diag(s2)) == pytest.approx(expected)


def test_one_dimension_is_the_distance_of_two_normals() -> None:
    assert frechet_distance([1.0], [[4.0]], [3.0], [[9.0]]) == pytest.approx((1 - 3) ** 2 + (2 - 3) ** 2)


def test_equal_sets_are_at_distance_zero_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    f1, f2 = rng.normal(size=(40, 10)), rng.normal(size=(30, 10))
    assert frechet_distance_of_features(f1, f1[::-1]) == pytest.approx(0, abs=1e-10)
    assert frechet_distance_of_features(f1, f2) == pytest.approx(frechet_distance_of_features(f2, f1), rel=1e-12)


def test_a_shift_adds_its_square() -> None:
    f = np.random.default_rng(3).normal(size=(50, 8))
    assert frechet_distance_of_features(f, f + 2.0) == pytest.approx(8 * 4.0, rel=1e-10)


def test_bad_input_is_refused() -> None:
    eye = np.eye(2)
    with pytest.raises(ValueError, match="shape"):
        frechet_distance(np.zeros(2), eye, np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match="negative eigenvalues"):
        frechet_distance(np.zeros(2), np.diag([1.0, -0.5]), np.zeros(2), eye)
    with pytest.raises(ValueError, match="symmetric"):
        frechet_distance(np.zeros(2), np.array([[1.0, 0.4], [0.0, 1.0]]), np.zeros(2), eye)
    with pytest.raises(ValueError, match="at least two images"):
        frechet_distance_of_features(np.zeros((1, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"infs or NaNs"):
        frechet_distance_of_features(np.full((4, 3), np.nan), np.zeros((4, 3)))
