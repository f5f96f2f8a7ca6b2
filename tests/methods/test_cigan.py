from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from mammo_gan.losses.feature import MaskedFeatureLoss
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.schedules.alternation import Phase
from mammo_gan.schedules.learning_rate import exponential
from tests.methods.small import SIZE, batch, fit, in_turns, small_cigan

NEVER, AT_ONCE = -1.0, 1e9  # losses that a burst waits for


def in_four_phases(steps_per_check: int = 3) -> tuple[Phase, ...]:
    """The published code's phases, short, each with an optimiser of its own."""
    discriminator, generator = in_turns(NEVER, max_steps=5)
    discriminator = replace(discriminator, steps_per_check=steps_per_check)
    parts = [
        replace(
            generator,
            name=term,
            terms=(term,),
            solver=term,
            until=NEVER if term == "adversarial" else None,
            max_steps=2,
        )
        for term in ("adversarial", "feature", "boundary")
    ]
    return discriminator, *parts


def snapshot(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Recorder(Callback):
    """Which networks each iteration changed, and what it said that it would train."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.phases: list[str] = []

    def on_train_batch_start(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        assert isinstance(method, CiGAN)
        self.phases.append(method.phase_name)
        self.before = {name: snapshot(getattr(method, name)) for name in ("generator", "discriminator")}

    def on_train_batch_end(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        moved = [name for name, before in self.before.items() if not same(before, snapshot(getattr(method, name)))]
        self.changed.append(" and ".join(moved))


def test_pretraining_then_turns_and_each_step_moves_its_network_alone() -> None:
    method, recorder = small_cigan(in_turns(NEVER, max_steps=3), pretraining=2), Recorder()
    fit(method, 0, 10, callbacks=[recorder])
    assert recorder.phases == ["pre-training"] * 2 + ["discriminator"] * 3 + ["generator"] * 3 + ["discriminator"] * 2
    assert recorder.changed == ["generator"] * 2 + ["discriminator"] * 3 + ["generator"] * 3 + ["discriminator"] * 2


def test_a_burst_ends_once_its_loss_is_low() -> None:
    recorder = Recorder()
    fit(small_cigan(in_turns(AT_ONCE, max_steps=50), pretraining=0), 0, 6, callbacks=[recorder])
    assert recorder.changed == ["discriminator", "generator"] * 3


def test_a_burst_waits_for_the_mean_since_its_last_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses 0.9 0.9 | 0.4 0.1 | ...: the mean of the second pair is low enough, that of the first isn't."""
    method = small_cigan(in_turns(0.3, steps_per_check=2, max_steps=50), pretraining=0)
    losses = iter([0.9, 0.9, 0.4, 0.1, 0.1, 0.1])
    genuine = method.adversarial_loss.discriminator

    def scripted(real: Tensor, synthetic: Tensor) -> Tensor:
        value = genuine(real, synthetic)
        return value - value.detach() + next(losses)

    monkeypatch.setattr(method.adversarial_loss, "discriminator", scripted)
    recorder = Recorder()
    fit(method, 0, 5, callbacks=[recorder])
    assert recorder.changed == ["discriminator"] * 4 + ["generator"]


def test_separate_solvers_train_one_term_each() -> None:
    method, recorder = small_cigan(in_four_phases(), pretraining=1), Recorder()
    trainer = fit(method, 0, 13, callbacks=[recorder])
    names = ["discriminator"] * 5 + ["adversarial"] * 2 + ["feature"] * 2 + ["boundary"] * 2
    assert recorder.phases == ["pre-training", *names, "discriminator"]
    steps = [int(next(iter(optimizer.state.values()))["step"]) for optimizer in trainer.optimizers]
    assert steps == [6, 2, 3, 2]  # pre-training is done by the solver of the feature loss


def test_gradients_reach_the_network_in_training_alone() -> None:
    method = small_cigan()
    terms = method.discriminator_terms(batch(0))
    torch.autograd.backward([term.value for term in terms.values()])
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    assert all(parameter.grad is not None for parameter in method.discriminator.parameters())

    method.zero_grad()
    for name in ("adversarial", "feature", "boundary"):
        terms = method.generator_terms(batch(0), [name])
        assert list(terms) == [f"generator/{name}"]
        torch.autograd.backward(terms[f"generator/{name}"].value)
        assert all(parameter.grad is not None for parameter in method.generator.parameters())
        assert all(parameter.grad is None for parameter in method.discriminator.parameters())
        assert all(parameter.requires_grad for parameter in method.discriminator.parameters())
        method.zero_grad()


def test_training_equals_a_plain_loop() -> None:
    """The paper's algorithm without Lightning: feature loss first, then bursts of two on the weighted sum."""
    reference = small_cigan(in_turns(NEVER, max_steps=2), pretraining=2)
    generator, discriminator = reference.generator, reference.discriminator
    adams = {id(n): torch.optim.Adam(n.parameters(), lr=1e-3, fused=True) for n in (generator, discriminator)}
    for index in range(10):
        image, corrupted, mask, label = batch(index)
        fake = generator(corrupted, mask, label)
        network = discriminator if index >= 2 and (index - 2) % 4 < 2 else generator
        if index < 2:
            loss = 10 * reference.feature_loss(image, fake, mask)
        elif network is discriminator:
            real_logits, fake_logits = discriminator(image, label), discriminator(fake.detach(), label)
            loss = -(real_logits.sigmoid().log().mean() + (1 - fake_logits.sigmoid()).log().mean()) / 2
        else:
            loss = -discriminator(fake, label).sigmoid().log().mean()
            loss = (
                loss + 10 * reference.feature_loss(image, fake, mask) + 1e4 * reference.boundary_loss(image, fake, mask)
            )
        for adam in adams.values():
            adam.zero_grad()
        torch.autograd.backward(loss)
        adams[id(network)].step()

    method = small_cigan(in_turns(NEVER, max_steps=2), pretraining=2)
    fit(method, 0, 10)
    for ours, theirs in ((method.generator, generator), (method.discriminator, discriminator)):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5)


def test_two_runs_of_one_seed_are_equal() -> None:
    runs = [small_cigan(seed=4), small_cigan(seed=4)]
    for method in runs:
        fit(method, 0, 9)
    states = [method.state_dict() for method in runs]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("stop", [1, 4, 7])  # in pre-training, in a burst, between two checks of one
@pytest.mark.parametrize("form", ["paper", "published"])
def test_a_resumed_run_equals_the_uninterrupted_one(form: str, stop: int, tmp_path: Path) -> None:
    def new(seed: int) -> CiGAN:
        if form == "paper":
            return small_cigan(in_turns(0.69, max_steps=3), seed=seed)
        decay = partial(exponential, factor=0.9, every=3)
        return small_cigan(in_four_phases(), seed=seed, learning_rate_decay=decay)

    whole = new(0)
    trainer = fit(whole, 0, 14)
    cut, file = new(0), tmp_path / "cut.ckpt"
    fit(cut, 0, stop).save_checkpoint(file)
    torch.load(file, weights_only=True)
    resumed = new(1)
    resumed_trainer = fit(resumed, stop, 14, resume=file)
    expected = whole.state_dict()
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    for ours, theirs in zip(resumed_trainer.optimizers, trainer.optimizers, strict=True):
        ours_state, theirs_state = ours.state_dict(), theirs.state_dict()
        assert ours_state["param_groups"] == theirs_state["param_groups"]
        for index, values in ours_state["state"].items():
            assert all(torch.equal(value, theirs_state["state"][index][key]) for key, value in values.items())


def test_a_resumed_burst_remembers_its_losses(tmp_path: Path) -> None:
    phases = in_turns(NEVER, steps_per_check=10, max_steps=10)
    whole, cut, resumed, file = (
        small_cigan(phases),
        small_cigan(phases),
        small_cigan(phases, seed=1),
        tmp_path / "a.ckpt",
    )
    fit(whole, 0, 6)
    fit(cut, 0, 4).save_checkpoint(file)
    fit(resumed, 4, 6, resume=file)
    assert resumed.loss_since_check > cut.loss_since_check > 0
    assert torch.equal(resumed.loss_since_check, whole.loss_since_check)


def test_a_checkpoint_holds_the_networks_and_the_counts_and_no_vgg() -> None:
    method = small_cigan()
    others = {name for name in method.state_dict() if not name.startswith(("generator.", "discriminator."))}
    assert others == {"iterations", "images_seen", "phase_index", "phase_steps", "loss_since_check"}


def test_pretraining_lowers_the_feature_loss() -> None:
    method = small_cigan(pretraining=200)
    start = method.generator_terms(batch(3), ["feature"])["generator/feature"].value.item()
    fit(method, 0, 60)
    assert method.generator_terms(batch(3), ["feature"])["generator/feature"].value.item() < 0.95 * start


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_trains(precision: str) -> None:
    method, recorder = small_cigan(in_turns(NEVER, max_steps=3), pretraining=2), Recorder()
    settings: dict[str, Any] = {"precision": precision}
    if (
        precision == "16-mixed"
    ):  # the scaler of a GPU run, on the CPU; a scale that doesn't overflow, so each step counts
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**-8)
        settings = {"plugins": [pl.plugins.MixedPrecision("16-mixed", "cpu", scaler)]}
    fit(method, 0, 9, callbacks=[recorder], **settings)
    assert recorder.changed == ["generator"] * 2 + ["discriminator"] * 3 + ["generator"] * 3 + ["discriminator"]
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in method.parameters())


def test_channels_last_changes_the_order_of_sums_only() -> None:
    plain, ordered = small_cigan(channels_last=False), small_cigan(channels_last=True)
    for method in (plain, ordered):
        fit(method, 0, 8)
    weight = ordered.generator.get_parameter("blocks.1.0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    for a, b in zip(plain.parameters(), ordered.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_forward_gives_float32_patches_under_autocast() -> None:
    _, corrupted, mask, label = batch(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        image = small_cigan()(corrupted, mask, label)
    assert image.shape == (4, 1, SIZE, SIZE)
    assert image.dtype == torch.float32
    assert image.min() >= 0


def test_refuses_phases_that_cannot_be_trained() -> None:
    discriminator, generator = in_turns()
    cases = [
        ((replace(discriminator, terms=("feature",)), generator), "discriminator has no feature loss"),
        ((discriminator, replace(generator, terms=("style",))), "generator has no style loss"),
        ((discriminator, replace(generator, terms=("feature",))), "looks at the adversarial loss"),
        ((discriminator, replace(generator, solver="D")), "solver D already trains another network"),
        ((discriminator, replace(generator, terms=("adversarial",))), "no phase trains on the feature loss"),
    ]
    for phases, message in cases:
        with pytest.raises(ValueError, match=message):
            small_cigan(phases)
    with pytest.raises(ValueError, match="loss_weights has no boundary"):
        small_cigan(loss_weights={"adversarial": 1.0, "feature": 10.0})


def test_a_copy_trains_without_the_original() -> None:
    """The forecast before a long run trains a copy."""
    method = small_cigan()
    before = snapshot(method)
    fit(copy.deepcopy(method), 0, 4)
    assert same(before, snapshot(method))
    assert int(method.iterations) == 0


def test_the_published_feature_loss_fits_in() -> None:
    method = small_cigan(pretraining=2)
    masked = MaskedFeatureLoss(method.feature_loss.features, method.boundary_loss.weight)
    other = small_cigan(pretraining=2, feature_loss=masked)
    terms = other.generator_terms(batch(0), ["feature"])
    synthetic = other(*batch(0)[1:])
    assert terms["generator/feature"].value == masked(batch(0).image, synthetic, batch(0).mask)
