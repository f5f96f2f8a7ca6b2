"""The adversarial loss on logits (Goodfellow et al. 2014; wu2018_cigan, section 2.2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


class NonSaturatingLoss:
    """Cross-entropy of the discriminator's verdicts; the generator is rewarded for being taken for real.

    Both losses are log 2 for a discriminator that can't tell.
    """

    def discriminator(self, real: Tensor, synthetic: Tensor) -> Tensor:
        """Half of -E[log D(real)] - E[log(1 - D(synthetic))], with D the sigmoid of the logits.

        Args:
            real, synthetic: (B,) logits, or (B, h, w) of parts.

        Returns:
            () float32, >= 0.
        """
        # Assumption: the mean of the two halves, as published; the paper's equation prints their sum. Adam doesn't feel
        # the factor, but the paper's threshold of 0.3 does.
        return 0.5 * (F.softplus(-real.float()).mean() + F.softplus(synthetic.float()).mean())

    def generator(self, synthetic: Tensor) -> Tensor:
        """-E[log D(synthetic)].

        Args:
            synthetic: (B,) logits, or (B, h, w) of parts.

        Returns:
            () float32, >= 0.
        """
        # Deviation: the paper prints the min-max game, whose generator minimises log(1 - D); its gradient vanishes
        # while the discriminator is ahead, and the published code, as everyone's, is non-saturating.
        return F.softplus(-synthetic.float()).mean()
