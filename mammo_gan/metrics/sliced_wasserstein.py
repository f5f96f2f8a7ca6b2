"""The sliced Wasserstein distance between real and synthetic images, gathered over processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from mammo_gan.metrics.gathering import gather
from mammo_gan.statistics.sliced_wasserstein import IMAGES, Patches, draw_patches, level_heights, sliced_wasserstein


def swd_name(images: int) -> str:
    """What a distance may be called: `swd` over the 16,384 images of each set that the original takes, else
    `swd_2048` and the like, for a distance falls as images are added."""
    return "swd" if images == IMAGES else f"swd_{images}"


class PatchSets(Metric):
    """Keeps patches of real and of synthetic images; a subclass's `compute` compares them.

    An image of 1280x1024 leaves 88 kB. As many images of each set are compared as the smaller one has.

    Args:
        images: of each set at most, of all processes together; further ones are left out.
        seed: of the patches' places, which differ between sets and processes, and of the directions.
        keep_real: `reset` keeps the real images' patches, so that they are read but once. To measure the floor, give
            other real images as synthetic ones first.

    Raises:
        ValueError: fewer than one image is asked for.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    real: list[Tensor]
    synthetic: list[Tensor]
    size: Tensor

    def __init__(self, images: int = IMAGES, seed: int = 0, keep_real: bool = False, **kwargs: Any) -> None:
        if images < 1:
            raise ValueError(f"a distance needs one image or more of each set; got images={images}")
        super().__init__(dist_sync_fn=gather, **kwargs)
        self.images, self.seed, self.keep_real = images, seed, keep_real
        self.add_state("real", default=[], dist_reduce_fx="cat")
        self.add_state("synthetic", default=[], dist_reduce_fx="cat")
        self.add_state("size", default=torch.zeros(2, dtype=torch.int64), dist_reduce_fx="max")
        self._places: dict[bool, np.random.Generator] = {}

    @torch.no_grad()
    def update(self, image: Tensor, real: bool) -> None:
        """Add images (B, 1, H, W) float32 in [0, 1] to the real or to the synthetic set.

        Raises:
            ValueError: they have another size than those before, or one that makes no pyramid.
        """
        if image.ndim != 4 or image.shape[1] != 1:
            raise ValueError(f"images of shape (B, 1, H, W) are needed; got {tuple(image.shape)}")
        size = torch.tensor(image.shape[2:], device=self.size.device)
        if bool(self.size.any()) and not torch.equal(size, self.size):
            raise ValueError(f"all images have one size, here {self.size.tolist()}; got {size.tolist()}")
        kept = self.real if real else self.synthetic
        room = self.images - sum(map(len, kept))
        if room > 0:
            grey = 255 * image[:room, 0].float()
            kept.append(torch.from_numpy(draw_patches(grey.numpy(force=True), self._rng(real))))
            self.size = size

    def reset(self) -> None:
        """Forget all images, or with `keep_real` the synthetic ones. These have the same places next time."""
        real, size = list(_parts(self.real)), self.size  # a copy, for reset empties the list
        super().reset()
        self._places.pop(False, None)
        if self.keep_real and real:
            self.real, self.size = real, size
        else:
            self._places.pop(True, None)

    def measured(self) -> tuple[tuple[int, ...], NDArray[np.float64], int]:
        """Height of each level, the distance at it, and how many images of each set these are from.

        Raises:
            ValueError: if one of the sets has no images.
        """
        count = min(self.images, *(sum(map(len, _parts(patches))) for patches in (self.real, self.synthetic)))
        if not count:
            raise ValueError("a distance needs real and synthetic images; a set has none")
        real, synthetic = (_first(_parts(patches), count) for patches in (self.real, self.synthetic))
        height, width = self.size.tolist()
        distances = sliced_wasserstein(real, synthetic, np.random.default_rng([self.seed, 2]))
        return level_heights(height, width), distances, count

    def _rng(self, real: bool) -> np.random.Generator:
        """Made with the first images, when it is known which process this is."""
        if real not in self._places:
            rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
            self._places[real] = np.random.default_rng([self.seed, int(real), rank])
        return self._places[real]


def _parts(patches: list[Tensor] | Tensor) -> list[Tensor]:
    """Of a set's state: a list, or one tensor once it has been gathered."""
    return [patches] if isinstance(patches, Tensor) else patches


def _first(parts: list[Tensor], count: int) -> list[Patches]:
    """The first images of a set; their patches aren't copied."""
    found: list[Patches] = []
    for part in parts:
        found.append(part[: count - sum(map(len, found))].numpy(force=True))
    return found


class SlicedWasserstein(PatchSets):
    """The distance at each level of the pyramid, and their mean."""

    def compute(self) -> dict[str, Tensor]:
        """Scalars float64: `mean`, then `level_1280` and the like, the level's height in px, from fine to coarse; and
        `images`, how many of each set were compared, by which `swd_name` names the result.

        Raises:
            ValueError: if one of the sets has no images.
        """
        heights, distances, count = self.measured()
        levels = {f"level_{height}": value for height, value in zip(heights, distances, strict=True)}
        found = {"mean": distances.mean(), **levels, "images": count}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in found.items()}


class MeanSlicedWasserstein(PatchSets):
    """The mean over the levels alone, by which a checkpoint can be chosen."""

    def compute(self) -> Tensor:
        """Scalar float64. Raises ValueError as `SlicedWasserstein.compute` does."""
        return torch.tensor(self.measured()[1].mean(), dtype=torch.float64)
