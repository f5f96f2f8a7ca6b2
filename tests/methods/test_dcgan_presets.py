"""conf/method/dcgan.yaml, its presets and scales hold the numbers of the papers and of the published code."""

from __future__ import annotations

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import nn

from mammo_gan.losses.differentiable_augmentation import DifferentiableAugmentation
from mammo_gan.methods.dcgan import DCGAN
from mammo_gan.stages.command.groups import conf_folder


def method(preset: str = "paper", scale: str = "paper", *more: str) -> DCGAN:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", ["method=dcgan", f"preset={preset}", f"scale={scale}", *more])
    assert (cfg.preset, cfg.scale) == (preset, scale)
    built = instantiate(cfg.method)
    assert isinstance(built, DCGAN)
    return built


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("preset", "judging", "betas", "normalised"),
    [("paper", 8_904_780, (0, 0.99), True), ("as_published", 8_903_880, (0, 0.999), False)],
)
def test_papers_and_published_numbers(preset: str, judging: int, betas: tuple[float, float], normalised: bool) -> None:
    built = method(preset)
    assert parameters(built.generator) == 5_395_770
    assert parameters(built.discriminator) == judging
    assert built.generator.normalise_z is normalised
    rates = []
    for optimizer in built.configure_optimizers():
        assert isinstance(optimizer, torch.optim.Adam)
        assert tuple(optimizer.param_groups[0]["betas"]) == betas
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [4e-4, 2e-4]
    assert [built.decay["generator"](epoch) for epoch in (9, 10, 999)] == pytest.approx([1, 0.99, 0.99**99])
    assert [built.decay["discriminator"](epoch) for epoch in (7, 8, 999)] == pytest.approx([1, 0.99, 0.99**124])
    labels = [built.real_label(epoch) for epoch in range(500)]
    assert 0.7 <= min(labels) < 0.71
    assert 0.99 < max(labels) < 1
    assert (built.flipped_labels, built.r1_weight) == (0, 0)
    assert isinstance(built.augmentation, nn.Identity)


def test_another_seed_has_other_labels() -> None:
    assert method().real_label(0) != method("paper", "paper", "seed=2").real_label(0)


def test_improved_differs_from_the_paper_as_its_file_says() -> None:
    built = method("improved")
    assert parameters(built.generator) < 0.6 * 5_395_770
    assert parameters(built.discriminator) < 0.35 * 8_904_780
    assert any(isinstance(module, nn.UpsamplingNearest2d) for module in built.generator.modules())
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in built.generator.layers[1:])
    assert isinstance(built.augmentation, DifferentiableAugmentation)
    assert built.augmentation.cutout == 0
    assert built.generator.bands is not None
    assert built.discriminator.bands is not None
    assert built.real_label(7) == 1
    groups = [optimizer.param_groups[0] for optimizer in built.configure_optimizers()]
    assert [(group["lr"], tuple(group["betas"])) for group in groups] == 2 * [(2e-4, (0.5, 0.999))]


@pytest.mark.parametrize("preset", ["paper", "as_published", "improved"])
@pytest.mark.parametrize(("scale", "size"), [("demo", 64), ("smoke", 32)])
def test_scales_change_sizes_alone(preset: str, scale: str, size: int) -> None:
    built = method(preset, scale)
    image = built.eval().sample(2, torch.Generator().manual_seed(0))
    assert image.shape == (2, 1, size, size)
    assert built.discriminator(2 * image - 1).shape == (2,)
    assert parameters(built.generator) < 1_000_000


def test_what_the_paper_tried_can_be_chosen() -> None:
    built = method(
        "paper",
        "smoke",
        "method.discriminator.kernel=4",
        "method.discriminator.spectral=true",
        "method.discriminator.normalisation=layer",
        "method.generator.normalisation=layer",
        "method.generator.upsampling=pixel_shuffle",
        "method.generator.classes=2",
        "method.flipped_labels=0.1",
    )
    kinds = {type(module) for module in built.modules()}
    assert nn.PixelShuffle in kinds
    assert nn.BatchNorm2d not in kinds
    assert built.discriminator.embedding is not None  # as many classes as the generator's
