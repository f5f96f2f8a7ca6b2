"""DCGAN's generator and discriminator (alyafi2019_dcgan, sections 4.1 and 4.2, Figures 3 and 4).

This file imports only its neighbour `bands`, so that a published generator can ship both as its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mammo_gan.networks.bands import Bands

Normalisation = Literal["batch", "layer", "none"]
Upsampling = Literal["transposed", "pixel_shuffle", "resize"]

SMALLEST = 4  # px, the side of the generator's first map and of the discriminator's last
SLOPE = 0.2  # of LeakyReLU below zero
DEVIATION = 0.02  # of the initial weights


class Generator(nn.Module):
    """Noise to a patch: transposed convolutions from 4x4, each doubling the side (section 4.1).

    Normalisation and LeakyReLU(0.2) follow every layer but the last, which ends in tanh. With the paper's channels
    (450, 360, 180, 90, 45) it has 5,395,770 parameters.

    Args:
        channels: of the hidden maps, coarsest first.
        image_size: side of the patch in px; the layers must double 4 up to it.
        latent: numbers in z.
        normalise_z: stretch each batch of z to [-1, 1] first. An image then depends a little on the others of its
            batch, so sample in batches of the training's size.
        uniform_z: give the layers U(-1, 1) instead, as shen2021 (3.2) and Radford et al. (2016) draw z: each number's
            place in the normal distribution. z itself stays N(0, 1) for whoever draws it.
        normalisation: batch, layer (over all of a map's channels and pixels, with a gain and an offset a channel) or
            none, which gives the convolutions biases in exchange.
        upsampling: transposed 4x4 convolutions of stride 2; 3x3 ones whose output is shuffled into pixels (Shi et al.
            2016); or resize, the nearest pixel's value and then a 3x3 convolution (Odena et al. 2016), which gives all
            pixels the same share and so makes no checkerboard.
        classes: 0 = unconditional, as the papers'. With more, which is beyond the papers, z has a learned vector of
            the class beside it.
        banded: in the papers the last layer draws the image (false). Beyond the papers every map draws a share of it,
            of the deviation that the real images' band of its size has, and tanh takes their sum.

    Attributes:
        bands: the deviations, 1 until they are measured; None without.

    Raises:
        ValueError: image_size isn't 4 * 2**len(channels), or a setting is unknown.
    """

    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        latent: int = 200,
        normalise_z: bool = True,
        uniform_z: bool = False,
        normalisation: Normalisation = "batch",
        upsampling: Upsampling = "transposed",
        classes: int = 0,
        banded: bool = False,
    ) -> None:
        super().__init__()
        _check("generator", channels, image_size, normalisation)
        if upsampling not in get_args(Upsampling):
            raise ValueError(f"upsampling is {', '.join(get_args(Upsampling))}, not {upsampling}")
        if uniform_z and normalise_z:
            raise ValueError("uniform_z gives [-1, 1] by itself; set normalise_z to false with it")
        self.latent, self.normalise_z, self.uniform_z, self.classes = latent, normalise_z, uniform_z, classes
        self.embedding = nn.Embedding(classes, latent) if classes else None
        bias = normalisation == "none"
        # A dense layer and its reshaping into the first map, written as a convolution.
        first = nn.ConvTranspose2d(2 * latent if classes else latent, channels[0], SMALLEST, bias=bias)
        layers: list[nn.Module] = [first, *_activated(channels[0], normalisation)]
        for before, after in pairwise(channels):
            layers += [*_doubled(before, after, upsampling, bias), *_activated(after, normalisation)]
        finest = channels[-1]
        if banded:
            layers += [*_doubled(finest, finest, upsampling, bias), *_activated(finest, normalisation)]
        else:
            layers += [*_doubled(finest, 1, upsampling, bias), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        _initialise(self.layers)
        self.bands = Bands(len(channels)) if banded else None
        self.to_grey = nn.ModuleList(_to_grey(width) for width in (*channels, finest) if banded)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draw a patch for each z.

        Args:
            z: (B, latent) floating point from N(0, 1).
            label: (B,) int64 in [0, classes); unused unless conditional.

        Returns:
            (B, 1, H, W) in [-1, 1].
        """
        if self.normalise_z:
            z = stretched(z)
        if self.uniform_z:
            z = torch.erf(z / 2**0.5)
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(_given(label))], 1)
        z = z[:, :, None, None]
        image: Tensor = self.layers(z) if self.bands is None else torch.tanh(self._sum_of_bands(z, self.bands))
        return image

    def _sum_of_bands(self, z: Tensor, bands: Bands) -> Tensor:
        """(B, latent, 1, 1) to (B, 1, H, W) float32, unbounded."""
        image, features = z.new_zeros(len(z), 1, SMALLEST // 2, SMALLEST // 2), z
        shares = zip(self.to_grey, bands.of_halvings(len(self.to_grey)), strict=True)  # coarsest first
        for layer in self.layers:
            features = layer(features)
            if isinstance(layer, nn.LeakyReLU):  # the end of a map
                to_grey, deviation = next(shares)
                image = _enlarged(image) + deviation * to_grey(features).float()
        return image


class Discriminator(nn.Module):
    """A patch to one logit (the sigmoid is part of the loss): convolutions halve the side down to 4x4 (section 4.2).

    LeakyReLU(0.2) follows every layer but the last, normalisation every one but the first and the last. With the
    paper's channels (45, 90, 180, 360, 450) it has 8,904,780 parameters. The thesis's small classifier is the same
    network of other channels (9, 18, 36, 72, 90) and initial weights: 357,948 parameters (section 4.4.2).

    Args:
        channels: of the hidden maps, finest first.
        image_size: side of the patch in px; it must halve to 4.
        kernel: side of the halving kernels, even. 6 in the paper; 4, the generator's, leaves the checkerboard that
            the paper tells of (4.3.1).
        first_kernel: of the first layer; None = the same. 4 as published.
        normalisation: as the generator's.
        spectral: divide each kernel by its largest singular value (Miyato et al. 2018).
        classes: 0 = unconditional, as the papers'. With more, which is beyond the papers, the class's learned vector is
            projected onto the last map's sum (Miyato and Koyama 2018).
        initialisation: normal, N(0, 0.02), or xavier, uniform.
        banded: in the papers it is given pixels (false). Beyond the papers it is given bands of spatial frequency, each
            over its deviation: as many as there are channels, the rest counted.

    Attributes:
        bands: splits the images, with deviations of 1 until they are measured; None without.

    Raises:
        ValueError: image_size isn't 4 * 2**len(channels), a kernel is odd, or a setting is unknown.
    """

    def __init__(
        self,
        channels: Sequence[int],
        image_size: int,
        *,
        kernel: int = 6,
        first_kernel: int | None = None,
        normalisation: Normalisation = "batch",
        spectral: bool = False,
        classes: int = 0,
        initialisation: Literal["normal", "xavier"] = "normal",
        banded: bool = False,
    ) -> None:
        super().__init__()
        _check("discriminator", channels, image_size, normalisation)
        if initialisation not in ("normal", "xavier"):
            raise ValueError(f"initialisation is normal or xavier, not {initialisation}")
        bias = normalisation == "none"
        self.bands = Bands(len(channels)) if banded else None
        first = _halving(len(channels) if banded else 1, channels[0], first_kernel or kernel, bias)
        layers: list[nn.Module] = [first, *_activated(None, "none")]
        for before, after in pairwise(channels):
            layers += [_halving(before, after, kernel, bias), *_activated(after, normalisation)]
        self.layers = nn.Sequential(*layers)
        self.logit = nn.Conv2d(channels[-1], 1, SMALLEST, bias=bias)
        self.embedding = nn.Embedding(classes, channels[-1]) if classes else None
        _initialise(self, initialisation)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, 0.0, DEVIATION)
        if spectral:
            for module in list(self.modules()):
                if isinstance(module, nn.Conv2d | nn.Embedding):
                    spectral_norm(module)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """How real the patches look.

        Args:
            image: (B, 1, H, W) floating point in [-1, 1].
            label: (B,) int64 in [0, classes); unused unless conditional.

        Returns:
            (B,) logits, high for real.
        """
        # Assumption: section 4.2 normalises the input to [-1, 1], section 4.3 stretches G's output to [0, 1] before D.
        # The generator's tanh gives [-1, 1] already, the published code stretches nothing, and so do we.
        features = self.layers(image if self.bands is None else self.bands(image))  # (B, C, 4, 4)
        logits: Tensor = self.logit(features).flatten()  # (B, 1, 1, 1) to (B,)
        if self.embedding is not None:
            logits = logits + (self.embedding(_given(label)) * features.sum((2, 3))).sum(1)
        return logits


def stretched(z: Tensor) -> Tensor:
    """A batch of noise brought to [-1, 1] by its least and its greatest number."""
    # Assumption: the paper normalises "this pure-noise batch" to [-1, 1] (4.3) without saying how: we take the extremes
    # of the whole batch. Of 64 x 200 normal numbers they are about 3.9, so it is a division by that.
    low, high = torch.aminmax(z)
    return 2 * (z - low) / (high - low).clamp_min(torch.finfo(z.dtype).tiny) - 1


def _check(network: str, channels: Sequence[int], image_size: int, normalisation: str) -> None:
    reached = SMALLEST * 2 ** len(channels)
    if not channels or image_size != reached:
        raise ValueError(f"{len(channels)} channels of a {network} are for {reached} px, image_size is {image_size}")
    if normalisation not in ("batch", "layer", "none"):
        raise ValueError(f"normalisation is batch, layer or none, not {normalisation}")


def _doubled(channels: int, kernels: int, upsampling: str, bias: bool) -> list[nn.Module]:
    if upsampling == "transposed":
        return [nn.ConvTranspose2d(channels, kernels, 4, stride=2, padding=1, bias=bias)]
    if upsampling == "resize":
        return [nn.UpsamplingNearest2d(scale_factor=2), nn.Conv2d(channels, kernels, 3, padding=1, bias=bias)]
    return [nn.Conv2d(channels, 4 * kernels, 3, padding=1, bias=bias), nn.PixelShuffle(2)]


def _halving(channels: int, kernels: int, kernel: int, bias: bool) -> nn.Conv2d:
    if kernel < 2 or kernel % 2:
        raise ValueError(f"a kernel that halves the side exactly is even, not {kernel}")
    return nn.Conv2d(channels, kernels, kernel, stride=2, padding=(kernel - 2) // 2, bias=bias)


def _activated(channels: int | None, normalisation: Normalisation) -> list[nn.Module]:
    activation = nn.LeakyReLU(SLOPE, inplace=True)
    if channels is None or normalisation == "none":
        return [activation]
    return [nn.BatchNorm2d(channels) if normalisation == "batch" else nn.GroupNorm(1, channels), activation]


def _to_grey(channels: int) -> nn.Conv2d:
    """A map to its share of the image, of about unit variance at first."""
    layer = nn.Conv2d(channels, 1, 1)
    nn.init.normal_(layer.weight, 0.0, channels**-0.5)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _enlarged(image: Tensor) -> Tensor:
    """(B, 1, h, w) to (B, 1, 2h, 2w)."""
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)


def _initialise(network: nn.Module, kernels: Literal["normal", "xavier"] = "normal") -> None:
    # Assumption: the paper doesn't say how weights start; N(0, 0.02) for kernels and N(1, 0.02) for the gains of the
    # normalisation, as published and as Radford et al. (2016) have it.
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if kernels == "normal":
                nn.init.normal_(module.weight, 0.0, DEVIATION)
            else:
                nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm) and kernels == "normal":
            nn.init.normal_(module.weight, 1.0, DEVIATION)


def _given(label: Tensor | None) -> Tensor:
    if label is None:
        raise ValueError("a conditional network needs labels")
    return label
