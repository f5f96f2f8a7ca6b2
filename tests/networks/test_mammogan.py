from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from mammo_gan.networks.mammogan import Critic, Generator, faded, stage_widths
from tests.networks.peak import peak

Network = TypeVar("Network", bound=nn.Module)

ORIGINAL = stage_widths(9)
SMALL: dict[str, Any] = {"base": (5, 4), "stages": 4, "widths": (6, 5, 4, 3)}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def generator_of(**changes: Any) -> Generator:
    torch.manual_seed(0)
    network = Generator(**{**SMALL, "latent": 7, **changes})
    return with_biases(network)


def critic_of(**changes: Any) -> Critic:
    torch.manual_seed(0)
    network = Critic(**{**SMALL, "final_width": 8, **changes})
    return with_biases(network)


def with_biases(network: Network) -> Network:
    """Zero would hide where a bias is added."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return network


def image_of(stage: int, count: int = 4, base: tuple[int, int] = (5, 4)) -> Tensor:
    return normal(count, 1, base[0] * 2**stage, base[1] * 2**stage, seed=stage)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_widths_are_the_originals() -> None:
    assert ORIGINAL == (512, 512, 512, 512, 256, 128, 64, 32, 16)  # Karras et al. 2018, Table 2
    assert stage_widths(9, base=16384) == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert stage_widths(9, cap=1024) == (1024, 1024, 1024, 512, 256, 128, 64, 32, 16)
    assert stage_widths(9, base=16384, cap=1024) == tuple(2 * width for width in ORIGINAL)


def test_nine_stages_grow_from_5x4_to_1280x1024() -> None:
    widths = (3, 3, 3, 2, 2, 2, 2, 1, 1)
    generator = generator_of(stages=9, widths=widths)
    critic = critic_of(stages=9, widths=widths, heads={"view": 2})
    for stage in range(9):
        with torch.no_grad():
            image = generator(normal(1, 7), stage=stage, alpha=0.5)
            output = critic(image, stage=stage, alpha=0.5)
        assert image.shape == (1, 1, 5 * 2**stage, 4 * 2**stage)
        assert output.score.shape == (1,)
        assert output.heads["view"].shape == (1, 2)
    assert image.shape[2:] == (1280, 1024)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 6), width=st.integers(1, 6), stages=st.integers(1, 4))
def test_any_base_and_number_of_stages(height: int, width: int, stages: int) -> None:
    settings: dict[str, Any] = {"base": (height, width), "stages": stages, "widths": [2] * stages}
    generator, critic = generator_of(**settings, latent=3), critic_of(**settings)
    for stage in range(stages):
        image = generator(normal(2, 3), stage=stage, alpha=0.25)
        assert image.shape == (2, 1, height * 2**stage, width * 2**stage)
        assert critic(image, stage=stage, alpha=0.25).score.shape == (2,)


def unit(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def convolved(network: nn.Module, name: str, x: Tensor, gain: float = 2**0.5) -> Tensor:
    weight, bias = network.get_parameter(f"{name}.weight"), network.get_parameter(f"{name}.bias")
    return F.conv2d(x, weight * gain / weight[0].numel() ** 0.5, bias, padding="same")


def test_the_generator_equals_its_description_written_out() -> None:
    generator, z, attributes = generator_of(attributes=2).double(), normal(4, 7).double(), normal(4, 2, seed=1).double()
    joined = unit(torch.cat([z, attributes], 1))
    weight = generator.get_parameter("dense.weight").view(6, 5, 4, 9)
    drawn = torch.einsum("chwi,bi->bchw", weight, joined) * (2**0.5 / 4) / 9**0.5
    features = unit(F.leaky_relu(drawn + generator.get_parameter("bias"), 0.2))
    features = unit(F.leaky_relu(convolved(generator, "blocks.0.0", features), 0.2))
    images = [convolved(generator, "to_grey.0", features, gain=1)]
    for stage in (1, 2, 3):
        features = features.repeat_interleave(2, 2).repeat_interleave(2, 3)
        for layer in (0, 1):
            features = unit(F.leaky_relu(convolved(generator, f"blocks.{stage}.{layer}", features), 0.2))
        images.append(convolved(generator, f"to_grey.{stage}", features, gain=1))
    for stage, image in enumerate(images):
        torch.testing.assert_close(generator(z, attributes, stage=stage, alpha=1), image)
    mixed = 0.7 * images[2].repeat_interleave(2, 2).repeat_interleave(2, 3) + 0.3 * images[3]
    torch.testing.assert_close(generator(z, attributes, stage=3, alpha=0.3), mixed)
    torch.testing.assert_close(generator(z, attributes, stage=0, alpha=0.3), images[0])


def test_the_critic_equals_its_description_written_out() -> None:
    critic = critic_of(heads={"view": 2, "size": 1}, projection=3).double()
    image, attributes = image_of(2).double(), normal(4, 3).double()
    fine = F.leaky_relu(convolved(critic, "from_grey.2", image), 0.2)
    fine = F.leaky_relu(convolved(critic, "blocks.2.0", fine), 0.2)
    fine = F.leaky_relu(F.avg_pool2d(convolved(critic, "blocks.2.1", fine), 2), 0.2)
    coarse = F.leaky_relu(convolved(critic, "from_grey.1", F.avg_pool2d(image, 2)), 0.2)
    features = 0.6 * coarse + 0.4 * fine
    features = F.leaky_relu(convolved(critic, "blocks.1.0", features), 0.2)
    features = F.leaky_relu(F.avg_pool2d(convolved(critic, "blocks.1.1", features), 2), 0.2)
    deviation = (features.var(0, correction=0) + 1e-8).sqrt().mean()
    features = torch.cat([features, deviation.expand(4, 1, 5, 4)], 1)
    features = F.leaky_relu(convolved(critic, "blocks.0.0", features), 0.2).flatten(1)
    weight, bias = critic.get_parameter("dense.weight"), critic.get_parameter("dense.bias")
    final = F.leaky_relu(features @ weight.T * (2 / 120) ** 0.5 + bias, 0.2)
    last = final @ critic.get_parameter("last.weight").T / 8**0.5 + critic.get_parameter("last.bias")
    embedded = attributes @ critic.get_parameter("projection.weight") / 8**0.5  # (B, final_width)
    found = critic(image, attributes, stage=2, alpha=0.4)
    torch.testing.assert_close(found.score, last[:, 0] + (embedded * final).sum(1))
    torch.testing.assert_close(found.heads, {"view": last[:, 1:3], "size": last[:, 3:]})


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_stage_fades_in_from_the_one_before(stage: int) -> None:
    generator, critic, z, image = generator_of(), critic_of(), normal(4, 7), image_of(stage)
    coarser = generator(z, stage=stage - 1, alpha=1)
    begun = generator(z, stage=stage, alpha=0)
    assert torch.equal(begun, coarser.repeat_interleave(2, 2).repeat_interleave(2, 3))
    score = critic(image, stage=stage, alpha=0).score
    assert torch.equal(score, critic(F.avg_pool2d(image, 2), stage=stage - 1, alpha=1).score)
    ended = generator(z, stage=stage, alpha=1)
    for alpha in (0.0, 0.2, 0.5, 1 - 1e-6, 1.0):  # the last but one beside what is computed without a fade
        torch.testing.assert_close(generator(z, stage=stage, alpha=alpha), (1 - alpha) * begun + alpha * ended)
    scores = torch.stack([critic(image, stage=stage, alpha=step / 200).score for step in range(201)])
    assert scores.diff(dim=0).abs().max() < 0.05 * (scores.amax() - scores.amin())
    nearly = critic(image, stage=stage, alpha=1 - 1e-6).score
    torch.testing.assert_close(nearly, scores[-1], rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), alpha=st.floats(0, 1))
def test_real_images_fade_alike(seed: int, alpha: float) -> None:
    image = normal(2, 1, 6, 4, seed=seed).double()
    found, values = faded(image, alpha), image.numpy()
    cells = values.reshape(2, 1, 3, 2, 2, 2).mean((3, 5), keepdims=True)
    means = np.broadcast_to(cells, (2, 1, 3, 2, 2, 2)).reshape(values.shape)
    np.testing.assert_allclose(found.numpy(), alpha * values + (1 - alpha) * means, atol=1e-12)
    torch.testing.assert_close(F.avg_pool2d(found, 2), F.avg_pool2d(image, 2))
    torch.testing.assert_close(faded(image, 1.0), image, rtol=0, atol=0)


def penalised(critic: Critic, image: Tensor, stage: int = 3) -> list[Tensor]:
    """The score, its gradient at the image, and what a penalty on that gives each parameter."""
    image = image.clone().requires_grad_()
    score = critic(image, stage=stage, alpha=0.6).score
    (slope,) = torch.autograd.grad(score.sum(), image, create_graph=True)
    norms = slope.flatten(1).norm(dim=1)
    gradients = torch.autograd.grad((norms - 1).square().mean(), list(critic.parameters()), allow_unused=True)
    return [score, slope, *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize("fused", [True, [False, False, True, False]])
def test_fused_scaling_changes_nothing(fused: bool | Sequence[bool]) -> None:
    plain, other = critic_of().double(), critic_of(fused=fused).double()
    other.load_state_dict(plain.state_dict())
    image = image_of(3).double()
    for expected, found in zip(penalised(plain, image), penalised(other, image), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    generator, fusing = generator_of().double(), generator_of(fused=fused).double()
    fusing.load_state_dict(generator.state_dict())
    drawn = [network(normal(4, 7).double(), stage=3, alpha=0.6) for network in (generator, fusing)]
    torch.testing.assert_close(drawn[1], drawn[0], rtol=1e-9, atol=1e-12)


def taking_part(names: Sequence[str], stage: int, alpha: float) -> set[str]:
    """By name: all of the base, blocks up to the stage, layers to or from grey of it and of the one it fades from."""
    greys = {stage, stage - 1} if alpha < 1 else {stage}
    parts = {name: re.match(r"(blocks|to_grey|from_grey)\.(\d+)\.", name) for name in names}
    return {
        name
        for name, part in parts.items()
        if part is None or (int(part[2]) <= stage if part[1] == "blocks" else int(part[2]) in greys)
    }


@pytest.mark.parametrize(("stage", "alpha"), [(0, 0.0), (1, 0.5), (1, 1.0), (2, 0.3), (3, 1.0)])
def test_a_step_reaches_what_takes_part_and_nothing_else(stage: int, alpha: float) -> None:
    generator = generator_of(attributes=2)
    critic = critic_of(heads={"view": 2}, projection=2)
    z, attributes = normal(4, 7), normal(4, 2)
    for network in (generator, critic):
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for share in (0.5, alpha):  # the first leaves momentum in what it fades from
            before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
            image = generator(z, attributes, stage=stage, alpha=share)
            output = critic(image, attributes, stage=stage, alpha=share)
            optimizer.zero_grad()
            (output.score.square().sum() + output.heads["view"].square().sum()).backward()
            optimizer.step()
        moved = {name for name, parameter in network.named_parameters() if not torch.equal(parameter, before[name])}
        given = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
        assert moved == given == taking_part(list(before), stage, alpha)


def test_the_label_is_normalised_with_z() -> None:
    generator, z, attributes = generator_of(attributes=3), normal(2, 7), normal(2, 3)
    image = generator(z, attributes, stage=1, alpha=1)
    torch.testing.assert_close(generator(5 * z, 5 * attributes, stage=1, alpha=1), image)
    assert not torch.allclose(generator(5 * z, attributes, stage=1, alpha=1), image, rtol=1e-2)
    assert not torch.allclose(generator(z, attributes.flip(0), stage=1, alpha=1), image, rtol=1e-2)


def test_parameters_of_the_original_and_of_mammogan() -> None:
    def counted(base: tuple[int, int], widths: Sequence[int], final_width: int) -> tuple[int, int]:
        with torch.device("meta"):
            drawing = Generator(base=base, stages=9, widths=widths)
            judging = Critic(base=base, stages=9, widths=widths, final_width=final_width)
        return parameters(drawing), parameters(judging)

    grey = counted((4, 4), ORIGINAL, 512)
    assert grey == (23_074_009, 23_082_161)
    # In colour, a stage has two more kernels to RGB with their biases, and two more weights in each kernel from it.
    colour = grey[0] + 2 * (sum(ORIGINAL) + 9), grey[1] + 2 * sum(ORIGINAL)
    assert [round(count / 1e6, 1) for count in colour] == [23.1, 23.1]  # Karras et al. 2018, Table 2
    # By hand: kernels and biases of the 3x3 layers, then those to grey; then those from grey and the critic's last.
    layers = [(512, 512), *(pair for before, after in pairwise(ORIGINAL) for pair in ((before, after), (after, after)))]
    middle = sum(9 * channels * kernels for channels, kernels in layers)
    biases = 512 + sum(kernels for _, kernels in layers)
    assert grey[0] == 512 * 512 * 16 + middle + biases + sum(width + 1 for width in ORIGINAL)
    backwards = sum(channels for channels, _ in layers)
    dense = 512 * 512 * 16 + 512 + 512 + 1
    assert grey[1] == 2 * sum(ORIGINAL) + middle + 9 * 512 + backwards + dense

    assert counted((5, 4), ORIGINAL, 512) == (24_122_585, 24_130_737)
    assert counted((5, 4), stage_widths(9, base=16384), 1024) == (28_835_753, 34_088_289)
    assert counted((5, 4), stage_widths(9, cap=1024), 1024) == (67_118_809, 77_619_889)
    assert counted((5, 4), stage_widths(9, base=16384, cap=1024), 1024) == (85_989_289, 96_491_361)


@pytest.mark.parametrize("stage", [0, 3])
@pytest.mark.parametrize("checkpointed", [True, (False, False, True, True), (True, False, True, False)])
def test_checkpointed_stages_give_the_same(checkpointed: bool | tuple[bool, ...], stage: int) -> None:
    settings: dict[str, Any] = {"fused": (False, False, False, True)}
    grown: dict[str, Any] = {"stage": stage, "alpha": 0.6}
    found: list[list[Tensor]] = []
    for chosen in (False, checkpointed):
        generator, critic = generator_of(**settings, checkpointed=chosen), critic_of(**settings, checkpointed=chosen)
        slopes = penalised(critic, image_of(stage), stage)
        image = generator(normal(4, 7), **grown)
        critic(image, **grown).score.sum().backward()
        weights = [parameter.grad for network in (generator, critic) for parameter in network.parameters()]
        found.append([*slopes, image, *(gradient for gradient in weights if gradient is not None)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def taken(checkpointed: Sequence[bool]) -> tuple[int, int, int]:
    """Bytes of a critic's and of a generator's step at full size, and the latter's operations, without computing."""
    grown: dict[str, Any] = {"stage": 8, "alpha": 1.0}
    settings: dict[str, Any] = {"base": (5, 4), "stages": 9, "widths": ORIGINAL, "checkpointed": checkpointed}
    with torch.device("meta"):
        generator, critic = Generator(**settings, fused=True), Critic(**settings, fused=True, final_width=512)
        z, real, synthetic = torch.randn(4, 512), *torch.randn(2, 4, 1, 1280, 1024)

        def criticise() -> None:
            difference = critic(synthetic, **grown).score.sum() - critic(real, **grown).score.sum()
            mixed = torch.lerp(real, synthetic, 0.5).requires_grad_()
            (slope,) = torch.autograd.grad(critic(mixed, **grown).score.sum(), mixed, create_graph=True)
            (difference + slope.square().sum()).backward()

        def generate() -> None:
            critic(generator(z, **grown), **grown).score.sum().backward()

        criticising = peak(criticise)
        critic.requires_grad_(False)
        generating = peak(generate)
        with FlopCounterMode(display=False) as counter:
            generate()
    return criticising, generating, counter.get_total_flops()


def test_checkpointed_stages_take_less_memory_and_some_operations_more() -> None:
    plain, every = taken([False] * 9), taken([True] * 9)
    assert every[0] < 0.75 * plain[0]  # what a graph of a gradient keeps, it keeps in either form
    assert every[1] < 0.75 * plain[1]
    # A forward pass of both networks more; before there were that, and backward twice of one and once of the other.
    assert every[2] / plain[2] == pytest.approx(7 / 5, rel=0.02)


def multiplications(fused: bool) -> int:
    """Of one 1280x1024 image in the generator, in pairs with an addition."""
    count = 512 * 512 * 20 + 9 * 512 * 512 * 20 + 16 * 1280 * 1024
    for stage, (before, after) in enumerate(pairwise(ORIGINAL), 1):
        pixels = 20 * 4**stage
        count += pixels * after * (before * (4 if fused else 9) + 9 * after)
    return count


@pytest.mark.parametrize(("fused", "least", "most"), [(False, 1.9e12, 2.05e12), (True, 1.2e12, 1.31e12)])
def test_operations_of_a_step_at_full_size(fused: bool, least: float, most: float) -> None:
    settings: dict[str, Any] = {"base": (5, 4), "stages": 9, "widths": ORIGINAL, "fused": fused}
    grown: dict[str, Any] = {"stage": 8, "alpha": 1.0}
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:  # shapes without values
        generator, critic = Generator(**settings), Critic(**settings, final_width=512)
        z, real = torch.randn(1, 512), torch.randn(1, 1, 1280, 1024)
        with torch.no_grad():
            synthetic = generator(z, **grown)
        forward = counter.get_total_flops()
        mixed = torch.lerp(real, synthetic, 0.5).requires_grad_().clone()
        (slope,) = torch.autograd.grad(critic(mixed, **grown).score.sum(), mixed, create_graph=True)
        difference = critic(synthetic, **grown).score.sum() - critic(real, **grown).score.sum()
        (difference + slope.square().sum()).backward()
        critic.requires_grad_(False)
        critic(generator(z, **grown), **grown).score.sum().backward()
    assert forward == 2 * multiplications(fused)
    # In forward passes: one to draw, six for the critic's two scores, six for its penalty, five for the generator; and
    # one if the kernels' gradients, which the penalty doesn't need, are computed along with the image's.
    assert 17.9 * forward < counter.get_total_flops() < 19.1 * forward
    assert least < counter.get_total_flops() < most


def test_channels_last_gives_the_same() -> None:
    z, image = normal(4, 7), image_of(3)
    for fused in (False, True):
        generator, critic = generator_of(fused=fused), critic_of(fused=fused)
        drawn, score = generator(z, stage=3, alpha=0.5), critic(image, stage=3, alpha=0.5).score
        for network in (generator, critic):
            network.to(memory_format=torch.channels_last)
        torch.testing.assert_close(generator(z, stage=3, alpha=0.5), drawn)
        ordered = image.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(critic(ordered, stage=3, alpha=0.5).score, score)


def test_half_precision_is_close() -> None:
    generator, critic, image = generator_of(fused=True), critic_of(fused=True, heads={"view": 2}), image_of(3)
    drawn, output = generator(normal(4, 7), stage=3, alpha=0.5), critic(image, stage=3, alpha=0.5)
    with torch.autocast("cpu", torch.bfloat16):
        half, judged = generator(normal(4, 7), stage=3, alpha=0.5), critic(image, stage=3, alpha=0.5)
    assert half.dtype == judged.score.dtype == torch.bfloat16
    assert (half - drawn).norm() < 0.03 * drawn.norm()
    assert (judged.score - output.score).norm() < 0.03 * output.score.norm()


def test_what_does_not_fit_together_is_refused() -> None:
    for changes in (
        {"widths": (4, 4)},
        {"fused": [True]},
        {"checkpointed": [True]},
        {"widths": (4, 4, 4, 0)},
        {"stages": 0, "widths": ()},
    ):
        with pytest.raises(ValueError, match="as many widths of at least 1"):
            generator_of(**changes)
    with pytest.raises(ValueError, match="a height and a width"):
        critic_of(base=(4,))
    with pytest.raises(ValueError, match="at least 1"):
        critic_of(heads={"view": 0})
    for stage, alpha in ((4, 1.0), (-1, 1.0), (1, 1.5)):
        with pytest.raises(ValueError, match="stage is 0 to 3"):
            generator_of()(normal(2, 7), stage=stage, alpha=alpha)
    with pytest.raises(ValueError, match=r"stage 1 are \(B, 1, 10, 8\), not \(4, 1, 20, 16\)"):
        critic_of()(image_of(2), stage=1, alpha=1)
    with pytest.raises(ValueError, match=r"needs attributes \(2, 3\), got None"):
        generator_of(attributes=3)(normal(2, 7), stage=0, alpha=1)
