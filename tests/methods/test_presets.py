"""conf/method/cigan.yaml and its preset hold the numbers of the paper and of the published code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mammo_gan.losses.feature import FeatureLoss, MaskedFeatureLoss
from mammo_gan.methods.cigan import CiGAN

CONF = Path(__file__).parents[2] / "conf"


def method(preset: str) -> CiGAN:
    cfg = OmegaConf.create(
        {
            "method": OmegaConf.load(CONF / "method/cigan.yaml"),
            "weights": {"vgg19": "random", "sha256": None},
            "training": OmegaConf.load(CONF / "training/wu2018.yaml"),
        }
    )
    if preset != "paper":
        merged = OmegaConf.merge(cfg, OmegaConf.load(CONF / f"preset/method/cigan_{preset}.yaml"))
        assert isinstance(merged, DictConfig)
        cfg = merged
    built = instantiate(cfg.method)
    assert isinstance(built, CiGAN)
    return built


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_paper() -> None:
    built = method("paper")
    assert parameters(built.generator) == 709_473
    assert parameters(built.discriminator) == 1_600_769
    assert isinstance(built.feature_loss, FeatureLoss)
    assert built.loss_weights == {"adversarial": 1, "feature": 10, "boundary": 10_000}
    assert built.pretraining_iterations == 10_000
    assert [(phase.network, tuple(phase.terms), phase.until, phase.max_steps) for phase in built.phases] == [
        ("discriminator", ("adversarial",), 0.3, 5000),
        ("generator", ("adversarial", "feature", "boundary"), 0.3, 5000),
    ]
    assert built.learning_rate_decay is None
    optimizers = built.configure_optimizers()
    assert len(optimizers) == 2
    for optimizer in optimizers:
        settings = optimizer.param_groups[0]
        assert isinstance(optimizer, torch.optim.Adam)
        assert (settings["lr"], tuple(settings["betas"]), settings["eps"]) == (1e-4, (0.9, 0.999), 1e-8)


def test_as_published() -> None:
    built = method("as_published")
    assert parameters(built.generator) == 708_897
    assert parameters(built.discriminator) == 1_716_353
    assert isinstance(built.feature_loss, MaskedFeatureLoss)
    assert built.feature_loss.features.pooling == "average"
    assert built.loss_weights["boundary"] == 1000
    assert built.pretraining_iterations == 1000
    rounds = [(tuple(phase.terms), phase.until, phase.steps_per_check) for phase in built.phases]
    assert rounds == [
        (("adversarial",), 0.3, 5),
        (("adversarial",), 0.3, 1),
        (("feature",), None, 1),
        (("boundary",), None, 1),
    ]
    assert [phase.max_steps for phase in built.phases[2:]] == [10, 10]
    assert len(built.configure_optimizers()) == 4
    assert built.learning_rate_decay is not None
    assert built.learning_rate_decay(500) == pytest.approx(0.99)


def test_one_image_size_moves_everything() -> None:
    cfg = OmegaConf.create(
        {
            "method": OmegaConf.load(CONF / "method/cigan.yaml"),
            "weights": {"vgg19": "random", "sha256": None},
            "training": OmegaConf.load(CONF / "training/wu2018.yaml"),
        }
    )
    cfg.method.image_size = 64
    with pytest.raises(Exception, match="7 generator blocks grow from 4 to 256 px"):
        instantiate(cfg.method)
    cfg.method.generator.channels = [8, 8, 8, 8, 8]
    built = instantiate(cfg.method)
    assert built(torch.rand(1, 1, 64, 64), torch.zeros(1, 1, 64, 64), torch.tensor([1])).shape == (1, 1, 64, 64)
    assert built.boundary_loss.weight.blur.shape == (64, 64)
