"""Reading attributes off images, to see whether synthetic ones show what they were asked for.

The papers don't measure that. A network that has learnt to read real images is as independent of the generator as one
can be that was trained on the same patients; the critic's own heads, which the generator was trained to please, are
not. Its accuracy on real images bounds what can be expected on synthetic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mammo_gan.data.batches import MammogramBatch
from mammo_gan.downstream.classifier import Classifier
from mammo_gan.losses.auxiliary import cross_entropy


class AttributeReader(Classifier):
    """Trains a network to tell each image's categories, by the sum of their cross-entropies.

    An image whose category isn't known counts for nothing in that attribute's.

    Args:
        categories: attribute -> how many it has, in the order of a batch's columns.
        network: makes one, image (B, 1, H, W) in [-1, 1] -> (B, outputs), given the number `outputs`.
        optimizer, decay, log_every, channels_last: see Classifier.
    """

    def __init__(
        self,
        categories: Mapping[str, int],
        network: Callable[..., nn.Module],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        decay: Callable[[int], float] | None = None,
        log_every: int = 50,
        channels_last: bool = True,
    ) -> None:
        super().__init__(network(outputs=sum(categories.values())), optimizer, decay, log_every, channels_last)
        self.categories = dict(categories)

    def read(self, image: Tensor) -> dict[str, Tensor]:
        """Logits of each attribute, by its name: (B, 1, H, W) float32 in [-1, 1] to (B, categories) float32."""
        logits = torch.split(self(image), list(self.categories.values()), 1)
        return dict(zip(self.categories, logits, strict=True))

    def loss_of(self, batch: MammogramBatch) -> Tensor:
        logits = self.read(batch.image).values()
        losses = [cross_entropy(one, known) for one, known in zip(logits, batch.categories.T, strict=True)]
        return torch.stack(losses).sum()
