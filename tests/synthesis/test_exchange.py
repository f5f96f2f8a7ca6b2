from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.synthesis.exchange import Exchange, plan_examples, plan_exchange
from tests.synthesis.small_store import small_store


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return small_store(tmp_path / "store")


def plan(
    store: PatchStore, malignant: int | None = None, non_malignant: int | None = None, seed: int = 0
) -> list[Exchange]:
    return plan_exchange(store, split="train", malignant=malignant, non_malignant=non_malignant, seed=seed)


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


def test_a_lesion_lies_on_the_breast_where_it_can(tmp_path: Path) -> None:
    breast = np.zeros((16, 16), bool)
    breast[5:] = True  # the masks of the patches 0 and 1 reach beyond it
    store = small_store(tmp_path, malignant=3, healthy=1, breast=breast)
    assert {exchange.mask_parent for exchange in plan(store, 20, 0)} == {2}


def test_what_cannot_be_made_is_refused_and_nothing_is_nothing(tmp_path: Path) -> None:
    healthy_only = small_store(tmp_path, malignant=0)
    assert plan(healthy_only, 0, None) == []
    with pytest.raises(UserError, match="3 synthetic patches were asked for, and there is no malignant patch"):
        plan(healthy_only, 0, 3)
    with pytest.raises(UserError, match="no other image"):
        plan(healthy_only, 1, 0)


def test_examples_take_unseen_contexts_and_training_masks(store: PatchStore) -> None:
    examples = plan_examples(store, contexts=("test", "val"), masks="train", count=2, seed=0)
    assert [example.label for example in examples] == [NON_MALIGNANT] * 2 + [MALIGNANT] * 2
    assert all(store.rows[example.parent].split == "test" for example in examples)
    assert all(store.rows[example.mask_parent].split == "train" for example in examples[2:])
    assert all(example.parent == example.mask_parent for example in examples[:2])


def test_examples_are_of_many_patients(tmp_path: Path) -> None:
    store = small_store(tmp_path, malignant=4, healthy=4)
    rows = store.rows
    for k in range(9, 12):  # three of the four malignant test patches are of one patient
        rows[k] = replace(rows[k], patient_key=rows[9].patient_key)
    for seed in range(6):
        removed = plan_examples(store, contexts=("test",), masks="train", count=2, seed=seed)[:2]
        assert len({rows[example.parent].patient_key for example in removed}) == 2


def test_examples_make_do_with_what_there_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = small_store(tmp_path, splits=("train", "val"))
    store.rows[:] = [replace(row, label=0) if row.split == "val" else row for row in store.rows]
    with caplog.at_level(logging.WARNING):
        examples = plan_examples(store, contexts=("test", "val"), masks="train", count=2, seed=0)
    assert [example.label for example in examples] == [MALIGNANT] * 2
    assert "malignant->non-malignant" in caplog.text
