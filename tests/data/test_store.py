"""A store gives back what was written, and says when it isn't whole."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_gan.data.store import PatchRow, PatchStore, PatchWriter, expected_bytes
from mammo_gan.errors import UserError

SIZE = 11  # 121 pixels don't fill whole bytes

LESION_FREE = PatchRow(
    image_key="i0",
    patient_key="p0",
    split="train",
    label=0,
    kind=None,
    pathology=None,
    view=None,
    laterality="R",
    density=None,
    x0=5,
    y0=700,
    scale=0.25,
    mm_per_px=None,
    lesion_box=None,
)
MASS = replace(
    LESION_FREE,
    split="val",
    label=1,
    kind="mass",
    pathology="malignant",
    view="CC",
    mm_per_px=0.2,
    lesion_box=(2, 3, 5, 9),
)
ROWS = [LESION_FREE, MASS, replace(LESION_FREE, split="val"), replace(MASS, split="train", label=0, pathology="benign")]


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8) for _ in ROWS]
    masks = [(rng.random((SIZE, SIZE)) < 0.3) & (row.lesion_box is not None) for row in ROWS]
    breasts = [rng.random((SIZE, SIZE)) < 0.8 for _ in ROWS]
    writer = PatchWriter(tmp_path / "store", len(ROWS), SIZE)
    for image, mask, row, breast in zip(images, masks, ROWS, breasts, strict=True):
        writer.append(image, mask, row, breast)
    writer.close()
    return tmp_path / "store", images, masks, breasts


Written = tuple[Path, list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def test_it_gives_back_what_was_written(written: Written) -> None:
    folder, images, masks, breasts = written
    store = PatchStore.open(folder)
    assert (len(store), store.size) == (4, SIZE)
    assert store.rows == ROWS
    for index in range(4):
        assert store.image(index).dtype == np.float32
        np.testing.assert_allclose(store.image(index), images[index] / 255, rtol=1e-6)
        np.testing.assert_array_equal(store.mask(index), masks[index])
        np.testing.assert_array_equal(store.breast(index), breasts[index])
    assert store.labels.tolist() == [0, 1, 0, 0]
    assert store.has_lesion.tolist() == [False, True, False, True]
    assert store.indices("val").tolist() == [1, 2]
    assert store.indices("test").tolist() == []


def test_overhang_counts_pixels(written: Written) -> None:
    folder, _, masks, breasts = written
    store = PatchStore.open(folder)
    for lender in (1, 3):
        for patch in range(4):
            assert store.overhang(lender, patch) == (masks[lender] & ~breasts[patch]).sum()


def test_a_pickled_store_is_its_folders_name(written: Written) -> None:
    store = PatchStore.open(written[0])
    assert len(store.rows) == 4
    sent = pickle.dumps(store)
    assert len(sent) < 500
    np.testing.assert_array_equal(pickle.loads(sent).image(2), store.image(2))  # noqa: S301


def test_without_a_breast_all_of_the_patch_is_breast(tmp_path: Path) -> None:
    writer = PatchWriter(tmp_path, 1, SIZE)
    writer.append(np.zeros((SIZE, SIZE), np.uint8), np.ones((SIZE, SIZE), bool), MASS)
    writer.close()
    store = PatchStore.open(tmp_path)
    assert store.breast(0).all()
    assert store.overhang(0, 0) == 0


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "patches.parquet").unlink(), r"patches\.parquet"),
        (lambda folder: (folder / "patches.parquet").write_bytes(b"PAR1 not"), r"patches\.parquet"),
        (lambda folder: (folder / "masks.npy").unlink(), r"masks\.npy"),
        (lambda folder: (folder / "images.npy").write_bytes((folder / "images.npy").read_bytes()[:-1]), r"images\.npy"),
        (
            lambda folder: np.save(folder / "images.npy", np.zeros((3, SIZE, SIZE), np.uint8)),
            r"images\.npy.*\(4, 11, 11\)",
        ),
        (lambda folder: np.save(folder / "images.npy", np.zeros((4, SIZE, SIZE), np.uint16)), "uint16"),
        (lambda folder: np.save(folder / "breasts.npy", np.zeros((4, 15), np.uint8)), r"breasts\.npy.*\(4, 16\)"),
        (lambda folder: np.save(folder / "masks.npy", np.array([{}]), allow_pickle=True), r"masks\.npy"),
    ],
)
def test_a_store_that_is_not_whole(written: Written, break_it: object, words: str) -> None:
    assert callable(break_it)
    break_it(written[0])
    with pytest.raises(UserError, match=words):
        PatchStore.open(written[0])


def test_an_unfinished_store_cannot_be_opened(written: Written) -> None:
    folder = written[0]
    writer = PatchWriter(folder, 2, SIZE)
    writer.append(np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), bool), LESION_FREE)
    with pytest.raises(ValueError, match="for 2 patches, 1 were written"):
        writer.close()
    with pytest.raises(UserError, match=r"patches\.parquet"):
        PatchStore.open(folder)
    writer.append(np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), bool), LESION_FREE)
    with pytest.raises(ValueError, match="for 2 patches"):
        writer.append(np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), bool), LESION_FREE)


def test_expected_bytes(tmp_path: Path) -> None:
    writer = PatchWriter(tmp_path, 300, 32)
    rng = np.random.default_rng(0)
    for index in range(300):
        row = replace(MASS, image_key=rng.bytes(8).hex(), patient_key=rng.bytes(8).hex(), x0=index, y0=2 * index)
        writer.append(np.zeros((32, 32), np.uint8), np.zeros((32, 32), bool), row)
    writer.close()
    taken = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert expected_bytes(300, 32) == pytest.approx(taken, rel=0.05)
    assert 13e9 < expected_bytes(200_000, 256) < 17e9
