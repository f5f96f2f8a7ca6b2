"""The paper's numbers, the loss and the step written out, and that it learns what there is to learn and no more."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback
from sklearn.metrics import f1_score  # type: ignore[import-untyped]

from mammo_gan.downstream.classifier import LOSS, Classifier
from mammo_gan.stages.command.groups import conf_folder
from tests.downstream.small import SIZE, fit, small_classifier, small_data, small_store
from tests.methods.test_base import Rows


@pytest.mark.parametrize(
    ("preset", "parameters", "decay", "weight_decay", "betas"),
    [("paper", 357_948, 0.99, 0.05, (0.0, 0.99)), ("as_published", 357_768, 0.95**8, 5e-4, (0.0, 0.999))],
)
def test_the_settings_are_the_papers(
    preset: str, parameters: int, decay: float, weight_decay: float, betas: tuple[float, float]
) -> None:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=["method=dcgan", f"preset={preset}"])
    classifier: Classifier = instantiate(cfg.downstream.classifier, _convert_="all")
    assert sum(parameter.numel() for parameter in classifier.network.parameters()) == parameters
    assert classifier.decay is not None
    assert (classifier.decay(7), classifier.decay(8)) == pytest.approx((1 if preset == "paper" else 0.95**7, decay))
    (group,) = classifier.configure_optimizers().param_groups
    assert (group["lr"], tuple(group["betas"]), group["weight_decay"]) == (2e-4, betas, weight_decay)
    assert (cfg.downstream.training.batch_size, cfg.downstream.training.epochs) == (64, 20)
    for module in classifier.network.modules():  # Glorot and Bengio: uniform, within sqrt(6 / (fan in + fan out))
        if isinstance(module, torch.nn.Conv2d):
            outputs, inputs, height, width = module.weight.shape
            bound = (6 / ((inputs + outputs) * height * width)) ** 0.5
            assert 0.9 * bound < float(module.weight.detach().abs().max()) <= bound
    assert classifier(torch.rand(3, 1, 128, 128)).shape == (3,)


def test_a_step_is_adam_on_the_mean_cross_entropy(tmp_path: Path) -> None:
    data = small_data(small_store(tmp_path))
    trained, reference = small_classifier(), small_classifier().network.train()
    optimizer = torch.optim.Adam(reference.parameters(), lr=5e-3, betas=(0.0, 0.99))
    batch = next(iter(data.train_dataloader()))
    probability = torch.sigmoid(reference(batch.image).double())
    chosen = torch.where(batch.label == 1, probability, 1 - probability)
    loss = -chosen.log().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    fit(trained, data, 1)
    assert float(trained.latest_terms[LOSS].value) == pytest.approx(float(loss.detach()), rel=1e-5)
    for name, value in trained.network.named_parameters():
        torch.testing.assert_close(value, reference.get_parameter(name), rtol=1e-4, atol=1e-5)


def test_every_parameter_is_reached_and_counts_count(tmp_path: Path) -> None:
    trained = small_classifier()
    before = copy.deepcopy(trained.network.state_dict())
    fit(trained, small_data(small_store(tmp_path)), 12)
    for name, value in trained.network.named_parameters():
        assert value.grad is not None, name
        assert bool(value.grad.abs().sum() > 0), name
        assert not torch.equal(value, before[name]), name
    assert (int(trained.iterations), int(trained.images_seen)) == (12, 96)
    assert trained.phase_name == "epoch 2"


def test_the_learning_rate_falls_by_epochs_and_after_a_divergence(tmp_path: Path) -> None:
    class Rates(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])

    rates, trained = Rates(), small_classifier()
    trained.learning_rate_factor = 0.1
    fit(trained, small_data(small_store(tmp_path), 16), 16, [rates])  # five batches an epoch
    assert rates.seen == pytest.approx([5e-4] * 10 + [2.5e-4] * 6)


def test_mean_losses_are_logged_with_the_counts(tmp_path: Path) -> None:
    class Losses(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
            self.seen.append(float(pl_module.latest_terms[LOSS].value))

    losses, rows = Losses(), Rows()
    fit(small_classifier(), small_data(small_store(tmp_path)), 7, [losses], logger=[rows])
    logged = [{name: row[name] for name in ("iteration", "images_seen", LOSS)} for _, row in rows.rows if LOSS in row]
    means = [sum(losses.seen[:3]) / 3, sum(losses.seen[3:6]) / 3]
    assert logged == [
        {"iteration": done, "images_seen": 8 * done, LOSS: pytest.approx(mean, rel=1e-5)}
        for done, mean in zip((3, 6), means, strict=True)
    ]


@pytest.mark.parametrize("shuffled", [False, True])
def test_it_learns_what_can_be_learnt_and_nothing_else(shuffled: bool, tmp_path: Path) -> None:
    data = small_data(small_store(tmp_path, shuffled=shuffled))
    trained = small_classifier()
    fit(trained, data, 200)
    trained.eval()
    (test,) = data.evaluated("test", 999)
    with torch.no_grad():
        called = trained(test.image) > 0
    score = f1_score(test.label, called, zero_division=0)
    assert score < 0.6 if shuffled else score > 0.9


def test_without_a_length_of_an_epoch_it_does_not_start() -> None:
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1)
    images = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(2, 1, SIZE, SIZE)))
    with pytest.raises(ValueError, match="an epoch has no length"):
        trainer.fit(small_classifier(), images)
    with pytest.raises(ValueError, match="log_every is at least 1"):
        small_classifier(log_every=0)
