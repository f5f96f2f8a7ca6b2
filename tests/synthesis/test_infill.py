from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.synthesis.infill import Exchange, Infilled, infill, plan_examples, plan_exchange
from tests.synthesis.small_store import PaintByClass, small_store


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return small_store(tmp_path / "store")


def plan(
    store: PatchStore, malignant: int | None = None, non_malignant: int | None = None, seed: int = 0
) -> list[Exchange]:
    return plan_exchange(
        store.rows, context="train", masks="train", malignant=malignant, non_malignant=non_malignant, seed=seed
    )


def make(store: PatchStore, exchanges: list[Exchange], **options: Any) -> list[Infilled]:
    options = {"batch_size": 4, "device": "cpu", **options}
    return list(infill(PaintByClass(), store, exchanges, **options))


def test_the_papers_exchange_is_one_patch_of_the_other_class_per_parent(store: PatchStore) -> None:
    exchanges = plan(store)
    assert len(exchanges) == 8
    for exchange in exchanges:
        parent, lender = store.rows[exchange.parent], store.rows[exchange.mask_parent]
        assert parent.label == 1 - exchange.label
        assert parent.split == lender.split == "train"
        assert lender.label == MALIGNANT
        if exchange.label == NON_MALIGNANT:
            assert exchange.mask_parent == exchange.parent
        else:
            assert lender.image_key != parent.image_key
    assert len({exchange.parent for exchange in exchanges}) == 8
    assert len({exchange.seed for exchange in exchanges}) == 8


def test_counts_use_every_parent_before_any_twice(store: PatchStore) -> None:
    exchanges = plan(store, malignant=7, non_malignant=2)
    added = [exchange.parent for exchange in exchanges if exchange.label == MALIGNANT]
    removed = [exchange.parent for exchange in exchanges if exchange.label == NON_MALIGNANT]
    assert len(added) == 7
    assert len(set(added[:5])) == 5
    assert len(set(removed)) == len(removed) == 2


def test_a_plan_follows_from_its_seed(store: PatchStore) -> None:
    assert plan(store, 4, 2, seed=1) == plan(store, 4, 2, seed=1) != plan(store, 4, 2, seed=2)


def test_a_lesion_is_not_laid_on_its_own_image(tmp_path: Path) -> None:
    store = small_store(tmp_path, malignant=2, healthy=1)
    store.rows[2] = replace(store.rows[2], image_key=store.rows[0].image_key)
    assert all(plan(store, 20, 0, seed=seed)[0].mask_parent == 1 for seed in range(5))
    store.rows[1] = replace(store.rows[1], image_key=store.rows[0].image_key)
    with pytest.raises(UserError, match="no other image of the split train"):
        plan(store, 1, 0)


def test_what_cannot_be_made_is_refused_and_nothing_is_nothing(tmp_path: Path) -> None:
    healthy_only = small_store(tmp_path, malignant=0)
    assert plan(healthy_only, 0, None) == []
    with pytest.raises(UserError, match="3 synthetic patches were asked for, and there is no malignant patch"):
        plan(healthy_only, 0, 3)
    with pytest.raises(UserError, match="no other image"):
        plan(healthy_only, 1, 0)


def test_examples_take_unseen_contexts_and_training_masks(store: PatchStore) -> None:
    examples = plan_examples(store.rows, contexts=("test", "val"), masks="train", count=2, seed=0)
    assert [example.label for example in examples] == [NON_MALIGNANT] * 2 + [MALIGNANT] * 2
    assert all(store.rows[example.parent].split == "test" for example in examples)
    assert all(store.rows[example.mask_parent].split == "train" for example in examples[2:])
    assert all(example.parent == example.mask_parent for example in examples[:2])


def test_examples_are_of_many_patients(tmp_path: Path) -> None:
    rows = small_store(tmp_path, malignant=4, healthy=4).rows
    for k in range(9, 12):  # three of the four malignant test patches are of one patient
        rows[k] = replace(rows[k], patient_key=rows[9].patient_key)
    for seed in range(6):
        removed = plan_examples(rows, contexts=("test",), masks="train", count=2, seed=seed)[:2]
        assert len({rows[example.parent].patient_key for example in removed}) == 2


def test_examples_make_do_with_what_there_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = small_store(tmp_path, splits=("train", "val"))
    rows = [replace(row, label=0) if row.split == "val" else row for row in store.rows]
    with caplog.at_level(logging.WARNING):
        examples = plan_examples(rows, contexts=("test", "val"), masks="train", count=2, seed=0)
    assert [example.label for example in examples] == [MALIGNANT] * 2
    assert "malignant->non-malignant" in caplog.text


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
