"""A training that was cut anywhere and resumed equals one that ran through, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tests.callbacks.children import Training, differences, finish, iteration_of


# Batches of 4 of 11 patches: no cut is at the end of an epoch. Bursts of ciGAN last 3 iterations from the second on.
# MammoGAN is cut within a stage, before one, within a fade, between two steps of the generator, before another stage.
@pytest.mark.parametrize(
    ("method", "cuts", "workers", "processes"),
    [
        ("tiny", (4, 7, 12), 0, 1),
        ("tiny", (7,), 2, 1),
        ("tiny", (7, 12), 0, 2),
        ("cigan", (6, 13), 0, 1),
        ("cigan", (13,), 2, 1),
        ("cigan", (6, 13), 0, 2),
        ("dcgan", (6, 13), 0, 1),
        ("dcgan", (6, 13), 0, 2),
        ("mammogan", (2, 3, 6, 10, 12), 0, 1),
        ("mammogan", (3, 16), 2, 1),
        ("mammogan", (3, 6, 13), 0, 2),
    ],
)
def test_a_resumed_training_equals_the_uninterrupted_one(
    method: Literal["tiny", "cigan", "dcgan", "mammogan"],
    cuts: tuple[int, ...],
    workers: int,
    processes: int,
    tmp_path: Path,
) -> None:
    whole = Training(tmp_path / "whole", 19, method, workers=workers)
    cut = replace(whole, folder=tmp_path / "cut")
    for stop in cuts:
        assert iteration_of(finish(replace(cut, stop=stop), processes)) == stop
    assert differences(finish(cut, processes), finish(whole, processes)) == []
