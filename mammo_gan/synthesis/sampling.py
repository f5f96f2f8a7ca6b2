"""Synthetic patches drawn from noise by a trained generator (alyafi2019_dcgan, 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A synthetic patch, and how to draw it again: it is image `place` of the batch that `seed` draws.

    image: (H, W) float32 in [0, 1]. label: the class that it was asked for; None = the generator knows of none.
    """

    image: NDArray[np.float32]
    label: int | None
    seed: int
    place: int


def sample(
    generator: nn.Module,
    count: int,
    *,
    batch_size: int,
    seed: int,
    device: torch.device | str,
    progress: Progress = lambda items, total, description: items,
) -> Iterator[Sampled]:
    """Draw `count` patches, of all classes in turn.

    A generator may look at its batch as a whole (DCGAN's noise is stretched by the batch's extremes), so all batches
    are drawn whole, and what is too much of the last is left out: a smaller `count` gives the first of a larger one.

    Args:
        generator: z (B, latent) of N(0, 1) and label (B,) int64, which it may leave aside, to (B, 1, H, W) in [-1, 1];
            with numbers `latent` and `classes`. It is moved to `device` and left there, in eval mode.
        progress: progress(items, total, description), passing patches on as they are made.
    """
    generator.to(device).eval()
    seeds = np.random.default_rng(seed).integers(2**62, size=-(-count // batch_size)).tolist()

    def patches() -> Iterator[Sampled]:
        for number, own in enumerate(seeds):
            drawn = _batch(generator, batch_size, own, device)
            yield from drawn[: count - number * batch_size]

    yield from progress(patches(), count, "synthesis")


def _batch(generator: Any, size: int, seed: int, device: torch.device | str) -> list[Sampled]:
    z = torch.randn(size, generator.latent, generator=torch.Generator().manual_seed(seed)).to(device)
    label = torch.arange(size, device=device) % max(generator.classes, 1)
    with torch.inference_mode():
        images = (generator(z, label)[:, 0].float().clamp(-1, 1) + 1) / 2  # (B, H, W)
    classes = label.tolist() if generator.classes else [None] * size
    pairs = zip(images.cpu().numpy(), classes, strict=True)
    return [Sampled(image, own, seed, place) for place, (image, own) in enumerate(pairs)]
