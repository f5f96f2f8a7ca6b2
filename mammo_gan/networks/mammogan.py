"""MammoGAN's generator and critic (korkinof2019_mammogan, section 3), which grow as Karras et al. (2018) have it.

Stages count from the coarsest: images of stage s are `base` * 2**s px, with a base of 5x4 and nine stages up to
1280x1024. While a stage fades in, its images are mixed with those of the stage before: alpha rises from 0, the
upscaled coarser image, to 1, the stage's own. Stage 0 has nothing to fade from and leaves alpha aside.

All stages are built at once, so that a checkpoint has one shape and growing is an argument of `forward`. A pass
computes stages up to its own, and parameters that take no part have no gradient, which is None. Growing hence makes
activations larger, not the networks: the parameters and an average of them have their whole size from the start (92 MB
a network with the original's widths), Adam's moments of a parameter come with its first gradient. Gradients must be
set to None between steps, not to zero, or a layer to grey that is left behind would drift on with its momentum.

This file imports only its neighbour `equalised`, so that a published generator can ship both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mammo_gan.networks.equalised import (
    RELU,
    DownscalingConv,
    EqualisedConv,
    EqualisedDense,
    UpscalingConv,
    halved,
    minibatch_deviation,
    pixel_norm,
    upscaled,
)

SLOPE = 0.2  # of LeakyReLU below zero


class CriticOutput(NamedTuple):
    """What a critic says of B images: score (B,), high for real; the auxiliary heads' (B, n), by name."""

    score: Tensor
    heads: dict[str, Tensor]


class Generator(nn.Module):
    """Noise to an image of any stage.

    A dense layer draws the base from z, a 3x3 convolution follows it, and each further stage doubles the size with two.
    LeakyReLU(0.2) and pixel norm follow every layer but those to grey, one a stage, which are linear.
    With the original's widths for 4x4 to 1024x1024 it has 23,074,009 parameters, for 5x4 to 1280x1024 24,122,585.

    Args:
        base: (height, width) of stage 0 in px.
        stages: how many there are.
        widths: channels of each stage, coarsest first; see `stage_widths`.
        latent: numbers in z.
        attributes: numbers that say what to draw; 0 = unconditional.
        fused: the stages whose upscaling is part of a convolution, one value each or one for all. Stage 0 has none.
        checkpointed: the stages that keep nothing for their gradient but the map that they begin with, and are computed
            again for it (Chen et al. 2016, "Training deep nets with sublinear memory cost"), one value each or one for
            all. Values and gradients are the same. With all, four images of 1280x1024 take 3.0 GB in the generator's
            step instead of 4.3 and 4.5 in the critic's instead of 6.4, for two fifths more operations in the former;
            the graph of a penalty's gradient keeps what it does in either form.

    Raises:
        ValueError: base, stages, widths, fused and checkpointed don't fit together.
    """

    def __init__(
        self,
        *,
        base: tuple[int, int],
        stages: int,
        widths: Sequence[int],
        latent: int = 512,
        attributes: int = 0,
        fused: Sequence[bool] | bool = False,
        checkpointed: Sequence[bool] | bool = False,
    ) -> None:
        super().__init__()
        self.base = _checked_base(base)
        self.stages, self.latent, self.attributes = stages, latent, attributes
        fusing, self.checkpointed = _for_each_stage(stages, widths, fused, checkpointed)
        # A quarter of the usual gain, as the original has it. The bias is a channel's.
        height, width = self.base
        self.dense = EqualisedDense(latent + attributes, widths[0] * height * width, gain=RELU / 4, bias=False)
        self.bias = nn.Parameter(torch.zeros(widths[0], 1, 1))
        self.blocks = nn.ModuleList([nn.ModuleList([EqualisedConv(widths[0], widths[0])])])
        for (before, after), together in zip(pairwise(widths), fusing[1:], strict=True):
            pair = [UpscalingConv(before, after, fused=together), EqualisedConv(after, after)]
            self.blocks.append(nn.ModuleList(pair))
        self.to_grey = nn.ModuleList(EqualisedConv(width, 1, 1, gain=1) for width in widths)

    def forward(self, z: Tensor, attributes: Tensor | None = None, *, stage: int, alpha: float) -> Tensor:
        """Draw an image for each z.

        Args:
            z: (B, latent) floating point from N(0, 1).
            attributes: (B, attributes) floating point, concatenated to z and normalised with it; None = there are none.
            stage: 0 = the coarsest.
            alpha: share of the stage's own image, in [0, 1]; the rest is the upscaled image of the stage before.

        Returns:
            (B, 1, H, W) of the stage's size, unbounded; real images are in [-1, 1].
        """
        _check_growth(self.stages, stage, alpha)
        features = self._coarsest(z, attributes)
        coarser = features
        for block, again in zip(self.blocks[: stage + 1], self.checkpointed, strict=False):
            coarser = features
            features = _through(block.children(), _normalised, features, again)  # (B, width of the stage, h, w)
        image: Tensor = self.to_grey[stage](features)
        if stage > 0 and alpha < 1:
            image = torch.lerp(upscaled(self.to_grey[stage - 1](coarser)), image, alpha)
        return image

    def _coarsest(self, z: Tensor, attributes: Tensor | None) -> Tensor:
        """The first map (B, C, *base), before any convolution."""
        if self.attributes:
            z = torch.cat([z, _given(attributes, len(z), self.attributes)], 1)
        drawn: Tensor = self.dense(pixel_norm(z))
        return _normalised(drawn.reshape(len(z), -1, *self.base) + self.bias)


class Critic(nn.Module):
    """An image of any stage to a score: the generator's mirror image.

    A 1x1 convolution from grey, one a stage; for each stage down to the base two 3x3 convolutions, of which the second
    halves the size (convolution, mean, bias, activation); then the map of the minibatch's deviation, a 3x3 convolution,
    and two dense layers. LeakyReLU(0.2) follows every layer but the last. With the original's widths it has
    23,082,161 parameters for 4x4 to 1024x1024 and 24,130,737 for 5x4 to 1280x1024, without heads.

    Args:
        base, stages, widths, fused, checkpointed: as the generator's.
        minibatch_group: images over which the deviation is taken; see `minibatch_deviation`.
        heads: name -> numbers that it estimates besides, of the same last layer: the logits of a categorical attribute,
            or 1 for a continuous one (Salimans et al. 2016). Empty = none.
        projection: numbers in the attributes that are projected onto the last features, another way of conditioning
            (Miyato and Koyama 2018, equation 3); 0 = none.
        final_width: neurons of the first dense layer, the last features. 512 in the original.

    Raises:
        ValueError: as the generator, or a head is empty.
    """

    def __init__(
        self,
        *,
        base: tuple[int, int],
        stages: int,
        widths: Sequence[int],
        minibatch_group: int = 4,
        heads: Mapping[str, int] | None = None,
        projection: int = 0,
        final_width: int,
        fused: Sequence[bool] | bool = False,
        checkpointed: Sequence[bool] | bool = False,
    ) -> None:
        super().__init__()
        self.base = _checked_base(base)
        self.stages, self.minibatch_group, self.heads = stages, minibatch_group, dict(heads or {})
        fusing, self.checkpointed = _for_each_stage(stages, widths, fused, checkpointed)
        if minibatch_group < 1 or final_width < 1 or min(self.heads.values(), default=1) < 1:
            raise ValueError(
                "minibatch_group, final_width and the numbers of each head are at least 1; "
                f"got {minibatch_group}, {final_width} and {self.heads}"
            )
        self.from_grey = nn.ModuleList(EqualisedConv(1, width, 1) for width in widths)
        self.blocks = nn.ModuleList([nn.ModuleList([EqualisedConv(widths[0] + 1, widths[0])])])
        for (after, before), together in zip(pairwise(widths), fusing[1:], strict=True):
            pair = [EqualisedConv(before, before), DownscalingConv(before, after, fused=together)]
            self.blocks.append(nn.ModuleList(pair))
        height, width = self.base
        self.dense = EqualisedDense(widths[0] * height * width, final_width)
        self.last = EqualisedDense(final_width, 1 + sum(self.heads.values()), gain=1)
        self.projection = EqualisedDense(final_width, projection, gain=1, bias=False) if projection else None

    def forward(self, image: Tensor, attributes: Tensor | None = None, *, stage: int, alpha: float) -> CriticOutput:
        """How real the images look, and what the heads take them for.

        Args:
            image: (B, 1, H, W) of the stage's size, floating point; real ones in [-1, 1] and `faded` by alpha.
            attributes: (B, projection) floating point; unused without a projection.
            stage: 0 = the coarsest.
            alpha: share of the features of the stage's own layers, in [0, 1]; the rest is drawn from the halved image.

        Raises:
            ValueError: the image isn't of the stage's size.
        """
        _check_growth(self.stages, stage, alpha)
        height, width = (side * 2**stage for side in self.base)
        if image.shape[1:] != (1, height, width):
            raise ValueError(f"images of stage {stage} are (B, 1, {height}, {width}), not {tuple(image.shape)}")
        features = self._finest(image, stage, alpha) if stage else _activated(self.from_grey[0](image))
        for depth in range(stage - 1, 0, -1):
            features = _through(self.blocks[depth].children(), _activated, features, self.checkpointed[depth])
        return self._judged(minibatch_deviation(features, self.minibatch_group), attributes)

    def _finest(self, image: Tensor, stage: int, alpha: float) -> Tensor:
        """Images of a stage above 0 to the map of the stage before (B, its width, H / 2, W / 2)."""
        layers = [self.from_grey[stage], *self.blocks[stage].children()]
        features = _through(layers, _activated, image, self.checkpointed[stage])
        if alpha < 1:
            features = torch.lerp(_activated(self.from_grey[stage - 1](halved(image))), features, alpha)
        return features

    def _judged(self, features: Tensor, attributes: Tensor | None) -> CriticOutput:
        """The base's map with its deviation (B, C + 1, *base) to the output."""
        features = _through(self.blocks[0].children(), _activated, features, self.checkpointed[0])
        final = _activated(self.dense(features.flatten(1)))  # (B, final_width)
        score, *rest = torch.split(self.last(final), [1, *self.heads.values()], 1)
        if self.projection is not None:
            given = _given(attributes, len(final), self.projection.weight.shape[0])
            score = score + (self.projection(final) * given).sum(1, keepdim=True)
        return CriticOutput(score.squeeze(1), dict(zip(self.heads, rest, strict=True)))


def stage_widths(stages: int, *, base: int = 8192, cap: int = 512) -> tuple[int, ...]:
    """Channels of each stage, coarsest first: min(base / 2**(s + 1), cap).

    The original counts its latent vector as stage 0 and 4x4 as stage 1, hence the one more: 512 up to 32x32, 16 at
    1024x1024 (Karras et al. 2018, Table 2). Doubled capacity (3d) can be a doubled base, which doubles the channels of
    the fine stages, a doubled cap, those of the coarse ones, or both.
    """
    return tuple(min(base // 2 ** (stage + 1), cap) for stage in range(stages))


def faded(image: Tensor, alpha: float) -> Tensor:
    """What a critic sees of real images while a stage fades in: without the detail that a generator can't yet draw.

    Args:
        image: (B, C, H, W) of the stage's size, floating point, H and W even unless alpha is 1.
        alpha: share of the image itself, in [0, 1]; the rest is the mean of each 2x2 pixels in place of the four.
    """
    return image if alpha == 1 else torch.lerp(upscaled(halved(image)), image, alpha)


def _activated(features: Tensor) -> Tensor:
    return F.leaky_relu(features, SLOPE, inplace=True)


def _normalised(features: Tensor) -> Tensor:
    return pixel_norm(_activated(features))


def _through(
    layers: Iterable[nn.Module], activation: Callable[[Tensor], Tensor], features: Tensor, checkpointed: bool
) -> Tensor:
    """Each layer with its activation, in order."""

    def run(features: Tensor) -> Tensor:
        for layer in kept:
            features = activation(layer(features))
        return features

    kept = list(layers)
    if not checkpointed:
        return run(features)
    # The other form of it, reentrant, has no second derivative. No random number is drawn in a layer.
    again: Tensor = checkpoint(run, features, use_reentrant=False, preserve_rng_state=False)
    return again


def _checked_base(base: Sequence[int]) -> tuple[int, int]:
    if len(base) != 2 or min(base) < 1:
        raise ValueError(f"base is a height and a width in px, not {tuple(base)}")
    return base[0], base[1]


def _for_each_stage(
    stages: int, widths: Sequence[int], fused: Sequence[bool] | bool, checkpointed: Sequence[bool] | bool
) -> tuple[list[bool], list[bool]]:
    """`fused` and `checkpointed` of each stage, once they and the widths are found to be for as many."""
    fusing, again = ([one] * stages if isinstance(one, bool) else list(one) for one in (fused, checkpointed))
    if stages < 1 or {len(widths), len(fusing), len(again)} != {stages} or min(widths) < 1:
        raise ValueError(
            f"{stages} stages take as many widths of at least 1, and as many values of fused and of checkpointed or "
            f"one for all; got {tuple(widths)}, {fused} and {checkpointed}"
        )
    return fusing, again


def _check_growth(stages: int, stage: int, alpha: float) -> None:
    if not (0 <= stage < stages and 0 <= alpha <= 1):
        raise ValueError(f"stage is 0 to {stages - 1} and alpha in [0, 1], not {stage} and {alpha}")


def _given(attributes: Tensor | None, count: int, numbers: int) -> Tensor:
    if attributes is None or attributes.shape != (count, numbers):
        found = None if attributes is None else tuple(attributes.shape)
        raise ValueError(f"a conditional network needs attributes ({count}, {numbers}), got {found}")
    return attributes
