"""ciGAN's generator and discriminator (wu2018_cigan, section 2.1 and Figure 2).

This file imports nothing of the package, so that a published generator can ship it as its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 2  # non-malignant, malignant
SMALLEST = 4  # px, the side that the generator starts from


class Generator(nn.Module):
    """Infills a patch coarse to fine, seeing the input anew at every scale (a cascaded refinement network).

    The input stack has four channels: the corrupted image, the mask, and a constant map for each class. It is shrunk to
    4x4 for the first block; the output of a block is doubled in size by nearest neighbours and concatenated with the
    stack of that size for the next. A block is two 3x3 convolutions with ReLU; a 1x1 convolution with ReLU gives
    the image. With the paper's channels (128, 128, 64, 64, 32, 32, 32) it has 709,473 parameters.

    Args:
        channels: kernels of each block, coarsest first.
        image_size: side of the patch in px; the blocks must double 4 up to it.
        shrinking: how the stack is brought to a block's size, by the mean of an area or its top left pixel.
        classes_at_full_size: whether the last block sees the class maps too; without them it has 576 parameters less.
        output_bias: initial grey value of the output.

    Raises:
        ValueError: image_size isn't 4 * 2**(blocks - 1).
    """

    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        shrinking: Literal["area", "nearest"] = "area",
        classes_at_full_size: bool = True,
        output_bias: float = 0.5,
    ) -> None:
        super().__init__()
        grows_to = SMALLEST * 2 ** (len(channels) - 1)
        if not channels or image_size != grows_to:
            raise ValueError(
                f"{len(channels)} generator blocks grow from 4 to {grows_to} px, image_size is {image_size}"
            )
        if shrinking not in ("area", "nearest"):
            raise ValueError(f"shrinking is area or nearest, not {shrinking}")
        self.shrinking = shrinking
        self.stack_at_full_size = 2 + (CLASSES if classes_at_full_size else 0)
        stacks = [2 + CLASSES] * (len(channels) - 1) + [self.stack_at_full_size]
        before = [0, *channels[:-1]]
        self.blocks = nn.ModuleList(
            _block(stack + features, kernels) for stack, features, kernels in zip(stacks, before, channels, strict=True)
        )
        self.to_grey = nn.Conv2d(channels[-1], 1, 1)
        self._initialise(output_bias)

    def _initialise(self, output_bias: float) -> None:
        # Assumption: the paper doesn't say how weights start; Glorot's uniform distribution and zero biases, as the
        # published code's framework has by default.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                _zero(module.bias)
        # Deviation: the output's bias starts at mid-grey, not at zero. The features before it are positive and vary
        # little, so with a bias of zero the last ReLU is 0 in every pixel for about half of all seeds (8 of 16 tried at
        # 256 px), has no gradient, and the generator never learns.
        if self.to_grey.bias is not None:
            nn.init.constant_(self.to_grey.bias, output_bias)

    def forward(self, corrupted: Tensor, mask: Tensor, label: Tensor) -> Tensor:
        """Draw the lesion that `label` asks for into the mask.

        Args:
            corrupted: (B, 1, H, W) floating point in [0, 1], noise where the mask is 1.
            mask: (B, 1, H, W) floating point in {0, 1}.
            label: (B,) int64, 0 = non-malignant, 1 = malignant.

        Returns:
            (B, 1, H, W) in [0, inf), the whole patch.
        """
        stack = torch.cat([corrupted, mask, class_maps(label, corrupted)], 1)  # (B, 4, H, W)
        coarse, *finer = self._pyramid(stack)
        features = self.blocks[0](coarse)  # (B, C0, 4, 4)
        for block, level in zip(self.blocks[1:], finer, strict=True):
            doubled = F.interpolate(features, scale_factor=2, mode="nearest")
            features = block(torch.cat([level, doubled], 1))  # (B, Ci, 4 * 2**i, 4 * 2**i)
        return F.relu(self.to_grey(features))

    def _pyramid(self, stack: Tensor) -> list[Tensor]:
        """The stack at every block's size, coarsest first."""
        # Assumption: the paper resizes the stack without saying how. The mean over an area keeps the mask's share of
        # each coarse cell; the published code takes nearest neighbours.
        levels = [stack]
        for _ in self.blocks[1:]:
            finer = levels[-1]
            levels.append(F.avg_pool2d(finer, 2) if self.shrinking == "area" else finer[..., ::2, ::2])
        # Deviation, as published: the code appends the class maps once more at each smaller size, so that 14 channels
        # arrive at 4x4 (735,969 parameters). The copies are equal; we keep one.
        levels[0] = stack[:, : self.stack_at_full_size]
        # In the weights' memory order, or concatenation would bring the features back to the plain one.
        ordered = torch.channels_last if _is_channels_last(next(self.parameters())) else torch.contiguous_format
        return [level.contiguous(memory_format=ordered) for level in reversed(levels)]


class Discriminator(nn.Module):
    """Five 3x3 convolutions with LeakyReLU and 2x2 max pooling, then one logit (the sigmoid is part of the loss).

    Args:
        channels: kernels of each convolution (32, 64, 128, 256, 512 in the paper).
        image_size: side of the patch in px.
        pools: how many of the layers pool, counted from the last. 5 in the paper's form, 4 as published.
        conditional: concatenate the class maps before every layer but the first, as published.
        slopes: of LeakyReLU below zero, one a layer.

    Raises:
        ValueError: the layers can't pool that often, the patch can't be halved that often, or slopes and
            channels differ in number.
    """

    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        pools: int,
        conditional: bool,
        slopes: Sequence[float],
    ) -> None:
        super().__init__()
        if not 0 <= pools <= len(channels) or image_size % 2**pools:
            raise ValueError(f"{len(channels)} layers can't pool {pools} times from {image_size} px")
        if len(slopes) != len(channels):
            raise ValueError(f"expected {len(channels)} slopes, one a layer, got {len(slopes)}")
        # Assumption: section 2.1 gives the discriminator the image alone, the equation of section 2.2 writes D(c, R).
        # We follow the section that describes the network; `conditional` follows the equation and the published code.
        self.conditional = conditional
        self.slopes = tuple(slopes)
        self.first_pooled = len(channels) - pools
        maps = CLASSES if conditional else 0
        layers = [nn.Conv2d(1, channels[0], 3, padding=1)]
        layers += [nn.Conv2d(before + maps, after, 3, padding=1) for before, after in pairwise(channels)]
        self.layers = nn.ModuleList(layers)
        self.logit = nn.Linear(channels[-1] * (image_size // 2**pools) ** 2, 1)
        # Assumption: normal weights of standard deviation 0.02 and zero biases; the paper doesn't say. Deviation, as
        # published: the code starts its dense layer by Glorot, and has a second head for the class that no loss trains.
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.02)
                _zero(module.bias)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """How real the patches look.

        Args:
            image: (B, 1, H, W) floating point in [0, inf).
            label: (B,) int64, 0 = non-malignant, 1 = malignant; unused unless conditional.

        Returns:
            (B,) logits, high for real.
        """
        features = image
        for depth, (layer, slope) in enumerate(zip(self.layers, self.slopes, strict=True)):
            if self.conditional and depth > 0:
                features = torch.cat([features, class_maps(label, features)], 1)
            features = layer(features)
            if depth >= self.first_pooled:
                features = F.max_pool2d(features, 2)  # before the activation, which keeps order: equal, and cheaper
            features = F.leaky_relu(features, slope)
        logits: Tensor = self.logit(features.flatten(1))  # (B, 1)
        return logits.squeeze(1)


def class_maps(label: Tensor, like: Tensor) -> Tensor:
    """One constant map a class: (B,) int64 to (B, 2, H, W) with the size, device and type of `like` (B, C, H, W)."""
    maps = F.one_hot(label, CLASSES).to(like.dtype)[:, :, None, None]
    return maps.expand(-1, -1, *like.shape[2:])


def _is_channels_last(weight: Tensor) -> bool:
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def _block(channels: int, kernels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, kernels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(kernels, kernels, 3, padding=1),
        nn.ReLU(inplace=True),
    )


def _zero(bias: Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
