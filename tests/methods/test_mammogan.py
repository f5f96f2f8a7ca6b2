"""MammoGAN's steps: what is trained when, on what, and that it equals a plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from mammo_gan.data.attributes import Attributes, AttributeValues
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.methods.mammogan import Asked, Compared, MammoGAN
from mammo_gan.networks.mammogan import Critic, Generator
from mammo_gan.schedules.progressive import ProgressiveSchedule
from tests.methods.small_mammogan import (
    BASE,
    HEADS,
    LATENT,
    NONE,
    PROJECTION,
    SCHEDULE,
    SCHEMA,
    Staged,
    batch,
    fit,
    small_mammogan,
    values,
)


def compared(method: MammoGAN, size: int = 4, known: bool = True) -> Compared:
    of_stage = batch(size, method.progress.stage, 3, known)
    source = torch.Generator().manual_seed(6)
    z, share = torch.randn(size, LATENT, generator=source), torch.rand(size, generator=source)
    return Compared(of_stage.image, z, of_stage.categories, of_stage.numbers, share)


def asked(size: int = 4, known: bool = True) -> Asked:
    return Asked(torch.randn(size, LATENT, generator=torch.Generator().manual_seed(2)), *values(size, known))


def at(images_seen: int, conditioning: str = HEADS, **settings: Any) -> MammoGAN:
    method = small_mammogan(conditioning, **settings)
    method.images_seen.fill_(images_seen)
    return method


class Recorder(Callback):
    """Which networks an iteration moved, its learning rates, and what is being trained."""

    def __init__(self) -> None:
        self.moved: list[str] = []
        self.rates: list[tuple[float, ...]] = []
        self.phases: list[str] = []

    def on_train_batch_start(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        assert isinstance(method, MammoGAN)
        self.before = {name: snapshot(method.get_submodule(name)) for name in ("critic", "generator")}
        self.phases.append(method.phase_name)

    def on_train_batch_end(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        now = {name: snapshot(method.get_submodule(name)) for name in self.before}
        self.moved.append(" and ".join(name for name, old in self.before.items() if not torch.equal(old, now[name])))
        self.rates.append(tuple(optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers))


def snapshot(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten().clone() for parameter in network.parameters()])


def test_the_generator_steps_after_each_nth_of_the_critic() -> None:
    recorder, method = Recorder(), small_mammogan()
    fit(method, 18, callbacks=[recorder])
    both = {1, 2, 3, 5, 7, 9, 11, 15, 18}
    assert recorder.moved == ["critic and generator" if n in both else "critic" for n in range(1, 19)]
    rates = [1e-3] * 3 + [2e-3] * 9 + [1e-3] * 6
    assert [rate for _, rate in recorder.rates] == rates
    assert all(recorder.rates[n - 1][0] == rates[n - 1] for n in both)
    assert recorder.phases == (
        ["5x4 stable"] * 3 + ["10x8 fading"] * 4 + ["10x8 stable"] * 5 + ["20x16 fading"] * 5 + ["20x16 stable"]
    )
    assert (int(method.iterations), int(method.images_seen)) == (18, 3 * 8 + 15 * 4)


def noise(seen: int, network: int, count: int) -> tuple[Tensor, Tensor]:
    state = np.random.SeedSequence([0, seen, network]).generate_state(1, np.uint64)[0]
    source = torch.Generator().manual_seed(int(state >> 1))
    return torch.randn(count, LATENT, generator=source), torch.rand(count, generator=source)


def told(heads: dict[str, Tensor], of: MammogramBatch) -> Tensor:
    """Of images whose attributes are known."""
    loss = sum((F.cross_entropy(heads[name], of.categories[:, n]) for n, name in enumerate(("view", "density"))))
    return loss + F.mse_loss(heads["breast_mask_size"][:, 0], of.numbers[:, 0])


def test_training_equals_a_plain_loop() -> None:
    """WGAN-GP with an auxiliary classifier through three stages, written out."""
    reference, method = small_mammogan(), small_mammogan()
    generator, critic = reference.generator, reference.critic
    seen, stage, steps, batches = 0, -1, 0, iter(Staged(SCHEDULE))
    for _ in range(18):
        now, of = SCHEDULE.progress(seen), next(batches)
        if now.stage != stage:
            adams = [
                torch.optim.Adam(n.parameters(), lr=now.learning_rate, betas=(0.0, 0.99)) for n in (generator, critic)
            ]
            stage, steps = now.stage, 0
        growth: dict[str, Any] = {"stage": stage, "alpha": now.alpha}
        given = SCHEMA.encoded(AttributeValues(of.categories, of.numbers))
        blurred = F.interpolate(F.avg_pool2d(of.image, 2), scale_factor=2) if stage else of.image
        real = now.alpha * of.image + (1 - now.alpha) * blurred
        z, share = noise(seen, 1, len(real))
        fake = generator(z, given, **growth).detach()
        on_real, on_fake = critic(real, **growth), critic(fake, **growth)
        between = (real + share.view(-1, 1, 1, 1) * (fake - real)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between, **growth).score.sum(), between, create_graph=True)
        loss = on_fake.score.mean() - on_real.score.mean() + 0.001 * on_real.score.pow(2).mean()
        loss = loss + 10 * (slope.flatten(1).norm(dim=1) - 1).pow(2).mean() + told(on_real.heads, of)
        step(adams[1], loss + told(on_fake.heads, of))
        steps += 1
        if steps % now.critic_iterations == 0:
            output = critic(generator(noise(seen, 0, len(real))[0], given, **growth), **growth)
            step(adams[0], told(output.heads, of) - output.score.mean())
        seen += now.batch_size
    fit(method, 18)
    for ours, theirs in ((method.generator, generator), (method.critic, critic)):
        for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-4, msg=name)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


@pytest.mark.parametrize("conditioning", [NONE, HEADS, PROJECTION])
@pytest.mark.parametrize("seen", [0, 28, 60, 90])
def test_gradients_reach_the_network_in_training_alone(conditioning: str, seen: int) -> None:
    method = at(seen, conditioning)
    terms = method.critic_terms(compared(method))
    torch.autograd.backward([term.value for term in terms.values()])
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    used = {name for name, parameter in method.critic.named_parameters() if parameter.grad is not None}
    stage, fades = method.progress.stage, method.progress.alpha < 1
    assert {name.split(".")[1] for name in used if name.startswith("blocks")} == {str(n) for n in range(stage + 1)}
    from_grey = {name.split(".")[1] for name in used if name.startswith("from_grey")}
    assert from_grey == {str(stage), *([str(stage - 1)] if fades else [])}
    method.zero_grad()
    method.critic.requires_grad_(False)
    torch.autograd.backward([term.value for term in method.generator_terms(asked()).values()])
    assert all(parameter.grad is None for parameter in method.critic.parameters())
    reached = {name for name, parameter in method.generator.named_parameters() if parameter.grad is not None}
    assert {name.split(".")[1] for name in reached if name.startswith("blocks")} == {str(n) for n in range(stage + 1)}


def test_terms_follow_from_the_conditioning() -> None:
    shared = {"critic/adversarial", "critic/drift", "critic/penalty"}
    for conditioning in (NONE, PROJECTION):
        method = at(0, conditioning)
        assert method.critic_terms(compared(method)).keys() == shared
        assert method.generator_terms(asked()).keys() == {"generator/adversarial"} == method.logs_later
    method = at(0)
    terms = method.critic_terms(compared(method))
    told = {f"critic/{kind}_{name}" for kind in ("real", "synthetic") for name in SCHEMA.heads}
    assert terms.keys() == shared | told
    assert {name: terms[name].weight for name in shared} == {
        "critic/adversarial": 1.0,
        "critic/drift": 0.001,
        "critic/penalty": 10.0,
    }
    assert method.logs_later == method.generator_terms(asked()).keys()
    assert method.logs_later == {f"generator/{name}" for name in ("adversarial", *SCHEMA.heads)}


def test_a_generator_draws_what_it_is_asked_for_and_a_projection_looks_at_it() -> None:
    method = at(0, PROJECTION)
    one, other = values(4), values(4, seed=5)
    z = asked().z
    assert not torch.equal(method(z, one), method(z, other))
    image = method(z, one)
    assert not torch.equal(method._judged(image, one).score, method._judged(image, other).score)
    plain = at(0, NONE)
    assert torch.equal(plain(z, one), plain(z, None))


def test_what_is_unknown_counts_for_nothing() -> None:
    method = at(0)
    unknown = AttributeValues(torch.full((4, 2), -1), torch.full((4, 1), torch.nan))
    terms = method.generator_terms(Asked(asked().z, *unknown))
    assert all(terms[f"generator/{name}"].value == 0 for name in SCHEMA.heads)
    fit(method := small_mammogan(), 14, known=False)  # some images of each batch
    assert snapshot(method).isfinite().all()
    fit(method := small_mammogan(), 14, known=False, callbacks=[Emptied()])  # all images
    assert snapshot(method).isfinite().all()


class Emptied(Callback):
    """Images without a known attribute."""

    def on_train_batch_start(self, trainer: pl.Trainer, method: pl.LightningModule, batch: Any, index: int) -> None:
        batch.categories.fill_(-1)
        batch.numbers.fill_(torch.nan)


def test_real_images_fade_in_as_the_generators_do() -> None:
    """At the first image of a stage all detail is missing, so checkerboards of the finest pixels change nothing."""
    method = at(20)
    assert (method.progress.stage, method.progress.alpha) == (1, 0.0)
    batch = compared(method)
    checkered = batch.image + 0.1 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(5, 4)
    changed = batch._replace(image=checkered)
    for name, term in method.critic_terms(batch).items():
        torch.testing.assert_close(method.critic_terms(changed)[name].value, term.value, msg=name)
    method.images_seen.fill_(40)
    ours, others = method.critic_terms(batch), method.critic_terms(changed)
    assert not torch.isclose(ours["critic/adversarial"].value, others["critic/adversarial"].value)


def test_layers_that_are_left_behind_stand_still() -> None:
    """Lightning's optimiser sets gradients to None: with zeros, momentum would move a layer on."""
    early, late = small_mammogan(), small_mammogan()
    fit(early, 8)  # from here on stage 1 has faded in
    fit(late, 16)
    for network in ("generator.to_grey", "critic.from_grey"):
        for stage, moved in enumerate((False, True, True)):
            layers = [method.get_submodule(f"{network}.{stage}") for method in (early, late)]
            assert torch.equal(*map(snapshot, layers)) != moved, (network, stage)
    assert all(parameter.grad is None for parameter in late.generator.to_grey[0].parameters())


@pytest.mark.parametrize("known", [True, False])
def test_parts_are_summed_to_the_whole(known: bool) -> None:
    """Without a minibatch deviation, and with all attributes known, which each part's mean needs."""
    whole, parts = (small_mammogan(minibatch_group=1) for _ in range(2))
    parts.accumulate = 2
    for method in (whole, parts):
        fit(method, 14, known=known)
    same = all(
        torch.allclose(*pair, rtol=1e-3, atol=1e-4) for pair in zip(whole.parameters(), parts.parameters(), strict=True)
    )
    assert same == known


@pytest.mark.parametrize("seen", [0, 30, 70])
def test_samples_are_of_the_present_stage(seen: int) -> None:
    method = at(seen).eval()
    sample = method.sample(5, torch.Generator().manual_seed(3))
    height, width = method.size_of(method.progress.stage)
    assert sample.shape == (5, 1, height, width)
    assert sample.dtype == torch.float32 and sample.min() >= 0 and sample.max() <= 1
    assert torch.equal(sample, method.sample(5, torch.Generator().manual_seed(3)))
    assert not torch.equal(sample, method.sample(5, torch.Generator().manual_seed(4)))
    method.training_attributes = AttributeValues(torch.tensor([[1, 2]]), torch.tensor([[0.5]]))
    source = torch.Generator().manual_seed(3)
    z = torch.randn(5, LATENT, generator=source)
    drawn = method(z, AttributeValues(torch.tensor([[1, 2]] * 5), torch.full((5, 1), 0.5)))
    torch.testing.assert_close(method.sample(5, torch.Generator().manual_seed(3)), ((drawn + 1) / 2).clamp(0, 1))
    method.training_attributes = None
    with pytest.raises(RuntimeError, match="training_attributes"):
        method.sample(5, source)
    assert at(seen, NONE).sample(2, source).shape == (2, 1, height, width)


def test_a_batch_of_another_stage_is_refused() -> None:
    other = ProgressiveSchedule(stable=20, fading=20, batch_sizes=[6, 4, 4], learning_rate=1, critic_iterations=[1, 3])
    method = small_mammogan()

    class Others(Callback):
        def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            method.schedule = SCHEDULE

    method.schedule = other
    with pytest.raises(ValueError, match=r"after 0 images.*batch_size=8.*\(6, 1, 5, 4\)"):
        fit(method, 2, callbacks=[Others()])


def test_penalty_and_weights_are_settings() -> None:
    half = small_mammogan(penalty_in_float32=False, penalty_target=2.0, drift_weight=0.0, attribute_weight=0.5)
    assert half.penalty.keywords == {"target": 2.0, "in_float32": False}
    terms = half.critic_terms(compared(half))
    assert terms["critic/drift"].weight == 0 and terms["critic/real_view"].weight == 0.5


def networks(**change: Any) -> dict[str, Any]:
    generator = {"base": BASE, "stages": 3, "widths": [4, 4, 4], "latent": LATENT, "attributes": SCHEMA.width}
    critic = {"base": BASE, "stages": 3, "widths": [4, 4, 4], "final_width": 4, "heads": SCHEMA.heads}
    for key, value in change.items():
        network, _, name = key.partition("_")
        {"generator": generator, "critic": critic}[network][name] = value
    method = small_mammogan()
    return {
        "generator": Generator(**generator),  # type: ignore[arg-type]
        "critic": Critic(**critic),  # type: ignore[arg-type]
        "schedule": SCHEDULE,
        "attributes": SCHEMA,
        "adversarial_loss": method.adversarial_loss,
        "generator_optimizer": torch.optim.Adam,
        "critic_optimizer": torch.optim.Adam,
    }


@pytest.mark.parametrize(
    ("change", "settings", "complaint"),
    [
        ({"generator_base": (4, 4)}, {}, "one base"),
        ({"critic_stages": 2, "critic_widths": [4, 4]}, {}, "as many stages"),
        ({"generator_attributes": 3}, {}, "encoded attributes are 7 numbers"),
        ({"critic_projection": 3}, {}, "encoded attributes are 7 numbers"),
        ({"critic_heads": {"view": 2}}, {}, "heads are .* or none"),
        ({"generator_attributes": 0}, {}, "isn't asked for"),
        ({}, {"penalty_weight": -1.0}, "0 at least"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, Any], settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        MammoGAN(**networks(**change), **settings)
    MammoGAN(**networks())


def test_attributes_of_none_are_no_attributes() -> None:
    method = at(0, HEADS, attributes=Attributes({}, []))
    assert method.critic_terms(compared(method)).keys() == {"critic/adversarial", "critic/drift", "critic/penalty"}
