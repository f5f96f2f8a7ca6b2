from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammo_gan.networks.trilabel import CRN, PairDiscriminator, UNet

U_NET = [64, 128, 256, 512, 512, 512, 512, 512]
REFINED = [256, 256, 256, 256, 256, 128, 64, 32]
PATCHES = [64, 128, 256, 512]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tri_labels(size: int, channels: int = 3, count: int = 2, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def convolutions(network: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]


def normalised(features: Tensor) -> Tensor:
    """By instance, for gains of 1."""
    return F.instance_norm(features)


def without_gains(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            nn.init.ones_(module.weight)


def test_networks_have_the_parameters_that_their_layers_sum_to() -> None:
    down = [16 * a * b for a, b in pairwise([3, *U_NET])]
    up = [16 * 512 * 512, *(16 * 2 * a * b for a, b in pairwise(U_NET[-2::-1]))]
    shifts = 64 + 512 + 1  # biases where nothing is normalised
    gains = 2 * (sum(U_NET[1:-1]) + sum(U_NET[:-1]))
    assert parameters(UNet(U_NET, 256)) == sum(down + up) + 16 * 128 + shifts + gains == 54_410_433

    modules = [9 * (3 + a + b) * b + 2 * b for a, b in pairwise([0, *REFINED])]
    assert parameters(CRN(REFINED, 256)) == sum(modules) + 33 == 5_932_673

    halving = [16 * a * b for a, b in pairwise([4, *PATCHES])]
    discriminator = sum(halving) + 64 + 2 * (128 + 256 + 512) + 16 * 512 + 1
    assert parameters(PairDiscriminator(PATCHES, 256)) == discriminator == 2_766_657


@pytest.mark.parametrize("channels", [3, 2])
@pytest.mark.parametrize("size", [2, 4, 16, 64])
@pytest.mark.parametrize("network", [UNet, CRN])
def test_generators_take_any_power_of_two(network: type[UNet | CRN], size: int, channels: int) -> None:
    widths = [6, 5, 4, 4, 3, 3][: size.bit_length() - 1]
    image = network(widths, size, label_channels=channels)(tri_labels(size, channels))
    assert image.shape == (2, 1, size, size)
    assert image.abs().max() < 1
    for other in (size + 1, size + 2, 2 * size):
        with pytest.raises(ValueError, match=rf"{len(widths)} .* and {size} px, image_size is {other}"):
            network(widths, other)


def test_settings_that_fit_nothing_are_refused() -> None:
    for network in (UNet, CRN):
        with pytest.raises(ValueError, match="0 "):
            network([], 1)
    with pytest.raises(ValueError, match="instance or none, not batch"):
        UNet([4], 2, normalisation="batch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="instance or none, not batch"):
        PairDiscriminator([4, 4], 16, normalisation="batch")  # type: ignore[arg-type]
    for channels, size in (([4], 16), ([4, 4], 4), ([4, 4, 4], 18)):
        with pytest.raises(ValueError, match=rf"{len(channels)} widths .* not {size}"):
            PairDiscriminator(channels, size)


def test_the_u_net_equals_its_description_written_out() -> None:
    network, label = UNet([5, 4, 3], 8), tri_labels(8)
    without_gains(network)
    first, second, third, *back = convolutions(network)
    at_4 = F.leaky_relu(F.conv2d(label, first.weight, first.bias, 2, 1), 0.2)
    at_2 = F.leaky_relu(normalised(F.conv2d(at_4, second.weight, None, 2, 1)), 0.2)
    at_1 = F.leaky_relu(F.conv2d(at_2, third.weight, third.bias, 2, 1), 0.2)
    up_2 = normalised(F.conv_transpose2d(at_1, back[0].weight, None, 2, 1)).relu()
    up_4 = normalised(F.conv_transpose2d(torch.cat([at_2, up_2], 1), back[1].weight, None, 2, 1)).relu()
    expected = F.conv_transpose2d(torch.cat([at_4, up_4], 1), back[2].weight, back[2].bias, 2, 1).tanh()
    assert at_1.shape == (2, 3, 1, 1)
    torch.testing.assert_close(network(label), expected)


def test_the_refinement_network_equals_its_description_written_out() -> None:
    network, label = CRN([5, 4, 3], 8), tri_labels(8)
    *layers, to_grey = convolutions(network)
    features = torch.empty(2, 0, 1, 1)
    for size, first, second in zip((2, 4, 8), layers[::2], layers[1::2], strict=True):
        shrunk = label.unfold(2, 8 // size, 8 // size).unfold(3, 8 // size, 8 // size).mean((4, 5))
        if size > 2:
            features = F.interpolate(features, (size, size), mode="bilinear")
        features = torch.cat([shrunk, features], 1) if size > 2 else shrunk
        for layer in (first, second):
            features = F.conv2d(features, layer.weight, layer.bias, padding=1).clamp_min(0)
    expected = (features.permute(0, 2, 3, 1) @ to_grey.weight[0, :, 0, 0] + to_grey.get_parameter("bias")).tanh()
    torch.testing.assert_close(network(label)[:, 0], expected)


def test_the_discriminator_equals_its_description_written_out() -> None:
    network, label, image = PairDiscriminator([5, 4, 3], 32), tri_labels(32), tri_labels(32, 1, seed=1)
    without_gains(network)
    first, second, third, logit = convolutions(network)
    features = F.leaky_relu(F.conv2d(torch.cat([label, image], 1), first.weight, first.bias, 2, 1), 0.2)
    features = F.leaky_relu(normalised(F.conv2d(features, second.weight, None, 2, 1)), 0.2)
    features = F.leaky_relu(normalised(F.conv2d(features, third.weight, None, 1, 1)), 0.2)
    expected = F.conv2d(features, logit.weight, logit.bias, 1, 1)
    assert expected.shape == (2, 1, 6, 6)
    torch.testing.assert_close(network(label, image), expected[:, 0])


@pytest.mark.parametrize(("layers", "reach"), [(4, 70), (3, 34), (2, 16)])
def test_a_logit_sees_so_many_pixels(layers: int, reach: int) -> None:
    network = PairDiscriminator([2] * layers, 256, normalisation="none").double()
    label = tri_labels(256, count=1).double().requires_grad_()
    logits = network(label, torch.zeros(1, 1, 256, 256).double())
    if layers == 4:
        assert logits.shape == (1, 30, 30)
    middle = logits.shape[1] // 2
    (gradient,) = torch.autograd.grad(logits[0, middle, middle], label)
    seen = gradient[0].abs().sum(0) > 0
    assert int(seen.sum()) == reach**2
    for axis in (0, 1):
        places = seen.any(axis).nonzero()
        assert int(places.max() - places.min()) + 1 == reach


def test_every_pixel_reaches_every_pixel_of_what_is_drawn() -> None:
    """Through the one-pixel map of a U-Net and the coarsest module of a CRN."""
    for network in (UNet([4, 4, 4, 4, 4], 32, normalisation="none"), CRN([6, 6, 6, 6, 6], 32)):
        label = tri_labels(32, count=1)
        network, label = network.double(), label.double().requires_grad_()
        (gradient,) = torch.autograd.grad(network(label)[0, 0, 0, 0], label)
        assert gradient[0, :, -1, -1].abs().max() > 0


@pytest.mark.parametrize("normalisation", ["instance", "none"])
def test_an_image_knows_no_other_of_its_batch(normalisation: str) -> None:
    generator = UNet([6, 5, 4], 8, normalisation=normalisation)  # type: ignore[arg-type]
    discriminator = PairDiscriminator([4, 4], 8, normalisation=normalisation)  # type: ignore[arg-type]
    label = tri_labels(8, count=3)
    drawn = generator(label)
    torch.testing.assert_close(torch.cat([generator(one[None]) for one in label]), drawn)
    alone = [discriminator(one[None], image[None]) for one, image in zip(label, drawn, strict=True)]
    torch.testing.assert_close(torch.cat(alone), discriminator(label, drawn))


@pytest.mark.parametrize("generator", [UNet([6, 5, 4, 4], 16), CRN([8, 6, 5, 4], 16)], ids=["unet", "crn"])
def test_gradients_reach_every_layer(generator: nn.Module) -> None:
    discriminator, label = PairDiscriminator([5, 4], 16), tri_labels(16)
    torch.autograd.backward(F.softplus(-discriminator(label, generator(label))).mean())
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name


def test_weights_start_as_stated() -> None:
    for network in (UNet([64, 96, 128], 8), PairDiscriminator([64, 96], 16)):
        for module in convolutions(network):
            if module.weight.numel() > 50_000:
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.02)
        gains = torch.cat([module.weight for module in network.modules() if isinstance(module, nn.GroupNorm)])
        assert gains.mean().item() == pytest.approx(1, abs=6e-3)
        assert gains.std().item() == pytest.approx(0.02, rel=0.2)
        shifts = [parameter for name, parameter in network.named_parameters() if name.endswith("bias")]
        assert all(torch.equal(shift, torch.zeros_like(shift)) for shift in shifts)


def test_features_of_a_refinement_network_keep_their_scale() -> None:
    network = CRN([48] * 8, 256)
    outputs: list[float] = []
    for module in network.refinements:
        module.register_forward_hook(lambda _, __, features: outputs.append(features.std().item()))
    with torch.no_grad():
        image = network(tri_labels(256, count=1).abs())  # noise about zero would vanish in the coarsest mean
    assert 0.2 < outputs[-1] / outputs[0] < 5
    assert image.abs().max() < 0.9  # tanh isn't flat


@pytest.mark.parametrize("generator", [UNet([6, 5, 4, 4], 16), CRN([8, 6, 5, 4], 16)], ids=["unet", "crn"])
def test_channels_last_gives_the_same_image_and_keeps_the_order(generator: nn.Module) -> None:
    plain = generator(tri_labels(16))
    orders: list[bool] = []
    for module in convolutions(generator.to(memory_format=torch.channels_last))[2:]:
        module.register_forward_pre_hook(
            lambda _, given: orders.append(given[0].is_contiguous(memory_format=torch.channels_last))
        )
    torch.testing.assert_close(generator(tri_labels(16)), plain)
    assert all(orders)
