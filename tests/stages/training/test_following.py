"""What a growing GAN is watched by."""

from __future__ import annotations

from pathlib import Path

import torch

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.growing_grid import GrowingGrid
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.schedules.progressive import ProgressiveSchedule
from mammo_gan.stages.training import following, judging
from tests.data import mammogram_store
from tests.methods.small_mammogan import SCHEMA

SIZES = ((40, 32), (20, 16), (10, 8), (5, 4))
SCHEDULE = ProgressiveSchedule(
    stable=8, fading=8, batch_sizes=[4, 4, 4, 4], learning_rate=1e-3, critic_iterations=[1, 1]
)


def test_distances_are_of_the_stages_that_are_large_enough(tmp_path: Path) -> None:
    data, average = (
        MammogramData(mammogram_store.write(tmp_path, SIZES), SCHEDULE, SCHEMA, seed=1),
        GeneratorAverage(0.9),
    )
    settings = {"every": 4, "samples": 5, "split": "train", "batch_size": 2}
    found = judging.growing_distances(settings, data, 3, average)
    assert [(one.name, one.stage) for one in found] == [("swd_5_20x16", 2), ("swd_5_40x32", 3)]
    for one, size in zip(found, (SIZES[1], SIZES[0]), strict=True):
        assert one.logs_later == {f"{one.name}{end}" for end in ("", "_mean", "_average", "_average_mean")}
        reals = torch.cat(list(one.real))
        assert torch.equal(reals, data.fixed_images("train", 5, 3, size))  # drawn from all, not the first ones
    assert judging.growing_distances(settings | {"split": "val"}, data, 3, average)[0].name == "swd_3_20x16"


def test_grids_show_the_same_real_images_at_each_size(tmp_path: Path) -> None:
    data = MammogramData(mammogram_store.write(tmp_path, SIZES), SCHEDULE, SCHEMA, seed=1)
    grid = following.grid(data, 4, 7)
    assert isinstance(grid, GrowingGrid)
    for size in SIZES:
        assert torch.equal(grid.reals_of(size), data.fixed_images("train", 4, 7, size))
