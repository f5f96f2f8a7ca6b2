"""What the discriminator sees of an image, changed at random (Zhao et al. 2020, "Differentiable augmentation for
data-efficient GAN training")."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DifferentiableAugmentation(nn.Module):
    """Brightness, contrast, translation and cutout, drawn anew for each image; gradients pass through.

    Applied to real and to synthetic images alike, in the steps of both networks, it keeps a discriminator of few images
    from learning them by heart, and the generator doesn't learn the changes. Flips are no part of it, they belong to
    the data. What is moved in or cut out is 0, mid-grey.

    Args:
        brightness: largest number added to an image of range [-1, 1].
        contrast: largest share by which the differences from the image's mean grow or shrink, at most 1.
        translation: largest shift along each axis, as a share of the side; by whole pixels.
        cutout: side of the square that is cut out, as a share of the image's.

    Raises:
        ValueError: one of them is below 0, or a share is above 1.
    """

    def __init__(
        self, brightness: float = 0.5, contrast: float = 0.5, translation: float = 0.125, cutout: float = 0.5
    ) -> None:
        super().__init__()
        shares = (contrast, translation, cutout)
        if min(brightness, *shares) < 0 or max(shares) > 1:
            raise ValueError(f"brightness is at least 0 and shares lie in [0, 1]: {brightness}, {shares}")
        self.brightness, self.contrast, self.translation, self.cutout = brightness, contrast, translation, cutout

    def forward(self, image: Tensor) -> Tensor:
        """Args:
            image: (B, C, H, W) floating point in [-1, 1].

        Returns:
            (B, C, H, W), of the image's own type; brightness and contrast may leave the range.
        """
        if self.brightness:
            image = image + self.brightness * _uniform(image)
        if self.contrast:
            mean = image.mean((1, 2, 3), keepdim=True)
            image = mean + (image - mean) * (1 + self.contrast * _uniform(image))
        if self.translation:
            image = _translated(image, self.translation)
        if self.cutout:
            image = image * _kept(image, self.cutout)
        return image


def _uniform(image: Tensor) -> Tensor:
    """(B, 1, 1, 1) from U(-1, 1), of the image's device and type."""
    return 2 * torch.rand(len(image), 1, 1, 1, device=image.device, dtype=image.dtype) - 1


def _translated(image: Tensor, share: float) -> Tensor:
    """Rows and columns are gathered: no shift is read by the host, and each pixel is used at most once."""
    for axis in (2, 3):
        side = image.shape[axis]
        reach = round(share * side)
        shape = [len(image), 1, 1, 1]
        shift = torch.randint(-reach, reach + 1, shape, device=image.device)
        source = torch.arange(side, device=image.device).view([side if k == axis else 1 for k in range(4)]) + shift
        inside = (source >= 0) & (source < side)
        index = source.clamp(0, side - 1).expand(-1, image.shape[1], *image.shape[2:])
        image = image.gather(axis, index) * inside.to(image.dtype)
    return image


def _kept(image: Tensor, share: float) -> Tensor:
    """(B, 1, H, W): 0 within a rectangle about a random pixel, of which some may lie beyond the border, else 1."""
    within = torch.ones((), dtype=torch.bool, device=image.device)
    for axis in (2, 3):
        side = image.shape[axis]
        length = round(share * side)
        centre = torch.randint(0, side, (len(image), 1, 1, 1), device=image.device)
        place = torch.arange(side, device=image.device).view([side if k == axis else 1 for k in range(4)])
        first = centre - length // 2
        within = within & (place >= first) & (place < first + length)
    return (~within).to(image.dtype)
