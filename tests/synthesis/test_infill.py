from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.synthesis.exchange import Exchange, plan_exchange
from mammo_gan.synthesis.infill import Infilled, infill
from tests.synthesis.small_store import PaintByClass, small_store


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return small_store(tmp_path / "store")


def plan(store: PatchStore) -> list[Exchange]:
    return plan_exchange(store, split="train", malignant=None, non_malignant=None, seed=0)


def make(store: PatchStore, exchanges: list[Exchange], **options: Any) -> list[Infilled]:
    options = {"batch_size": 4, "device": "cpu", **options}
    return list(infill(PaintByClass(), store, exchanges, **options))


def test_patches_are_the_models_whole_output_clipped(store: PatchStore) -> None:
    patches = make(store, plan(store))
    for patch in patches:
        grey = 1.0 if patch.exchange.label == MALIGNANT else 0.25
        assert (patch.image[patch.mask] == np.float32(grey)).all()
        np.testing.assert_allclose(patch.image[~patch.mask], patch.original[~patch.mask] * 0.5)
        np.testing.assert_array_equal(patch.original, store.image(patch.exchange.parent))
        np.testing.assert_array_equal(patch.mask, store.mask(patch.exchange.mask_parent))


def test_composite_keeps_the_context(store: PatchStore) -> None:
    for patch in make(store, plan(store), composite=True):
        np.testing.assert_array_equal(patch.image[~patch.mask], patch.original[~patch.mask])
        assert (patch.image[patch.mask] != patch.original[patch.mask]).any()


def test_noise_fills_the_mask_and_follows_from_the_seed_alone(store: PatchStore) -> None:
    exchanges = plan(store)
    at_once, one_by_one = make(store, exchanges, batch_size=8), make(store, exchanges[::-1], batch_size=1)[::-1]
    for first, second in zip(at_once, one_by_one, strict=True):
        np.testing.assert_array_equal(first.corrupted, second.corrupted)
        np.testing.assert_array_equal(first.corrupted[~first.mask], first.original[~first.mask])
        assert not np.isclose(first.corrupted[first.mask], first.original[first.mask]).all()
        assert first.corrupted.min() >= 0
        assert first.corrupted.max() <= 1


def test_the_model_is_fed_as_it_was_trained(store: PatchStore) -> None:
    model = PaintByClass().train()
    exchanges = plan(store)
    list(infill(model, store, exchanges, batch_size=3, device="cpu"))
    assert not model.training
    assert [len(label) for _, _, label in model.seen] == [3, 3, 2]
    corrupted, mask, label = model.seen[0]
    assert corrupted.shape == mask.shape == (3, 1, 16, 16)
    assert corrupted.dtype == mask.dtype == torch.float32
    assert label.dtype == torch.int64
    assert set(mask.flatten().tolist()) == {0.0, 1.0}
    assert corrupted.is_inference()


def test_progress_sees_every_patch(store: PatchStore) -> None:
    calls = []

    def progress(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
        calls.append((total, description))
        yield from items

    assert len(make(store, plan(store), progress=progress)) == 8
    assert calls == [(8, "synthesis")]
