from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammo_gan.networks.cigan import Discriminator, Generator, class_maps

PAPER = [128, 128, 64, 64, 32, 32, 32]
FLAT = [0.2] * 5


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def inputs(size: int, batch: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(3)
    mask = torch.zeros(batch, 1, size, size)
    mask[:, :, size // 4 : size // 2 + 1, size // 4 : size // 2] = 1
    image = torch.rand(batch, 1, size, size, generator=source)
    noise = torch.rand(batch, 1, size, size, generator=source)
    return image * (1 - mask) + noise * mask, mask, torch.arange(batch) % 2


def test_generator_has_the_parameters_of_the_paper_and_of_the_published_code() -> None:
    assert parameters(Generator(PAPER, 256)) == 709_473
    published = Generator(PAPER, 256, shrinking="nearest", classes_at_full_size=False)
    assert parameters(published) == 708_897


def test_discriminator_has_the_parameters_that_its_layers_sum_to() -> None:
    channels = [32, 64, 128, 256, 512]
    convolutions = sum(9 * a * b + b for a, b in itertools.pairwise([1, *channels]))
    paper = Discriminator(channels, 256, pools=5, conditional=False, slopes=FLAT)
    assert parameters(paper) == convolutions + 8 * 8 * 512 + 1 == 1_600_769
    published = Discriminator(channels, 256, pools=4, conditional=True, slopes=FLAT)
    assert parameters(published) == convolutions + 2 * 9 * sum(channels[1:]) + 16 * 16 * 512 + 1


@pytest.mark.parametrize(("channels", "size"), [([4], 4), ([4, 6], 8), ([8, 8, 6, 6, 4], 64)])
def test_generator_takes_any_number_of_blocks(channels: list[int], size: int) -> None:
    image = Generator(channels, size)(*inputs(size))
    assert image.shape == (2, 1, size, size)
    assert image.min() >= 0


@pytest.mark.parametrize("size", [32, 100, 128, 512])
def test_generator_refuses_a_size_that_its_blocks_do_not_reach(size: int) -> None:
    with pytest.raises(ValueError, match="5 generator blocks grow from 4 to 64 px"):
        Generator([4] * 5, size)


def test_discriminator_refuses_layers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="can't pool 5 times from 48 px"):
        Discriminator([4] * 5, 48, pools=5, conditional=False, slopes=FLAT)
    with pytest.raises(ValueError, match="can't pool 3 times"):
        Discriminator([4] * 2, 64, pools=3, conditional=False, slopes=[0.2] * 2)
    with pytest.raises(ValueError, match="2 slopes"):
        Discriminator([4] * 2, 64, pools=2, conditional=False, slopes=FLAT)


@pytest.mark.parametrize("shrinking", ["area", "nearest"])
def test_generator_equals_its_description_written_out(shrinking: str) -> None:
    generator = Generator([5, 4, 3], 16, shrinking=shrinking, classes_at_full_size=False)  # type: ignore[arg-type]
    corrupted, mask, label = inputs(16)
    maps = torch.stack([torch.full((16, 16), float(label[i] == c)) for i in range(2) for c in range(2)]).view(
        2, 2, 16, 16
    )
    stack = torch.cat([corrupted, mask, maps], 1)
    sizes = {4: stack, 8: stack, 16: stack[:, :2]}
    features = torch.empty(2, 0, 4, 4)
    for block, (size, level) in zip(generator.blocks, sizes.items(), strict=True):
        times = size // features.shape[2]
        doubled = features.repeat_interleave(times, 2).repeat_interleave(times, 3)
        features = torch.cat([F.interpolate(level, (size, size), mode=shrinking), doubled], 1)
        for convolution in (module for module in block.modules() if isinstance(module, nn.Conv2d)):
            features = convolution(features).clamp_min(0)
    expected = generator.to_grey(features)[:, 0]
    torch.testing.assert_close(generator(corrupted, mask, label)[:, 0], expected.clamp_min(0))


def test_discriminator_equals_its_description_written_out() -> None:
    torch.manual_seed(0)
    slopes = [0.2, 0.3, 0.1]
    discriminator = Discriminator([3, 4, 5], 16, pools=2, conditional=True, slopes=slopes)
    image, _, label = inputs(16)
    features = image
    for depth, (layer, slope) in enumerate(zip(discriminator.layers, slopes, strict=True)):
        if depth > 0:
            features = torch.cat([features, class_maps(label, features)], 1)
        features = F.leaky_relu(layer(features), slope)
        if depth > 0:  # two of three layers pool, counted from the last
            features = F.max_pool2d(features, 2)
    expected = discriminator.logit(features.flatten(1))[:, 0]
    torch.testing.assert_close(discriminator(image, label), expected)


def test_generator_draws_what_the_label_asks_for() -> None:
    torch.manual_seed(0)
    generator = Generator([8, 8, 8], 16)
    corrupted, mask, label = inputs(16)
    assert not torch.equal(generator(corrupted, mask, label), generator(corrupted, mask, 1 - label))


@pytest.mark.parametrize("conditional", [False, True])
def test_discriminator_sees_the_label_only_if_conditional(conditional: bool) -> None:
    discriminator = Discriminator([4, 4], 16, pools=2, conditional=conditional, slopes=[0.2, 0.2])
    nn.init.normal_(discriminator.logit.weight)
    image, _, label = inputs(16)
    same = torch.equal(discriminator(image, label), discriminator(image, 1 - label))
    assert same is not conditional


def test_weights_start_as_stated() -> None:
    torch.manual_seed(0)
    generator = Generator(PAPER, 256)
    weight = generator.blocks[1].get_parameter("2.weight")  # 128 -> 128
    assert weight.abs().max() <= (limit := (6 / (2 * 128 * 9)) ** 0.5)  # Glorot and Bengio 2010, equation 16
    assert weight.abs().max() > 0.99 * limit
    discriminator = Discriminator([32, 64, 128, 256, 512], 256, pools=5, conditional=False, slopes=FLAT)
    for layer in (discriminator.layers[4], discriminator.logit):
        weight = layer.get_parameter("weight")
        assert abs(weight.std().item() - 0.02) < 2e-4
        assert abs(weight.mean().item()) < 5e-4
    biases = [parameter for name, parameter in discriminator.named_parameters() if name.endswith("bias")]
    assert all(torch.equal(bias, torch.zeros_like(bias)) for bias in biases)


@pytest.mark.parametrize("seed", range(8))
def test_generator_starts_alive_whatever_the_seed(seed: int) -> None:
    torch.manual_seed(seed)
    generator = Generator([32, 32, 16, 16, 8], 64)
    image = generator(*inputs(64))
    assert (image > 0).float().mean() > 0.3
    image.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in generator.parameters())


def test_channels_last_gives_the_same_image() -> None:
    torch.manual_seed(0)
    generator = Generator([8, 8, 8], 16)
    plain = generator(*inputs(16))
    ordered = generator.to(memory_format=torch.channels_last)(*inputs(16))
    torch.testing.assert_close(ordered, plain)
