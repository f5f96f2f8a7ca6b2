"""What changes from one epoch to the next, as pure functions of the images seen (alyafi2019_dcgan, section 4.3)."""

from __future__ import annotations

import numpy as np


def epoch_of(images_seen: int, training_images: int) -> int:
    """The epoch, from 0, that the next image belongs to. A batch across two belongs to that of its first image."""
    return images_seen // training_images


def staircase(epoch: int, *, factor: float, every: int) -> float:
    """A factor on a learning rate: `factor` once for each `every` whole epochs done."""
    # Assumption: "exponentially decreased by a factor of 0.99 every 10 epochs" is a step at each tenth epoch, not a
    # little decrease in each.
    return float(factor ** (epoch // every))


def real_label(epoch: int, *, low: float, high: float, seed: int) -> float:
    """An epoch's label for real images, from U[low, high): the same for every iteration of the epoch.

    A function of (seed, epoch) alone, so that a resumed training has the label of the uninterrupted one, and several
    processes have the same.
    """
    return float(np.random.default_rng([seed, epoch]).uniform(low, high))
