"""How long a training lasts, in iterations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from mammo_gan.data.mammograms import MammogramData, size_of
from mammo_gan.errors import UserError
from mammo_gan.schedules.progressive import total_images


def iterations_of(training: Mapping[str, Any], method: Mapping[str, Any], data: pl.LightningDataModule) -> int:
    """Of all processes together, pre-training included.

    Args:
        training: `iterations`; or `epochs`, each of as many images as `method` or `data` say in `training_images`. Of a
            last iteration that goes beyond the epochs all images are seen. Of a growing GAN `epochs` and so many images
            `more`, in batches that its schedule tells.
        method: `pretraining_iterations` of a method that has such, on top.

    Raises:
        UserError: a growing GAN would not reach its finest resolution.
    """
    epochs = training.get("epochs")
    if isinstance(data, MammogramData):
        return _growing(training, data)
    if epochs is None:
        return int(training["iterations"]) + int(method.get("pretraining_iterations", 0))
    images: int = method.get("training_images") or data.training_images  # type: ignore[attr-defined]
    return int(-(-epochs * images // training["batch_size"]))


def _growing(training: Mapping[str, Any], data: MammogramData) -> int:
    epochs, more, schedule = int(training["epochs"]), int(training["more"]), data.schedule
    images, grown = total_images(data.training_images, epochs=epochs, more=more), schedule.grown()
    if images <= grown:
        (height, width), finest = size_of(data.store, schedule.progress(images).stage), data.store.sizes[0]
        raise UserError(
            f"training.epochs={epochs} of {data.training_images} images and training.more={more} are {images} images, "
            f"with which the networks grow to {height}x{width} px; {finest[0]}x{finest[1]} has faded in after {grown}. "
            f"Set training.more={grown - images + more + schedule.stable} or more, or a shorter training.schedule"
        )
    return schedule.iterations(images)
