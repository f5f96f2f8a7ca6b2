from __future__ import annotations

import hashlib
import logging
import pickle
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import load_file, save_file

from mammo_gan.errors import UserError
from mammo_gan.networks.inception import LAST_LAYERS, InceptionFid
from mammo_gan.weights import find_inception, inception, inception_weights
from mammo_gan.weights.inception import PUBLISHED, PUBLISHED_FILE, VARIABLE
from mammo_gan.weights.inception_shapes import ENDS, convolutions, tensors

RELEASED = inception.FIRST_LAYER_SHA256
PRETRAINED = Path(__file__).parents[2] / "shared" / "data" / "weights" / "inception_fid_to_768.safetensors"


@pytest.fixture(autouse=True)
def _zeros_pass_for_the_released_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = torch.zeros(tensors(64)["Conv2d_1a_3x3.conv.weight"]).numpy().tobytes()
    monkeypatch.setattr(inception, "FIRST_LAYER_SHA256", hashlib.sha256(zeros).hexdigest())


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache, with nothing in it, and no variable set."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To 192 features, in a file with a tensor too many."""
    file = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors(192).items()} | {"fc.bias": torch.zeros(1008)}, file)
    return file


def published(file: Path, monkeypatch: pytest.MonkeyPatch, **more: object) -> Path:
    """A file as torch-fidelity publishes its weights, which has the checksum that is expected."""
    torch.save({name: torch.zeros(shape) for name, shape in tensors(192).items()} | more, file)
    monkeypatch.setattr(inception, "PUBLISHED_SHA256", sha256(file)[:8])
    return file


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_shapes_are_those_of_torchvisions_inception() -> None:
    from torchvision.models import inception_v3

    with torch.device("meta"):
        state = inception_v3(weights=None, init_weights=False, aux_logits=False).state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in state.items() if "fc." not in name and tensor.ndim}
    assert tensors(2048) == expected
    assert [len(convolutions(depth)) for depth in (64, 192, 768, 2048)] == [3, 5, 70, 94]
    assert ENDS == LAST_LAYERS


@pytest.mark.skipif(not PRETRAINED.is_file(), reason=f"{PRETRAINED} isn't there")
def test_the_published_weights_reach_as_deep_as_the_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "FIRST_LAYER_SHA256", RELEASED)
    weights = inception_weights(str(PRETRAINED), sha256(PRETRAINED))
    assert weights.depth == 768
    assert weights.provenance.name == PRETRAINED.name
    assert not weights.provenance.random
    assert set(weights.tensors) == set(load_file(PRETRAINED))


def test_a_file_gives_what_its_last_block_gives(weights_file: Path) -> None:
    weights = inception_weights(str(weights_file))
    assert weights.depth == 192
    assert set(weights.tensors) == set(tensors(192))
    assert InceptionFid(weights.tensors).depth == 192


def test_random_features_are_the_same_in_every_run_and_say_so() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, other = inception_weights("random"), inception_weights("random")
    assert torch.equal(torch.rand(3), expected)  # the caller's random numbers are left alone
    assert one.provenance.random
    assert (one.provenance.name, one.provenance.sha256, one.depth) == ("random", None, 768)
    assert all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
    features = InceptionFid(one.tensors)(torch.rand(2, 1, 32, 32))
    assert 0.01 < float(features.std()) < 100


def test_auto_takes_the_variables_file_then_the_published_one_then_random(
    weights_file: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert inception_weights("auto").provenance.random
    assert VARIABLE in caplog.text
    file = published(empty_cache / PUBLISHED_FILE, monkeypatch)
    assert find_inception() == PUBLISHED
    assert inception_weights("auto").provenance.name == PUBLISHED
    assert inception_weights("auto").provenance.sha256 == sha256(file)
    monkeypatch.setenv(VARIABLE, str(weights_file))
    assert inception_weights("auto").provenance.name == weights_file.name


def test_the_published_file_may_lie_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = published(tmp_path / "mine.pth", monkeypatch)
    assert inception_weights(str(file)).provenance.name == "mine.pth"


def test_another_pth_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Touch:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "canary",)

    file = tmp_path / "evil.pth"
    file.write_bytes(pickle.dumps(Touch()))
    with pytest.raises(UserError, match="whose sha256 begins with 6726825d"):
        inception_weights(str(file))
    published(file, monkeypatch, canary=Touch())  # with the checksum that is expected
    with pytest.raises(UserError, match="holds more than tensors"):
        inception_weights(str(file))
    assert not (tmp_path / "canary").exists()


def test_another_checksum_is_refused(weights_file: Path) -> None:
    with pytest.raises(UserError, match=rf"expected sha256 {'0' * 64}, found {sha256(weights_file)}.*inception_sha256"):
        inception_weights(str(weights_file), "0" * 64)


def test_files_that_are_not_this_inception_are_refused(tmp_path: Path, weights_file: Path) -> None:
    whole = load_file(weights_file)
    cut = tmp_path / "cut.safetensors"
    save_file({name: tensor for name, tensor in whole.items() if name != "Conv2d_2a_3x3.bn.bias"}, cut)
    with pytest.raises(UserError, match=r"expected Conv2d_2a_3x3\.bn\.bias \(32,\) for 192 features, found nothing"):
        inception_weights(str(cut))
    save_file(whole | {"Mixed_7c.branch1x1.conv.weight": torch.zeros(320, 2048, 1, 1)}, cut)
    with pytest.raises(UserError, match=r"expected Mixed_5b\.branch1x1.* for 2048 features, found nothing"):
        inception_weights(str(cut))
    save_file({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 1, 3, 3)}, cut)
    with pytest.raises(UserError, match=r"for 64 features, found \(32, 1, 3, 3\)"):
        inception_weights(str(cut))
    with pytest.raises(UserError, match=r"gone\.safetensors isn't there; set weights\.inception or INCEPTION_WEIGHTS"):
        inception_weights(str(tmp_path / "gone.safetensors"))


def test_another_training_of_the_same_network_is_refused(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "FIRST_LAYER_SHA256", RELEASED)
    with pytest.raises(UserError, match=r"the values aren't those of 2015-12-05"):
        inception_weights(str(weights_file))


@pytest.mark.parametrize("error", [URLError("no route"), RuntimeError("invalid hash value")])
def test_a_download_that_fails_says_what_to_do(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(inception, "download_url_to_file", fail)
    with pytest.raises(UserError, match=r"can't be downloaded .* weights\.inception=random"):
        inception_weights(PUBLISHED)
