"""A small annotated mammogram for tests of the writers: a breast at the left border, with one lesion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box
from mammo_gan.synthesis.annotation import Annotated, AnnotatedLesion

SHAPE = (41, 31)  # odd, and of an odd number of bytes where a pixel is one


def annotated(dtype: type = np.uint16, **fields: Any) -> Annotated:
    """Of every value between black and white there may be, both ends among them."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    white = np.iinfo(dtype).max
    breast = (rows - 20) ** 2 + columns**2 < 15**2
    grey = np.random.default_rng(0).integers(white // 2, white, SHAPE)
    image: NDArray[Any] = np.where(breast, grey, 0).astype(dtype)
    image[20, 3] = white
    mask = (rows - 18) ** 2 + (columns - 5) ** 2 < 9
    lesion = AnnotatedLesion("mass", Box(3, 16, 8, 21), mask)
    whole = Annotated(
        image=image,
        view="MLO",
        laterality="L",
        mm_per_px=0.07,
        lesions=(lesion,),
        parent="0123456789abcdef",
        generator="f" * 64,
        seed=7,
    )
    return replace(whole, **fields)
