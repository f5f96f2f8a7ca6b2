"""Images as bands of spatial frequency (Burt and Adelson 1983, "The Laplacian pyramid as a compact image code").

The power of a mammogram falls steeply with frequency: in patches of masses the finest structure has a twentieth of the
deviation of the coarsest. A network that is given pixels hardly sees the one beside the other. Given bands, each over
its own deviation, it sees all of them alike.

This file imports nothing of the package, so that a published generator can ship it as its source.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = (0.125, 0.375, 0.375, 0.125)  # binomial, of even length, so that a coarser pixel lies between the finer ones


class Bands(nn.Module):
    """Splits images into `count` bands, finest first: what each halving of an image takes away, and at last the rest.

    Deviations are 1 until they are measured. They are part of the state.

    Args:
        count: at least 1, the image itself. The images' sides must halve one time less often.

    Raises:
        ValueError: there is none.
    """

    deviation: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        if count < 1:
            raise ValueError(f"expected a band at least, not {count}")
        self.count = count
        self.register_buffer("deviation", torch.ones(count))  # of each band about its mean

    @property
    def measured(self) -> bool:
        return bool((self.deviation != 1).any())

    @torch.no_grad()
    def measure(self, images: Tensor) -> None:
        """Take the deviations from images (N, 1, H, W), N >= 1; one that doesn't vary counts as 1."""
        found = bands_of(images.float(), self.count).std((0, 2, 3), correction=0)
        self.deviation.copy_(torch.where(found > 0, found, 1.0))

    def of_halvings(self, count: int) -> list[Tensor]:
        """Deviations () for images of `count` sizes, coarsest first; sizes below the last band's have the last's."""
        return [self.deviation[min(halvings, self.count - 1)] for halvings in reversed(range(count))]

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, count, H, W) float32, each band over its deviation."""
        # Half precision has no room for a fine band beside the coarse ones.
        with torch.autocast(image.device.type, enabled=False):
            return bands_of(image.float(), self.count) / self.deviation[:, None, None]


def bands_of(image: Tensor, count: int) -> Tensor:
    """(B, 1, H, W) to (B, count, H, W), whose sum over the bands is the image."""
    bands, finer, coarser = [], image, image
    for _ in range(count - 1):
        coarser = _halved(coarser)
        smooth = F.interpolate(coarser, size=image.shape[2:], mode="bilinear", align_corners=False)
        bands.append(finer - smooth)
        finer = smooth
    return torch.cat([*bands, finer], 1)


def _halved(image: Tensor) -> Tensor:
    """(B, 1, H, W) to (B, 1, H / 2, W / 2), smoothed first."""
    line = torch.tensor(KERNEL, device=image.device, dtype=image.dtype)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), torch.outer(line, line)[None, None], stride=2)
