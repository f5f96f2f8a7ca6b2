"""What is measured, on which images, when, and that the training doesn't notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torchmetrics import Metric

from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.methods.data_parallel import DataParallel
from mammo_gan.methods.dcgan import DCGAN
from tests.callbacks.children import iteration_of, load
from tests.methods.small import SIZE
from tests.methods.small_dcgan import BATCH, fit, small_dcgan
from tests.methods.test_base import Rows

REALS = torch.rand(9, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


class Difference(Metric):
    """Difference of the mean grey levels, real minus synthetic, of as many images as are given."""

    full_state_update = False
    total: Tensor
    means: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", default=torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")  # real: sum, count
        self.add_state("means", default=[], dist_reduce_fx="cat")  # synthetic: of each image
        self.reals_seen = 0

    def update(self, image: Tensor, real: bool) -> None:
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.dtype == torch.float32
        means = image.double().mean((1, 2, 3))
        if real:
            self.reals_seen += len(image)
            self.total += torch.stack([means.sum(), torch.tensor(float(len(means))).double()])
        else:
            torch.rand(7)  # a metric that draws
            self.means.append(means)

    def compute(self) -> Tensor:
        means = torch.cat(self.means) if isinstance(self.means, list) else self.means
        assert len(means) == 10
        assert self.total[1] == len(REALS)
        return self.total[0] / self.total[1] - means.mean()


def measuring(every: int = 1, average: GeneratorAverage | None = None, **changes: Any) -> MetricOverTraining:
    settings = {"samples": 10, "batch_size": BATCH, "seed": 3} | changes
    return MetricOverTraining(Difference(), "gap", [REALS[:5], REALS[5:]], every=every, average=average, **settings)


def expected(method: DCGAN) -> float:
    """Of the generator as it stands, written out."""
    method.eval()
    drawn = [
        method.sample(count, torch.Generator().manual_seed(3 + start)) for start, count in ((0, 4), (4, 4), (8, 2))
    ]
    method.train()
    return float(REALS.double().mean() - torch.cat(drawn).double().mean((1, 2, 3)).mean())


def logged(rows: Rows, name: str = "gap") -> dict[int, float]:
    return {int(row["iteration"]): row[name] for _, row in rows.rows if name in row}


def test_values_are_those_of_the_generator_at_the_epochs_ends() -> None:
    method, rows, seen = small_dcgan(), Rows(), {}

    class Beside(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            with torch.random.fork_rng([]):
                seen[int(method.iterations)] = expected(method)

    fit(method, 0, 11, callbacks=[measuring(), Beside()], logger=rows)
    values = logged(rows)
    assert list(values) == [3, 5, 8, 10]  # with 12, 20, 32 and 40 images of 10 an epoch
    assert values == pytest.approx({iteration: seen[iteration] for iteration in values})
    assert len(set(values.values())) == 4


@pytest.mark.parametrize(
    ("every", "unit", "at"), [(2, "epochs", [5, 10]), (16, "images", [4, 8, 12]), (3, "images", list(range(1, 13)))]
)
def test_it_is_measured_when_another_period_is_reached(every: int, unit: str, at: list[int]) -> None:
    rows = Rows()
    fit(small_dcgan(), 0, 12, callbacks=[measuring(every, unit=unit)], logger=rows)
    assert list(logged(rows)) == at


def test_the_mean_is_of_the_last_five() -> None:
    rows = Rows()
    fit(small_dcgan(), 0, 8, callbacks=[measuring(4, unit="images")], logger=rows)
    values, means = list(logged(rows).values()), list(logged(rows, "gap_mean").values())
    assert means == pytest.approx([sum(values[max(0, k - 5) : k]) / min(k, 5) for k in range(1, 9)])


def test_real_images_are_seen_once() -> None:
    callback = measuring(4, unit="images")
    fit(small_dcgan(), 0, 5, callbacks=[callback])
    assert isinstance(callback.metric, Difference)
    assert callback.metric.reals_seen == len(REALS)


def test_the_training_is_not_touched() -> None:
    methods = small_dcgan(), small_dcgan()
    after = []
    for method, callbacks in zip(methods, ([GeneratorAverage(0.9), measuring()], []), strict=True):
        torch.manual_seed(1)
        fit(method, 0, 7, callbacks=callbacks)
        after.append(torch.rand(3))
    assert torch.equal(*after)
    other = methods[1].state_dict()
    assert all(torch.equal(value, other[name]) for name, value in methods[0].state_dict().items())
    assert [part.training for part in methods[0].modules()] == [part.training for part in methods[1].modules()]


def test_the_average_is_measured_beside_the_generator() -> None:
    average, rows, method = GeneratorAverage(0.9), Rows(), small_dcgan()
    callback = measuring(average=average)
    assert callback.logs_later == {"gap", "gap_mean", "gap_average", "gap_average_mean"}
    fit(method, 0, 3, callbacks=[average, callback], logger=rows)
    with average.in_place(method):
        assert logged(rows, "gap_average")[3] == pytest.approx(expected(method))
    assert logged(rows)[3] == pytest.approx(expected(method))
    assert logged(rows)[3] != logged(rows, "gap_average")[3]


def test_a_resumed_training_goes_on_with_the_mean(tmp_path: Path) -> None:
    whole, resumed = Rows(), Rows()
    settings = {"every": 4, "unit": "images"}
    torch.manual_seed(5)
    fit(small_dcgan(), 0, 9, callbacks=[measuring(**settings)], logger=whole)  # type: ignore[arg-type]
    torch.manual_seed(5)
    fit(small_dcgan(), 0, 6, callbacks=[measuring(**settings)]).save_checkpoint(tmp_path / "6.ckpt")  # type: ignore[arg-type]
    fit(small_dcgan(), 6, 9, callbacks=[measuring(**settings)], logger=resumed, resume=tmp_path / "6.ckpt")  # type: ignore[arg-type]
    for name in ("gap", "gap_mean"):
        assert logged(resumed, name) == {k: v for k, v in logged(whole, name).items() if k > 6}


@pytest.mark.parametrize("name", ["gap", "gap_mean"])
def test_the_best_generator_is_kept_by_it(name: str, tmp_path: Path) -> None:
    rows = Rows()
    checkpoint = AtomicCheckpoint(tmp_path, None, best=Best(name, "max"))
    callbacks = [checkpoint, measuring(16, unit="images")]
    fit(small_dcgan(), 0, 12, callbacks=callbacks, logger=rows, enable_checkpointing=True)
    values = logged(rows, name)
    assert iteration_of(load(tmp_path / "best.ckpt")) == max(values, key=lambda k: values[k])


def test_two_processes_measure_what_one_does(tmp_path: Path) -> None:
    # No step of the optimisers moves the networks, but each process has running statistics of its own.
    still: dict[str, Any] = {"generator_decay": lambda _: 0.0, "discriminator_decay": lambda _: 0.0}
    together = small_dcgan(**still)
    file = tmp_path / "values.pt"
    fit_on_two(together, file)
    found = torch.load(file, weights_only=True)
    assert found["reals"] == [5, 4]
    assert found["gap"] == pytest.approx([expected(together)] * 2)
    assert not torch.equal(found["own"][0], found["own"][1])
    assert torch.equal(found["own"][0], next(iter(together.generator.buffers())))


class _Kept(Callback):
    """Writes what each process has measured and seen, and its own running mean."""

    def __init__(self, callback: MetricOverTraining, file: Path) -> None:
        self.callback, self.file = callback, file

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        torch.manual_seed(trainer.global_rank)  # noise of their own

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        metric = self.callback.metric
        assert isinstance(metric, Difference)
        own = (metric.reals_seen, float(trainer.callback_metrics["gap"]), next(iter(pl_module.generator.buffers())))
        both: list[Any] = [None, None]
        torch.distributed.all_gather_object(both, own)
        if trainer.is_global_zero:
            reals, gaps, buffers = zip(*both, strict=True)
            torch.save({"reals": list(reals), "gap": list(gaps), "own": list(buffers)}, self.file)


def fit_on_two(method: DCGAN, file: Path) -> None:
    callback = measuring(2 * BATCH, unit="images")
    strategy = DataParallel(process_group_backend="gloo", start_method="fork")
    fit(method, 0, 1, callbacks=[callback, _Kept(callback, file)], devices=2, strategy=strategy)


def test_too_few_batches_for_the_processes_are_refused() -> None:
    callback = measuring(samples=4, batch_size=4)

    class Two(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            class Claims:
                global_rank, world_size = 1, 2

            with pytest.raises(ValueError, match="4 samples in batches of 4 can't be shared by 2 processes"):
                callback._measured(Claims(), pl_module)  # type: ignore[arg-type]

    fit(small_dcgan(), 0, 1, callbacks=[Two()])


def test_numbers_below_one_and_methods_without_epochs_are_refused() -> None:
    for wrong in ({"every": 0}, {"samples": 0}, {"batch_size": 0}, {"unit": "hours"}):
        with pytest.raises(ValueError, match="expected 1 or more epochs or images"):
            measuring(**wrong)
    method, callback = small_dcgan(), measuring()
    method.training_images = None
    with pytest.raises(ValueError, match="DCGAN has no epochs"):
        callback.on_train_batch_end(None, method)  # type: ignore[arg-type]
