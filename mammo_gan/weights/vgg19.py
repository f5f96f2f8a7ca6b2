"""VGG-19 up to pool3, for feature losses and distances."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammo_gan.errors import UserError
from mammo_gan.weights.files import Provenance, cached, check_sha256, checksum, read_safetensors

log = logging.getLogger(__name__)

VARIABLE = "VGG19_WEIGHTS"
TORCHVISION_NAME = "VGG19_Weights.IMAGENET1K_V1"
TORCHVISION_FILE = "vgg19-dcbb9e9d.pth"  # its name in torch's cache
RANDOM_SEED = 19  # random features are the same in every run

# Convolutions up to pool3, by their index in torchvision's vgg19().features; each stage ends in pooling.
STAGES = ((0, 2), (5, 7), (10, 12, 14, 16))
_CHANNELS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)}
_CHANNELS |= {14: (256, 256), 16: (256, 256)}
SHAPES: dict[str, tuple[int, ...]] = {
    f"{index}.weight": (after, before, 3, 3) for index, (before, after) in _CHANNELS.items()
}
SHAPES |= {f"{index}.bias": (after,) for index, (_, after) in _CHANNELS.items()}

Maps = Literal["pools", "convolutions"]

# Means of each map on `_pattern()` for VGG-19 as its authors released it, for images in [0, 255].
RELEASED_MEANS: dict[Maps, tuple[float, ...]] = {
    "pools": (42.131, 66.378, 311.886),  # pool1 to pool3
    "convolutions": (7.8913, 34.517, 40.964, 38.746, 44.725),  # conv1_1, conv1_2, conv2_1, conv2_2, conv3_1
}

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Vgg19(nn.Module):
    """VGG-19 (Simonyan and Zisserman 2014) up to pool3, frozen.

    The weights are buffers that no state dict holds: they follow the module to a device, no optimiser can find
    them, and no checkpoint repeats half a gigabyte of ImageNet.

    `gains` are factors, one a map, that bring maps to the scale they have in VGG-19 as its authors released it, which a
    loss's coefficient may belong to. They are 1 for those weights, and tens to hundreds for others.

    Args:
        weights: tensors named as in torchvision's `vgg19().features`, from "0.weight" to "16.bias".
        provenance: where they come from.
        pooling: "max", or "average" as ciGAN's published code has it.
        maps: "pools", pool1 to pool3, or "convolutions", the first five of them after their ReLU.
    """

    gains: tuple[float, ...]
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        provenance: Provenance,
        pooling: Literal["max", "average"] = "max",
        maps: Maps = "pools",
    ) -> None:
        super().__init__()
        if pooling not in ("max", "average"):
            raise ValueError(f"pooling is max or average, not {pooling}")
        if maps not in RELEASED_MEANS:
            raise ValueError(f"maps is pools or convolutions, not {maps}")
        self.provenance, self.maps = provenance, maps
        self.pooling = "max"
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        for name in SHAPES:
            self.register_buffer(name.replace(".", "_"), weights[name].detach().float(), persistent=False)
        with torch.no_grad():
            means = [max(float(features.mean()), 1e-12) for features in self(_pattern())]
        self.gains = tuple(released / mean for released, mean in zip(RELEASED_MEANS[maps], means, strict=True))
        self.pooling = pooling

    @property
    def name(self) -> str:
        """Which weights these are, for tables and reports."""
        return self.provenance.name

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Feature maps.

        Args:
            image: (B, 1, H, W) in [0, 1], grey; replicated to RGB and normalised as torchvision does.

        Returns:
            pool1 (B, 64, H/2, W/2), pool2 (B, 128, H/4, W/4) and pool3 (B, 256, H/8, W/8); or conv1_1 and conv1_2
            (B, 64, H, W), conv2_1 and conv2_2 (B, 128, H/2, W/2) and conv3_1 (B, 256, H/4, W/4).
        """
        features = (image - self.mean) / self.std  # (B, 3, H, W)
        return self._pools(features) if self.maps == "pools" else self._convolutions(features)

    def _pools(self, features: Tensor) -> tuple[Tensor, ...]:
        maps = []
        for *first, last in STAGES:
            for index in first:
                features = F.relu(self._convolved(features, index), inplace=True)
            features = self._convolved(features, last)
            if self.pooling == "max":
                features = F.relu(F.max_pool2d(features, 2))  # ReLU keeps order: equal to pooling last, and cheaper
            else:
                features = F.avg_pool2d(F.relu(features, inplace=True), 2)
            maps.append(features)
        return tuple(maps)

    def _convolutions(self, features: Tensor) -> tuple[Tensor, ...]:
        maps: list[Tensor] = []
        pool = F.max_pool2d if self.pooling == "max" else F.avg_pool2d
        for stage, (first, second, *_) in enumerate(STAGES):
            maps.append(F.relu(self._convolved(features, first), inplace=True))
            if stage < len(STAGES) - 1:  # of the last stage only the first is looked at
                maps.append(F.relu(self._convolved(maps[-1], second), inplace=True))
                features = pool(maps[-1], 2)
        return tuple(maps)

    def _convolved(self, features: Tensor, index: int) -> Tensor:
        weight, bias = self.get_buffer(f"{index}_weight"), self.get_buffer(f"{index}_bias")
        return F.conv2d(features, weight, bias, padding=1)


def vgg19_features(
    source: str, sha256: str | None = None, pooling: Literal["max", "average"] = "max", maps: Maps = "pools"
) -> Vgg19:
    """VGG-19 up to pool3 with weights from `source`.

    Args:
        source: one of
            "random" (the same in every run),
            "VGG19_Weights.IMAGENET1K_V1" (torchvision's, downloaded once into torch's cache),
            a .safetensors file with torchvision's keys ("features.0.weight" or "0.weight"),
            "auto": the file that the environment variable VGG19_WEIGHTS names, else torchvision's file if it is
            in torch's cache, else random, with a warning.
        sha256: what the weights' file must have, if given.
        pooling, maps: see Vgg19.

    Raises:
        UserError: the file isn't there, isn't VGG-19 or has another checksum, or can't be downloaded.
    """
    weights, provenance = _load(source)
    check_sha256("VGG-19", source, sha256, provenance, "weights.sha256")
    return Vgg19(weights, provenance, pooling, maps)


def _load(source: str) -> tuple[dict[str, Tensor], Provenance]:
    if source == "random":
        return _random_weights(), Provenance("random", None, random=True)
    if source == "auto":
        return _load(find())
    if source.startswith("VGG19_Weights."):
        return _from_torchvision(source)
    return _from_safetensors(Path(source).expanduser())


def _pattern() -> Tensor:
    """A grey pattern of waves whose amplitude falls with frequency, as in tissue: (1, 1, 64, 64) in [0, 1]."""
    y, x = torch.meshgrid(torch.arange(64) / 64, torch.arange(64) / 64, indexing="ij")
    waves = torch.zeros(64, 64)
    for octave in range(1, 6):
        k = math.pi * 2**octave
        waves += (torch.sin(k * x + octave) + torch.sin(k * y + 2 * octave) + torch.sin(k * (x + y))) / 2**octave
    return (0.5 + 0.1 * waves)[None, None]


def find() -> str:
    """The source that "auto" stands for on this machine."""
    if file := os.environ.get(VARIABLE):
        return file
    if cached(TORCHVISION_FILE).is_file():
        return TORCHVISION_NAME
    log.warning(
        "VGG-19 gets random weights: %s isn't set and %s isn't there. For ImageNet features, set %s to a .safetensors "
        "file or choose weights=imagenet (downloads 550 MB)",
        VARIABLE,
        cached(TORCHVISION_FILE),
        VARIABLE,
    )
    return "random"


def _random_weights() -> dict[str, Tensor]:
    """He-normal weights and zero biases, so that the maps keep the input's scale."""
    generator = torch.Generator().manual_seed(RANDOM_SEED)
    weights = {}
    for name, shape in SHAPES.items():
        weights[name] = torch.zeros(shape)
        if name.endswith("weight"):
            nn.init.kaiming_normal_(weights[name], nonlinearity="relu", generator=generator)
    return weights


def _from_torchvision(name: str) -> tuple[dict[str, Tensor], Provenance]:
    from torchvision.models import VGG19_Weights  # seconds to import, and only needed for a name

    try:
        published = VGG19_Weights[name.removeprefix("VGG19_Weights.")]
    except KeyError:
        known = ", ".join(str(member) for member in VGG19_Weights)
        raise UserError(f"weights of VGG-19: torchvision knows {known}, not {name}") from None
    file = cached(published.url.rsplit("/", 1)[-1])
    try:
        # Torch's cache is looked into first, and a file there may be anybody's.
        state = published.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except UnpicklingError as error:
        raise UserError(f"weights of VGG-19: {file} holds more than tensors; remove it to fetch it again") from error
    except (URLError, TimeoutError, ConnectionError) as error:
        raise UserError(
            f"weights of VGG-19: {published.url} can't be downloaded ({error}) and {file} isn't there; copy it there, "
            f"set weights.vgg19 to a .safetensors file with the same keys, or choose weights=random"
        ) from error
    return _up_to_pool3(state, file), Provenance(name, checksum(file), random=False)


def _from_safetensors(file: Path) -> tuple[dict[str, Tensor], Provenance]:
    state = read_safetensors(file, "VGG-19", f"random, auto, {TORCHVISION_NAME}", f"weights.vgg19 or {VARIABLE}")
    return _up_to_pool3(state, file), Provenance(file.name, checksum(file), random=False)


def _up_to_pool3(state: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    weights = {}
    for name, shape in SHAPES.items():
        tensor = state.get(f"features.{name}", state.get(name))
        found = "nothing" if tensor is None else str(tuple(tensor.shape))
        if tensor is None or tuple(tensor.shape) != shape:
            raise UserError(
                f"weights of VGG-19: {file}: expected features.{name} {shape}, found {found}; "
                "take torchvision's vgg19 (without batch normalisation)"
            )
        weights[name] = tensor
    return weights
