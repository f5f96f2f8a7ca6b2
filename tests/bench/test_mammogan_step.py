"""Both forms must train the same, or their speeds say nothing."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor

from mammo_gan.networks import convolution
from tests.bench.mammogan_step import GOAL, SIZES, Networks, Size, benchmarks, images_of, our_step, plain_step

SMALL = Size((5, 4), 2)
CPU = torch.device("cpu")


def networks(fused: bool = False) -> Networks:
    return Networks(SMALL, CPU, fused, widths=(8, 6, 4))


def trained(pair: Networks) -> Tensor:
    weights = (weight for network in (pair.critic, pair.generator) for weight in network.parameters())
    return torch.cat([weight.detach().reshape(-1) for weight in weights])


@pytest.mark.parametrize(
    ("half", "half_penalty", "likeness"), [(False, False, 0.9999), (True, False, 0.9), (True, True, 0.9)]
)
def test_our_step_trains_as_the_plain_one_does(half: bool, half_penalty: bool, likeness: float) -> None:
    start, plain, ours = trained(networks()), networks(), networks(fused=True)
    step, our = plain_step(plain), our_step(ours, half, half_penalty)
    for _ in range(2):
        step(images_of(SMALL, 4))
        our(images_of(SMALL, 4))
    expected, found = trained(plain) - start, trained(ours) - start
    assert expected.abs().max() > 1e-3
    assert torch.nn.functional.cosine_similarity(expected, found, dim=0) > likeness


@pytest.mark.parametrize("plain", [True, False])
def test_only_the_plain_one_has_torchs_convolutions(plain: bool) -> None:
    with mock.patch.object(convolution._Convolve, "apply", side_effect=convolution._Convolve.apply) as own:
        step = plain_step(networks()) if plain else our_step(networks(), half=False)
        step(images_of(SMALL, 4))
    assert own.called != plain


def test_sizes_and_the_speed_that_is_asked_of_them() -> None:
    assert [str(size) for size in SIZES[:3]] == ["8x8 px", "10x8 px", "16x16 px"]
    assert [str(size) for size in SIZES[-2:]] == ["256x256 px", "320x256 px"]
    rows = list(benchmarks(Path(), quick=False))
    floors = {row.name.split(", ")[1]: row.floor for row in rows if row.unit == "images/s"}
    assert {name for name, floor in floors.items() if floor == GOAL} == {
        "128x128 px",
        "160x128 px",
        "256x256 px",
        "320x256 px",
    }
    assert len(rows) == 2 * len(SIZES)
