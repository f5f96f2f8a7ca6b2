"""Synthetic patches by a trained infilling generator (wu2018, 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mammo_gan.data.corruption import corrupt
from mammo_gan.data.store import PatchStore
from mammo_gan.synthesis.exchange import Exchange

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Infilled:
    """A synthetic patch with what it was made from; all (H, W).

    original, corrupted, image: float32 in [0, 1]. mask: bool, True where the generator had noise to replace.
    """

    exchange: Exchange
    original: NDArray[np.float32]
    corrupted: NDArray[np.float32]
    mask: NDArray[np.bool_]
    image: NDArray[np.float32]


def infill(
    model: nn.Module,
    store: PatchStore,
    exchanges: Sequence[Exchange],
    *,
    batch_size: int,
    device: torch.device | str,
    composite: bool = False,
    progress: Progress = lambda items, total, description: items,
) -> Iterator[Infilled]:
    """Make the patches of a plan, in its order.

    Args:
        model: a ciGAN or its generator: corrupted and mask (B, 1, H, W), label (B,) -> (B, 1, H, W) in [0, inf), which
            is clipped to [0, 1] here. It is moved to `device` and left there, in eval mode.
        composite: keep the context of the original and take the generator's output within the mask only. The paper's
            text keeps the whole output (Figure 1 shows that borders are smooth, not how), so this is off there.
        progress: progress(items, total, description), passing patches on as they are made.
    """
    model.to(device).eval()

    def patches() -> Iterator[Infilled]:
        for start in range(0, len(exchanges), batch_size):
            yield from _infill_batch(model, store, exchanges[start : start + batch_size], device, composite)

    yield from progress(patches(), len(exchanges), "synthesis")


def _infill_batch(
    model: nn.Module, store: PatchStore, group: Sequence[Exchange], device: torch.device | str, composite: bool
) -> list[Infilled]:
    originals = np.stack([store.image(exchange.parent) for exchange in group])  # (B, H, W)
    masks = np.stack([store.mask(exchange.mask_parent) for exchange in group])
    noisy = [
        corrupt(original, mask, np.random.default_rng(exchange.seed))
        for original, mask, exchange in zip(originals, masks, group, strict=True)
    ]
    corrupted = np.stack(noisy)
    label = torch.tensor([exchange.label for exchange in group], device=device)
    with torch.inference_mode():
        output: Tensor = model(_channel(corrupted, device), _channel(masks, device), label)
    images = output[:, 0].float().clamp(0.0, 1.0).cpu().numpy()
    if composite:
        images = np.where(masks, images, originals)
    return [Infilled(*fields) for fields in zip(group, originals, corrupted, masks, images, strict=True)]


def _channel(images: NDArray[Any], device: torch.device | str) -> Tensor:
    """(B, H, W) -> (B, 1, H, W) float32."""
    return torch.from_numpy(images.astype(np.float32))[:, None].to(device)
