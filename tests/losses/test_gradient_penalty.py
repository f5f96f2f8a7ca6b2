from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mammo_gan.losses.gradient_penalty import r1
from mammo_gan.networks.dcgan import Discriminator


def test_of_a_linear_discriminator_it_is_the_squared_norm_of_its_weights() -> None:
    weight = torch.randn(1, 1, 5, 7)
    penalty = r1(lambda image: (weight * image).sum((1, 2, 3)), torch.rand(3, 1, 5, 7))
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


def test_of_a_square_it_grows_with_the_image() -> None:
    image = torch.rand(4, 1, 3, 3)
    penalty = r1(lambda x: x.square().sum((1, 2, 3)), image)
    assert penalty.item() == pytest.approx((4 * image.square()).sum((1, 2, 3)).mean().item(), rel=1e-5)


def test_it_agrees_with_finite_differences_and_reaches_the_parameters() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator([3, 4], 16, normalisation="none", spectral=True).double().eval()
    for name, parameter in discriminator.named_parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
        assert parameter.requires_grad, name
    image = torch.rand(2, 1, 16, 16, dtype=torch.double)

    def half(x: Tensor) -> Tensor:  # r1 computes in float32
        return discriminator(x.double())  # type: ignore[no-any-return]

    gradient = torch.zeros_like(image)
    with torch.no_grad():
        for place in range(image[0].numel()):
            moved = torch.zeros_like(image)
            moved.view(2, -1)[:, place] = 1e-5
            gradient.view(2, -1)[:, place] = (half(image + moved) - half(image - moved)) / 2e-5
    penalty = r1(half, image)
    assert penalty.item() == pytest.approx(gradient.square().sum((1, 2, 3)).mean().item(), rel=1e-3)
    torch.autograd.backward(penalty)
    weights = [p for name, p in discriminator.named_parameters() if "weight" in name]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in weights)


def test_under_autocast_it_is_in_float32() -> None:
    torch.manual_seed(0)
    discriminator, image = Discriminator([3, 4], 16, normalisation="none"), torch.rand(2, 1, 16, 16)
    expected = r1(discriminator, image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert r1(discriminator, image).item() == expected.item()
