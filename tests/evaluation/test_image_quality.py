from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats
from torch import Tensor, nn

from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.evaluation.image_quality import ImageQuality
from mammo_gan.statistics.frechet import frechet_distance_of_features
from mammo_gan.synthesis.reading import SyntheticSet
from tests.synthesis.small_store import small_store


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return small_store(tmp_path / "store")


class Maps(nn.Module):
    """Gives two maps as VGG-19 would give three; the last has the grey level and its square."""

    def __init__(self, *, random: bool = True) -> None:
        super().__init__()
        self.provenance = SimpleNamespace(random=random)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [image, nn.functional.avg_pool2d(image, 4).repeat(1, 2, 1, 1) ** Tensor([1, 2])[:, None, None]]


@dataclass
class Synthetic:
    """What of a SyntheticSet the evaluation uses: altered real patches."""

    store: PatchStore
    numbers: list[int]
    gain: float = 1.0
    seam: float = 0.0
    records: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = [type("Record", (), {"patient": self.store.rows[k].patient_key}) for k in self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def label(self, number: int) -> int:
        return self.store.rows[self.numbers[number]].label

    def mask(self, number: int) -> np.ndarray:
        own = self.store.mask(self.numbers[number])
        return own if own.any() else self.store.mask(0)

    def image(self, number: int) -> np.ndarray:
        image = self.store.image(self.numbers[number]) * self.gain
        return (image + self.seam * self.mask(number)).astype(np.float32)


def compare(store: PatchStore, synthetic: Synthetic, folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    settings: dict[str, Any] = {
        "network": Maps(),
        "held_out": ("test",),
        "limit": None,
        "band": 2,
        "resamples": 50,
        "batch_size": 3,
        "seed": 0,
    }
    quality = ImageQuality(**(settings | options))
    values = quality.compare(cast(SyntheticSet, synthetic), store, folder)
    assert len({value["name"] for value in values}) == len(values)
    return {value["name"]: value for value in values}


def images_of(store: PatchStore, which: np.ndarray) -> np.ndarray:
    return np.stack([store.image(int(k)) for k in np.flatnonzero(which)])


def training(store: PatchStore) -> list[int]:
    return [k for k, row in enumerate(store.rows) if row.split == "train"]


def test_copies_of_training_patches_are_as_far_away_as_these(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store", malignant=4)
    found = compare(store, Synthetic(store, training(store)), tmp_path)
    name = "frechet_vgg19_pool3_random_features/malignant"
    assert found[f"{name}/synthetic_held-out"]["value"] == pytest.approx(
        found[f"{name}/training_held-out"]["value"], rel=1e-9
    )
    assert found[f"{name}/synthetic_training"]["value"] == pytest.approx(0, abs=1e-12)
    assert "floor" in found[f"{name}/training_held-out"]["note"]
    assert found[f"{name}/synthetic_held-out"]["n"] == 4
    assert found[f"{name}/synthetic_held-out"]["note"] == "1 times the floor; 4 against 4 patches"


def test_the_feature_distance_is_that_of_the_pooled_maps(tmp_path: Path, store: PatchStore) -> None:
    synthetic = Synthetic(store, training(store), gain=0.5)
    found = compare(store, synthetic, tmp_path)
    label_of = np.array([row.label for row in store.rows])
    test = np.array([row.split == "test" for row in store.rows])

    def features(images: np.ndarray) -> np.ndarray:
        pooled = images.reshape(-1, 4, 4, 4, 4).mean((2, 4))
        return np.stack([pooled.mean((1, 2)), (pooled**2).mean((1, 2))], 1)

    for label, name in ((MALIGNANT, "malignant"), (NON_MALIGNANT, "non-malignant")):
        made = np.stack([synthetic.image(k) for k in range(len(synthetic)) if synthetic.label(k) == label])
        expected = frechet_distance_of_features(features(made), features(images_of(store, test & (label_of == label))))
        value = found[f"frechet_vgg19_pool3_random_features/{name}/synthetic_held-out"]["value"]
        assert value == pytest.approx(expected, rel=1e-4)


def test_the_name_says_whether_features_are_trained(tmp_path: Path, store: PatchStore) -> None:
    found = compare(store, Synthetic(store, training(store)), tmp_path, network=Maps(random=False))
    assert "frechet_vgg19_pool3/malignant/synthetic_held-out" in found
    assert not [name for name in found if "random" in name]


def test_the_two_sets_that_are_set_side_by_side_are_equally_large(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store", malignant=6)
    found = compare(store, Synthetic(store, training(store)[:4]), tmp_path)
    name = "frechet_vgg19_pool3_random_features/malignant"
    assert "4 against 6" in found[f"{name}/synthetic_held-out"]["note"]
    assert "4 against 6" in found[f"{name}/training_held-out"]["note"]


def test_a_shift_of_contrast_shows_in_its_moment(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store", healthy=12)
    darker = Synthetic(store, training(store), gain=0.5)
    found = compare(store, darker, tmp_path)
    test = [k for k, row in enumerate(store.rows) if row.split == "test" and not row.label]
    real = np.array([store.image(k).astype(np.float64).mean() for k in test])
    fake = np.array([darker.image(k).astype(np.float64).mean() for k in range(len(darker)) if not darker.label(k)])
    value = found["moment_shift/non-malignant/whole/mean"]
    assert value["value"] == pytest.approx(stats.wasserstein_distance(fake, real) / real.std(), rel=1e-6)
    assert value["unit"] == "SD"
    assert found["moment_shift/non-malignant/whole/skewness"]["value"] < 3  # which contrast doesn't change


def test_a_change_in_the_mask_alone_shows_there_most(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store", malignant=5)
    found = compare(store, Synthetic(store, training(store), seam=0.4), tmp_path)
    in_mask, whole = (found[f"moment_shift/malignant/{region}/mean"]["value"] for region in ("in_mask", "whole"))
    assert in_mask > whole
    assert found["boundary_step/malignant/synthetic"]["value"] > 1.1
    assert found["boundary_step/malignant/held-out"]["value"] == pytest.approx(1, abs=0.15)
    low, high = found["boundary_step/malignant/held-out"]["interval"]
    assert low < found["boundary_step/malignant/held-out"]["value"] < high


def test_tables_hold_every_patch(tmp_path: Path, store: PatchStore) -> None:
    compare(store, Synthetic(store, training(store)[:6]), tmp_path)
    for file in ("moments.csv", "moments_in_mask.csv"):
        with (tmp_path / file).open(newline="") as text:
            rows = list(csv.DictReader(text))
        assert sum(row["set"] == "synthetic" for row in rows) == 6
        assert sum(row["set"] == "real" for row in rows) == len(store)
        assert {row["label"] for row in rows} == {"malignant", "non-malignant"}
    with (tmp_path / "moments.csv").open(newline="") as text:
        found = sorted(float(row["mean"]) for row in csv.DictReader(text) if row["set"] == "real")
    np.testing.assert_allclose(
        found, sorted(images_of(store, np.ones(len(store), bool)).astype(np.float64).mean((1, 2))), rtol=1e-6
    )
    with (tmp_path / "means.csv").open(newline="") as text:
        for row in csv.DictReader(text):
            assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])


def test_lesion_free_patches_are_measured_in_masks_of_the_training_split(tmp_path: Path, store: PatchStore) -> None:
    compare(store, Synthetic(store, training(store)), tmp_path)
    with (tmp_path / "moments_in_mask.csv").open(newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["label"] == "non-malignant"]
    assert all(np.isfinite(float(row["mean"])) for row in rows)
    # Each of them has one of the three masks of the training split.
    lent = [store.mask(k) for k in training(store) if store.rows[k].label]
    for row in rows:
        if row["split"] == "held-out":
            candidates = [store.image(k)[mask].mean() for k in range(len(store)) for mask in lent]
            assert np.isclose(candidates, float(row["mean"]), rtol=1e-5).any()


def test_an_empty_class_says_so(tmp_path: Path, store: PatchStore) -> None:
    healthy = [k for k in training(store) if not store.rows[k].label]
    found = compare(store, Synthetic(store, healthy), tmp_path)
    for name, value in found.items():
        if value["value"] is None:
            assert value["note"]
            assert "/malignant/" in name
    assert found["frechet_vgg19_pool3_random_features/malignant/synthetic_held-out"]["value"] is None
    assert found["moment_shift/malignant/whole/mean"]["value"] is None
    assert found["boundary_step/malignant/synthetic"]["value"] is None
    assert found["boundary_step/malignant/held-out"]["value"] is not None


def test_a_limit_holds_for_every_set(tmp_path: Path, store: PatchStore) -> None:
    found = compare(store, Synthetic(store, training(store)), tmp_path, limit=2)
    assert {value["n"] for value in found.values()} == {2}
