"""Convolutions whose second derivative is as right and as fast as the first: for gradient penalties.

Autograd derives a convolution's gradient by the kernel as a convolution whose kernel is a whole feature map. On CPUs
with AMX that takes 1.4 to 4.4 times as long, and in bfloat16 it is wrong from 16x16 px up. Three operations are enough
instead, since the derivatives of each are the other two: with w a kernel,

    convolve(image, w)          to features
    spread(features, w)         to an image, the transposed convolution
    correlate(image, features)  to a kernel, what a training step takes as its gradient

and each has its own fast form. They can be derived any number of times.

This file imports nothing of the package, so that a published generator can ship it with its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

Shape = Sequence[int]


class _Grid(NamedTuple):
    """Where the kernel is laid on the image: stride and padding, (rows, columns) in px."""

    stride: tuple[int, int]
    padding: tuple[int, int]


def conv2d(
    image: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """`torch.nn.functional.conv2d` without dilation and groups, autocast included.

    Args:
        image: (B, C, H, W) floating point.
        weight: (K, C, h, w).
        bias: (K,).
        stride, padding: in px, for both axes or (rows, columns).

    Returns:
        (B, K, (H + 2 * padding - h) // stride + 1, and likewise the width).
    """
    image, weight, bias = _as_autocast(image, weight, bias)
    return _Convolve.apply(image, weight, bias, _Grid(_both(stride), _both(padding)))  # type: ignore[no-any-return]


def conv_transpose2d(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """`torch.nn.functional.conv_transpose2d` without dilation, groups and output padding, autocast included.

    Args:
        features: (B, K, H, W) floating point.
        weight: (K, C, h, w).
        bias: (C,).
        stride, padding: in px, for both axes or (rows, columns).

    Returns:
        (B, C, (H - 1) * stride - 2 * padding + h, and likewise the width).
    """
    features, weight, bias = _as_autocast(features, weight, bias)
    grid = _Grid(_both(stride), _both(padding))
    sides = zip(features.shape[2:], weight.shape[2:], *grid, strict=True)
    shape = (
        len(features),
        weight.shape[1],
        *((side - 1) * step - 2 * pad + kernel for side, kernel, step, pad in sides),
    )
    return _Spread.apply(features, weight, bias, shape, grid)  # type: ignore[no-any-return]


class _Convolve(Function):
    """(B, C, H, W) and (K, C, h, w) to (B, K, H', W')."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, grid: _Grid) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.grid = grid
        # A backward pass may run under an autocast that its forward pass was kept out of, as a penalty in float32 is.
        with _without_autocast(image.device.type):
            features: Tensor = torch.ops.aten.convolution(image, weight, bias, *grid, [1, 1], False, [0, 0], 1)
        return features

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (image, weight), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            _Spread.apply(gradient, weight, None, image.shape, ctx.grid) if wanted[0] else None,
            _Correlate.apply(image, gradient, weight.shape, ctx.grid) if wanted[1] else None,
            gradient.sum((0, 2, 3)) if wanted[2] else None,
            None,
        )


class _Spread(Function):
    """(B, K, H', W') and (K, C, h, w) to `shape`, (B, C, H, W), which a stride leaves open."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, shape: Shape, grid: _Grid) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.grid = grid
        image = _derivative(features, _blank(shape, features), weight, grid, [True, False, False])[0]
        return image if bias is None else image.add_(bias[:, None, None])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (features, weight), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            _Convolve.apply(gradient, weight, None, ctx.grid) if wanted[0] else None,
            _Correlate.apply(gradient, features, weight.shape, ctx.grid) if wanted[1] else None,
            gradient.sum((0, 2, 3)) if wanted[2] else None,
            None,
            None,
        )


class _Correlate(Function):
    """(B, C, H, W) and (B, K, H', W') to `shape`, (K, C, h, w)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, features: Tensor, shape: Shape, grid: _Grid) -> Tensor:
        ctx.save_for_backward(image, features)
        ctx.grid = grid
        return _derivative(features, image, _blank(shape, image), grid, [False, True, False])[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (image, features), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            _Spread.apply(features, gradient, None, image.shape, ctx.grid) if wanted[0] else None,
            _Convolve.apply(image, gradient, None, ctx.grid) if wanted[1] else None,
            None,
            None,
        )


def _derivative(features: Tensor, image: Tensor, weight: Tensor, grid: _Grid, wanted: list[bool]) -> list[Tensor]:
    """What a backward pass computes itself. Of what it derives by, `image` or `weight`, it reads the shape alone."""
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        features, image, weight, None, *grid, [1, 1], False, [0, 0], 1, wanted
    )


def _blank(shape: Shape, like: Tensor) -> Tensor:
    """Memory in the order of `like`, which then is the result's."""
    last = like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
    ordered = torch.channels_last if last else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=ordered)


def _without_autocast(device: str) -> AbstractContextManager[None]:
    """Some devices, such as meta's tensors without values, have no autocast to be kept out of."""
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def _as_autocast(first: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """As autocast would have them. It knows torch's own functions only; the cast is outside ours, so in the graph."""
    device = first.device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return first, weight, bias
    kind = torch.get_autocast_dtype(device)

    def cast(tensor: Tensor) -> Tensor:
        return tensor if tensor.dtype == torch.float64 else tensor.to(kind)

    return cast(first), cast(weight), None if bias is None else cast(bias)


def _both(length: int | tuple[int, int]) -> tuple[int, int]:
    return (length, length) if isinstance(length, int) else length
