"""Layers of progressively grown networks (Karras et al. 2018, sections 3, 4.1 and 4.2).

Up- and downscaling can be fused into their convolution, which then takes 4x4 kernels of stride 2 where the plain form
takes 3x3 ones on the larger map: 4/9 of the multiplications when it doubles or halves, and equal within rounding.

This file imports only its neighbour `convolution`, so that a published generator can ship both.
"""

from __future__ import annotations

from math import prod, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammo_gan.networks.convolution import conv2d, conv_transpose2d

RELU = sqrt(2)  # gain of a layer that an activation of about half the variance follows (He et al. 2015)
EPSILON = 1e-8


class EqualisedDense(nn.Module):
    """x -> gain / sqrt(inputs) * x W' + b: (B, inputs) to (B, outputs).

    W starts from N(0, 1) and b from zero. The scale, which He et al. would have in the initial weights, is applied at
    run time (4.1), so that Adam's steps, whose size doesn't depend on the gradient's, move the weights of all layers by
    the same share of their range. The bias has no scale.
    """

    def __init__(self, inputs: int, outputs: int, *, gain: float = RELU, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class EqualisedConv(nn.Module):
    """A convolution of stride 1 that keeps the size, its learning rate equalised as a dense layer's.

    Args:
        channels, kernels: in and out.
        side: of the kernels, odd.
        gain: over the square root of a kernel's weights, channels * side**2.
    """

    def __init__(self, channels: int, kernels: int, side: int = 3, *, gain: float = RELU) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(kernels, channels, side, side))
        self.bias = nn.Parameter(torch.zeros(kernels))
        self.scale = gain / sqrt(prod(self.weight.shape[1:]))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to (B, kernels, h, w)."""
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class UpscalingConv(EqualisedConv):
    """Nearest neighbours, then a 3x3 convolution; `fused` makes it one transposed convolution.

    The parameters are the same in both forms, hence also in a checkpoint.
    """

    def __init__(self, channels: int, kernels: int, *, fused: bool) -> None:
        super().__init__(channels, kernels)
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to (B, kernels, 2h, 2w)."""
        if not self.fused:
            return super().forward(upscaled(x))
        # A transposed convolution adds the kernel itself around each pixel, a convolution its mirror image.
        kernel = _summed((self.weight * self.scale).flip(2, 3)).transpose(0, 1)
        return conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class DownscalingConv(EqualisedConv):
    """A 3x3 convolution, then the mean of 2x2 pixels, then the bias; `fused` makes it one convolution."""

    def __init__(self, channels: int, kernels: int, *, fused: bool) -> None:
        super().__init__(channels, kernels)
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, 2h, 2w) to (B, kernels, h, w)."""
        if not self.fused:
            return halved(super().forward(x))  # the mean leaves a bias as it is, so it may come first
        return conv2d(x, _summed(self.weight * (self.scale / 4)), self.bias, stride=2, padding=1)


def _summed(kernels: Tensor) -> Tensor:
    """3x3 kernels, each added up at the four places where it meets the pixels of a 2x2 cell: (.., 4, 4)."""
    wide = F.pad(kernels, (1, 1, 1, 1))
    return wide[..., 1:, 1:] + wide[..., 1:, :-1] + wide[..., :-1, 1:] + wide[..., :-1, :-1]


def upscaled(x: Tensor) -> Tensor:
    """Each pixel as 2x2 of it: (B, C, h, w) to (B, C, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Tensor) -> Tensor:
    """The mean of each 2x2 pixels: (B, C, 2h, 2w) to (B, C, h, w)."""
    return F.avg_pool2d(x, 2)


def pixel_norm(x: Tensor) -> Tensor:
    """Each pixel's vector over its root mean square (4.2, with 1e-8 under the root): (B, C, ..) to the same."""
    square = x.square().mean(1, keepdim=True, dtype=_at_least_float32(x))
    return x * (square + EPSILON).rsqrt().to(x.dtype)


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Append a map that says how much the images of a group differ (section 3): (B, C, h, w) to (B, C + 1, h, w).

    The map is constant: the standard deviation (with divisor n, and 1e-8 under the root) of each value over its group,
    averaged over channels and pixels. A batch is dealt into groups in turn: image i is in group i % (B / group).
    An average over this process's images alone is all it needs.

    Args:
        x: floating point.
        group: images that are compared with one another. Where it doesn't divide B, the largest number below it that
            does takes its place: 3 for a batch of 6, and 1, which always gives a map of 1e-4, for one of 5.
    """
    size = max(divisor for divisor in range(1, min(group, len(x)) + 1) if len(x) % divisor == 0)
    grouped = x.to(_at_least_float32(x)).reshape(size, -1, *x.shape[1:])  # (size, B / size, C, h, w)
    deviation = (grouped.var(0, correction=0) + EPSILON).sqrt().mean((1, 2, 3))  # (B / size,)
    of_each = deviation.repeat(size).to(x.dtype)[:, None, None, None]  # (B, 1, 1, 1)
    return torch.cat([x, of_each.expand(-1, 1, *x.shape[2:])], 1)


def _at_least_float32(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
