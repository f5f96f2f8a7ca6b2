from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins.precision import MixedPrecision
from safetensors.torch import load_file
from torch import Tensor, nn

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.divergence import DivergenceGuard
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.data.batches import InfillBatch
from mammo_gan.errors import DivergenceError
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.base import GanMethod
from mammo_gan.methods.cigan import CiGAN
from tests.callbacks import tiny_gan
from tests.callbacks.tiny_gan import TinyGan
from tests.methods import small
from tests.methods.small import in_turns, small_cigan

Change = Callable[[GanMethod, InfillBatch], None]
AT = 21  # the iteration at fault, counted from 1; both methods train their discriminator in it


class Fault(Callback):
    """Changes method or batch at the start of one iteration, and keeps what they were then."""

    def __init__(self, change: Change, at: int = AT) -> None:
        self.change, self.at = change, at

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        assert isinstance(pl_module, GanMethod)
        if int(pl_module.iterations) + 1 == self.at:
            self.change(pl_module, batch)
            self.method = pl_module
            self.batch = InfillBatch(*(field.clone() for field in batch))
            self.state = weights_of(pl_module)


def weights_of(method: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in method.named_parameters()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def in_discriminator(change: Callable[[Tensor, nn.Module], Tensor]) -> Change:
    """Its losses go through `change` from now on."""

    def apply(method: GanMethod, batch: InfillBatch) -> None:
        assert isinstance(method, TinyGan | CiGAN)
        terms_of, network = method.discriminator_terms, method.discriminator

        def changed(batch: InfillBatch) -> dict[str, LossTerm]:
            return {name: LossTerm(change(term.value, network), 1.0) for name, term in terms_of(batch).items()}

        method.discriminator_terms = changed  # type: ignore[method-assign]

    return apply


def nan_in_batch(method: GanMethod, batch: InfillBatch) -> None:
    batch.image[0, 0, 2, 3] = math.nan


def only_in_gradient(value: Tensor, network: nn.Module) -> Tensor:
    """The root of 0 has a finite value and no finite slope."""
    return value + sum((parameter * 0).sum().sqrt() for parameter in network.parameters())


def kill(method: GanMethod, batch: InfillBatch) -> None:
    """A ReLU that is never above zero, behind it a bias that goes on learning."""
    dead = nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0))
    dead(batch.image)
    nn.init.constant_(dead.get_parameter("1.bias"), -1e3)
    before = list(method.get_submodule("discriminator").parameters())
    method.discriminator = _Labelled(dead) if isinstance(method, CiGAN) else dead
    in_discriminator(lambda value, network: value + list(network.parameters())[-1].square().sum())(method, batch)
    for optimizer in method.trainer.optimizers:
        if optimizer.param_groups[0]["params"][0] is before[0]:
            optimizer.param_groups[0]["params"] = list(dead.parameters())
            optimizer.state.clear()


class _Labelled(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        logits: Tensor = self.network(image)
        return logits


def zero(method: GanMethod, batch: InfillBatch) -> None:
    for parameter in method.get_submodule("discriminator").parameters():
        nn.init.zeros_(parameter)


FAULTS: dict[str, tuple[Change, str]] = {
    "NaN in the batch": (nan_in_batch, "{term} was NaN"),
    "infinite term": (in_discriminator(lambda value, network: value + math.inf), "{term} was infinite"),
    "exploding term": (in_discriminator(lambda value, network: value + 1e7), "{term} was 1e+07 after a mean of 0."),
    "NaN in the gradient alone": (in_discriminator(only_in_gradient), "the discriminator's gradient was NaN"),
    "dead ReLUs": (kill, "the discriminator was dead (the gradient of its weights was exactly zero)"),
}


def fit_tiny(folder: Path, *callbacks: Callback, method: TinyGan | None = None, **settings: Any) -> TinyGan:
    method = method or TinyGan()
    tiny_gan.fit(method, folder, [StopAtIteration(60), *callbacks], **settings)
    return method


def fit_small(folder: Path, *callbacks: Callback, method: CiGAN | None = None, **settings: Any) -> CiGAN:
    method = method or small_cigan(in_turns(-1.0, max_steps=3))
    small.fit(method, 0, 60, callbacks=list(callbacks), default_root_dir=folder, **settings)
    return method


FITS: dict[str, Callable[..., GanMethod]] = {"discriminator/loss": fit_tiny, "discriminator/adversarial": fit_small}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("term", FITS)
def test_each_fault_is_seen_before_the_step(tmp_path: Path, term: str, name: str) -> None:
    change, said = FAULTS[name]
    fault = Fault(change)
    with pytest.raises(DivergenceError) as caught:
        FITS[term](tmp_path, fault, DivergenceGuard(tmp_path / "divergence"))
    folder = tmp_path / "divergence" / "iteration-0000021"
    assert caught.value.seen.startswith(said.format(term=term))
    assert str(caught.value) == (
        f"training diverged at iteration 21: {caught.value.seen}. The batch is kept in {folder}."
    )
    assert (caught.value.iteration, caught.value.exit_code) == (AT, 3)
    assert int(fault.method.iterations) == AT - 1
    assert_same(weights_of(fault.method), fault.state)
    assert_same(load_file(folder / "rank0.safetensors"), fault.batch._asdict())
    assert (folder / "rank0-image.png").stat().st_size > 0


def test_zeroed_weights_are_dead(tmp_path: Path) -> None:
    with pytest.raises(DivergenceError, match="the discriminator was dead"):
        fit_small(tmp_path, Fault(zero), DivergenceGuard(tmp_path))


def test_the_description_has_all_figures(tmp_path: Path) -> None:
    with pytest.raises(DivergenceError):
        fit_small(tmp_path, Fault(nan_in_batch, at=24), DivergenceGuard(tmp_path))  # the generator's turn
    seen = json.loads((tmp_path / "iteration-0000024" / "seen.json").read_text())
    assert seen["seen"] == "generator/feature was NaN, generator/boundary was NaN"
    assert (seen["iteration"], seen["images_seen"]) == (24, 23 * small.BATCH)
    assert seen["learning_rates"] == [1e-3]
    assert seen["gradient_norm"] > 0
    terms = seen["terms"]
    assert {name: term["weight"] for name, term in terms.items()} == {
        "generator/adversarial": 1.0,
        "generator/feature": 10.0,
        "generator/boundary": 10000.0,
    }
    assert terms["generator/feature"]["values"] == ["nan"]
    assert 0.1 < terms["generator/adversarial"]["values"][0] < 10
    assert terms["generator/feature"]["running_mean"] > 1
    assert json.loads((tmp_path / "iteration-0000024" / "rank0.json").read_text())["image"]["nan"] == 1


def test_healthy_trainings_raise_nothing(tmp_path: Path) -> None:
    for fit in (fit_tiny, fit_small):
        assert int(fit(tmp_path, DivergenceGuard(tmp_path / "divergence")).iterations) == 60
    assert not (tmp_path / "divergence").exists()


def test_a_training_whose_losses_begin_large_is_healthy(tmp_path: Path) -> None:
    method = small_cigan(in_turns(-1.0, max_steps=3), pretraining=30)
    genuine = method.feature_loss.forward

    def falling(real: Tensor, synthetic: Tensor, mask: Tensor) -> Tensor:
        return genuine(real, synthetic, mask) * (1 + 1e5 * 0.5 ** int(method.iterations))

    method.feature_loss.forward = falling  # type: ignore[method-assign]
    fit_small(tmp_path, DivergenceGuard(tmp_path / "divergence"), method=method)
    assert int(method.iterations) == 60


def test_the_guard_does_not_change_the_training(tmp_path: Path) -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        alone = fit_tiny(tmp_path)
        torch.manual_seed(0)
        guarded = fit_tiny(tmp_path, DivergenceGuard(tmp_path))
    assert_same(dict(guarded.state_dict()), dict(alone.state_dict()))


def test_a_second_divergence_leaves_the_first_batch(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(DivergenceError) as caught:
            fit_tiny(tmp_path, Fault(nan_in_batch), DivergenceGuard(tmp_path / "divergence"))
    kept = sorted((tmp_path / "divergence").iterdir())
    assert [path.name for path in kept] == ["iteration-0000021", "iteration-0000021-2"]
    assert f"is kept in {kept[1]}." in str(caught.value)
    assert {path.name for path in kept[0].iterdir()} == {path.name for path in kept[1].iterdir()}


def test_a_full_disk_does_not_hide_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mammo_gan.callbacks.divergence.keep", full)
    with pytest.raises(DivergenceError, match=r"loss was NaN. The batch couldn't be kept: .*No space left on device"):
        fit_tiny(tmp_path, Fault(nan_in_batch), DivergenceGuard(tmp_path))


@pytest.mark.parametrize("delayed", [False, True])
def test_a_resumed_guard_equals_the_uninterrupted_one(tmp_path: Path, delayed: bool) -> None:
    guards = [DivergenceGuard(tmp_path, delayed=delayed) for _ in range(3)]
    for guard, folder, stop in zip(guards, ("whole", "cut", "cut"), (30, 17, 30), strict=True):
        torch.manual_seed(0)
        method, last = small_cigan(in_turns(-1.0, max_steps=3)), find_last(tmp_path / folder)
        callbacks = [StopAtIteration(stop), guard, AtomicCheckpoint(tmp_path / folder, None, 100)]
        start = 0 if last is None else 17
        small.fit(method, start, 60, resume=last, callbacks=callbacks, enable_checkpointing=True)
    assert guards[0].state_dict() == guards[2].state_dict() != guards[1].state_dict()


def delayed_guard(folder: Path) -> DivergenceGuard:
    return DivergenceGuard(folder / "divergence", delayed=True)


def test_a_delayed_look_is_one_update_later_and_keeps_the_right_batch(tmp_path: Path) -> None:
    fault, method = Fault(nan_in_batch), TinyGan()
    after = Fault(lambda method, batch: None, at=AT + 1)
    with pytest.raises(DivergenceError, match="at iteration 21: discriminator/loss was NaN") as caught:
        fit_tiny(tmp_path, fault, after, delayed_guard(tmp_path), method=method)
    assert caught.value.iteration == AT
    assert int(method.iterations) == AT  # the step at fault was made, the next one wasn't
    assert_same(weights_of(method), after.state)
    kept = load_file(tmp_path / "divergence" / "iteration-0000021" / "rank0.safetensors")
    assert_same(kept, fault.batch._asdict())


@pytest.mark.parametrize(("every", "newest"), [(1, 20), (2, 20), (3, 18), (7, 14)])
def test_no_checkpoint_holds_what_a_delayed_look_would_have_seen(tmp_path: Path, every: int, newest: int) -> None:
    checkpoint = AtomicCheckpoint(tmp_path / "c", None, every)
    with pytest.raises(DivergenceError, match="at iteration 21"):
        fit_tiny(tmp_path, Fault(nan_in_batch), delayed_guard(tmp_path), checkpoint)
    last = find_last(tmp_path / "c")
    assert last is not None
    state = torch.load(last, weights_only=True)["state_dict"]
    assert int(state["iterations"]) == newest
    assert all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize("saving", [True, False])
def test_a_delayed_look_comes_before_the_end(tmp_path: Path, saving: bool) -> None:
    checkpoints = [AtomicCheckpoint(tmp_path / "c", None)] if saving else []
    with pytest.raises(DivergenceError, match="at iteration 60: generator/loss was NaN"):
        fit_tiny(tmp_path, Fault(nan_in_batch, at=60), delayed_guard(tmp_path), *checkpoints)
    assert find_last(tmp_path / "c") is None


class Scaled(MixedPrecision):
    """16-mixed on the CPU, with a scale that begins far too high."""

    scaler: torch.amp.GradScaler

    def __init__(self) -> None:
        super().__init__("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**26))


@pytest.mark.parametrize("delayed", [False, True])
def test_a_gradient_scaler_skips_steps_by_itself(tmp_path: Path, delayed: bool) -> None:
    precision, method = Scaled(), small_cigan(in_turns(-1.0, max_steps=3))
    before = weights_of(method)
    fit_small(tmp_path, DivergenceGuard(tmp_path / "d", delayed=delayed), method=method, plugins=[precision])
    assert precision.scaler.get_scale() < 2.0**26
    assert any(not torch.equal(before[name], value) for name, value in weights_of(method).items())


def test_skipping_without_end_is_divergence(tmp_path: Path) -> None:
    fault, method = Fault(in_discriminator(only_in_gradient), at=3), small_cigan(in_turns(-1.0, max_steps=100))
    with pytest.raises(DivergenceError, match="the discriminator's gradient was NaN in 30 updates in a row"):
        fit_small(tmp_path, fault, DivergenceGuard(tmp_path), method=method, plugins=[Scaled()])
    assert int(method.iterations) == 3 + 30 - 2
    assert_same(weights_of(method), fault.state)
    assert json.loads((tmp_path / "iteration-0000032" / "seen.json").read_text())["loss_scale"] < 1
