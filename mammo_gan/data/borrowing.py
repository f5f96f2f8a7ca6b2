"""A lesion's mask for a patch that has no lesion of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.data.store import PatchStore

TRIES = 16


def borrow_mask(store: PatchStore, patch: int, lenders: NDArray[np.intp], rng: np.random.Generator) -> int:
    """The index of the patch whose mask `patch` borrows, one of `lenders`.

    # Assumption: wu2018 takes "randomly selected segmentations from other malignant patches" (Figure 1) and doesn't say
    # where they go. Ours lie where they lay on their own patch, and a mask that would reach beyond the breast is drawn
    # again: of 16 draws, the first that lies on the breast, else the one that reaches least beyond it.

    Args:
        lenders: (K,) indices of patches that show a lesion, K at least 1.
    """
    drawn = rng.choice(lenders, size=TRIES)
    overhangs = []
    for lender in drawn.tolist():
        overhang = store.overhang(lender, patch)
        if overhang == 0:
            return int(lender)
        overhangs.append(overhang)
    return int(drawn[int(np.argmin(overhangs))])
