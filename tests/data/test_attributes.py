"""Attributes of images as numbers for a network, and what is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.data.attributes import UNKNOWN, Attributes, AttributeValues
from mammo_gan.data.image_store import ImageStore, write_rows
from mammo_gan.errors import UserError
from tests.data.mammogram_store import ROW

SCHEMA = Attributes({"view": ["CC", "MLO"], "density": ["A", "B", "C", "D"]}, ["breast_mask_size"])
ROWS = [ROW, replace(ROW, view="CC", density=None, breast_mask_size=0.25), replace(ROW, view=None, density="A")]


def test_rows_become_codes_and_numbers() -> None:
    values = SCHEMA.of_rows(ROWS)
    assert values.categories.tolist() == [[1, 2], [0, UNKNOWN], [UNKNOWN, 0]]
    assert values.numbers.tolist() == [[0.0], [-1.0], [0.0]]  # 4 * share - 2
    assert (values.categories.dtype, values.numbers.dtype) == (torch.int64, torch.float32)


def test_a_store_says_the_same_as_its_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "images_5x4.npy", np.zeros((len(ROWS), 5, 4), np.uint8))
    write_rows(tmp_path, [(5, 4)], [row.as_json() for row in ROWS])
    found = SCHEMA.of_store(ImageStore.open(tmp_path), np.array([2, 0, 1]))
    expected = SCHEMA.of_rows([ROWS[2], ROWS[0], ROWS[1]])
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_encoding() -> None:
    assert SCHEMA.heads == {"view": 2, "density": 4, "breast_mask_size": 1}
    assert SCHEMA.width == 7
    values = AttributeValues(torch.tensor([[1, 2], [UNKNOWN, 0]]), torch.tensor([[0.5], [nan]]))
    assert SCHEMA.encoded(values).tolist() == [[0, 1, 0, 0, 1, 0, 0.5], [0, 0, 1, 0, 0, 0, 0]]
    named = SCHEMA.by_name(values)
    assert list(named) == list(SCHEMA.heads)
    assert (named["view"].tolist(), named["density"].tolist()) == ([1, UNKNOWN], [2, 0])
    assert named["breast_mask_size"][0] == 0.5


@pytest.mark.parametrize("schema", [Attributes({}, []), Attributes({}, ["breast_mask_size"]), SCHEMA])
def test_shapes_of_any_schema(schema: Attributes) -> None:
    values = schema.of_rows(ROWS)
    assert values.categories.shape == (3, len(schema.categorical))
    assert values.numbers.shape == (3, len(schema.continuous))
    assert schema.encoded(values).shape == (3, schema.width)
    assert schema.encoded(values).dtype == torch.float32


@given(st.integers(0, 2**31), st.integers(1, 60))
def test_drawn_rows_are_whole_rows(seed: int, count: int) -> None:
    among = SCHEMA.of_rows(ROWS)
    drawn = SCHEMA.drawn(among, count, torch.Generator().manual_seed(seed))
    again = SCHEMA.drawn(among, count, torch.Generator().manual_seed(seed))
    known = {(*map(int, c), float(n)) for c, n in zip(among.categories, among.numbers, strict=True)}
    found = [(*map(int, c), float(n)) for c, n in zip(drawn.categories, drawn.numbers, strict=True)]
    assert len(found) == count and set(found) <= known
    assert torch.equal(drawn.categories, again.categories)


def test_rows_are_drawn_as_often_as_they_are_there() -> None:
    among = SCHEMA.of_rows([ROW, ROW, ROW, ROWS[1]])
    drawn = SCHEMA.drawn(among, 4000, torch.Generator().manual_seed(1))
    counts = Counter(drawn.categories[:, 0].tolist())
    assert abs(counts[1] - 3000) < 5 * (4000 * 0.75 * 0.25) ** 0.5  # five standard deviations


def test_what_is_asked_for() -> None:
    values = SCHEMA.asked(3, view="MLO", breast_mask_size=0.75)
    assert values.categories.tolist() == [[1, UNKNOWN]] * 3
    assert values.numbers.tolist() == [[1.0]] * 3
    assert isnan(SCHEMA.asked(1, view="CC").numbers.item())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"side": "L"}, "side=L: expected one of view, density, breast_mask_size"),
        ({"view": "mlo"}, "view=mlo: expected one of CC, MLO"),
        ({"breast_mask_size": "large"}, "breast_mask_size=large: expected a number"),
    ],
)
def test_nothing_else_can_be_asked_for(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SCHEMA.asked(1, **asked)


def test_a_category_of_the_archive_that_the_schema_lacks() -> None:
    with pytest.raises(UserError, match="density=C: expected one of A, B"):
        Attributes({"density": ["A", "B"]}, []).of_rows(ROWS)


@pytest.mark.parametrize(
    ("categorical", "continuous", "said"),
    [
        ({"birads": ["A", "B"]}, [], "columns of a prepared image"),
        ({}, ["mm_per_px"], "numbers among breast_mask_size"),
        ({}, ["breast_mask_size", "breast_mask_size"], "each once"),
        ({"view": ["CC"]}, [], "two categories or more"),
        ({"view": ["CC", "CC"]}, [], "two categories or more"),
    ],
)
def test_impossible_schemas(categorical: dict[str, list[str]], continuous: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Attributes(categorical, continuous)
