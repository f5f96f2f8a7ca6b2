from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from mammo_gan.losses.boundary import BoundaryWeight
from mammo_gan.losses.feature import FeatureLoss, FeatureMatchingLoss, MaskedFeatureLoss
from mammo_gan.weights import STAGES, Vgg19
from tests.methods.small import slim_vgg

SIZE = 16


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    real, synthetic = rng.random((2, 2, 1, SIZE, SIZE)).astype(np.float32)
    mask = np.zeros((2, 1, SIZE, SIZE), np.float32)
    mask[0, 0, 3:9, 4:12] = 1
    mask[1, 0, 10:, 10:] = 1
    return real, synthetic, mask


def reference_maps(network: Vgg19, image: np.ndarray) -> list[np.ndarray]:
    """pool1 to pool3 of one (H, W) image, or its first five convolutions with ReLU, by scipy's correlation."""
    features = (image[None] - network.mean.numpy()[0]) / network.std.numpy()[0]
    pools, convolutions = [], []
    for stage in STAGES:
        for index in stage:
            weight, bias = network.get_buffer(f"{index}_weight").numpy(), network.get_buffer(f"{index}_bias").numpy()
            padded = np.pad(features, ((0, 0), (1, 1), (1, 1)))
            sums = [
                sum(signal.correlate(c, k, "valid") for c, k in zip(padded, kernels, strict=True)) for kernels in weight
            ]
            features = np.maximum(np.stack(sums) + bias[:, None, None], 0)
            convolutions.append(features)
        channels, height, width = features.shape
        blocks = features.reshape(channels, height // 2, 2, width // 2, 2)
        features = blocks.max((2, 4)) if network.pooling == "max" else blocks.mean((2, 4))
        pools.append(features)
    return pools if network.maps == "pools" else convolutions[:5]


def reference_distance(network: Vgg19, real: np.ndarray, synthetic: np.ndarray) -> float:
    """Sum over the maps of the mean absolute difference, at the scale of VGG-19 as released."""
    total = 0.0
    for one, other in zip(real, synthetic, strict=True):
        maps = zip(network.gains, reference_maps(network, one[0]), reference_maps(network, other[0]), strict=True)
        total += sum(gain * np.abs(a - b).mean() for gain, a, b in maps) / len(real)
    return float(total)


def test_loss_equals_its_formula() -> None:
    network = slim_vgg()
    real, synthetic, mask = images()
    expected = 255 * np.abs(real - synthetic).mean() + reference_distance(network, real, synthetic)
    value = FeatureLoss(network)(*map(torch.from_numpy, (real, synthetic, mask)))
    assert value.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_feature_matching_equals_its_formula(pooling: Literal["max", "average"]) -> None:
    """shen2021_trilabel, equation 4, for images in [0, 1]."""
    network = slim_vgg(pooling, "convolutions")
    real, synthetic, _ = images()
    expected = np.abs(real - synthetic).mean() + reference_distance(network, real, synthetic) / 255
    value = FeatureMatchingLoss(network)(*(2 * torch.from_numpy(image) - 1 for image in (real, synthetic)))
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_feature_matching_costs_nothing_on_equal_images_and_reaches_the_synthetic_one_alone() -> None:
    loss = FeatureMatchingLoss(slim_vgg(maps="convolutions"))
    real, synthetic = (2 * torch.from_numpy(image) - 1 for image in images()[:2])
    assert loss(real, real.clone()) == 0
    real.requires_grad_(), synthetic.requires_grad_()
    loss(real, synthetic).backward()
    assert synthetic.grad is not None
    assert (synthetic.grad != 0).all()
    assert not list(loss.parameters())
    assert not loss.state_dict()


def test_feature_matching_looks_at_convolutions() -> None:
    with pytest.raises(ValueError, match="not at its pools"):
        FeatureMatchingLoss(slim_vgg())


def test_masked_loss_equals_its_formula() -> None:
    network = slim_vgg("average")
    real, synthetic, mask = images()
    edge = [m.astype(bool) & ~ndimage.binary_erosion(m) for m in mask[:, 0]]
    blurred = [ndimage.gaussian_filter(e.astype(np.float64), 2.0) for e in edge]
    boundary = np.stack([(b - b.min()) / (b.max() - b.min()) for b in blurred])[:, None].astype(np.float32)
    expected = 255 * np.abs((real - synthetic) * (1 - mask)).mean()
    for weight in (mask, boundary):
        expected += 255 * np.abs((real - synthetic) * weight).mean()
        expected += reference_distance(network, real * weight, synthetic * weight)
    loss = MaskedFeatureLoss(network, BoundaryWeight(2.0, SIZE))
    value = loss(*map(torch.from_numpy, (real, synthetic, mask)))
    assert value.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("masked", [False, True])
def test_equal_images_cost_nothing(masked: bool) -> None:
    network = slim_vgg()
    loss = MaskedFeatureLoss(network, BoundaryWeight(2.0, SIZE)) if masked else FeatureLoss(network)
    real, _, mask = map(torch.from_numpy, images())
    assert loss(real, real.clone(), mask) == 0


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_reach_the_synthetic_image_alone(masked: bool) -> None:
    network = slim_vgg()
    loss = MaskedFeatureLoss(network, BoundaryWeight(2.0, SIZE)) if masked else FeatureLoss(network)
    real, synthetic, mask = map(torch.from_numpy, images())
    synthetic.requires_grad_()
    loss(real, synthetic, mask).backward()
    assert synthetic.grad is not None
    assert (synthetic.grad != 0).all()
    assert not list(loss.parameters())
    assert not loss.state_dict()
