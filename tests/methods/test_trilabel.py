from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from mammo_gan.methods.trilabel import Pairs, TriLabelGAN
from mammo_gan.networks.trilabel import CRN, UNet
from mammo_gan.stages.command import targets
from mammo_gan.stages.command.groups import conf_folder
from tests.methods.small import SIZE
from tests.methods.small_trilabel import BATCH, REFINING, UNET, batch, fit, small_trilabel
from tests.methods.test_base import Rows

NETWORKS = ("generator", "discriminator")


def snapshot(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Recorder(Callback):
    """Which networks each step of an optimiser changed."""

    def __init__(self) -> None:
        self.changed: list[str] = []

    def on_fit_start(self, trainer: pl.Trainer, method: pl.LightningModule) -> None:
        assert isinstance(method, TriLabelGAN)
        update = method.update

        def recorded(*arguments: Any, **settings: Any) -> Any:
            before = {name: snapshot(getattr(method, name)) for name in NETWORKS}
            values = update(*arguments, **settings)
            moved = [name for name, old in before.items() if not same(old, snapshot(getattr(method, name)))]
            self.changed.append(" and ".join(moved))
            return values

        method.update = recorded  # type: ignore[method-assign]


@pytest.mark.parametrize("channels", [3, 2])
@pytest.mark.parametrize("generator", [UNET, REFINING])
def test_each_iteration_moves_the_discriminator_alone_and_then_the_generator_alone(
    generator: str, channels: int
) -> None:
    method, recorder, rows = small_trilabel(generator, channels=channels), Recorder(), Rows()
    fit(method, 0, 3, channels=channels, callbacks=[recorder], logger=rows)
    assert recorder.changed == ["discriminator", "generator"] * 3
    assert (int(method.iterations), int(method.images_seen)) == (3, 3 * BATCH)
    terms = {"discriminator/adversarial", "generator/adversarial", "generator/feature"}
    assert [set(row) for _, row in rows.rows] == [{"iteration", "images_seen", *terms}] * 3


@pytest.mark.parametrize("generator", [UNET, REFINING])
def test_gradients_reach_the_network_in_training_alone(generator: str) -> None:
    method = small_trilabel(generator)
    label, image, _ = batch(0)
    terms = method.discriminator_terms(Pairs(label, image, method(label).detach()))
    torch.autograd.backward([term.value for term in terms.values()])
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    assert all(parameter.grad is not None for parameter in method.discriminator.parameters())
    method.zero_grad()
    for name in ("adversarial", "feature"):
        torch.autograd.backward(method.generator_terms(batch(0))[f"generator/{name}"].value)
        assert all(parameter.grad is not None for parameter in method.generator.parameters())
        assert all(parameter.grad is None for parameter in method.discriminator.parameters())
        assert all(parameter.requires_grad for parameter in method.discriminator.parameters())
        method.zero_grad()


@pytest.mark.parametrize("generator", [UNET, REFINING])
def test_training_equals_a_plain_loop(generator: str) -> None:
    """Equations 3 to 5 without Lightning, the loss of each part of a patch weighing the same."""
    reference, method = small_trilabel(generator), small_trilabel(generator)
    drawer, judge = reference.generator, reference.discriminator
    adams = [torch.optim.Adam(n.parameters(), lr=r, betas=(0.5, 0.9)) for n, r in ((drawer, 2e-3), (judge, 1e-3))]
    for index in range(6):
        label, real, _ = batch(index)
        ones, zeros = torch.ones(BATCH, 6, 6), torch.zeros(BATCH, 6, 6)
        loss = F.binary_cross_entropy(judge(label, real).sigmoid(), ones)
        loss = (loss + F.binary_cross_entropy(judge(label, drawer(label).detach()).sigmoid(), zeros)) / 2
        adams[1].zero_grad()
        torch.autograd.backward(loss)
        adams[1].step()
        fake = drawer(label)
        loss = F.binary_cross_entropy(judge(label, fake).sigmoid(), ones)
        loss = loss + 100 * reference.feature_loss(real, fake)
        adams[0].zero_grad()
        torch.autograd.backward(loss)
        adams[0].step()
    fit(method, 0, 6)
    for ours, theirs in ((method.generator, drawer), (method.discriminator, judge)):
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-4, msg=name)


def test_drawing_the_real_patch_costs_no_features() -> None:
    method = small_trilabel()
    terms = method.generator_terms(batch(0), batch(0).image)
    assert terms["generator/feature"].value == 0
    assert terms["generator/feature"].weight == 100
    assert terms["generator/adversarial"].weight == 1
    assert method.generator_terms(batch(0))["generator/feature"].value > 0


def test_a_step_in_parts_equals_the_step_of_the_whole() -> None:
    """No image knows another of its batch, so a batch may be divided."""
    whole, in_parts = small_trilabel(), small_trilabel()
    in_parts.accumulate = 2
    for method in (whole, in_parts):
        fit(method, 0, 3)
    for a, b in zip(whole.parameters(), in_parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, cut, resumed, file = small_trilabel(), small_trilabel(), small_trilabel(seed=1), tmp_path / "cut.ckpt"
    fit(whole, 0, 6)
    fit(cut, 0, 2).save_checkpoint(file)
    fit(resumed, 2, 6, resume=file)
    expected = whole.state_dict()
    assert {name.split(".")[0] for name in expected} == {*NETWORKS, "iterations", "images_seen"}  # and no VGG-19
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_training_lowers_the_feature_loss() -> None:
    method = small_trilabel()
    start = method.generator_terms(batch(3))["generator/feature"].value.item()
    fit(method, 0, 40)
    assert method.generator_terms(batch(3))["generator/feature"].value.item() < 0.97 * start


@pytest.mark.parametrize("generator", [UNET, REFINING])
def test_mixed_precision_trains_and_draws_float32(generator: str) -> None:
    method, recorder = small_trilabel(generator), Recorder()
    fit(method, 0, 3, callbacks=[recorder], precision="bf16-mixed")
    assert recorder.changed == ["discriminator", "generator"] * 3
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in method.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        image = method(batch(0).tri_label)
    assert (image.dtype, image.shape) == (torch.float32, (BATCH, 1, SIZE, SIZE))
    assert image.abs().max() <= 1


@pytest.mark.parametrize(("option", "network"), [("unet", UNet), ("crn", CRN)])
def test_the_configuration_has_the_papers_numbers(option: str, network: type[UNet | CRN]) -> None:
    """Sections 3.3, 4.1 and 4.2; two channels are 4.3's."""
    overrides = ["method=trilabel", f"method/generator={option}", "weights=random", "method.generator.label_channels=2"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=overrides)
    targets.check(cfg)
    grows = cfg.growth.smallest * 2 ** (len(cfg.method.generator.channels) - (0 if cfg.growth.first_doubles else 1))
    assert grows == cfg.method.image_size == 256
    method = instantiate(cfg.method)
    assert isinstance(method, TriLabelGAN)
    assert isinstance(method.generator, network)
    assert method.feature_weight == 100
    for make in (cfg.method.generator_optimizer, cfg.method.discriminator_optimizer):
        assert (make.lr, list(make.betas)) == (2e-4, [0.9, 0.5])
    with torch.no_grad():
        label = torch.zeros(1, 2, 256, 256)
        image = method(label)
        assert image.shape == (1, 1, 256, 256)
        assert method.discriminator(label, image).shape == (1, 30, 30)
