"""The adversarial loss with labels between 0 and 1 (alyafi2019_dcgan, equations 1 and 2, section 4.3.1)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


class SmoothedLoss:
    """Cross-entropy against a label for real images below 1, one-sided: the label for synthetic ones is 0.

    The generator's target is the same label. Labels are the same number for all images, or one an image where some are
    flipped.
    """

    def discriminator(
        self, real: Tensor, synthetic: Tensor, real_label: float | Tensor, synthetic_label: float | Tensor = 0.0
    ) -> Tensor:
        """Equation 1, -E[log D(real)] - E[log(1 - D(synthetic))], with labels in place of 1 and 0.

        Args:
            real, synthetic: (B,) logits.
            real_label, synthetic_label: in [0, 1], or (B,).

        Returns:
            () float32, >= 0; least where D is the label.
        """
        return cross_entropy(real, real_label) + cross_entropy(synthetic, synthetic_label)

    def generator(self, synthetic: Tensor, real_label: float) -> Tensor:
        """Equation 2, -E[log D(synthetic)], with the label in place of 1.

        Args:
            synthetic: (B,) logits.

        Returns:
            () float32, >= 0.
        """
        return cross_entropy(synthetic, real_label)


def cross_entropy(logits: Tensor, label: float | Tensor) -> Tensor:
    """Mean of -label log D - (1 - label) log(1 - D), with D the sigmoid of the logits (B,); () float32."""
    logits = logits.float()
    return (F.softplus(logits) - label * logits).mean()
