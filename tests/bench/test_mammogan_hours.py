from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.bench.mammogan_hours import PAPER, PRODUCT, benchmarks, hours_of, operations_of
from tests.bench.mammogan_step import OURS, Arm, Networks, Size, our_step
from tests.bench.runner import UnavailableError, measure


def test_hours_are_those_of_the_papers_speed_at_the_papers_speed() -> None:
    assert hours_of(dict.fromkeys(range(9), 203.0)) == pytest.approx(PAPER, rel=0.01)


def test_the_last_stage_has_all_that_the_others_leave() -> None:
    speeds = dict.fromkeys(range(8), 1e9) | {8: 1.0}
    assert 3600 * hours_of(speeds) == pytest.approx(38e6 - 0.6e6 - 7 * 1.2e6, rel=1e-6)
    with pytest.raises(UnavailableError, match="weren't measured"):
        hours_of({0: 1.0})


def test_operations_are_those_of_the_layers() -> None:
    """Of 10x8 images: four passes of the generator, and of the critic six for scores, six for the penalty, and two."""
    arm = Arm(OURS, Size((5, 4), 1), torch.device("cpu"))
    arm.step = our_step(Networks(arm.size, arm.device, widths=(8, 4)), half=False)
    drawing = 512 * 8 * 20 + 20 * 9 * 8 * 8 + 80 * (9 * 8 * 4 + 9 * 4 * 4 + 4)  # multiplications
    judging = 80 * (4 + 9 * 4 * 4 + 9 * 4 * 8) + 20 * 9 * 9 * 8 + 160 * 8 + 8
    expected = 2 * (4 * drawing + 14 * judging)  # somewhat less, as nothing is derived by noise and real images
    assert operations_of(arm) == pytest.approx(expected, rel=0.05)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_nothing_is_at_fault() -> None:
    outcomes = [measure(benchmark) for benchmark in benchmarks(Path(), quick=True)]
    assert outcomes[0].left_out == dict.fromkeys((OURS, PRODUCT), "no GPU that CUDA knows")
    assert not any(outcome.fault or outcome.arms for outcome in outcomes)
