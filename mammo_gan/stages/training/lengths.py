"""How long a training lasts, in iterations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl


def iterations_of(training: Mapping[str, Any], method: Mapping[str, Any], data: pl.LightningDataModule) -> int:
    """Of all processes together, pre-training included.

    Args:
        training: `iterations`; or `epochs`, each of as many images as `method` or `data` say in `training_images`. Of a
            last iteration that goes beyond the epochs all images are seen.
        method: `pretraining_iterations` of a method that has such, on top.
    """
    epochs = training.get("epochs")
    if epochs is None:
        return int(training["iterations"]) + int(method.get("pretraining_iterations", 0))
    images: int = method.get("training_images") or data.training_images  # type: ignore[attr-defined]
    return int(-(-epochs * images // training["batch_size"]))
