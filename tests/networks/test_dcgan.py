from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import kstest
from torch import Tensor, nn

from mammo_gan.networks.dcgan import Discriminator, Generator, stretched
from mammo_gan.statistics.checkerboard import checkerboard

PAPER = [450, 360, 180, 90, 45]
CLASSIFIER = [9, 18, 36, 72, 90]  # section 4.4.2


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def noise(count: int, latent: int, seed: int = 0) -> Tensor:
    return torch.randn(count, latent, generator=torch.Generator().manual_seed(seed))


def images(count: int, size: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def trained_a_step(network: nn.Module, loss: Tensor) -> None:
    """Every parameter has a gradient of its own, and a step against it moves each one."""
    torch.autograd.backward(loss)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name
        before = parameter.detach().clone()
        parameter.data.sub_(parameter.grad)
        assert not torch.equal(parameter, before), name


def test_the_generator_has_the_papers_parameters() -> None:
    assert parameters(Generator(PAPER, 128)) == 5_395_770


@pytest.mark.parametrize(("first_kernel", "expected"), [(None, 8_904_780), (4, 8_903_880)])
def test_the_discriminator_has_the_papers_and_the_published_parameters(first_kernel: int | None, expected: int) -> None:
    assert parameters(Discriminator(PAPER[::-1], 128, first_kernel=first_kernel)) == expected


@pytest.mark.parametrize(("first_kernel", "expected"), [(None, 357_948), (4, 357_768)])
def test_the_small_classifier_is_the_same_network(first_kernel: int | None, expected: int) -> None:
    torch.manual_seed(0)
    classifier = Discriminator(CLASSIFIER, 128, first_kernel=first_kernel, initialisation="xavier")
    assert parameters(classifier) == expected
    assert classifier(images(2, 128)).shape == (2,)
    weight = classifier.get_parameter("layers.2.weight")  # 9 -> 18, 6x6
    limit = (6 / (36 * (9 + 18))) ** 0.5  # Glorot and Bengio 2010, equation 16
    assert 0.99 * limit < weight.abs().max() <= limit


@pytest.mark.parametrize(("channels", "size"), [([4], 8), ([4, 3], 16), (PAPER, 128)])
def test_any_number_of_channels_has_its_size(channels: list[int], size: int) -> None:
    generator, discriminator = Generator(channels, size, latent=7), Discriminator(channels[::-1], size)
    drawn = generator(noise(2, 7))
    assert drawn.shape == (2, 1, size, size)
    assert drawn.abs().max() <= 1
    assert discriminator(drawn).shape == (2,)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_a_size_that_the_channels_do_not_reach_is_refused(network: type[Generator | Discriminator]) -> None:
    with pytest.raises(ValueError, match=r"2 channels of a .* are for 16 px, image_size is 32"):
        network([4, 4], 32)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="normalisation is batch, layer or none"):
        Generator([4], 8, normalisation="group")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="upsampling is"):
        Generator([4], 8, upsampling="nearest")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="even, not 5"):
        Discriminator([4], 8, kernel=5)
    with pytest.raises(ValueError, match="initialisation is"):
        Discriminator([4], 8, initialisation="he")  # type: ignore[arg-type]


def test_the_generator_equals_its_description_written_out() -> None:
    torch.manual_seed(0)
    generator, z = Generator([5, 4, 3], 32, latent=6), noise(4, 6)
    features = (2 * (z - z.min()) / (z.max() - z.min()) - 1)[:, :, None, None]
    kernels = [module.weight for module in generator.modules() if isinstance(module, nn.ConvTranspose2d)]
    gains = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    for depth, kernel in enumerate(kernels):
        stride, padding = (1, 0) if depth == 0 else (2, 1)
        features = F.conv_transpose2d(features, kernel, stride=stride, padding=padding)
        if depth < 3:
            mean, variance = features.mean((0, 2, 3), keepdim=True), features.var((0, 2, 3), False, keepdim=True)
            gain, offset = (parameter.view(1, -1, 1, 1) for parameter in gains[depth].parameters())
            features = gain * (features - mean) / (variance + 1e-5).sqrt() + offset
            features = torch.where(features > 0, features, 0.2 * features)
    torch.testing.assert_close(generator(z), features.tanh(), rtol=1e-4, atol=1e-6)


def test_the_discriminator_equals_its_description_written_out() -> None:
    torch.manual_seed(0)
    discriminator, image = Discriminator([3, 4, 5], 32, first_kernel=4), images(4, 32)
    kernels = [module.weight for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    norms = {2: 4, 3: 5}  # by layer, their channels
    features = image
    for depth, (kernel, padding) in enumerate(zip(kernels, (1, 2, 2, 0), strict=True), start=1):
        features = F.conv2d(features, kernel, stride=1 if depth == 4 else 2, padding=padding)
        if depth in norms:
            gain, offset = next(
                module.parameters()
                for module in discriminator.modules()
                if isinstance(module, nn.BatchNorm2d) and module.num_features == norms[depth]
            )
            features = F.batch_norm(features, None, None, gain, offset, training=True)
        if depth < 4:
            features = F.leaky_relu(features, 0.2)
    torch.testing.assert_close(discriminator(image), features[:, 0, 0, 0], rtol=1e-4, atol=1e-6)


def test_weights_start_as_stated() -> None:
    torch.manual_seed(0)
    for network in (Generator(PAPER, 128), Discriminator(PAPER[::-1], 128)):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 5000:
                assert module.bias is None
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.02)
                assert abs(module.weight.mean().item()) < 5e-4
            if isinstance(module, nn.BatchNorm2d) and module.num_features > 300:
                assert module.weight.mean().item() == pytest.approx(1, abs=4e-3)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.15)
                assert torch.equal(module.bias, torch.zeros_like(module.bias))


def test_noise_is_stretched_by_its_batch() -> None:
    z = noise(64, 200)
    brought = stretched(z)
    assert (brought.min().item(), brought.max().item()) == (-1, 1)
    line = torch.stack([z.flatten(), torch.ones(z.numel())], 1).double()  # a line through all of them
    slope, offset = torch.linalg.lstsq(line, brought.flatten().double()[:, None]).solution.flatten().tolist()
    assert slope == pytest.approx(2 / (z.max() - z.min()).item())
    torch.testing.assert_close(slope * z + offset, brought, rtol=0, atol=1e-5)
    assert torch.equal(stretched(torch.zeros(2, 3)), -torch.ones(2, 3))
    plain = Generator([4], 8, latent=6, normalise_z=False).eval()
    first = plain(noise(8, 6))[:1]
    torch.testing.assert_close(plain(noise(8, 6)[:1]), first)  # alone or among others


def test_noise_can_be_uniform() -> None:
    """The layers see U(-1, 1), whoever draws z from N(0, 1)."""
    generator = Generator([4], 8, latent=400, normalise_z=False, uniform_z=True).eval()
    seen: list[torch.Tensor] = []
    generator.layers[0].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    generator(noise(8, 400))
    assert kstest(seen[0].flatten().numpy(), "uniform", (-1, 2)).pvalue > 0.01
    assert seen[0].abs().max() < 1
    with pytest.raises(ValueError, match="normalise_z to false"):
        Generator([4], 8, latent=6, normalise_z=True, uniform_z=True)


@pytest.mark.parametrize("normalisation", ["batch", "layer", "none"])
@pytest.mark.parametrize("upsampling", ["transposed", "pixel_shuffle", "resize"])
def test_each_form_of_the_generator_trains(normalisation: str, upsampling: str) -> None:
    torch.manual_seed(0)
    generator = Generator([6, 4], 16, latent=5, normalisation=normalisation, upsampling=upsampling)  # type: ignore[arg-type]
    kinds = Counter(type(module) for module in generator.modules())
    assert kinds[nn.BatchNorm2d] == (2 if normalisation == "batch" else 0)
    assert kinds[nn.GroupNorm] == (2 if normalisation == "layer" else 0)
    assert kinds[nn.PixelShuffle] == (2 if upsampling == "pixel_shuffle" else 0)
    assert kinds[nn.UpsamplingNearest2d] == (2 if upsampling == "resize" else 0)
    assert kinds[nn.ConvTranspose2d] == (3 if upsampling == "transposed" else 1)
    biases = [name for name, _ in generator.layers[0].named_parameters() if name == "bias"]
    assert bool(biases) == (normalisation == "none")
    target = images(4, 16)
    trained_a_step(generator, (generator(noise(4, 5)) - target).square().mean())


def test_only_resizing_makes_no_checkerboard_before_it_has_learnt_anything() -> None:
    """Odena et al. 2016: uneven shares are built in, and training has to undo them."""
    ratios: dict[str, list[float]] = {"transposed": [], "resize": []}
    for upsampling, seed in product(ratios, range(4)):
        torch.manual_seed(seed)
        generator = Generator([24, 16, 8], 32, latent=20, upsampling=upsampling)  # type: ignore[arg-type]
        with torch.no_grad():
            drawn = generator(noise(64, 20))[:, 0].numpy()
        ratios[upsampling] += [checkerboard(drawn, period).ratio for period in (2, 4)]
    assert max(ratios["resize"]) < 1
    assert min(ratios["transposed"]) > 1.2


@pytest.mark.parametrize("normalisation", ["batch", "layer", "none"])
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("kernel", [4, 6])
def test_each_form_of_the_discriminator_trains(normalisation: str, spectral: bool, kernel: int) -> None:
    torch.manual_seed(0)
    discriminator = Discriminator([4, 6, 8], 32, kernel=kernel, normalisation=normalisation, spectral=spectral)  # type: ignore[arg-type]
    convolutions = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert [module.kernel_size[0] for module in convolutions] == [kernel] * 3 + [4]
    kinds = Counter(type(module) for module in discriminator.modules())
    assert kinds[nn.BatchNorm2d] == (2 if normalisation == "batch" else 0)  # none on the first layer and the last
    assert kinds[nn.GroupNorm] == (2 if normalisation == "layer" else 0)
    trained_a_step(discriminator, F.softplus(discriminator(images(4, 32)) * torch.tensor([1.0, -1, 1, -1])).mean())


def test_spectral_normalisation_holds_each_kernels_largest_singular_value_at_one() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator([4, 6], 16, spectral=True, normalisation="none", classes=2)
    for _ in range(100):  # power iterations
        discriminator(images(2, 16), torch.tensor([0, 1]))
    discriminator.eval()
    held = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d | nn.Embedding)]
    assert len(held) == 4
    for module in held:
        assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_layer_normalisation_knows_no_other_image() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator([4, 6], 16, normalisation="layer")
    alone = torch.cat([discriminator(image[None]) for image in images(3, 16)])
    torch.testing.assert_close(discriminator(images(3, 16)), alone)


@pytest.mark.parametrize("spectral", [False, True])
def test_conditional_networks_look_at_the_label(spectral: bool) -> None:
    torch.manual_seed(0)
    generator = Generator([6, 4], 16, latent=5, classes=3)
    discriminator = Discriminator([4, 6], 16, classes=3, spectral=spectral)
    label, other = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    drawn = generator(noise(3, 5), label)
    assert not torch.equal(drawn, generator(noise(3, 5), other))
    trained_a_step(generator, (drawn - images(3, 16)).square().mean())
    trained_a_step(discriminator, F.softplus(discriminator(images(3, 16), label) * torch.tensor([1.0, -1, 2])).mean())
    discriminator.eval()
    with torch.no_grad():
        assert discriminator.embedding is not None
        vectors = discriminator.embedding.weight
        features = discriminator.layers(images(3, 16)).sum((2, 3))
        difference = discriminator(images(3, 16), label) - discriminator(images(3, 16), other)
        expected = (features * (vectors[label] - vectors[other])).sum(1)  # Miyato and Koyama 2018, equation 3
        torch.testing.assert_close(difference, expected, rtol=1e-3, atol=1e-6)
    for network, given in ((generator, noise(3, 5)), (discriminator, images(3, 16))):
        with pytest.raises(ValueError, match="needs labels"):
            network(given)


def test_unconditional_networks_take_no_notice_of_labels() -> None:
    generator, discriminator = Generator([4], 8, latent=5).eval(), Discriminator([4], 8).eval()
    label = torch.tensor([0, 1])
    assert torch.equal(generator(noise(2, 5), label), generator(noise(2, 5)))
    assert torch.equal(discriminator(images(2, 8), label), discriminator(images(2, 8)))


@pytest.mark.parametrize("upsampling", ["transposed", "pixel_shuffle", "resize"])
@pytest.mark.parametrize("spectral", [False, True])
def test_channels_last_gives_the_same(upsampling: str, spectral: bool) -> None:
    torch.manual_seed(0)
    generator = Generator([6, 4], 16, latent=5, upsampling=upsampling).eval()  # type: ignore[arg-type]
    discriminator = Discriminator([4, 6], 16, spectral=spectral).eval()
    drawn, logits = generator(noise(3, 5)), discriminator(images(3, 16))
    generator.to(memory_format=torch.channels_last)
    discriminator.to(memory_format=torch.channels_last)
    torch.testing.assert_close(generator(noise(3, 5)), drawn)
    torch.testing.assert_close(discriminator(images(3, 16)), logits)


def test_banded_networks_train_every_parameter() -> None:
    torch.manual_seed(0)
    generator, discriminator = Generator([6, 4], 16, latent=5, banded=True), Discriminator([4, 6], 16, banded=True)
    image = generator(noise(4, 5))
    assert image.shape == (4, 1, 16, 16)
    assert image.abs().max() < 1
    trained_a_step(generator, image.square().mean())
    trained_a_step(discriminator, discriminator(images(4, 16)).square().mean())


def test_a_banded_generator_begins_with_the_bands_of_real_images() -> None:
    torch.manual_seed(0)
    real = 0.3 * F.interpolate(images(64, 8), size=64, mode="bilinear") + 0.01 * images(64, 64, 1)
    generator = Generator([32, 24, 16, 8], 64, latent=20, upsampling="resize", banded=True)
    assert generator.bands is not None
    generator.bands.measure(real)
    drawn = generator(noise(64, 20)).detach()
    ratios = generator.bands(drawn).std((0, 2, 3))  # of the real images' own
    assert ratios.min() > 0.1
    assert ratios.max() < 5


def test_a_banded_discriminator_sees_fine_structure() -> None:
    """By how much more a change of the finest band moves the logit than one of the coarsest, each by a deviation."""
    torch.manual_seed(0)
    coarse, fine = F.interpolate(images(32, 4), size=32, mode="bilinear"), 0.02 * images(32, 32, 1)
    shares = {}
    for banded in (False, True):
        discriminator = Discriminator([8, 16, 32], 32, normalisation="none", banded=banded)
        if discriminator.bands is not None:
            discriminator.bands.measure(coarse + fine)
        with torch.no_grad():
            logit = discriminator(coarse + fine)
            moved = [(discriminator(changed) - logit).std() for changed in (coarse + 2 * fine, 2 * coarse + fine)]
        shares[banded] = float(moved[0] / moved[1])
    assert shares[True] > 4 * shares[False]
