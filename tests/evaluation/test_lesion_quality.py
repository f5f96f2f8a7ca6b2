"""Distances beside their floor and ceiling, the checkerboard, and halves without a shared patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mammo_gan.evaluation.lesion_quality import LesionQuality, halves
from mammo_gan.statistics.frechet import frechet_distance_of_features

SIZE = 16


class Means(nn.Module):
    """Mean and deviation of a patch, and its quarters' means, as features of two depths."""

    def taps(self, image: Tensor) -> Mapping[int, Tensor]:
        quarters = nn.functional.adaptive_avg_pool2d(image, 2).flatten(1)
        return {2: torch.stack([image.mean((1, 2, 3)), image.std((1, 2, 3))], 1), 4: quarters}


def texture(count: int, seed: int, level: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    levels = level + 0.05 * rng.standard_normal((count, 1, 1))
    return np.clip(levels + 0.1 * rng.standard_normal((count, SIZE, SIZE)), 0, 1).astype(np.float32)


def compare(synthetic: np.ndarray, real: np.ndarray, patients: list[str], **changes: Any) -> dict[str, dict[str, Any]]:
    settings: dict[str, Any] = {
        "network": Means(),
        "fid_name": lambda size: f"fid_{size}",
        "periods": [2, 4],
        "limit": None,
        "batch_size": 7,
        "seed": 0,
    }
    values = LesionQuality(**settings | changes).compare(synthetic, real, patients)
    assert len({value["name"] for value in values}) == len(values)
    return {value["name"]: value for value in values}


def of_their_own(count: int) -> list[str]:
    return [f"patient-{k}" for k in range(count)]


def test_patches_drawn_alike_are_near_the_floor_and_noise_is_far() -> None:
    values = compare(texture(60, 1), texture(60, 2), of_their_own(60))
    floor, synthetic, ceiling = (values[f"fid_2/{pair}_real"] for pair in ("real", "synthetic", "noise"))
    assert synthetic["value"] < 10 * floor["value"] < ceiling["value"]
    assert floor["n"] == synthetic["n"] == ceiling["n"] == 30
    assert abs(values["kid_2/synthetic_real"]["value"]) < values["kid_2/noise_real"]["value"]


def test_other_patches_are_far() -> None:
    values = compare(texture(60, 1, level=0.2), texture(60, 2), of_their_own(60))
    assert values["fid_4/synthetic_real"]["value"] > 10 * values["fid_4/real_real"]["value"]


def test_all_against_all_is_the_distance_of_the_features() -> None:
    synthetic, real = texture(20, 1), texture(30, 2)
    found = compare(synthetic, real, of_their_own(30))["fid_4/synthetic_all"]
    one, other = (Means().taps(torch.from_numpy(images)[:, None])[4].double().numpy() for images in (synthetic, real))
    assert found["value"] == pytest.approx(frechet_distance_of_features(one, other), rel=1e-6)
    assert found["n"] == 20
    assert "20 against 30" in found["note"]


def test_a_limit_draws_some() -> None:
    values = compare(texture(20, 1), texture(30, 2), of_their_own(30), limit=8)
    assert values["fid_2/synthetic_all"]["note"] == "8 against 8 patches"


def test_a_checkerboard_is_seen_where_it_is() -> None:
    board = np.indices((SIZE, SIZE)).sum(0) % 2
    values = compare(texture(20, 1) * 0.8 + 0.2 * board.astype(np.float32), texture(20, 2), of_their_own(20))
    assert values["checkerboard/2px/synthetic"]["value"] > 5
    assert values["checkerboard/2px/real"]["value"] == pytest.approx(1, abs=0.3)
    four = values["checkerboard/4px/real"]
    assert four["value"] is None
    assert "20 px" in four["note"]


def test_constant_patches_and_one_patient_are_said() -> None:
    flat = np.full((6, SIZE, SIZE), 0.5, np.float32)
    values = compare(flat, texture(6, 2), ["one"] * 6)
    assert values["checkerboard/2px/synthetic"]["value"] is None
    assert values["checkerboard/2px/synthetic"]["note"] == "constant patches"
    assert values["fid_2/real_real"]["value"] is None
    assert "0 against 6" in values["fid_2/real_real"]["note"]
    assert values["fid_2/synthetic_all"]["value"] is not None


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(0, 99))
def test_no_patient_is_in_both_halves(patients: list[str], seed: int) -> None:
    one, other = halves(patients, np.random.default_rng(seed))
    assert sorted([*one, *other]) == list(range(len(patients)))
    assert not {patients[k] for k in one} & {patients[k] for k in other}
    assert len(one) <= len(other)
