"""The infilling GAN's two generators and its discriminator of pairs (shen2021_trilabel, section 3.3 and Figure 3).

This file imports nothing of the package, so that a published generator can ship it as its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Normalisation = Literal["instance", "none"]

KERNEL = 4  # px, of the U-Net and the discriminator
SLOPE = 0.2  # of LeakyReLU below zero
DEVIATION = 0.02  # of initial weights
COARSEST = 2  # px, the side of the first refinement module


class UNet(nn.Module):
    """Tri-label to patch: halved down to one pixel and doubled back, each map beside its mirror image on the way down.

    With eight widths of 64 to 512 and three channels in, 54,410,433 parameters.

    Args:
        channels: of the maps on the way down, finest first.
        image_size: side of the patch in px; the maps must halve it to 1.
        label_channels: 3, or 2 without the margin.
        normalisation: instance, of all maps but the first, the last and the one of a single pixel; or none.

    Raises:
        ValueError: image_size isn't 2**len(channels), or the normalisation is unknown.
    """

    # Assumption: the paper gives the sizes of input and output and cites the U-Net of Ronneberger et al. (2015) beside
    # the translation of Isola et al. (2017), whose discriminator it takes. We take the latter's U-Net too: 4x4 kernels
    # of stride 2, LeakyReLU down and ReLU up, widths from 64 to 512. Its normalisation by batches of one is by instance
    # here, since batches are of two; its dropout is left out, since the noise is in the tri-label.
    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        label_channels: int = 3,
        normalisation: Normalisation = "instance",
    ) -> None:
        super().__init__()
        _check("widths of a U-Net", channels, image_size, smallest=1, reached=2 ** len(channels))
        normalised = _is_normalised(normalisation)
        deepest = len(channels) - 1
        self.down = nn.ModuleList(
            _convolved(before, after, normalised=normalised and 0 < depth < deepest)
            for depth, (before, after) in enumerate(pairwise([label_channels, *channels]))
        )
        arriving = [2 * width for width in channels[:-1]] + [channels[-1]]  # a map and its mirror image
        self.up = nn.ModuleList(
            _doubled(arriving[depth], channels[depth - 1], normalised) for depth in range(deepest, 0, -1)
        )
        self.to_grey = nn.ConvTranspose2d(arriving[0], 1, KERNEL, stride=2, padding=1)
        _initialise(self)

    def forward(self, tri_label: Tensor) -> Tensor:
        """Draw a mass into the mask.

        Args:
            tri_label: (B, 3 or 2, H, W) floating point in [-1, 1].

        Returns:
            (B, 1, H, W) in [-1, 1], the whole patch.
        """
        maps = [tri_label]
        for halve in self.down:
            maps.append(halve(maps[-1]))  # (B, Ci, H / 2**(i + 1), W / 2**(i + 1))
        features = maps.pop()
        for double in self.up:
            features = torch.cat([maps.pop(), double(features)], 1)
        return torch.tanh(self.to_grey(features))


class CRN(nn.Module):
    """Tri-label to patch by refinement modules of doubling size, each shown the tri-label anew (a cascaded refinement
    network, Chen and Koltun 2017).

    A module takes the tri-label shrunk to its size and the enlarged features of the one before through two 3x3
    convolutions with ReLU. With widths (256, 256, 256, 256, 256, 128, 64, 32) 5,932,673 parameters.

    Args:
        channels: of the modules, coarsest first.
        image_size: side of the patch in px; the modules must double 2 up to it.
        label_channels: 3, or 2 without the margin.

    Raises:
        ValueError: image_size isn't 2**len(channels).
    """

    # Assumption: the paper has the sizes alone. Widths are 256, halved towards the top; the tri-label is shrunk by the
    # mean of an area; features are enlarged bilinearly and become grey by a 1x1 convolution, as in the network that is
    # cited, whose layer normalisation isn't spoken of and left out.
    def __init__(self, channels: Sequence[int], image_size: int, *, label_channels: int = 3) -> None:
        super().__init__()
        reached = COARSEST * 2 ** (len(channels) - 1)
        _check("modules of a CRN", channels, image_size, smallest=COARSEST, reached=reached)
        self.refinements = nn.ModuleList(
            _Refinement(label_channels + before, after) for before, after in pairwise([0, *channels])
        )
        self.to_grey = nn.Conv2d(channels[-1], 1, 1)
        nn.init.normal_(self.to_grey.weight, 0.0, DEVIATION)  # mid-grey at first, far from where tanh is flat
        nn.init.zeros_(self.to_grey.bias)  # type: ignore[arg-type]

    def forward(self, tri_label: Tensor) -> Tensor:
        """Draw a mass into the mask.

        Args:
            tri_label: (B, 3 or 2, H, W) floating point in [-1, 1].

        Returns:
            (B, 1, H, W) in [-1, 1], the whole patch.
        """
        levels = [tri_label]
        for _ in self.refinements[1:]:
            levels.append(F.avg_pool2d(levels[-1], 2))
        features = self.refinements[0](levels.pop())  # (B, C0, 2, 2)
        for refine in self.refinements[1:]:
            larger = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            level = levels.pop().contiguous(memory_format=_order(larger))  # or concatenation would undo the order
            features = refine(torch.cat([level, larger], 1))  # (B, Ci, 2 * 2**i, 2 * 2**i)
        return torch.tanh(self.to_grey(features))


class PairDiscriminator(nn.Module):
    """A tri-label and a patch to a map of logits, one for each part of the patch (PatchGAN; the sigmoid is part of the
    loss).

    4x4 convolutions with LeakyReLU, all of stride 2 but the last one and the one that gives the logits. With four
    widths of 64 to 512 each logit sees 70x70 px, 256 px have 30x30 of them, and there are 2,766,657 parameters.

    Args:
        channels: of the hidden maps, finest first.
        image_size: side of the patch in px.
        label_channels: 3, or 2 without the margin.
        normalisation: instance, of all maps but the first and the last; or none.

    Raises:
        ValueError: no logit is left of the patch, or the normalisation is unknown.
    """

    # Assumption: the widths, kernels and place of the normalisation of Isola et al. (2017), whose 70x70 PatchGAN has
    # the paper's 30x30 output; by instance, as in the U-Net.
    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        label_channels: int = 3,
        normalisation: Normalisation = "instance",
    ) -> None:
        super().__init__()
        halvings = len(channels) - 1
        if halvings < 1 or image_size % 2**halvings or image_size // 2**halvings < 3:
            raise ValueError(
                f"{len(channels)} widths of a discriminator need 2 or more, and an image_size of 3 or more times "
                f"{2 ** max(halvings, 1)} px, not {image_size}"
            )
        normalised = _is_normalised(normalisation)
        widths = [label_channels + 1, *channels]
        self.layers = nn.Sequential(
            *(
                _convolved(before, after, stride=2 if depth < halvings else 1, normalised=normalised and depth > 0)
                for depth, (before, after) in enumerate(pairwise(widths))
            )
        )
        self.logit = nn.Conv2d(channels[-1], 1, KERNEL, padding=1)
        _initialise(self)

    def forward(self, tri_label: Tensor, image: Tensor) -> Tensor:
        """How real the pair looks, part by part.

        Args:
            tri_label: (B, 3 or 2, H, W) floating point in [-1, 1].
            image: (B, 1, H, W) floating point in [-1, 1].

        Returns:
            (B, h, w) logits, high for real.
        """
        pair = torch.cat([tri_label, image], 1)  # (B, 4 or 3, H, W)
        logits: Tensor = self.logit(self.layers(pair))  # (B, 1, h, w)
        return logits.squeeze(1)


class _Refinement(nn.Module):
    """Two 3x3 convolutions with ReLU: (B, C, H, W) to (B, K, H, W)."""

    def __init__(self, channels: int, kernels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, kernels, 3, padding=1)
        self.second = nn.Conv2d(kernels, kernels, 3, padding=1)
        for layer in (self.first, self.second):
            # Assumption: He's normal weights, which keep the scale over sixteen layers without normalisation.
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(features), inplace=True)), inplace=True)


def _convolved(before: int, after: int, *, normalised: bool, stride: int = 2) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, KERNEL, stride, padding=1, bias=not normalised)
    return nn.Sequential(convolution, *_normalisation(after, normalised), nn.LeakyReLU(SLOPE, inplace=True))


def _doubled(before: int, after: int, normalised: bool) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, KERNEL, 2, padding=1, bias=not normalised)
    return nn.Sequential(convolution, *_normalisation(after, normalised), nn.ReLU(inplace=True))


def _normalisation(channels: int, normalised: bool) -> list[nn.Module]:
    """By instance, a group for each channel: unlike InstanceNorm2d it keeps the channels-last order."""
    return [nn.GroupNorm(channels, channels)] if normalised else []


def _is_normalised(normalisation: str) -> bool:
    if normalisation not in ("instance", "none"):
        raise ValueError(f"normalisation is instance or none, not {normalisation}")
    return normalisation == "instance"


def _check(what: str, channels: Sequence[int], image_size: int, *, smallest: int, reached: int) -> None:
    if not channels or image_size != reached:
        raise ValueError(
            f"{len(channels)} {what} lie between {smallest} and {int(reached)} px, image_size is {image_size}"
        )


def _initialise(network: nn.Module) -> None:
    # Assumption: N(0, 0.02) for kernels and N(1, 0.02) for gains, as the DCGAN and the translation that are cited.
    for name, parameter in network.named_parameters():
        if parameter.dim() == 4:
            nn.init.normal_(parameter, 0.0, DEVIATION)
        elif name.endswith("weight"):
            nn.init.normal_(parameter, 1.0, DEVIATION)
        else:
            nn.init.zeros_(parameter)


def _order(features: Tensor) -> torch.memory_format:
    last = features.is_contiguous(memory_format=torch.channels_last) and not features.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
