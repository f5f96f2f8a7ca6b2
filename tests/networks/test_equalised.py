from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mammo_gan.networks.equalised import (
    DownscalingConv,
    EqualisedConv,
    EqualisedDense,
    UpscalingConv,
    minibatch_deviation,
    pixel_norm,
)

Scaling = type[UpscalingConv | DownscalingConv]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def distance(found: Tensor, expected: Tensor) -> float:
    """Relative, over the whole tensor."""
    return float((found - expected).detach().norm() / expected.detach().norm())


def written_out(layer: UpscalingConv | DownscalingConv, x: Tensor) -> Tensor:
    """The plain form by other means: repeated rows and columns, the mean of four strided maps."""
    kernel = layer.weight * (2 / (9 * x.shape[1])) ** 0.5
    if isinstance(layer, UpscalingConv):
        wide = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return F.conv2d(wide, kernel, padding=1) + layer.bias[:, None, None]
    full = F.conv2d(x, kernel, padding=1)
    corners = [full[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.stack(corners).mean(0) + layer.bias[:, None, None]


def derivatives(layer: nn.Module, forward: Callable[[Tensor], Tensor], x: Tensor) -> list[Tensor]:
    """The output, its gradients, and those of a penalty on the gradient at x."""
    x = x.clone().requires_grad_()
    parameters = list(layer.parameters())
    output = forward(x)
    value = output.tanh().sum()  # bent, so that there is a second derivative
    first = torch.autograd.grad(value, [x, *parameters], create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), [x, *parameters])
    return [output, *first, *second]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", [UpscalingConv, DownscalingConv])
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (1, 5, 6, 4), (2, 16, 10, 8)])
def test_scaling_equals_its_description_to_the_second_derivative(
    kind: Scaling, fused: bool, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    layer = kind(shape[1], 4, fused=fused)
    nn.init.normal_(layer.bias)
    found = derivatives(layer, layer, normal(*shape))
    expected = derivatives(layer, lambda x: written_out(layer, x), normal(*shape))
    assert len(found) == 7
    for one, other in zip(found, expected, strict=True):
        assert distance(one, other) < 1e-5


@settings(max_examples=30, deadline=None)  # the first example waits for torch
@given(height=st.integers(1, 5), width=st.integers(1, 5), channels=st.integers(1, 4), at=st.integers(0, 99))
def test_a_single_pixel_is_scaled_alike_wherever_it_lies(height: int, width: int, channels: int, at: int) -> None:
    for kind in (UpscalingConv, DownscalingConv):
        torch.manual_seed(height)
        plain, fused = kind(channels, 2, fused=False).double(), kind(channels, 2, fused=True).double()
        fused.load_state_dict(plain.state_dict())
        x = torch.zeros(1, channels, 2 * height, 2 * width, dtype=torch.float64)
        x.flatten(2)[:, :, at % (4 * height * width)] = 1  # often on a border or in a corner
        torch.testing.assert_close(fused(x), plain(x), rtol=1e-12, atol=1e-12)


def test_scaling_keeps_the_memory_order() -> None:
    torch.manual_seed(0)
    x = normal(2, 6, 8, 4)
    for layer in (UpscalingConv(6, 4, fused=True), DownscalingConv(6, 4, fused=True), UpscalingConv(6, 4, fused=False)):
        plain = layer(x)
        ordered = layer.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
        assert ordered.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(ordered, plain)


@pytest.mark.parametrize("gain", [1.0, 2**0.5, 2**0.5 / 4])
def test_outputs_have_the_gains_variance(gain: float) -> None:
    torch.manual_seed(0)
    dense, inner = EqualisedDense(400, 600, gain=gain), EqualisedConv(50, 80, gain=gain)
    for output in (dense(normal(50, 400, seed=1)), inner(normal(4, 50, 18, 18, seed=1))[..., 1:-1, 1:-1]):
        assert output.var().item() == pytest.approx(gain**2, rel=0.05)


def test_signals_neither_grow_nor_vanish_through_many_layers() -> None:
    torch.manual_seed(0)
    x = normal(64, 256, seed=1)
    for _ in range(10):
        x = F.leaky_relu(EqualisedDense(256, 256)(x), 0.2)
    # Each layer multiplies the expected square by (1 + 0.2^2) / 2 * gain^2 = 1.04: 1.48 in the end, 0.001 with gain 1.
    assert 0.5 < x.square().mean().item() < 3


def test_the_scale_is_hes_but_the_parameter_is_not_scaled() -> None:
    torch.manual_seed(0)
    layer, reference = EqualisedConv(64, 128), torch.empty(128, 64, 3, 3)
    nn.init.kaiming_normal_(reference, nonlinearity="relu")
    assert layer.weight.std().item() == pytest.approx(1, rel=0.02)
    assert torch.equal(layer.bias, torch.zeros(128))
    assert (layer.scale * layer.weight.std()).item() == pytest.approx(reference.std().item(), rel=0.02)
    x = normal(2, 64, 5, 4)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight / (32 * 9) ** 0.5, padding=1))


@pytest.mark.parametrize("shape", [(3, 7), (2, 5, 4, 3)])
def test_pixel_norm_divides_by_the_root_mean_square(shape: tuple[int, ...]) -> None:
    x = 3 * normal(*shape)
    values = x.double().numpy()
    expected = values / np.sqrt((values**2).mean(1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(pixel_norm(x).numpy(), expected, rtol=1e-5)
    assert torch.equal(pixel_norm(torch.zeros(shape)), torch.zeros(shape))


@pytest.mark.parametrize(("batch", "group", "size"), [(8, 4, 4), (4, 4, 4), (6, 4, 3), (2, 4, 2), (9, 4, 3), (6, 6, 6)])
def test_deviation_of_a_minibatch_by_hand(batch: int, group: int, size: int) -> None:
    x = normal(batch, 3, 5, 4)
    found = minibatch_deviation(x, group)
    assert found.shape == (batch, 4, 5, 4)
    assert torch.equal(found[:, :3], x)
    values = x.double().numpy()
    for image in range(batch):
        members = [other for other in range(batch) if other % (batch // size) == image % (batch // size)]
        assert len(members) == size
        expected = np.mean([
            np.sqrt(np.var([values[member, c, h, w] for member in members]) + 1e-8)
            for c in range(3)
            for h in range(5)
            for w in range(4)
        ])  # fmt: skip
        np.testing.assert_allclose(found[image, 3].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 5, 7])
def test_a_batch_without_a_divisor_has_a_constant_map(batch: int) -> None:
    torch.testing.assert_close(minibatch_deviation(normal(batch, 2, 3, 3), 4)[:, 2], torch.full((batch, 3, 3), 1e-4))


def test_equal_images_have_finite_gradients_twice() -> None:
    x = torch.ones(4, 2, 3, 3, requires_grad=True)
    (first,) = torch.autograd.grad(minibatch_deviation(x, 4).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    assert first.isfinite().all()
    assert second.isfinite().all()


@pytest.mark.parametrize("function", [pixel_norm, lambda x: minibatch_deviation(x, 4)])
def test_half_precision_stays_and_is_close(function: Callable[[Tensor], Tensor]) -> None:
    x = normal(4, 16, 6, 5).bfloat16()
    found = function(x)
    assert found.dtype == torch.bfloat16
    assert distance(found.float(), function(x.float())) < 5e-3
