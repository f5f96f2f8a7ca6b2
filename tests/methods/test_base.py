from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.loggers import Logger
from torch import nn

from mammo_gan.methods.base import frozen, parts_of
from mammo_gan.schedules.learning_rate import exponential
from tests.methods.small import BATCH, batch, fit, in_turns, small_cigan

NEVER = -1.0


class Rows(Logger):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        return "rows"

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))


def test_counts_iterations_and_images() -> None:
    method = small_cigan()
    fit(method, 0, 7)
    assert int(method.iterations) == 7
    assert int(method.images_seen) == 7 * BATCH


def test_counters_stay_on_the_cpu() -> None:
    method = small_cigan().to("meta")
    assert {name for name, buffer in method.named_buffers() if not buffer.is_meta} == {
        "iterations",
        "images_seen",
        "phase_index",
        "phase_steps",
    }


def test_a_row_has_the_mean_of_each_term_since_the_last() -> None:
    every_step, every_fourth = Rows(), Rows()
    for rows, log_every in ((every_step, 1), (every_fourth, 4)):
        fit(small_cigan(in_turns(NEVER, max_steps=3), log_every=log_every), 0, 9, logger=rows)
    assert [step for step, _ in every_step.rows] == list(range(1, 10))
    assert [step for step, _ in every_fourth.rows] == [4, 8]
    for step, row in every_fourth.rows:
        assert step is not None
        window = [values for _, values in every_step.rows[step - 4 : step]]
        names = {name for values in window for name in values}
        assert row.keys() == names
        for name in names - {"iteration", "images_seen"}:
            values = [values[name] for values in window if name in values]
            assert row[name] == pytest.approx(sum(values) / len(values), rel=1e-5)
    first = every_fourth.rows[0][1]
    assert (first["iteration"], first["images_seen"]) == (4, 4 * BATCH)
    assert first.keys() == {"iteration", "images_seen", "generator/feature", "discriminator/adversarial"}


def test_callbacks_find_the_logged_terms() -> None:
    trainer = fit(small_cigan(in_turns(NEVER, max_steps=2)), 0, 6)
    found = {"discriminator/adversarial", "generator/adversarial", "generator/feature", "generator/boundary"}
    assert found <= trainer.callback_metrics.keys()


def test_terms_are_logged_without_their_weight() -> None:
    rows, method = Rows(), small_cigan()
    expected = method.generator_terms(batch(0), ["feature"])["generator/feature"].value.item()
    fit(method, 0, 1, logger=rows)
    assert rows.rows[0][1]["generator/feature"] == pytest.approx(expected, rel=1e-5)


def test_learning_rates_decay_by_our_iterations() -> None:
    method = small_cigan(learning_rate_decay=partial(exponential, factor=0.5, every=2))
    trainer = fit(method, 0, 5)  # generator, generator, discriminator x 3; the last at iterations = 4
    discriminator, generator = (optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers)
    assert discriminator == pytest.approx(1e-3 * 0.5 ** (4 / 2))
    assert generator == pytest.approx(1e-3 * 0.5 ** (1 / 2))


def test_a_factor_lowers_all_learning_rates() -> None:
    method = small_cigan()
    method.learning_rate_factor = 0.25
    trainer = fit(method, 0, 5)
    assert [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers] == [0.25e-3, 0.25e-3]


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_step_in_parts_is_the_same_step(parts: int) -> None:
    at_once, in_parts = small_cigan(in_turns(NEVER, max_steps=2)), small_cigan(in_turns(NEVER, max_steps=2))
    in_parts.accumulate = parts  # of 4 patches; 3 gives two parts
    rows, other_rows = Rows(), Rows()
    fit(at_once, 0, 8, logger=rows)
    fit(in_parts, 0, 8, logger=other_rows)
    expected = at_once.state_dict()
    for name, tensor in in_parts.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-5, msg=name)
    for (_, row), (_, other) in zip(rows.rows, other_rows.rows, strict=True):
        assert other == pytest.approx(row, rel=1e-4)


def test_parts_hold_every_image_once() -> None:
    whole = batch(0, size=5)
    parts = parts_of(whole, 2)
    assert [len(part.image) for part in parts] == [3, 2]
    assert torch.equal(torch.cat([part.corrupted for part in parts]), whole.corrupted)
    assert parts_of(whole, 1) == [whole]
    assert len(parts_of(whole, 9)) == 5


def test_the_first_row_after_a_resume_is_the_uninterrupted_ones(tmp_path: Path) -> None:
    whole, resumed = Rows(), Rows()
    fit(small_cigan(log_every=4), 0, 8, logger=whole)
    fit(small_cigan(log_every=4), 0, 6).save_checkpoint(tmp_path / "6.ckpt")
    fit(small_cigan(log_every=4), 6, 8, logger=resumed, resume=tmp_path / "6.ckpt")
    assert resumed.rows == whole.rows[1:]


def test_log_every_must_be_possible() -> None:
    with pytest.raises(ValueError, match="at least 1 iteration"):
        small_cigan(log_every=0)


def test_frozen_passes_gradients_through() -> None:
    network, x = nn.Linear(2, 1), torch.ones(3, 2, requires_grad=True)
    with frozen(network):
        y = network(x).sum()
    y.backward()
    assert x.grad is not None
    assert network.weight.grad is None
    assert network.weight.requires_grad
