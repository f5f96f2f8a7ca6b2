from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from mammo_gan.losses.boundary import BoundaryLoss, BoundaryWeight


def masks(size: int = 48) -> np.ndarray:
    """A disk, a shape at the patch's corner, and a speckled one whose erosion is ragged; (3, 1, size, size)."""
    y, x = np.mgrid[:size, :size]
    disk = (x - 20) ** 2 + (y - 25) ** 2 < 100
    corner = (x < 12) & (y < 7)
    speckled = ndimage.binary_closing(np.random.default_rng(5).random((size, size)) > 0.6)
    return np.stack([disk, corner, speckled])[:, None].astype(np.float32)


def reference_weight(mask: np.ndarray, sigma: float) -> np.ndarray:
    """As the published code computes it: scipy's erosion and Gaussian, then min-max."""
    inside = mask.astype(bool)
    edge = inside & ~ndimage.binary_erosion(inside)
    blurred = ndimage.gaussian_filter(edge.astype(np.float64), sigma)
    return np.asarray((blurred - blurred.min()) / (blurred.max() - blurred.min()))


@pytest.mark.parametrize(
    ("sigma", "tolerance"),
    [(1.0, 3e-5), (2.5, 3e-5), (10.0, 3e-5), (40.0, 5e-4)],  # at 40 px the kernel is reflected more than once, and
)  # what it leaves is so flat that stretching it to [0, 1] shows float32's rounding
def test_weight_equals_scipy(sigma: float, tolerance: float) -> None:
    given = masks()
    weight = BoundaryWeight(sigma, 48)(torch.from_numpy(given)).numpy()
    expected = np.stack([reference_weight(mask[0], sigma) for mask in given])[:, None]
    np.testing.assert_allclose(weight, expected, atol=tolerance)


@pytest.mark.parametrize("mean_over", ["boundary", "image"])
def test_loss_equals_its_formula(mean_over: str) -> None:
    rng = np.random.default_rng(1)
    real, synthetic = rng.random((2, 3, 1, 48, 48)).astype(np.float32)
    weight = np.stack([reference_weight(mask[0], 4.0) for mask in masks()])[:, None]
    error = weight * np.abs(real - synthetic)
    expected = error.mean() if mean_over == "image" else np.mean(error.sum((1, 2, 3)) / weight.sum((1, 2, 3)))
    loss = BoundaryLoss(BoundaryWeight(4.0, 48), mean_over)  # type: ignore[arg-type]
    value = loss(torch.from_numpy(real), torch.from_numpy(synthetic), torch.from_numpy(masks()))
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_equal_images_cost_nothing() -> None:
    image = torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    assert BoundaryLoss(BoundaryWeight(4.0, 48))(image, image.clone(), torch.from_numpy(masks())) == 0


def test_an_empty_mask_costs_nothing_and_gives_no_gradient() -> None:
    real, empty = torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16)
    synthetic = torch.rand(2, 1, 16, 16, requires_grad=True)
    loss = BoundaryLoss(BoundaryWeight(2.0, 16))(real, synthetic, empty)
    loss.backward()
    assert loss == 0
    assert torch.equal(synthetic.grad, torch.zeros_like(real))  # type: ignore[arg-type]


def test_an_error_counts_most_on_the_boundary() -> None:
    loss = BoundaryLoss(BoundaryWeight(2.0, 48))
    mask = torch.from_numpy(masks()[:1])
    real = torch.zeros(1, 1, 48, 48)
    losses = []
    for x in (20, 20 + 9, 47):  # centre of the disk, its edge, far outside
        synthetic = real.clone()
        synthetic[0, 0, 25, x] = 1
        losses.append(loss(real, synthetic, mask).item())
    assert losses[1] > 10 * losses[0]
    assert losses[1] > 10 * losses[2]


def test_mixed_precision_leaves_the_weight_as_it_is() -> None:
    given, weight = torch.from_numpy(masks()), BoundaryWeight(10.0, 48)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = weight(given)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, weight(given))


def test_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="more than 0 px"):
        BoundaryWeight(0.0, 16)
    with pytest.raises(ValueError, match="boundary or image"):
        BoundaryLoss(BoundaryWeight(1.0, 16), "pixels")  # type: ignore[arg-type]
