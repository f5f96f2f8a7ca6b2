"""The Wasserstein loss with a gradient penalty (Gulrajani et al. 2017, "Improved training of Wasserstein GANs",
equation 3; Karras et al. 2018, appendix A.1; korkinof2019_mammogan, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor


class WassersteinLoss:
    """The critic pulls the mean scores of real and synthetic images apart, the generator raises its own.

    Means over the batch throughout: a sum would make the terms grow with the batch, which shrinks over the stages.
    """

    def critic(self, real: Tensor, synthetic: Tensor) -> Tensor:
        """E[C(synthetic)] - E[C(real)].

        Args:
            real, synthetic: (B,) scores.

        Returns:
            () float32; its negative estimates the distance of the two distributions.
        """
        return synthetic.float().mean() - real.float().mean()

    def drift(self, real: Tensor) -> Tensor:
        """E[C(real)^2], which keeps scores near 0, where the difference of two means would leave them free to wander.

        Args:
            real: (B,) scores.

        Returns:
            () float32, >= 0.
        """
        return real.float().square().mean()

    def generator(self, synthetic: Tensor) -> Tensor:
        """-E[C(synthetic)].

        Args:
            synthetic: (B,) scores.

        Returns:
            () float32.
        """
        return -synthetic.float().mean()


def gradient_penalty(
    scores_of: Callable[[Tensor], Tensor],
    real: Tensor,
    synthetic: Tensor,
    *,
    target: float = 1.0,
    share: Tensor | None = None,
    source: torch.Generator | None = None,
    in_float32: bool = True,
) -> Tensor:
    """Mean over the batch of (|gradient of the score| / target - 1)^2, each at a point between a real and a synthetic
    image.

    Args:
        scores_of: (B, 1, H, W) float32 to (B,); an image's score may depend on its own pixels alone, or a little on the
            others' (a minibatch deviation).
        real, synthetic: (B, 1, H, W) floating point; gradients reach neither.
        target: norm of the gradient, over all pixels, that costs nothing.
        share: (B,) in [0, 1], where the points are, 0 = at the real image; None = drawn evenly.
        source: of the points that are drawn, on the images' device; None = torch's own state.
        in_float32: keep autocast out. Needed unless the gradient of the critic's gradient is right in half precision
            (`networks.convolution`); float16 overflows in any case.

    Returns:
        () float32, >= 0, with a graph to the critic's parameters.

    Raises:
        ValueError: target isn't above 0, or the images differ in shape.
    """
    if target <= 0:
        raise ValueError(f"the norm that costs nothing is above 0, not {target}")
    if real.shape != synthetic.shape:
        raise ValueError(f"expected as many images of one size, got {tuple(real.shape)} and {tuple(synthetic.shape)}")
    device = real.device
    if share is None:
        share = torch.rand(len(real), generator=source, device=device)
    between = torch.lerp(real.detach().float(), synthetic.detach().float(), share.view(-1, 1, 1, 1)).requires_grad_()
    with torch.autocast(device.type, enabled=False) if in_float32 else nullcontext():
        scores = scores_of(between)
        (gradient,) = torch.autograd.grad(scores.float().sum(), between, create_graph=True)
    norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3))  # (B,); where it is 0, so is its own gradient
    penalty: Tensor = (norm / target - 1).square().mean()
    return penalty
