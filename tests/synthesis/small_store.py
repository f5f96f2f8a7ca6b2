"""A prepared store of a few small patches, and a generator whose output is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.store import PatchRow, PatchStore, PatchWriter

SIZE = 16


def small_store(
    folder: Path,
    malignant: int = 3,
    healthy: int = 5,
    splits: tuple[SplitName, ...] = ("train", "test"),
    breast: np.ndarray | None = None,
) -> PatchStore:
    """Per split `malignant` patches of one patient each and `healthy` ones of other patients.

    The k-th malignant patch's mask covers the rows 3 + k to 8 + k. `breast` is where all patches show breast.
    """
    rng = np.random.default_rng(0)
    writer = PatchWriter(folder, len(splits) * (malignant + healthy), SIZE)
    for split in splits:
        for k in range(malignant + healthy):
            label = int(k < malignant)
            mask = np.zeros((SIZE, SIZE), bool)
            if label == MALIGNANT:
                mask[3 + k : 9 + k, 4:10] = True
            image = rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8)
            writer.append(image, mask, row(split, k, label), breast)
    writer.close()
    return PatchStore.open(folder)


def row(split: SplitName, k: int, label: int) -> PatchRow:
    return PatchRow(
        image_key=f"image-{split}-{k}",
        patient_key=f"patient-{split}-{k}",
        split=split,
        label=label,
        kind="mass" if label else None,
        pathology="malignant" if label else None,
        view="MLO",
        laterality="L",
        density="C",
        x0=k,
        y0=2 * k,
        scale=0.25,
        mm_per_px=0.2,
        lesion_box=(4, 3 + k, 10, 9 + k) if label else None,
    )


class PaintByClass(nn.Module):
    """Paints the mask with 0.25 (non-malignant) or a value beyond white (malignant), and darkens the context."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, corrupted: Tensor, mask: Tensor, label: Tensor) -> Tensor:
        self.seen.append((corrupted, mask, label))
        grey = torch.where(label == MALIGNANT, 1.5, 0.25)[:, None, None, None]
        return corrupted * 0.5 * (1 - mask) + grey * mask
