"""The best iteration by a logged value, its file, and what counts as a value at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.best import Best, BestSoFar
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.errors import UserError
from tests.callbacks.children import Training, ended, finish, iteration_of, load, started
from tests.callbacks.tiny_gan import TinyGan, fit
from tests.methods.small import small_cigan


class Logs(Callback):
    """Logs a value after some iterations, and says before that it will."""

    logs_later = ("distance",)

    def __init__(self, values: dict[int, float]) -> None:
        self.values = values

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        value = self.values.get(int(pl_module.iterations))  # type: ignore[arg-type]
        if value is not None:
            pl_module.log("distance", value, logger=False)


def train(folder: Path, stop: int, values: dict[int, float], best: Best) -> AtomicCheckpoint:
    checkpoint = AtomicCheckpoint(folder, None, best=best)
    # It comes last, whatever its place in the list.
    callbacks = [checkpoint, StopAtIteration(stop), Logs(values)]
    fit(TinyGan(), folder, callbacks, resume=find_last(folder))
    return checkpoint


LEAST = Best("distance", "min")
VALUES = {2: 5.0, 4: math.nan, 5: 3.0, 8: 3.0, 9: -math.inf, 11: 4.0, 14: 2.0, 15: math.nan}


@pytest.mark.parametrize(("stop", "expected"), [(4, 2), (7, 5), (13, 5), (16, 14)])
def test_the_best_one_is_kept(stop: int, expected: int, tmp_path: Path) -> None:
    train(tmp_path, stop, VALUES, LEAST)
    assert iteration_of(load(tmp_path / "best.ckpt")) == expected
    assert iteration_of(load(tmp_path / "last.ckpt")) == stop


def test_more_can_be_better(tmp_path: Path) -> None:
    train(tmp_path, 12, VALUES, Best("distance", "max"))
    assert iteration_of(load(tmp_path / "best.ckpt")) == 2


def test_a_resumed_training_compares_with_the_best_of_before(tmp_path: Path) -> None:
    train(tmp_path, 6, VALUES, LEAST)
    resumed = train(tmp_path, 13, VALUES, LEAST)
    assert iteration_of(load(tmp_path / "best.ckpt")) == 5
    assert resumed.state_dict()["best"] == {"metric": "distance", "mode": "min", "value": 3.0, "iteration": 5}
    train(tmp_path, 16, VALUES, LEAST)
    assert iteration_of(load(tmp_path / "best.ckpt")) == 14


def test_the_best_of_another_metric_is_not_compared_with(tmp_path: Path) -> None:
    train(tmp_path, 6, VALUES, LEAST)
    train(tmp_path, 13, VALUES, Best("distance", "max"))
    assert iteration_of(load(tmp_path / "best.ckpt")) == 11


def test_the_best_one_says_so_of_itself(tmp_path: Path) -> None:
    train(tmp_path, 8, VALUES, LEAST)
    assert load(tmp_path / "best.ckpt")["callbacks"]["AtomicCheckpoint"]["best"]["iteration"] == 5


def test_a_value_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[float] = []
    better = Best.better

    def watched(self: Best, value: float, than: float | None) -> bool:
        read.append(value)
        return better(self, value, than)

    monkeypatch.setattr(Best, "better", watched)
    checkpoint = AtomicCheckpoint(tmp_path, None, best=Best("generator/loss", "min"))
    fit(TinyGan(), tmp_path, [StopAtIteration(23), checkpoint])  # which logs every fifth iteration
    assert len(read) == 4
    assert checkpoint.best is not None
    assert checkpoint.best.value == min(read)


def test_what_counts_as_a_new_value() -> None:
    best, value = BestSoFar(LEAST), torch.tensor(3.0)
    assert best.improved({"distance": value}, 1)
    assert not best.improved({"distance": value.detach()}, 2)  # the trainer's new wrapping of the same one
    assert not best.improved({"distance": torch.tensor(3.0)}, 3)  # no better
    assert best.improved({"distance": value.fill_(2.0)}, 4)
    assert not best.improved({}, 5)
    assert (best.value, best.iteration) == (2.0, 4)


def test_an_unknown_metric_is_said_with_those_that_are_logged(tmp_path: Path) -> None:
    checkpoint = AtomicCheckpoint(tmp_path, None, best=Best("generator/los", "min"))
    method = TinyGan()
    expected = r"best\.metric=generator/los is not .*: discriminator/loss, distance, generator/loss\."
    with pytest.raises(UserError, match=expected):
        fit(method, tmp_path, [StopAtIteration(50), Logs({}), checkpoint])
    assert int(method.iterations) == 5  # the first that logs


def test_a_metric_that_is_announced_is_waited_for(tmp_path: Path) -> None:
    train(tmp_path, 12, {11: 1.0}, LEAST)
    assert iteration_of(load(tmp_path / "best.ckpt")) == 11


def test_cigan_announces_the_losses_of_all_its_phases() -> None:
    terms = {f"generator/{name}" for name in ("adversarial", "feature", "boundary")}
    assert small_cigan().logs_later == terms | {"discriminator/adversarial"}


def test_two_processes_keep_what_one_of_them_has_seen(tmp_path: Path) -> None:
    training = Training(tmp_path, 20, best=LEAST)
    assert iteration_of(finish(training, 2)) == 20
    assert iteration_of(load(training.checkpoints / "best.ckpt")) == 12


def test_two_processes_end_by_an_unknown_metric(tmp_path: Path) -> None:
    training = Training(tmp_path, 20, best=Best("no such", "min"))
    with started(training, 2) as children:
        assert ended(children) == [1, 1]
    assert training.stderr.count("UserError: best.metric=no such") == 2


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match=r"best\.mode=least"):
        Best("distance", "least")  # type: ignore[arg-type]
