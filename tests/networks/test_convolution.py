from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mammo_gan.networks.convolution import conv2d, conv_transpose2d

OURS: dict[str, Callable[..., Tensor]] = {"conv2d": conv2d, "conv_transpose2d": conv_transpose2d}
THEIRS: dict[str, Callable[..., Tensor]] = {"conv2d": F.conv2d, "conv_transpose2d": F.conv_transpose2d}
# Kernel, stride and padding: what a progressive GAN has, a kernel that reads each pixel or the whole map, sides that a
# stride doesn't divide, and two axes that differ.
GRIDS: list[tuple[tuple[int, int], Any, Any]] = [
    ((3, 3), 1, 1),
    ((1, 1), 1, 0),
    ((5, 4), 1, 0),
    ((4, 4), 2, 1),
    ((6, 6), 2, 2),
    ((3, 3), 2, 1),
    ((3, 2), (1, 2), (2, 1)),
]
EVERY_GRID = pytest.mark.parametrize(("kernel", "stride", "padding"), GRIDS)
BOTH = pytest.mark.parametrize("name", list(OURS))


def drawn(name: str, kernel: tuple[int, int], kind: torch.dtype = torch.float32, channels: int = 3) -> list[Tensor]:
    """An image of 5x4 px or more, a kernel to 2 channels, and a bias, all to be derived by."""
    noise = torch.Generator().manual_seed(1)
    weight = (2, channels, *kernel) if name == "conv2d" else (channels, 2, *kernel)
    shapes: list[tuple[int, ...]] = [(2, channels, kernel[0] + 2, kernel[1] + 3), weight, (2,)]
    return [torch.randn(shape, generator=noise, dtype=kind).requires_grad_() for shape in shapes]


def first_and_second(function: Callable[..., Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """The output, its gradients by all inputs, and the gradients by all inputs of what a penalty adds up."""
    output = function(*inputs)
    first = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
    second = torch.autograd.grad(torch.stack([gradient.square().sum() for gradient in first]).sum(), inputs)
    return [output, *first, *second]


@BOTH
@EVERY_GRID
def test_it_equals_torchs_to_the_second_derivative(
    name: str, kernel: tuple[int, int], stride: Any, padding: Any
) -> None:
    inputs = drawn(name, kernel)
    ours = first_and_second(partial(OURS[name], stride=stride, padding=padding), inputs)
    theirs = first_and_second(partial(THEIRS[name], stride=stride, padding=padding), inputs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


@BOTH
@EVERY_GRID
def test_it_agrees_with_finite_differences(name: str, kernel: tuple[int, int], stride: Any, padding: Any) -> None:
    inputs = drawn(name, kernel, torch.float64, channels=1)
    function = partial(OURS[name], stride=stride, padding=padding)
    assert torch.autograd.gradcheck(function, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, inputs, fast_mode=True)


@BOTH
def test_it_can_be_derived_a_third_time(name: str) -> None:
    image, weight, bias = drawn(name, (4, 4), torch.float64, channels=1)

    def slopes(image: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        output = OURS[name](image, weight, bias, 2, 1)
        return torch.autograd.grad(output.pow(3).sum(), (image, weight), create_graph=True)

    assert torch.autograd.gradgradcheck(slopes, (image, weight), fast_mode=True)


@BOTH
def test_only_what_is_asked_for_is_derived(name: str) -> None:
    image, weight, bias = drawn(name, (4, 4))
    frozen = OURS[name](image, weight.detach(), bias.detach(), 2, 1)
    assert torch.autograd.grad(frozen.sum(), [image])[0].shape == image.shape
    without = OURS[name](image.detach(), weight, None, 2, 1)
    assert torch.autograd.grad(without.sum(), [weight])[0].shape == weight.shape
    assert not OURS[name](image.detach(), weight.detach(), None, 2, 1).requires_grad


@BOTH
@pytest.mark.parametrize("reordered", [1, 2], ids=["the image alone", "image and kernel"])
def test_channels_last_stays_as_it_is(name: str, reordered: int) -> None:
    image, weight, bias = drawn(name, (4, 4))
    ordered = [image, weight]
    for place in range(reordered):
        ordered[place] = ordered[place].detach().to(memory_format=torch.channels_last).requires_grad_()
    results = first_and_second(partial(OURS[name], stride=2, padding=1), [*ordered, bias])
    expected = first_and_second(partial(THEIRS[name], stride=2, padding=1), [image, weight, bias])
    for one, other in zip(results, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())
    output, to_image, *_ = results
    assert output.is_contiguous(memory_format=torch.channels_last)
    assert to_image.is_contiguous(memory_format=torch.channels_last)


@BOTH
def test_autocast_is_obeyed_and_gradients_come_back_in_float32(name: str) -> None:
    inputs = drawn(name, (4, 4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = OURS[name](*inputs, 2, 1)
        theirs = THEIRS[name](*inputs, 2, 1)
        double = OURS[name](*(tensor.double() for tensor in inputs), 2, 1)
    assert (ours.dtype, double.dtype) == (torch.bfloat16, torch.float64)
    torch.testing.assert_close(ours, theirs, rtol=0.016, atol=0.02)  # where the bias is added, before rounding or after
    assert {gradient.dtype for gradient in torch.autograd.grad(ours.float().sum(), inputs)} == {torch.float32}


def test_a_graph_from_outside_autocast_can_be_derived_within_it() -> None:
    inputs, function = drawn("conv2d", (4, 4)), partial(conv2d, stride=2, padding=1)
    expected = first_and_second(function, inputs)
    output = function(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(torch.stack([gradient.square().sum() for gradient in first]).sum(), inputs)
    for one, other in zip([*first, *second], expected[1:], strict=True):
        torch.testing.assert_close(one, other)


def penalty_gradient(convolve: Callable[..., Tensor], image: Tensor, mixed: bool) -> Tensor:
    """By all kernels, (N,): of the penalty of a critic that halves the map and doubles it again."""
    noise = torch.Generator().manual_seed(2)
    shapes = (8, 1, 3, 3), (8, 8, 4, 4), (8, 8, 3, 3), (8, 8, 3, 3)
    kernels = [torch.randn(shape, generator=noise) / (4 * shape[1]) ** 0.5 for shape in shapes]
    kernels = [kernel.to(memory_format=torch.channels_last).requires_grad_() for kernel in kernels]
    image = image.to(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
        features = image
        for kernel, stride in zip(kernels, (1, 2, 1, 1), strict=True):
            features = F.softplus(convolve(features, kernel, None, stride, 1))
    (gradient,) = torch.autograd.grad(features.float().sum(), image, create_graph=True)
    penalty = (torch.linalg.vector_norm(gradient, dim=(1, 2, 3)) - 1).square().mean()
    return torch.cat([part.flatten() for part in torch.autograd.grad(penalty, kernels)])


@pytest.mark.parametrize("side", [16, 32])
def test_a_penalty_in_bfloat16_points_where_float32s_does(side: int) -> None:
    # Torch's own convolution gives a cosine near 0 here on a CPU with AMX, and as good a one as ours on others.
    image = torch.randn(4, 1, side, side, generator=torch.Generator().manual_seed(3))
    expected = penalty_gradient(F.conv2d, image, mixed=False)
    ours = penalty_gradient(conv2d, image, mixed=True)
    theirs = penalty_gradient(F.conv2d, image, mixed=True)
    cosines = [F.cosine_similarity(expected, gradient, 0).item() for gradient in (ours, theirs)]
    assert cosines[0] >= 0.999
    assert cosines[0] >= cosines[1] - 1e-3
