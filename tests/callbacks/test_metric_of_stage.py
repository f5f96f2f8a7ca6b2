"""A metric of one resolution: measured while that stands alone, and at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.growing_grid import GrowingGrid
from mammo_gan.callbacks.lesion_grid import GAP, LINE
from mammo_gan.callbacks.metric_of_stage import MetricOfStage
from mammo_gan.methods.mammogan import MammoGAN
from mammo_gan.metrics.sliced_wasserstein import MeanSlicedWasserstein
from tests.methods.small_mammogan import fit, small_mammogan
from tests.methods.test_base import Rows

REALS = torch.rand(7, 1, 20, 16, generator=torch.Generator().manual_seed(1))


def metric(stage: int, every: int, average: GeneratorAverage | None = None) -> MetricOfStage:
    measure = MeanSlicedWasserstein(6, seed=2)
    reals = [REALS[:4], REALS[4:]]
    return MetricOfStage(
        measure, f"swd_{stage}", reals, every=every, samples=6, batch_size=4, seed=3, average=average, stage=stage
    )


def logged(rows: Rows, name: str) -> dict[int, float]:
    return {int(row["images_seen"]): row[name] for _, row in rows.rows if name in row}


def expected(method: MammoGAN) -> float:
    measure = MeanSlicedWasserstein(6, seed=2)
    measure.update(REALS, real=True)
    for start, count in ((0, 4), (4, 2)):
        drawn = method.eval().sample(count, torch.Generator().manual_seed(3 + start))
        measure.update(drawn, real=False)
    return float(measure.compute())


# 20x16 px begins after 60 images and stands alone from 80 on; iteration 22 ends at 100.
@pytest.mark.parametrize(("every", "at"), [(8, [80, 88, 96, 100]), (20, [80, 100]), (1000, [100])])
def test_the_finest_stage_is_measured_once_it_stands_alone(every: int, at: list[int]) -> None:
    rows, method, average = Rows(), small_mammogan(), GeneratorAverage(0.5, every_iteration=True)
    fit(method, 22, callbacks=[average, metric(2, every, average)], logger=rows)
    plain = logged(rows, "swd_2")
    assert list(plain) == at == list(logged(rows, "swd_2_average"))
    assert plain[100] == pytest.approx(expected(method))
    with average.in_place(method):
        assert logged(rows, "swd_2_average")[100] == pytest.approx(expected(method))


def test_metrics_of_other_stages_are_silent_and_let_go_of_their_images() -> None:
    class Noted(MetricOfStage):
        def _measured(self, *_: Any) -> float:
            self._reals = {}
            measured.append(self.stage)
            return 1.0

    measured: list[int] = []
    settings: dict[str, Any] = {"every": 4, "samples": 6, "batch_size": 4, "seed": 0}
    metrics = [Noted(MeanSlicedWasserstein(6), f"m{stage}", [], stage=stage, **settings) for stage in range(3)]
    assert len({one.state_key for one in metrics}) == 3
    fit(small_mammogan(), 18, callbacks=metrics)
    # After 8 and 16 images of stage 0 (24 begin the next), 40 to 56 of stage 1, 80 and 84 of stage 2.
    assert measured == [0, 0] + [1] * 5 + [2] * 2
    assert [one._reals is None for one in metrics] == [True, True, False]


def test_grids_grow_and_keep_their_noise() -> None:
    sizes: list[tuple[int, int]] = []

    def reals_of(size: tuple[int, int]) -> torch.Tensor:
        sizes.append(size)
        return torch.zeros(3, 1, *size)

    method = small_mammogan().eval()
    grid = GrowingGrid(reals_of, seed=5)
    for seen, (height, width) in ((0, (5, 4)), (30, (10, 8)), (90, (20, 16))):
        method.images_seen.fill_(seen)
        picture, again = grid.draw(method), grid.draw(method)
        assert picture.tobytes() == again.tobytes()
        scale = 32 // width
        assert picture.size[1] == LINE + 2 * (scale * height + GAP) + GAP
        drawn = method.sample(3, torch.Generator().manual_seed(5))[0, 0]
        shown = torch.tensor(np.array(picture, dtype=np.int64))[LINE + GAP :: scale, GAP::scale]
        assert torch.equal(shown[:height, :width], (255 * drawn).round().long())
    assert sizes == [(5, 4)] * 2 + [(10, 8)] * 2 + [(20, 16)] * 2
