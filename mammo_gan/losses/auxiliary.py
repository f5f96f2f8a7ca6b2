"""What an image shows, told by further outputs of the critic (Odena et al. 2017, "Conditional image synthesis with
auxiliary classifier GANs"; korkinof2019_mammogan, section 3 a).

The critic learns to tell it of real images and of synthetic ones, whose attributes are those that they were asked for,
and the generator to draw what is told right. An attribute that an archive leaves out of an image's record counts for
nothing in that image.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1  # of a category; of a number, nan


def attribute_losses(heads: Mapping[str, Tensor], attributes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each attribute's loss, by its name: `cross_entropy` of a category, `squared_error` of a number.

    Args:
        heads: (B, n) outputs of the critic; n is the number of categories, or 1 of a number.
        attributes: (B,) int64 of a category or floating point of a number.

    Returns:
        () float32, >= 0, one an attribute.

    Raises:
        ValueError: the names differ, or a number has another count of outputs than one.
    """
    if heads.keys() != attributes.keys():
        raise ValueError(f"the critic tells {sorted(heads)}, and the images are labelled with {sorted(attributes)}")
    losses = {}
    for name, target in attributes.items():
        if not target.is_floating_point():
            losses[name] = cross_entropy(heads[name], target)
        elif heads[name].shape[1] == 1:
            losses[name] = squared_error(heads[name].squeeze(1), target)
        else:
            raise ValueError(f"{name} is a number, so its head has 1 output, not {heads[name].shape[1]}")
    return losses


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of -log softmax(logits)[target] over the images whose category is known.

    Args:
        logits: (B, n).
        target: (B,) int64 in [0, n), or UNKNOWN.

    Returns:
        () float32, >= 0; 0, with a graph, if none is known.
    """
    total = F.cross_entropy(logits.float(), target, ignore_index=UNKNOWN, reduction="sum")
    return total / (target != UNKNOWN).sum().clamp_min(1)


def squared_error(value: Tensor, target: Tensor) -> Tensor:
    """Mean of (value - target)^2 over the images whose number is known.

    Args:
        value: (B,).
        target: (B,) floating point, or nan.

    Returns:
        () float32, >= 0; 0, with a graph, if none is known.

    Raises:
        ValueError: the shapes differ.
    """
    if value.shape != target.shape:
        raise ValueError(f"expected a number an image, got {tuple(value.shape)} and {tuple(target.shape)}")
    # Assumption: the paper conditions on the breast mask's size without saying how the critic tells it: as a number, by
    # its squared error.
    known = ~target.isnan()
    error = torch.where(known, value.float() - target, 0)
    return error.square().sum() / known.sum().clamp_min(1)
