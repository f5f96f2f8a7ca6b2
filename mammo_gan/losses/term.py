"""One summand of a network's loss."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class LossTerm(NamedTuple):
    """What a method's loss is made of: the sum of weight * value over its terms.

    value:  () float32, logged as it is
    weight: the term's coefficient
    """

    value: Tensor
    weight: float
