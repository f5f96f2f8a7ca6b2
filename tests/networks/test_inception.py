"""The FID's Inception against torchvision's, whose layers have the same names, with the differences made up for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import inception

from mammo_gan.networks.inception import InceptionFid, prepared, resized_as_tensorflow1
from mammo_gan.statistics.frechet import frechet_distance_of_features
from mammo_gan.weights.inception_shapes import convolutions

DATA = Path(__file__).parents[3] / "shared" / "data"
PRETRAINED = DATA / "weights" / "inception_fid_to_768.safetensors"
needs_pretrained = pytest.mark.skipif(not PRETRAINED.is_file(), reason=f"{PRETRAINED} isn't there")


@pytest.fixture(scope="module")
def reference() -> Iterator[nn.Module]:
    """torchvision's Inception with weights and batch statistics of no meaning, pooling as the FID's does."""
    generator = torch.Generator().manual_seed(0)
    network = inception.inception_v3(weights=None, init_weights=False, aux_logits=False).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("conv.weight"):
            nn.init.kaiming_normal_(tensor, nonlinearity="relu", generator=generator)
        elif tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.5 + 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "F", pooling(lambda x, **sizes: F.avg_pool2d(x, **sizes, count_include_pad=False)))
        yield network


def pooling(average: Callable[..., Tensor]) -> SimpleNamespace:
    """torch.nn.functional as torchvision's Inception uses it, but for how a block's branch is pooled."""
    return SimpleNamespace(relu=F.relu, max_pool2d=F.max_pool2d, avg_pool2d=average)


def by_maximum(block: Any, x: Tensor) -> Tensor:
    """torchvision's last block, its pool by average replaced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "F", pooling(F.max_pool2d))
        maps: Tensor = block(x)
    return maps


def stages(network: Any, image: Tensor) -> dict[int, Tensor]:
    """Features of prepared images (B, 3, 299, 299)."""
    maps, found = image, {}
    for name, layer in network.named_children():
        if name in ("avgpool", "dropout", "fc"):
            break
        maps = by_maximum(layer, maps) if name == "Mixed_7c" else layer(maps)
        size = {"maxpool1": 64, "maxpool2": 192, "Mixed_6e": 768, "Mixed_7c": 2048}.get(name)
        if size:
            found[size] = maps.mean((2, 3))
    return found


def test_all_features_equal_the_references(reference: nn.Module) -> None:
    image = torch.rand(1, 1, 96, 80, generator=torch.Generator().manual_seed(1))
    network = InceptionFid(reference.state_dict())
    assert network.depth == 2048
    with torch.no_grad():
        found, expected = network.taps(image), stages(reference, prepared(image).expand(-1, 3, -1, -1))
    assert list(found) == list(expected) == [64, 192, 768, 2048]
    for size in found:
        assert found[size].shape == (1, size)
        scale = float(expected[size].abs().mean())
        torch.testing.assert_close(found[size] / scale, expected[size] / scale, rtol=1e-3, atol=1e-4)


def test_the_depth_is_what_is_asked_for_or_all_that_there_is(reference: nn.Module) -> None:
    state = reference.state_dict()
    to_192 = {name: tensor for name, tensor in state.items() if name.startswith("Conv2d")}
    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(2))
    assert InceptionFid(to_192)(image).shape == (1, 192)
    assert InceptionFid(state, depth=64)(image).shape == (1, 64)
    with pytest.raises(ValueError, match=r"give features \[64, 192\], not 768"):
        InceptionFid(to_192, depth=768)
    with pytest.raises(ValueError, match=r"give features \[\], not any"):
        InceptionFid({})


def test_weights_are_frozen_and_in_no_checkpoint(reference: nn.Module) -> None:
    network = InceptionFid({n: t for n, t in reference.state_dict().items() if n.startswith("Conv2d")})
    assert not network.state_dict()
    assert not list(network.parameters())


@pytest.mark.parametrize(("height", "width"), [(128, 128), (17, 40), (299, 299), (640, 512), (1, 2)])
def test_resizing_follows_tensorflow1s_rule(height: int, width: int) -> None:
    """Pixel by pixel: output i reads from i * size / 299, the last row and column being repeated."""
    image = np.random.default_rng(0).random((height, width)) * 255
    rows, columns = (np.arange(299) * size / 299 for size in (height, width))
    expected = np.empty((299, 299))
    for i, y in enumerate(rows):
        top, down = int(y), min(int(y) + 1, height - 1)
        for j, x in enumerate(columns):
            left, right = int(x), min(int(x) + 1, width - 1)
            upper = image[top, left] * (1 - x % 1) + image[top, right] * (x % 1)
            lower = image[down, left] * (1 - x % 1) + image[down, right] * (x % 1)
            expected[i, j] = upper * (1 - y % 1) + lower * (y % 1)
    found = resized_as_tensorflow1(torch.from_numpy(image).float()[None, None], 299)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, rtol=0, atol=0.03)  # places are float32, as there


def test_floating_point_images_have_the_levels_of_stored_ones() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(prepared(levels), prepared(levels / 255))
    assert torch.equal(prepared(levels), prepared(levels / 255 + 0.4 / 255))
    assert torch.equal(prepared(torch.full((1, 1, 4, 4), 1.7)), prepared(torch.ones(1, 1, 4, 4)))
    assert float(prepared(levels).min()) == -1
    assert float(prepared(levels).max()) == 127 / 128


@needs_pretrained
@pytest.mark.slow
def test_torchmetrics_documented_example_comes_out() -> None:
    """https://lightning.ai/docs/torchmetrics/stable/image/frechet_inception_distance.html, 12.6388.

    Its random numbers go on from those that building torch-fidelity's network takes, one draw a layer.
    """
    network = InceptionFid(load_file(PRETRAINED), depth=64)
    torch.manual_seed(42)
    for shape in (*convolutions(2048).values(), (1008, 2048), (1008,)):
        torch.empty(shape).uniform_()
    sets = [torch.randint(*levels, (100, 3, 299, 299), dtype=torch.uint8) for levels in ((0, 200), (100, 255))]
    with torch.no_grad():
        features = [torch.cat([network(part) for part in torch.split(images, 10)]).numpy() for images in sets]
    assert frechet_distance_of_features(*features) == pytest.approx(12.639, abs=1e-3)


@needs_pretrained
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not (DATA / "published_synthetic_masses").is_dir(), reason=f"no published patches in {DATA}")
def test_real_patches_give_the_published_figures() -> None:
    """All 1104 training patches against halves of themselves and the 3,000 published synthetic ones."""
    real = _features(sorted((DATA / "cbis_mass_patches" / "train").rglob("*.png")))
    synthetic = _features(sorted((DATA / "published_synthetic_masses").rglob("*.png")))
    for size, published in ((64, 2.97), (192, 16.6), (768, 0.561)):
        distance = frechet_distance_of_features(real[size], synthetic[size])
        assert distance == pytest.approx(published, rel=2e-3)
    order = np.random.default_rng(0).permutation(len(real[64]))
    halves = {size: frechet_distance_of_features(f[order[:552]], f[order[552:]]) for size, f in real.items()}
    assert halves[768] == pytest.approx(0.059, rel=0.05)
    # Those of fewer features hang on which halves were taken: 0.003 to 0.022 and 0.03 to 0.11 in five draws.
    assert halves[64] < 3 * 0.023
    assert halves[192] < 3 * 0.043


def _features(files: list[Path]) -> dict[int, np.ndarray]:
    network = InceptionFid(load_file(PRETRAINED))
    taps = []
    for start in range(0, len(files), 16):
        images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files[start : start + 16]])
        with torch.no_grad():
            taps.append(network.taps(torch.from_numpy(images)[:, None]))
    return {size: torch.cat([part[size] for part in taps]).numpy() for size in taps[0]}
