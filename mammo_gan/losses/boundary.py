"""The boundary loss: the infill joins its surroundings smoothly (wu2018_cigan, section 2.2)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TRUNCATE = 4.0  # the Gaussian ends at this many standard deviations


class BoundaryWeight(nn.Module):
    """w of the paper: the mask's boundary, blurred.

    The boundary is the mask without its erosion by a cross, one pixel wide; outside the patch counts as not lesion. It
    is blurred by a Gaussian and stretched to [0, 1] for each sample.

    Args:
        sigma: standard deviation in px of the patch (10 at 256 px in the paper).
        image_size: side of the patch in px.
    """

    blur: Tensor

    def __init__(self, sigma: float, image_size: int) -> None:
        super().__init__()
        if sigma <= 0:
            raise ValueError(f"sigma is more than 0 px, not {sigma}")
        self.register_buffer("blur", _gaussian_matrix(sigma, image_size), persistent=False)

    @torch.no_grad()
    def forward(self, mask: Tensor) -> Tensor:
        """Weights of each pixel.

        Args:
            mask: (B, 1, H, W) floating point in {0, 1}.

        Returns:
            (B, 1, H, W) float32 in [0, 1], largest on the boundary; all 0 for an empty mask.
        """
        with torch.autocast(mask.device.type, enabled=False):  # half precision would round the blur's tail to steps
            mask = mask.float()
            edge = mask - _eroded(mask)
            # Assumption: the inner edge, blurred and stretched to [0, 1], as published; the paper says "mask boundary"
            # and stops at the Gaussian.
            blurred = self.blur @ edge @ self.blur.T
            lowest = blurred.amin((2, 3), keepdim=True)
            span = blurred.amax((2, 3), keepdim=True) - lowest
            return (blurred - lowest) / span.clamp_min(torch.finfo(span.dtype).tiny)


class BoundaryLoss(nn.Module):
    """Weighted mean absolute error at the mask's boundary, |w (R - S)|_1.

    Args:
        weight: gives w.
        mean_over: what the sum over pixels is divided by: the sum of w, or the number of pixels (as published, where
            long boundaries count more).
    """

    def __init__(self, weight: BoundaryWeight, mean_over: Literal["boundary", "image"] = "boundary") -> None:
        super().__init__()
        if mean_over not in ("boundary", "image"):
            raise ValueError(f"mean_over is boundary or image, not {mean_over}")
        self.weight = weight
        self.mean_over = mean_over

    def forward(self, real: Tensor, synthetic: Tensor, mask: Tensor) -> Tensor:
        """Mean over the batch.

        Args:
            real: (B, 1, H, W) float32 in [0, 1].
            synthetic: (B, 1, H, W) floating point in [0, inf).
            mask: (B, 1, H, W) floating point in {0, 1}.

        Returns:
            () float32, >= 0; a sample with an empty mask adds 0.
        """
        weight: Tensor = self.weight(mask)
        error = weight * (real.float() - synthetic.float()).abs()
        if self.mean_over == "image":
            return error.mean()
        # Assumption: the paper prints a norm without saying over what it is averaged. Divided by the sum of w, the
        # loss is a mean difference of grey values and doesn't grow with the lesion.
        total = weight.sum((1, 2, 3)).clamp_min(torch.finfo(weight.dtype).tiny)  # (B,)
        return (error.sum((1, 2, 3)) / total).mean()


def _eroded(mask: Tensor) -> Tensor:
    """Binary erosion of (B, 1, H, W) by the cross of a pixel and its four neighbours, 0 outside."""
    padded = F.pad(mask, (1, 1, 1, 1))
    rows = torch.minimum(padded[..., :-2, 1:-1], padded[..., 2:, 1:-1])
    columns = torch.minimum(padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
    return torch.minimum(mask, torch.minimum(rows, columns))


def _gaussian_matrix(sigma: float, size: int) -> Tensor:
    """The blur of a line of `size` px as (size, size) float32, borders reflected about the pixels' outer edges.

    As a matrix the blur is two products for the whole batch, and reflection holds however far the kernel reaches.
    """
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (offsets.double() / sigma) ** 2)
    kernel /= kernel.sum()
    source = (torch.arange(size)[:, None] + offsets) % (2 * size)  # (size, kernel): the line and its mirror image
    source = torch.where(source < size, source, 2 * size - 1 - source)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, source, kernel.expand(size, -1).contiguous()).float()
