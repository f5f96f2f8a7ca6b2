"""Masks to draw: which lesions, how framed, in which order, turned how."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import LesionBatch
from mammo_gan.data.masks import LesionMasks, MaskData
from mammo_gan.data.store import PatchRow, PatchStore, PatchWriter
from mammo_gan.errors import UserError
from mammo_gan.imaging.mask_framing import MaskFrame
from tests.synthesis.small_store import row

SIDE = 32  # px of a patch
SCALE = 0.05  # so that 100 px of the full image are 5 of a patch
FRAME = 20  # px

# Image, split, lesion's corner on the image, its size, patch's corner.
Patch = tuple[str, SplitName, tuple[int, int], tuple[int, int], tuple[int, int]]
PATCHES: list[Patch] = [
    ("a", "train", (50, 60), (10, 10), (45, 45)),
    ("a", "train", (50, 60), (10, 10), (30, 50)),  # the same lesion
    ("a", "train", (50, 90), (10, 10), (40, 80)),
    ("b", "train", (50, 60), (16, 8), (35, 45)),
    ("b", "train", (0, 0), (0, 0), (70, 45)),  # lesion-free
    ("c", "val", (50, 60), (12, 12), (45, 45)),
    ("d", "train", (20, 20), (8, 20), (19, 19)),
]
LESIONS = [0, 2, 3, 6]  # of the training split, by their first patch


def write(folder: Path, patches: list[Patch], **changes: Any) -> PatchStore:
    """Each lesion lacks the lower right quarter of its box, so that no two of its mirror images are the same."""
    writer = PatchWriter(folder, len(patches), SIDE)
    for image, split, (x, y), (width, height), (left, top) in patches:
        mask = np.zeros((SIDE, SIDE), bool)
        x, y = x - left, y - top
        found: PatchRow = replace(row(split, 0, int(width > 0)), image_key=image, patient_key=f"p-{image}")
        found = replace(found, x0=left, y0=top, scale=SCALE, **(changes if image == "d" else {}))
        if width:
            mask[y : y + height, x : x + width] = True
            mask[y + height // 2 : y + height, x + width // 2 : x + width] = False
            found = replace(found, lesion_box=(x, y, x + width, y + height))
        writer.append(np.zeros((SIDE, SIDE), np.uint8), mask, found)
    writer.close()
    return PatchStore.open(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    return write(tmp_path_factory.mktemp("store"), PATCHES)


def batches(data: MaskData, count: int) -> list[LesionBatch]:
    return list(islice(iter(data.train_dataloader()), count))


def images(data: MaskData, count: int) -> torch.Tensor:
    return torch.cat([batch.image for batch in batches(data, count)])


def test_an_epoch_shows_each_lesion_of_the_training_split_once(store: PatchStore) -> None:
    data = MaskData(store, 4, seed=5, size=FRAME)
    assert data.training_images == 4
    expected = sorted(2.0 * MaskFrame(size=FRAME).of(store.mask(k), SCALE).sum() for k in LESIONS)
    for batch in batches(data, 3):
        assert (batch.image.shape, batch.image.dtype) == ((4, 1, FRAME, FRAME), torch.float32)
        assert set(batch.image.flatten().tolist()) == {-1.0, 1.0}
        assert sorted((batch.image + 1).sum(dim=(1, 2, 3)).tolist()) == expected
        assert batch.label.tolist() == [1, 1, 1, 1]


def test_a_lesion_takes_the_share_that_its_padded_box_gives_it(store: PatchStore) -> None:
    masks = LesionMasks(store, "train", MaskFrame(size=100), seed=1)
    assert masks.indices.tolist() == LESIONS
    assert masks.patients == ["p-a", "p-a", "p-b", "p-d"]
    for index, (width, height) in enumerate([(10, 10), (10, 10), (16, 8), (8, 20)]):
        share = 0.75 * width * height / (max(width, height) + 2 * 5) ** 2
        assert masks.mask(index).mean() == pytest.approx(share, rel=0.05)
    np.testing.assert_array_equal(masks.mask(0), masks.mask(1))  # equal lesions, wherever they lie on their patch


def test_kinds_and_pathologies_leave_the_others_out(tmp_path: Path) -> None:
    store = write(tmp_path, PATCHES, kind="calcification", pathology="benign")
    for wanted in ({"kinds": ["mass"]}, {"pathologies": ["malignant"]}):
        data = MaskData(store, 2, 5, **wanted)  # type: ignore[arg-type]
        assert data.training_images == 3
        assert len(data.masks("val")) == 1
    with pytest.raises(UserError, match="of the split train shows a lesion that is benign and mass, of whose mask"):
        MaskData(store, 2, 5, kinds=["mass"], pathologies=["benign"])
    with pytest.raises(UserError, match="no patch of the split test shows a lesion, of whose mask"):
        MaskData(store, 2, 5).masks("test")


def test_it_goes_on_where_images_seen_stands(store: PatchStore) -> None:
    whole = images(MaskData(store, 3, seed=5, flips=True), 6)
    later = MaskData(store, 3, seed=5, flips=True)
    trainer: Any = SimpleNamespace(
        lightning_module=SimpleNamespace(images_seen=torch.tensor(9)), global_rank=0, world_size=1
    )
    later.trainer = trainer
    assert torch.equal(images(later, 3), whole[9:])
    assert torch.equal(images(MaskData(store, 3, seed=5, flips=True, workers=1), 6), whole)
    assert not torch.equal(images(MaskData(store, 3, seed=6, flips=True), 6), whole)


def test_flips_are_mirror_images_of_all_four_kinds(store: PatchStore) -> None:
    plain, flipped = images(MaskData(store, 20, seed=5), 2), images(MaskData(store, 20, seed=5, flips=True), 2)
    seen = set()
    for before, after in zip(plain, flipped, strict=True):
        (dims,) = [dims for dims in ((), (2,), (1,), (1, 2)) if torch.equal(torch.flip(before, dims), after)]
        seen.add(dims)
    assert seen == {(), (2,), (1,), (1, 2)}


def test_what_is_measured_is_every_mask_unchanged(store: PatchStore) -> None:
    data = MaskData(store, 2, seed=5, flips=True, size=FRAME)
    reals = list(data.reals("train", 3))
    assert [tuple(batch.shape) for batch in reals] == [(3, 1, FRAME, FRAME), (1, 1, FRAME, FRAME)]
    expected = np.stack([data.masks("train").mask(index) for index in range(4)])
    np.testing.assert_array_equal(torch.cat(reals)[:, 0].numpy(), expected)
    shown = data.fixed_images("train", 2, 3)
    assert (shown.shape, shown.dtype) == ((2, 1, FRAME, FRAME), torch.float32)
    assert torch.equal(shown, MaskData(store, 4, seed=9, size=FRAME).fixed_images("train", 2, 3))
    assert len(data.fixed_images("val", 9, 3)) == 1
