from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mammo_gan.data.batches import LesionBatch
from mammo_gan.errors import UserError
from mammo_gan.losses.differentiable_augmentation import DifferentiableAugmentation
from mammo_gan.losses.gradient_penalty import r1
from mammo_gan.methods.dcgan import DCGAN, Latent, Pair
from mammo_gan.networks.bands import Bands
from mammo_gan.schedules.epochs import real_label, staircase
from tests.methods.small import SIZE
from tests.methods.small_dcgan import BATCH, LATENT, TRAINING_IMAGES, Endless, batch, fit, small_dcgan
from tests.methods.test_base import Rows

FREE = {"normalisation": "none"}
IMPROVED: dict[str, Any] = {
    "judging": {"normalisation": "none", "spectral": True},
    "augmentation": DifferentiableAugmentation(),
    "r1_weight": 1.0,
    "r1_every": 3,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def snapshot(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def pair(method: DCGAN) -> Pair:
    real, label = batch(0)
    return Pair(real, method(*latent()).detach(), label)


def latent() -> Latent:
    return Latent(torch.randn(BATCH, LATENT, generator=torch.Generator().manual_seed(9)), batch(0).label)


class Recorder(Callback):
    """What each step of an optimiser changed, the epoch's label, and the learning rates."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.labels: list[float] = []
        self.rates: list[tuple[float, ...]] = []

    def on_fit_start(self, trainer: pl.Trainer, method: pl.LightningModule) -> None:
        assert isinstance(method, DCGAN)
        update, label_of = method.update, method.real_label

        def recorded(*arguments: Any, **settings: Any) -> Any:
            before = {name: snapshot(getattr(method, name)) for name in ("generator", "discriminator")}
            values = update(*arguments, **settings)
            moved = [name for name, old in before.items() if not same(old, snapshot(getattr(method, name)))]
            self.changed.append(" and ".join(moved))
            return values

        def noted(epoch: int) -> float:
            self.labels.append(label_of(epoch))
            return self.labels[-1]

        method.update, method.real_label = recorded, noted  # type: ignore[method-assign]

    def on_train_batch_end(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        self.rates.append(tuple(optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers))


@pytest.mark.parametrize("form", [{}, IMPROVED], ids=["paper", "improved"])
def test_each_iteration_moves_the_discriminator_and_then_the_generator(form: dict[str, Any]) -> None:
    recorder = Recorder()
    method = small_dcgan(**form)
    fit(method, 0, 4, callbacks=[recorder])
    assert recorder.changed == ["discriminator", "generator"] * 4
    assert (int(method.iterations), int(method.images_seen)) == (4, 4 * BATCH)


@pytest.mark.parametrize("form", [{}, IMPROVED], ids=["paper", "improved"])
def test_gradients_reach_the_network_in_training_alone(form: dict[str, Any]) -> None:
    method = small_dcgan(**form)
    terms = method.discriminator_terms(pair(method), 0.9, penalised=True)
    torch.autograd.backward([term.value for term in terms.values()])
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    assert all(parameter.grad is not None for parameter in method.discriminator.parameters())
    method.zero_grad()
    for synthetic in (None, method(*latent())):
        terms = method.generator_terms(latent(), 0.9, synthetic)
        torch.autograd.backward([term.value for term in terms.values()])
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in method.generator.parameters())
        assert all(parameter.grad is None for parameter in method.discriminator.parameters())
        assert all(parameter.requires_grad for parameter in method.discriminator.parameters())
        method.zero_grad()


def test_training_equals_a_plain_loop() -> None:
    """Figure 6's seven steps without Lightning, with a label and learning rates of each epoch."""
    reference, method = small_dcgan(), small_dcgan()
    generator, discriminator = reference.generator, reference.discriminator
    adams = [
        torch.optim.Adam(generator.parameters(), lr=4e-3, betas=(0.0, 0.99)),
        torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.0, 0.99)),
    ]
    torch.manual_seed(5)
    for index in range(9):
        epoch = index * BATCH // TRAINING_IMAGES
        label = torch.full((BATCH,), real_label(epoch, low=0.7, high=1.0, seed=3))
        for adam, rate in zip(adams, (4e-3 * 0.9 ** (epoch // 2), 2e-3 * 0.8**epoch), strict=True):
            adam.param_groups[0]["lr"] = rate
        fake = generator(torch.randn(BATCH, LATENT))
        loss = F.binary_cross_entropy(discriminator(batch(index).image).sigmoid(), label)
        loss = loss + F.binary_cross_entropy(discriminator(fake.detach()).sigmoid(), torch.zeros(BATCH))
        adams[1].zero_grad()
        torch.autograd.backward(loss)
        adams[1].step()
        loss = F.binary_cross_entropy(discriminator(fake).sigmoid(), label)
        adams[0].zero_grad()
        torch.autograd.backward(loss)
        adams[0].step()
    torch.manual_seed(5)
    fit(method, 0, 9)
    for ours, theirs in ((method.generator, generator), (method.discriminator, discriminator)):
        for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-4, msg=name)


def test_labels_and_learning_rates_change_with_the_epoch() -> None:
    recorder = Recorder()
    fit(small_dcgan(), 0, 8, callbacks=[recorder])
    epochs = [0, 0, 0, 1, 1, 2, 2, 2]  # 10 images an epoch, 4 a batch: that of a batch's first image
    assert recorder.labels == [real_label(epoch, low=0.7, high=1.0, seed=3) for epoch in epochs]
    expected = [(4e-3 * staircase(e, factor=0.9, every=2), 2e-3 * staircase(e, factor=0.8, every=1)) for e in epochs]
    assert recorder.rates == expected


@pytest.mark.parametrize("stop", [2, 3, 6])
@pytest.mark.parametrize("form", [{}, IMPROVED], ids=["paper", "improved"])
def test_a_resumed_run_equals_the_uninterrupted_one(form: dict[str, Any], stop: int, tmp_path: Path) -> None:
    whole, cut, resumed, file = small_dcgan(**form), small_dcgan(**form), small_dcgan(seed=1, **form), tmp_path / "a"
    recorders = [Recorder(), Recorder()]
    torch.manual_seed(4)
    fit(whole, 0, 9, callbacks=recorders[:1])
    torch.manual_seed(4)
    fit(cut, 0, stop).save_checkpoint(file)
    torch.manual_seed(8)
    fit(resumed, stop, 9, resume=file, callbacks=recorders[1:])
    assert recorders[1].labels == recorders[0].labels[stop:]
    assert recorders[1].rates == recorders[0].rates[stop:]
    expected = whole.state_dict()
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_a_few_images_are_learned() -> None:
    """Bright patches of one grey level: after some iterations the generator draws bright ones."""
    method = small_dcgan(generator_decay=lambda _: 1.0, discriminator_decay=lambda _: 1.0)
    rows, bright = Rows(), LesionBatch(torch.full((BATCH, 1, SIZE, SIZE), 0.8), batch(0).label)
    before = method(*latent())
    assert before.mean().abs() < 0.1
    loader: DataLoader[LesionBatch] = DataLoader([bright] * 60, batch_size=None)  # type: ignore[arg-type]
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=rows,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(method, loader)
    after = method(*latent())
    assert after.mean() > 0.3
    assert after.abs().max() <= 1
    assert all(torch.tensor(list(row.values())).isfinite().all() for _, row in rows.rows)


def test_samples_are_of_the_noise_given_and_in_the_metrics_range() -> None:
    method = small_dcgan().eval()
    first, again, other = (method.sample(5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (5, 1, SIZE, SIZE)
    assert first.dtype == torch.float32
    assert 0 <= first.min() < first.max() <= 1
    z = torch.randn(5, LATENT, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(first, (method(z) + 1) / 2)


def test_a_conditional_gan_draws_what_the_batch_shows() -> None:
    method = small_dcgan(drawing={"classes": 2}, judging={"classes": 2, **FREE})
    fit(method, 0, 2)
    z, label = latent()
    assert not torch.equal(method(z, label), method(z, 1 - label))
    images = Pair(*pair(method)[:2], label)
    terms, other = (
        method.discriminator_terms(images._replace(label=given), 0.9)["discriminator/adversarial"].value
        for given in (label, 1 - label)
    )
    assert terms != other
    assert method.sample(3, torch.Generator()).shape == (3, 1, SIZE, SIZE)


def test_all_labels_flipped_is_the_loss_of_exchanged_images() -> None:
    method = small_dcgan(judging=FREE, flipped_labels=1.0)
    real, synthetic, label = pair(method)
    flipped = method.discriminator_terms(Pair(real, synthetic, label), 0.8)["discriminator/adversarial"].value
    method.flipped_labels = 0.0
    exchanged = method.discriminator_terms(Pair(synthetic, real, label), 0.8)["discriminator/adversarial"].value
    torch.testing.assert_close(flipped, exchanged)


def test_a_share_of_the_labels_is_flipped_anew_each_time() -> None:
    method = small_dcgan(flipped_labels=0.25)
    labels = [method._labels(torch.zeros(400), 0.8, 0.0) for _ in range(2)]
    assert all(isinstance(drawn, Tensor) for drawn in labels)
    first, second = (torch.as_tensor(drawn) for drawn in labels)
    assert sorted(set(first.tolist())) == pytest.approx([0.0, 0.8])
    assert 0.15 < (first == 0).float().mean() < 0.35
    assert not torch.equal(first, second)


def test_the_penalty_comes_every_few_iterations_with_its_weight() -> None:
    method, rows = small_dcgan(**IMPROVED), Rows()
    fit(method, 0, 7, logger=rows)
    assert [step for step, row in rows.rows if "discriminator/r1" in row] == [1, 4, 7]
    assert method.logs_later == {"discriminator/r1"}
    term = small_dcgan(r1_weight=2.0, r1_every=5, judging=FREE)
    found = term.discriminator_terms(pair(term), 0.9, penalised=True)["discriminator/r1"]
    assert found.weight == 2.0 / 2 * 5
    torch.testing.assert_close(found.value, r1(term.discriminator, batch(0).image))
    assert small_dcgan().logs_later == set()


def test_real_and_synthetic_images_are_both_augmented() -> None:
    seen = []

    class Noting(DifferentiableAugmentation):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(image)
            return 0 * image

    method = small_dcgan(augmentation=Noting(), judging=FREE)
    images = pair(method)
    terms = method.discriminator_terms(images, 1.0)
    assert torch.equal(seen[0], images.real)
    assert torch.equal(seen[1], images.synthetic)
    nothing = F.softplus(method.discriminator(torch.zeros(1, 1, SIZE, SIZE)))
    expected = nothing + nothing - method.discriminator(torch.zeros(1, 1, SIZE, SIZE))
    torch.testing.assert_close(terms["discriminator/adversarial"].value, expected.squeeze())
    method.generator_terms(latent(), 1.0)
    assert len(seen) == 3


@pytest.mark.parametrize("network", ["drawing", "judging"])
def test_batch_statistics_and_parts_are_refused_together(network: str) -> None:
    others = {"drawing": {"normalisation": "layer"}, "judging": {"normalisation": "layer"}}
    method = small_dcgan(**others | {network: {}})  # type: ignore[arg-type]
    method.accumulate = 2
    with pytest.raises(UserError, match=r"trainer\.accumulate=2: expected 1 .* batch normalisation"):
        fit(method, 0, 1)


def test_without_batch_statistics_a_step_in_parts_is_the_same_step() -> None:
    form = {"drawing": {"normalisation": "layer", "normalise_z": False}, "judging": {"normalisation": "layer"}}
    at_once, in_parts = small_dcgan(**form), small_dcgan(**form)  # type: ignore[arg-type]
    in_parts.accumulate = 2
    for method in (at_once, in_parts):
        torch.manual_seed(6)
        fit(method, 0, 5)
    expected = at_once.state_dict()
    for name, tensor in in_parts.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=2e-3, atol=2e-4, msg=name)


class Counted(pl.LightningDataModule):
    """Says how long an epoch is."""

    training_images = 7

    def train_dataloader(self) -> DataLoader[LesionBatch]:
        return DataLoader(Endless(0), batch_size=None)


def test_the_data_say_how_long_an_epoch_is() -> None:
    method = small_dcgan(training_images=None)
    trainer = pl.Trainer(
        accelerator="cpu", max_steps=4, logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(method, datamodule=Counted())
    assert (method.training_images, method.epoch, method.phase_name) == (7, 1, "epoch 2")
    with pytest.raises(ValueError, match="an epoch has no length"):
        fit(small_dcgan(training_images=None), 0, 1)


def test_mixed_precision_trains() -> None:
    for form in ({}, IMPROVED):
        method, recorder = small_dcgan(**form), Recorder()
        fit(method, 0, 3, precision="bf16-mixed", callbacks=[recorder])
        assert recorder.changed == ["discriminator", "generator"] * 3
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in method.parameters())


@pytest.mark.parametrize("setting", [{"flipped_labels": 1.5}, {"r1_weight": -1.0}, {"r1_every": 0}])
def test_impossible_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="flipped_labels is a share"):
        small_dcgan(**setting)


class Shown(pl.LightningDataModule):
    """Batches, and the same images beforehand."""

    def fixed_images(self, split: str, count: int, seed: int) -> Tensor:
        assert split == "train"
        return (torch.cat([batch(index).image for index in range(3)]) + 1) / 2

    def train_dataloader(self) -> DataLoader[LesionBatch]:
        return DataLoader(Endless(0), batch_size=None, generator=torch.Generator())


def banded(data: pl.LightningDataModule) -> DCGAN:
    method = small_dcgan(drawing={"banded": True}, judging={"banded": True})
    trainer = pl.Trainer(
        accelerator="cpu", max_steps=2, logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(method, data)
    return method


def test_bands_are_measured_on_the_real_images_before_the_first_step() -> None:
    method, expected = banded(Shown()), Bands(2)
    expected.measure(2 * Shown().fixed_images("train", 1024, 0) - 1)
    for network in (method.generator, method.discriminator):
        assert network.bands is not None
        torch.testing.assert_close(network.bands.deviation, expected.deviation)
    again = small_dcgan(drawing={"banded": True})
    again.generator.load_state_dict(method.generator.state_dict())  # the deviations are part of a generator


def test_deviations_that_came_with_weights_stay() -> None:
    method = small_dcgan(drawing={"banded": True})
    assert method.generator.bands is not None
    method.generator.bands.deviation.fill_(2.0)
    fit(method, 0, 1)  # without a datamodule there would be nothing to measure
    assert method.generator.bands.deviation.tolist() == [2.0, 2.0]
