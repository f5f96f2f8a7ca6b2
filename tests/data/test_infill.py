"""Items to infill: pure functions of their place, with their own mask or a borrowed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mammo_gan.archives.records import SplitName
from mammo_gan.data.borrowing import borrow_mask
from mammo_gan.data.infill import InfillPatches, collate
from mammo_gan.data.store import PatchRow, PatchStore, PatchWriter
from mammo_gan.errors import UserError

SIZE = 12


def row(split: SplitName, box: tuple[int, int, int, int] | None, label: int) -> PatchRow:
    return PatchRow(
        image_key="i",
        patient_key=f"p-{split}",
        split=split,
        label=label,
        kind=None if box is None else "mass",
        pathology=None if box is None else ("malignant" if label else "benign"),
        view="CC",
        laterality="L",
        density=None,
        x0=0,
        y0=0,
        scale=1.0,
        mm_per_px=None,
        lesion_box=box,
    )


def write(folder: Path, patches: list[tuple[SplitName, tuple[int, int, int, int] | None, int, int]]) -> PatchStore:
    """Patches of (split, lesion's box, label, columns of breast)."""
    writer = PatchWriter(folder, len(patches), SIZE)
    rng = np.random.default_rng(0)
    for split, box, label, columns in patches:
        mask, breast = np.zeros((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)
        breast[:, :columns] = True
        if box is not None:
            mask[box[1] : box[3], box[0] : box[2]] = True
        writer.append(rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8), mask, row(split, box, label), breast)
    writer.close()
    return PatchStore.open(folder)


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return write(
        tmp_path / "store",
        [
            ("train", (1, 1, 4, 5), 1, SIZE),
            ("val", (8, 8, 11, 11), 1, SIZE),
            ("train", None, 0, SIZE),
            ("train", (2, 6, 5, 9), 0, SIZE),
            ("train", (8, 1, 11, 4), 1, SIZE),
            ("train", None, 0, 7),
            ("val", None, 0, SIZE),
        ],
    )


def test_a_lesion_is_corrupted_in_its_own_mask(store: PatchStore) -> None:
    patches = InfillPatches(store, "train", 1)
    assert len(patches) == 5
    for index, number in ((0, 0), (2, 3), (3, 4)):
        item = patches[17, index]
        np.testing.assert_array_equal(item.image, store.image(number))
        np.testing.assert_array_equal(item.mask, store.mask(number))
        np.testing.assert_array_equal(item.corrupted[~item.mask], item.image[~item.mask])
        assert not np.isclose(item.corrupted[item.mask], item.image[item.mask]).all()
        assert item.label == (number != 3)


def test_lesion_free_patches_borrow_masks_of_their_split(store: PatchStore) -> None:
    patches = InfillPatches(store, "train", 1)
    lenders = {number: store.mask(number).tobytes() for number in (0, 3, 4)}
    seen = {patches[position, 1].mask.tobytes() for position in range(60)}
    assert seen == set(lenders.values())
    # On the breast of seven columns only the masks of patches 0 and 3 fit.
    assert {patches[position, 4].mask.tobytes() for position in range(60)} == {lenders[0], lenders[3]}
    assert patches[3, 1].label == 0


def test_a_mask_that_nowhere_fits_reaches_least_beyond_the_breast(tmp_path: Path) -> None:
    store = write(
        tmp_path, [("train", (4, 1, 10, 4), 1, SIZE), ("train", (3, 1, 9, 4), 1, SIZE), ("train", None, 0, 5)]
    )
    assert {borrow_mask(store, 2, np.array([0, 1]), np.random.default_rng(seed)) for seed in range(30)} == {1}
    assert store.overhang(1, 2) == 12


def test_an_item_is_a_function_of_seed_and_place(store: PatchStore) -> None:
    one, again, other = (
        InfillPatches(store, "train", 1),
        InfillPatches(store, "train", 1),
        InfillPatches(store, "train", 2),
    )
    for index in range(5):
        _ = [one[position, index] for position in range(3)]  # asking for others in between changes nothing
        np.testing.assert_array_equal(one[9, index].corrupted, again[9, index].corrupted)
        assert not np.array_equal(one[9, index].corrupted, one[10, index].corrupted)
        assert not np.array_equal(one[9, index].corrupted, other[9, index].corrupted)


def test_flips_turn_image_and_mask_together(store: PatchStore) -> None:
    plain, flipped = InfillPatches(store, "train", 1), InfillPatches(store, "train", 1, flips=True)
    ways = set()
    for position in range(40):
        item, before = flipped[position, 0], plain[position, 0]
        turned = [(axes, np.flip(before.image, axes), np.flip(before.mask, axes)) for axes in ((), (0,), (1,), (0, 1))]
        match = [
            axes
            for axes, image, mask in turned
            if np.array_equal(item.image, image) and np.array_equal(item.mask, mask)
        ]
        assert len(match) == 1
        np.testing.assert_array_equal(item.corrupted[~item.mask], item.image[~item.mask])
        ways.add(match[0])
    assert ways == {(), (0,), (1,), (0, 1)}


def test_a_batch_has_its_shapes_types_and_ranges(store: PatchStore) -> None:
    batch = collate([InfillPatches(store, "train", 1, flips=True)[position, position] for position in range(5)])
    for field in (batch.image, batch.corrupted, batch.mask):
        assert field.shape == (5, 1, SIZE, SIZE)
        assert field.dtype == torch.float32
        assert 0 <= field.min() <= field.max() <= 1
    assert set(batch.mask.flatten().tolist()) == {0.0, 1.0}
    assert batch.label.dtype == torch.int64
    assert batch.label.tolist() == [1, 0, 0, 1, 0]
    context = batch.mask == 0
    assert torch.equal(batch.image[context], batch.corrupted[context])


def test_a_split_that_cannot_be_infilled(tmp_path: Path, store: PatchStore) -> None:
    with pytest.raises(UserError, match="the split test has no patch"):
        InfillPatches(store, "test", 1)
    healthy = write(tmp_path / "healthy", [("train", None, 0, SIZE)])
    with pytest.raises(UserError, match="no patch of the split train shows a lesion"):
        InfillPatches(healthy, "train", 1)
