"""The endless loader of a classifier: what an epoch holds, what flips change, and what is left as it is."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mammo_gan.data.batches import ClassifiedBatch
from mammo_gan.data.classified import ClassifiedData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from tests.data.lesion_store import SIZE, Patch, write

PATCHES: list[Patch] = [
    *[(f"p{number // 2}", "train", "mass", ("benign", "malignant")[number % 2]) for number in range(8)],
    *[(f"n{number}", "train", None, "unknown") for number in range(20)],
    ("v", "val", "mass", "malignant"),
    ("v", "val", "calcification", "malignant"),
    ("w", "val", "mass", "unknown"),
    *[("w", "val", None, "unknown") for _ in range(7)],
    ("x", "val", "mass", "benign"),
]


class Made:
    """Images of one grey level, a thousandth of their number and a half, of the classes in turn."""

    def __init__(self, count: int, classes: bool = False, size: int = SIZE) -> None:
        self.count, self.classes, self.size = count, classes, size

    def __len__(self) -> int:
        return self.count

    def image(self, number: int) -> np.ndarray:
        return np.full((self.size, self.size), 0.5 + number / 1000, dtype=np.float32)

    def label(self, number: int) -> int | None:
        return number % 2 if self.classes else None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return write(tmp_path_factory.mktemp("store"), PATCHES)


def data(store: ImageStore, batch_size: int = 4, **changes: Any) -> ClassifiedData:
    settings: dict[str, Any] = {
        "positive": "lesion",
        "kinds": ["mass"],
        "negatives_per_positive": 2,
        "patches": 4,
        "sizes": [2, 4],
    }
    return ClassifiedData(store, batch_size, 5, **settings | changes)


def batches(data: ClassifiedData, count: int) -> list[ClassifiedBatch]:
    return list(islice(iter(data.train_dataloader()), count))


def images(data: ClassifiedData, count: int) -> torch.Tensor:
    return torch.cat([batch.image for batch in batches(data, count)])


def whose(store: ImageStore, image: torch.Tensor) -> int:
    """The patch that an unchanged real image is; 1000 and more: a synthetic one."""
    if float(image.std()) < 1e-6:
        return 1000 + round((float(image.mean()) - 0.5) * 1000)
    stored = store.batch(range(len(store)), (SIZE, SIZE)) / 255
    (found,) = np.flatnonzero(np.abs(stored - image[0].double().numpy()).max((1, 2)) < 1e-6)
    return int(found)


def test_an_epoch_shows_every_image_once(store: ImageStore) -> None:
    made = data(store, batch_size=18, synthetic=Made(9))
    assert made.training_images == 4 + 8 + 6
    for batch in batches(made, 3):
        assert (batch.image.shape, batch.image.dtype) == ((18, 1, SIZE, SIZE), torch.float32)
        assert 0 <= batch.image.min() < batch.image.max() <= 1
        seen = [whose(store, image) for image in batch.image]
        assert sorted(seen) == [*made.training_indices, *range(1000, 1006)]
        shows = [number >= 1000 or PATCHES[number][2] == "mass" for number in seen]
        assert batch.label.tolist() == list(map(int, shows))
        assert batch.label.dtype == torch.int64


def test_of_malignancy_either_class_gets_its_own_synthetic_images(store: ImageStore) -> None:
    task: dict[str, Any] = {"positive": "malignant", "negatives_per_positive": 1, "patches": 2}
    made = data(store, batch_size=10, synthetic=Made(9, classes=True), **task)
    (batch,) = batches(made, 1)
    found = {(whose(store, image), int(label)) for image, label in zip(batch.image, batch.label, strict=True)}
    synthetic = {(number - 1000, label) for number, label in found if number >= 1000}
    assert synthetic == {(0, 0), (2, 0), (4, 0), (1, 1), (3, 1), (5, 1)}
    assert {(PATCHES[number][3], label) for number, label in found if number < 1000} == {
        ("benign", 0),
        ("malignant", 1),
    }
    with pytest.raises(UserError, match=r"are 3 of malignant lesions, found 2; generate synthesis.images=6"):
        data(store, synthetic=Made(5, classes=True), **task)
    with pytest.raises(UserError, match=r"are 3 of benign lesions, found 0"):  # an unconditional GAN's
        data(store, synthetic=Made(9), **task)


def test_too_few_synthetic_images_and_such_of_another_size_are_said(store: ImageStore) -> None:
    with pytest.raises(UserError, match=r"1.5 synthetic images for each real one are 6, found 5; .*images=6"):
        data(store, synthetic=Made(5))
    with pytest.raises(UserError, match=r"shape \(8, 8\), the prepared patches \(6, 6\)"):
        data(store, synthetic=Made(9, size=8))
    assert len(data(store, synthetic=Made(3), synthetic_per_real=0.7).generated) == 2


def test_flips_mirror_both_classes_and_synthetic_images(store: ImageStore) -> None:
    class Noise(Made):
        def image(self, number: int) -> np.ndarray:
            return np.random.default_rng(number).random((SIZE, SIZE), dtype=np.float32)

    plain = batches(data(store, 18, synthetic=Noise(6)), 20)
    flipped = batches(data(store, 18, synthetic=Noise(6), flips=True), 20)
    found: Counter[tuple[int, bool, tuple[int, ...]]] = Counter()
    stored = set(map(float, store.floats(range(len(store)), (SIZE, SIZE)).sum((1, 2), dtype=np.float64)))
    for before, after in zip(plain, flipped, strict=True):
        assert torch.equal(before.label, after.label)
        for image, mirrored, label in zip(before.image, after.image, before.label.tolist(), strict=True):
            (dims,) = [dims for dims in ((), (2,), (1,), (1, 2)) if torch.equal(torch.flip(image, dims), mirrored)]
            real = any(abs(float(image.double().sum()) - total) < 1e-4 for total in stored)
            found[label, real, dims] += 1
    for label, real, count in ((1, True, 80), (0, True, 160), (1, False, 120)):
        shares = [found[label, real, dims] / count for dims in ((), (2,), (1,), (1, 2))]
        assert sum(shares) == 1
        assert all(0.08 < share < 0.42 for share in shares)  # 0.25 expected, standard deviation 0.05 at most


def test_it_goes_on_where_images_seen_stands_whoever_loads(store: ImageStore) -> None:
    def made(images_seen: int = 0, workers: int = 0) -> ClassifiedData:
        found = data(store, synthetic=Made(6), flips=True, workers=workers)
        module = SimpleNamespace(images_seen=torch.tensor(images_seen))
        trainer: Any = SimpleNamespace(lightning_module=module, global_rank=0, world_size=1)
        found.trainer = trainer
        return found

    whole = images(made(), 9)
    assert torch.equal(torch.cat([images(made(), 5), images(made(20), 4)]), whole)
    assert torch.equal(images(made(workers=2), 9), whole)


def test_what_it_is_judged_by_comes_once_unchanged_with_its_patients(store: ImageStore) -> None:
    made = data(store, flips=True, synthetic=Made(6))
    found = list(made.evaluated("val", 4))
    assert [len(batch.image) for batch in found] == [4, 4, 1]
    numbers = [whose(store, image) for batch in found for image in batch.image]
    labels = torch.cat([batch.label for batch in found]).tolist()
    assert labels == [int(PATCHES[number][2] == "mass") for number in numbers]
    assert sorted(number for number in numbers if PATCHES[number][2]) == [28, 30, 38]
    assert sum(labels) == 3
    assert len(set(numbers)) == 9
    assert made.patients("val") == store.column("patient_key")[numbers].tolist()
    for split in ("val", "train"):
        same = data(store, patches=2).evaluated(split, 99) if split == "val" else made.evaluated(split, 99)
        (batch,) = same
        expected = numbers if split == "val" else made.training_indices.tolist()
        assert [whose(store, image) for image in batch.image] == expected
    with pytest.raises(UserError, match="none of the 0 patches of the split test shows a lesion"):
        next(made.evaluated("test", 4))


def test_of_malignancy_unknown_ones_are_not_judged(store: ImageStore) -> None:
    made = data(store, positive="malignant", negatives_per_positive=1, patches=2)
    (batch,) = made.evaluated("val", 9)
    assert [whose(store, image) for image in batch.image] == [28, 38]
    assert batch.label.tolist() == [1, 0]
