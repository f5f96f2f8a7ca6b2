"""A patch's grey values as a network takes them, and back: an affine map that loses nothing but rounding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class GreyRange(NamedTuple):
    """The darkest and the brightest grey value, which are 0 and 1 to a network."""

    low: int
    high: int

    @classmethod
    def of(cls, patch: NDArray[np.integer[Any]]) -> GreyRange:
        """Of all pixels of a patch (H, W)."""
        return cls(int(patch.min()), int(patch.max()))

    def to_unit(self, patch: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """(grey - low) / (high - low): (H, W) -> float32 in [0, 1]; a range of one value becomes 0."""
        span = max(self.high - self.low, 1)
        return np.asarray((patch.astype(np.float64) - self.low) / span, dtype=np.float32)

    def from_unit(self, patch: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """low + unit * (high - low), what is beyond [0, 1] first brought to it: (H, W), not rounded."""
        return self.low + np.clip(patch.astype(np.float64), 0, 1) * (self.high - self.low)
