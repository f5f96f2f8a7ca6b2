from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from mammo_gan.metrics.sliced_wasserstein import MeanSlicedWasserstein, SlicedWasserstein, swd_name
from mammo_gan.statistics.sliced_wasserstein import draw_patches, sliced_wasserstein


def images(count: int, seed: int) -> Tensor:
    """(N, 1, 32, 16) in [0, 1], smoother with a lower seed."""
    noise = torch.rand(count, 1, 32 + 2, 16 + 2, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1)
    return smooth if seed < 10 else (smooth + noise[:, :, 1:-1, 1:-1]) / 2


def patches(grey: Tensor, *seeds: int) -> Any:
    return draw_patches(255 * grey[:, 0].numpy(), np.random.default_rng(seeds))


def filled(metric: Any, real: Tensor, synthetic: Tensor) -> Any:
    for part in torch.split(real, 5):
        metric.update(part, real=True)
    for part in torch.split(synthetic, 3):
        metric.update(part, real=False)
    return metric


def test_it_is_the_distance_of_the_patches_of_all_images() -> None:
    real, synthetic = images(12, 0), images(12, 10)
    found = filled(SlicedWasserstein(seed=7), real, synthetic).compute()
    expected = sliced_wasserstein(
        [patches(real, 7, 1, 0)], [patches(synthetic, 7, 0, 0)], np.random.default_rng([7, 2])
    )
    assert list(found) == ["mean", "level_32", "level_16", "images"]
    assert [float(value) for value in found.values()] == [expected.mean(), *expected, 12]
    assert float(filled(MeanSlicedWasserstein(seed=7), real, synthetic).compute()) == expected.mean()


def test_as_many_of_each_set_are_compared_as_there_are_and_no_more_than_asked_for() -> None:
    real, synthetic = images(12, 0), images(9, 10)
    nine = filled(SlicedWasserstein(), real[:9], synthetic).compute()
    assert filled(SlicedWasserstein(), real, synthetic).compute() == nine
    assert int(nine["images"]) == 9
    few = SlicedWasserstein(images=7)
    assert filled(few, real, synthetic).compute() == filled(SlicedWasserstein(), real[:7], synthetic[:7]).compute()
    assert sum(map(len, few.real)) == sum(map(len, few.synthetic)) == 7


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_reset_keeps_the_real_images_only_where_asked() -> None:
    real, others, synthetic = images(10, 0), images(10, 1), images(10, 10)
    kept = filled(MeanSlicedWasserstein(keep_real=True), real, others)
    floor = kept.compute()
    kept.reset()
    for part in torch.split(synthetic, 4):
        kept.update(part, real=False)
    assert kept.compute() == filled(MeanSlicedWasserstein(), real, synthetic).compute()
    assert kept.compute() != floor
    forgetful = filled(MeanSlicedWasserstein(), others, others)
    forgetful.reset()
    with pytest.raises(ValueError, match="a set has none"):
        forgetful.compute()
    forgetful.update(torch.zeros(1, 1, 16, 16), real=True)  # of another size
    forgetful.reset()
    assert filled(forgetful, real, synthetic).compute() == kept.compute()


def test_the_real_images_state_can_be_given_back() -> None:
    real, synthetic = images(6, 0), images(6, 10)
    metric = filled(MeanSlicedWasserstein(), real, synthetic)
    expected = metric.compute()
    state = {name: list(value) if isinstance(value, list) else value for name, value in metric.metric_state.items()}
    metric.reset()
    for name, value in (state | {"synthetic": []}).items():
        setattr(metric, name, value)
    for part in torch.split(synthetic, 3):
        metric.update(part, real=False)
    assert metric.compute() == expected


def test_equal_sets_have_patches_of_their_own() -> None:
    assert filled(MeanSlicedWasserstein(), images(4, 0), images(4, 0)).compute() > 0


def test_what_can_not_be_compared_is_refused() -> None:
    metric = MeanSlicedWasserstein()
    metric.update(images(2, 0), real=True)
    with pytest.raises(ValueError, match=r"one size, here \[32, 16\]; got \[16, 16\]"):
        metric.update(torch.zeros(2, 1, 16, 16), real=False)
    with pytest.raises(ValueError, match=r"got \(2, 3, 16, 16\)"):
        metric.update(torch.zeros(2, 3, 16, 16), real=False)
    with pytest.raises(ValueError, match="images=0"):
        MeanSlicedWasserstein(images=0)


def test_only_as_many_images_as_the_original_takes_give_a_plain_name() -> None:
    assert (swd_name(16_384), swd_name(2048)) == ("swd", "swd_2048")


def process(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    share = slice(0, 7) if rank == 0 else slice(7, 12)
    metric = filled(SlicedWasserstein(), images(12, 0)[share], images(12, 10)[share])
    torch.save([metric.compute(), len(metric.real)], folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_compare_the_images_of_both(tmp_path: Path) -> None:
    spawn(process, (tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    (one, parts), (other, _) = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    real, synthetic = (
        [patches(grey[:7], 0, which, 0), patches(grey[7:], 0, which, 1)]
        for which, grey in ((1, images(12, 0)), (0, images(12, 10)))
    )
    expected = sliced_wasserstein(real, synthetic, np.random.default_rng([0, 2]))
    assert one == other
    assert [float(one[f"level_{height}"]) for height in (32, 16)] == pytest.approx(expected, rel=1e-9)
    assert (int(one["images"]), parts) == (12, 2)  # afterwards each has its own again
