"""Weights of the standard FID's Inception, whole or its first part."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torch.hub import download_url_to_file

from mammo_gan.errors import UserError
from mammo_gan.weights.files import Provenance, cached, check_sha256, checksum, read_safetensors
from mammo_gan.weights.inception_shapes import ENDS, tensors

log = logging.getLogger(__name__)

NETWORK = "the FID's Inception"
VARIABLE = "INCEPTION_WEIGHTS"
PUBLISHED = "torch-fidelity"
PUBLISHED_SHA256 = "6726825d"  # its first digits, as in the file's name
PUBLISHED_FILE = f"weights-inception-2015-12-05-{PUBLISHED_SHA256}.pth"  # in torch's cache
PUBLISHED_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{PUBLISHED_FILE}"
# Of the first convolution's float32 values. torchvision's Inception has the same names and shapes, but other values.
FIRST_LAYER_SHA256 = "420702cc3bc4abd1050a8d2db9d5a389117e40b9d34edc082fee5a92cf7b9d74"
RANDOM_SEED = 2015  # random features are the same in every run
RANDOM_DEPTH = 768  # untrained layers beyond it would cost a third more and tell nothing more


@dataclass(frozen=True, slots=True)
class InceptionWeights:
    """What `mammo_gan.networks.inception.InceptionFid` takes, and where it comes from.

    tensors:    by torch-fidelity's names, no more than the depth needs
    depth:      features they reach: 64, 192, 768 or 2048
    provenance: goes into every result
    """

    tensors: Mapping[str, Tensor]
    depth: int
    provenance: Provenance


def inception_weights(source: str, sha256: str | None = None) -> InceptionWeights:
    """Weights of the Inception that FID is defined with, from `source`.

    Args:
        source: one of
            "random" (the same in every run, up to 768 features),
            "torch-fidelity" (the published file, all 2048 features, downloaded once into torch's cache),
            a .safetensors file with torch-fidelity's keys, which may end at 64, 192 or 768 features, or the published
            file itself wherever it lies,
            "auto": the file that the environment variable INCEPTION_WEIGHTS names, else the published file if it is in
            torch's cache, else random, with a warning.
        sha256: what the weights' file must have, if given.

    Raises:
        UserError: the file isn't there, isn't this Inception or has another checksum, or can't be downloaded.
    """
    weights = _load(source)
    check_sha256(NETWORK, source, sha256, weights.provenance, "weights.inception_sha256")
    return weights


def find_inception() -> str:
    """The source that "auto" stands for on this machine."""
    if file := os.environ.get(VARIABLE):
        return file
    if cached(PUBLISHED_FILE).is_file():
        return PUBLISHED
    log.warning(
        "%s gets random weights: %s isn't set and %s isn't there. For a FID that compares with others, set %s to "
        "a .safetensors file or choose weights.inception=%s (downloads 91 MB)",
        NETWORK,
        VARIABLE,
        cached(PUBLISHED_FILE),
        VARIABLE,
        PUBLISHED,
    )
    return "random"


def _load(source: str) -> InceptionWeights:
    if source == "random":
        return InceptionWeights(_random_tensors(), RANDOM_DEPTH, Provenance("random", None, random=True))
    if source == "auto":
        return _load(find_inception())
    if source == PUBLISHED:
        file = cached(PUBLISHED_FILE)
        if not file.is_file():
            _download(file)
        return _from_published(file, PUBLISHED)
    file = Path(source).expanduser()
    if file.suffix == ".pth" and file.is_file():
        return _from_published(file, file.name)
    names, setting = f"random, auto, {PUBLISHED}", f"weights.inception or {VARIABLE}"
    return _complete(read_safetensors(file, NETWORK, names, setting), file, file.name)


def _random_tensors() -> dict[str, Tensor]:
    """He-normal weights under a batch normalisation that changes nothing, so that maps keep the input's scale."""
    generator = torch.Generator().manual_seed(RANDOM_SEED)
    state = {}
    for name, shape in tensors(RANDOM_DEPTH).items():
        state[name] = torch.ones(shape) if name.endswith(("bn.weight", "running_var")) else torch.zeros(shape)
        if name.endswith("conv.weight"):
            nn.init.kaiming_normal_(state[name], nonlinearity="relu", generator=generator)
    return state


def _download(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        download_url_to_file(PUBLISHED_URL, str(file), hash_prefix=PUBLISHED_SHA256)
    except (URLError, TimeoutError, ConnectionError, RuntimeError) as error:  # the last for another checksum
        raise UserError(
            f"weights of {NETWORK}: {PUBLISHED_URL} can't be downloaded ({error}) and {file} isn't there; copy it "
            "there, set weights.inception to a .safetensors file with the same keys, or choose weights.inception=random"
        ) from error


def _from_published(file: Path, name: str) -> InceptionWeights:
    """The one .pth that is read, because its checksum says what is in it; and then for tensors alone."""
    sha256 = checksum(file)
    if not sha256.startswith(PUBLISHED_SHA256):
        raise UserError(
            f"weights of {NETWORK}: {file}: expected {PUBLISHED}'s {PUBLISHED_FILE}, whose sha256 begins with "
            f"{PUBLISHED_SHA256}, found {sha256}; another .pth can run code when it is loaded: convert it with "
            "safetensors.torch.save_file, or remove it to fetch it again"
        )
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(f"weights of {NETWORK}: {file} holds more than tensors; remove it to fetch it again") from error
    return _complete(state, file, name)


def _complete(state: Mapping[str, Tensor], file: Path, name: str) -> InceptionWeights:
    """As deep as any key of the last block of a depth says, and then nothing may miss."""
    depth = max((size for size, last in ENDS.items() if any(key.startswith(f"{last}.") for key in state)), default=64)
    needed = tensors(depth)
    for key, shape in needed.items():
        found = tuple(state[key].shape) if key in state else "nothing"
        if found != shape:
            raise UserError(
                f"weights of {NETWORK}: {file}: expected {key} {shape} for {depth} features, found {found}; take "
                f"{PUBLISHED}'s {PUBLISHED_FILE}, or its tensors up to 64, 192 or 768 features"
            )
    first = state[next(iter(needed))].detach().float().contiguous().numpy()
    if hashlib.sha256(first.tobytes()).hexdigest() != FIRST_LAYER_SHA256:
        raise UserError(
            f"weights of {NETWORK}: {file}: names and shapes are right, the values aren't those of 2015-12-05 that FID "
            f"is defined with (torchvision's Inception was trained anew); take {PUBLISHED}'s {PUBLISHED_FILE}"
        )
    return InceptionWeights({key: state[key] for key in needed}, depth, Provenance(name, checksum(file), random=False))
