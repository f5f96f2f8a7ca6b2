"""R1: the discriminator is flat around real images (Mescheder et al. 2018, "Which training methods for GANs do actually
converge?", equation 9)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def r1(logits_of: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Mean over the batch of the squared norm of the logits' gradient at real images.

    The equation's gamma / 2 is left to the term's weight. Computed in float32 also under mixed precision, where the
    gradient of a gradient is wrong.

    Args:
        logits_of: (B, 1, H, W) to (B,).
        real: (B, 1, H, W).

    Returns:
        () float32, >= 0, with a graph to the discriminator's parameters.
    """
    with torch.autocast(real.device.type, enabled=False):
        image = real.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(logits_of(image).sum(), image, create_graph=True)
        return gradient.square().sum((1, 2, 3)).mean()
