from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mammo_gan.errors import UserError
from mammo_gan.weights import SHAPES, TORCHVISION_FILE, TORCHVISION_NAME, VARIABLE, vgg19_features
from mammo_gan.weights.vgg19 import Maps

PRETRAINED = Path(__file__).parents[1] / "../shared/data/weights/vgg19_features_to_pool3.safetensors"
needs_pretrained = pytest.mark.skipif(not PRETRAINED.is_file(), reason=f"{PRETRAINED} isn't there")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache, with nothing in it, and no variable set."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "vgg.safetensors"
    source = torch.Generator().manual_seed(0)
    save_file({name: 0.1 * torch.randn(shape, generator=source) for name, shape in SHAPES.items()}, file)
    return file


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@needs_pretrained
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_maps_equal_torchvisions(pooling: str) -> None:
    from torchvision.models import vgg19

    reference = vgg19(weights=None, init_weights=False).features[:19].eval()
    reference.load_state_dict({name.removeprefix("features."): w for name, w in load_file(PRETRAINED).items()})
    if pooling == "average":
        for index in (4, 9, 18):
            reference[index] = torch.nn.AvgPool2d(2)
    grey = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    rgb = (grey.expand(-1, 3, -1, -1) - mean[:, None, None]) / std[:, None, None]
    network = vgg19_features(str(PRETRAINED), pooling=pooling)  # type: ignore[arg-type]
    with torch.no_grad():
        for found, end in zip(network(grey), (5, 10, 19), strict=True):
            torch.testing.assert_close(found, reference[:end](rgb), rtol=1e-4, atol=1e-4)
        convolutions = vgg19_features(str(PRETRAINED), pooling=pooling, maps="convolutions")  # type: ignore[arg-type]
        for found, end in zip(convolutions(grey), (2, 4, 7, 9, 12), strict=True):  # after each ReLU
            torch.testing.assert_close(found, reference[:end](rgb), rtol=1e-4, atol=1e-4)


@needs_pretrained
def test_provenance_of_a_file() -> None:
    network = vgg19_features(str(PRETRAINED), sha256(PRETRAINED))
    assert network.name == "vgg19_features_to_pool3.safetensors"
    assert network.provenance.sha256 == sha256(PRETRAINED)
    assert not network.provenance.random


def test_keys_may_go_without_their_prefix(weights_file: Path) -> None:
    network = vgg19_features(str(weights_file))
    assert torch.equal(network.get_buffer("16_bias"), load_file(weights_file)["16.bias"])


def test_random_features_are_the_same_in_every_run_and_say_so() -> None:
    torch.manual_seed(1)
    one = vgg19_features("random")
    torch.manual_seed(2)
    other = vgg19_features("random")
    assert one.provenance.random
    assert (one.name, one.provenance.sha256) == ("random", None)
    for name, tensor in one.named_buffers():
        assert torch.equal(tensor, other.get_buffer(name))


def test_random_weights_leave_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    vgg19_features("random")
    assert torch.equal(torch.rand(3), expected)


def test_auto_takes_the_file_that_the_variable_names(
    weights_file: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(weights_file))
    assert vgg19_features("auto").name == "vgg.safetensors"


def test_auto_takes_torchs_cache(weights_file: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import VGG19_Weights

    torch.save({f"features.{name}": w for name, w in load_file(weights_file).items()}, empty_cache / TORCHVISION_FILE)
    loaded = torch.load(empty_cache / TORCHVISION_FILE, weights_only=True)
    monkeypatch.setattr(VGG19_Weights, "get_state_dict", lambda self, **_: loaded)  # its checksum isn't the real one's
    network = vgg19_features("auto")
    assert network.name == TORCHVISION_NAME
    assert network.provenance.sha256 == sha256(empty_cache / TORCHVISION_FILE)
    assert VGG19_Weights.IMAGENET1K_V1.url.endswith(f"/{TORCHVISION_FILE}")


def test_auto_without_weights_is_random_with_a_warning(empty_cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert vgg19_features("auto").provenance.random
    assert VARIABLE in caplog.text


def test_a_variable_that_names_no_file_is_an_error(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(empty_cache / "gone.safetensors"))
    with pytest.raises(UserError, match=r"gone\.safetensors isn't there"):
        vgg19_features("auto")


def test_another_checksum_is_refused(weights_file: Path) -> None:
    with pytest.raises(UserError, match=f"expected sha256 {'0' * 64}, found {sha256(weights_file)}"):
        vgg19_features(str(weights_file), "0" * 64)
    with pytest.raises(UserError, match="found random weights"):
        vgg19_features("random", "0" * 64)


def test_files_that_are_not_vgg19_are_refused(tmp_path: Path, weights_file: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(weights_file.read_bytes()[:1000])
    with pytest.raises(UserError, match="isn't a whole safetensors file"):
        vgg19_features(str(broken))
    other = tmp_path / "other.safetensors"
    save_file({"0.weight": torch.zeros(64, 1, 3, 3)}, other)
    with pytest.raises(UserError, match=r"expected features\.0\.weight \(64, 3, 3, 3\), found \(64, 1, 3, 3\)"):
        vgg19_features(str(other))
    with pytest.raises(UserError, match="can run code"):
        vgg19_features(str(tmp_path / "weights.pth"))
    with pytest.raises(UserError, match=r"not VGG19_Weights\.V9"):
        vgg19_features("VGG19_Weights.V9")


def test_a_download_that_fails_says_what_to_do(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    from torchvision.models import VGG19_Weights

    def fail(*_: object, **__: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", fail)
    with pytest.raises(UserError, match=r"can't be downloaded .* weights=random"):
        vgg19_features(TORCHVISION_NAME)


@needs_pretrained
@pytest.mark.parametrize(("maps", "count"), [("pools", 3), ("convolutions", 5)])
def test_gains_bring_random_maps_to_the_scale_of_the_released_network(maps: Maps, count: int) -> None:
    released, random = vgg19_features(str(PRETRAINED), maps=maps), vgg19_features("random", maps=maps)
    assert released.gains == pytest.approx([1] * count, rel=1e-3)
    grey = 0.3 + 0.4 * torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    grey = torch.nn.functional.interpolate(grey, (64, 64), mode="bilinear")
    for gain, theirs, ours in zip(random.gains, released(grey), random(grey), strict=True):
        assert theirs.mean() / 4 < gain * ours.mean() < 4 * theirs.mean()
        assert gain > 30


def test_weights_follow_the_module_and_stay_out_of_checkpoints_and_optimisers() -> None:
    network = vgg19_features("random")
    assert not network.state_dict()
    assert not list(network.parameters())
    moved = network.to("meta")
    assert all(buffer.is_meta for buffer in moved.buffers())
