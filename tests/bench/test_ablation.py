"""An arm must train the same as the default, or its speed says nothing; and it must change what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import pytorch_lightning as pl
import torch

from mammo_gan.methods.cigan import CiGAN
from tests.bench.ablation import (
    adam_not_fused,
    arms_of,
    discriminator_not_frozen,
    generator_with_gradients,
    plain_order,
)
from tests.bench.training_step import batch, in_lightning, method

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights_by_arm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Every weight after two steps of each network, by arm."""
    scratch = tmp_path_factory.mktemp("ablation")
    trained: list[CiGAN] = []

    def made() -> CiGAN:
        trained.append(method("smoke"))
        return trained[-1]

    def fit(method: CiGAN, callbacks: Sequence[pl.Callback], **settings: str) -> Callable[[], float]:
        return in_lightning(method, 4, CPU, scratch, images=2, warm_up=0, callbacks=callbacks, **settings)

    arms = arms_of(made, fit, scratch, CPU, compiling=False)
    for arm in arms.values():
        assert arm() > 0
    networks = [torch.nn.ModuleList([one.generator, one.discriminator]) for one in trained]
    vectors = [torch.cat([weight.detach().flatten() for weight in each.parameters()]) for each in networks]
    return dict(zip(arms, vectors, strict=True))


def test_every_arm_trains_as_the_default_does(weights_by_arm: dict[str, torch.Tensor]) -> None:
    untrained = method("smoke")
    start = torch.cat(
        [
            w.detach().flatten()
            for network in (untrained.generator, untrained.discriminator)
            for w in network.parameters()
        ]
    )
    default = weights_by_arm["default"] - start
    for name, weights in weights_by_arm.items():
        change = weights - start
        likeness = float(torch.nn.functional.cosine_similarity(default, change, dim=0))
        assert likeness > (0.8 if name.startswith("bf16") else 0.999), name
    assert not torch.equal(weights_by_arm["bf16"], weights_by_arm["default"])


def test_plain_order_keeps_the_weights_as_they_are() -> None:
    changed = method("smoke")
    plain_order(changed)
    changed.setup("fit")
    assert all(weight.is_contiguous() for weight in changed.parameters())


def test_adam_not_fused_steps_over_all_parameters_at_once() -> None:
    changed = method("smoke")
    adam_not_fused(changed)
    for optimizer in changed.configure_optimizers():
        assert (optimizer.defaults["fused"], optimizer.defaults["foreach"]) == (False, True)
        assert optimizer.defaults["lr"] == 1e-4


@pytest.mark.parametrize("frozen", [True, False])
def test_generator_step_gives_the_discriminator_gradients_only_where_it_is_not_frozen(frozen: bool) -> None:
    changed = method("smoke")
    if not frozen:
        discriminator_not_frozen(changed)
    terms = changed.generator_terms(batch(changed.image_size, 2), ["adversarial"])
    terms["generator/adversarial"].value.backward()  # type: ignore[no-untyped-call]
    assert all((weight.grad is None) == frozen for weight in changed.discriminator.parameters())


@pytest.mark.parametrize("graph", [True, False])
def test_generator_keeps_a_graph_in_the_discriminators_step_only_where_it_is_asked_to(graph: bool) -> None:
    changed = method("smoke")
    if graph:
        generator_with_gradients(changed)
    drawn: list[bool] = []
    changed.generator.register_forward_hook(lambda module, inputs, output: drawn.append(output.requires_grad))
    terms = changed.discriminator_terms(batch(changed.image_size, 2))
    terms["discriminator/adversarial"].value.backward()  # type: ignore[no-untyped-call]
    assert drawn == [graph]
    assert all(weight.grad is None for weight in changed.generator.parameters())
