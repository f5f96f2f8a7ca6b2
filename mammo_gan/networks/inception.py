"""The Inception-v3 of the standard FID (Szegedy et al. 2016; weights of 2015-12-05; Heusel et al. 2017).

It isn't torchvision's Inception: average pools within a block don't count the padding, the last block pools by maximum,
and images are resized as TensorFlow 1 did. A distance over features of another Inception, or of images resized in
another way, doesn't compare with published ones (Parmar et al. 2022).

This file imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 299  # px, of what the network sees
EPSILON = 1e-3  # of its batch normalisation
# Features are the mean over positions of what these layers end in, the first two after pooling.
LAST_LAYERS = {64: "Conv2d_2b_3x3", 192: "Conv2d_4a_3x3", 768: "Mixed_6e", 2048: "Mixed_7c"}


class InceptionFid(nn.Module):
    """Features of 64, 192, 768 or 2048 values an image, as deep as the weights given reach; frozen.

    Batch normalisation is folded into the convolutions. The weights are buffers that no state dict holds, so that no
    optimiser finds them and no checkpoint repeats them.

    Args:
        weights: tensors named as in torch-fidelity's FeatureExtractorInceptionV3: for each convolution
            NAME.conv.weight and NAME.bn.weight, .bias, .running_mean and .running_var. Others are left aside.
        depth: which features `forward` gives; None = the deepest that the weights reach.

    Raises:
        ValueError: the weights don't reach that depth.
    """

    def __init__(self, weights: Mapping[str, Tensor], depth: int | None = None) -> None:
        super().__init__()
        names = [name.removesuffix(".conv.weight") for name in weights if name.endswith(".conv.weight")]
        reached = [size for size, last in LAST_LAYERS.items() if any(name.startswith(last) for name in names)]
        if not reached or depth not in (None, *reached):
            raise ValueError(f"these weights of Inception give features {reached}, not {depth or 'any'}")
        self.depth: int = depth or max(reached)
        for name in names:
            weight, bias = _folded(weights, name)
            self.register_buffer(_buffer(name, "weight"), weight, persistent=False)
            self.register_buffer(_buffer(name, "bias"), bias, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Features (B, depth) float32.

        Args:
            image: (B, 1, H, W) grey, replicated to RGB, or (B, 3, H, W); uint8, or floating point in [0, 1], which is
                brought to the 256 levels of a stored image.
        """
        return self.taps(image)[self.depth]

    def taps(self, image: Tensor) -> dict[int, Tensor]:
        """All features up to `depth` in one pass, (B, size) float32 by size; `image` as in `forward`."""
        features = prepared(image).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        taps: dict[int, Tensor] = {}
        for size, part in ((64, self._to_64), (192, self._to_192), (768, self._to_768), (2048, self._to_2048)):
            features = part(features)
            taps[size] = features.mean(dim=(-2, -1)).float()
            if size == self.depth:
                break
        return taps

    def _to_64(self, x: Tensor) -> Tensor:
        x = self._convolved(x, "Conv2d_1a_3x3", stride=2, padded=False)  # (B, 32, 149, 149)
        x = self._convolved(x, "Conv2d_2a_3x3", padded=False)  # (B, 32, 147, 147)
        x = self._convolved(x, "Conv2d_2b_3x3")  # (B, 64, 147, 147)
        return F.max_pool2d(x, 3, 2)  # (B, 64, 73, 73)

    def _to_192(self, x: Tensor) -> Tensor:
        x = self._convolved(x, "Conv2d_3b_1x1")  # (B, 80, 73, 73)
        x = self._convolved(x, "Conv2d_4a_3x3", padded=False)  # (B, 192, 71, 71)
        return F.max_pool2d(x, 3, 2)  # (B, 192, 35, 35)

    def _to_768(self, x: Tensor) -> Tensor:
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = self._block_35(x, name)  # (B, 256 or 288, 35, 35)
        x = torch.cat(
            [
                self._convolved(x, "Mixed_6a.branch3x3", stride=2, padded=False),
                self._convolved(self._chain(x, "Mixed_6a.branch3x3dbl", "12"), "Mixed_6a.branch3x3dbl_3", 2, False),
                F.max_pool2d(x, 3, 2),
            ],
            1,
        )  # (B, 768, 17, 17)
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = self._block_17(x, name)
        return x

    def _to_2048(self, x: Tensor) -> Tensor:
        x = torch.cat(
            [
                self._convolved(self._chain(x, "Mixed_7a.branch3x3", "1"), "Mixed_7a.branch3x3_2", 2, False),
                self._convolved(self._chain(x, "Mixed_7a.branch7x7x3", "123"), "Mixed_7a.branch7x7x3_4", 2, False),
                F.max_pool2d(x, 3, 2),
            ],
            1,
        )  # (B, 1280, 8, 8)
        x = self._block_8(x, "Mixed_7b", _average(x))
        return self._block_8(x, "Mixed_7c", F.max_pool2d(x, 3, 1, 1))  # (B, 2048, 8, 8)

    def _block_35(self, x: Tensor, name: str) -> Tensor:
        branches = [
            self._convolved(x, f"{name}.branch1x1"),
            self._chain(x, f"{name}.branch5x5", "12"),
            self._chain(x, f"{name}.branch3x3dbl", "123"),
            self._convolved(_average(x), f"{name}.branch_pool"),
        ]
        return torch.cat(branches, 1)

    def _block_17(self, x: Tensor, name: str) -> Tensor:
        branches = [
            self._convolved(x, f"{name}.branch1x1"),
            self._chain(x, f"{name}.branch7x7", "123"),
            self._chain(x, f"{name}.branch7x7dbl", "12345"),
            self._convolved(_average(x), f"{name}.branch_pool"),
        ]
        return torch.cat(branches, 1)

    def _block_8(self, x: Tensor, name: str, pooled: Tensor) -> Tensor:
        flat, deep = self._chain(x, f"{name}.branch3x3", "1"), self._chain(x, f"{name}.branch3x3dbl", "12")
        branches = [
            self._convolved(x, f"{name}.branch1x1"),
            self._convolved(flat, f"{name}.branch3x3_2a"),
            self._convolved(flat, f"{name}.branch3x3_2b"),
            self._convolved(deep, f"{name}.branch3x3dbl_3a"),
            self._convolved(deep, f"{name}.branch3x3dbl_3b"),
            self._convolved(pooled, f"{name}.branch_pool"),
        ]
        return torch.cat(branches, 1)

    def _chain(self, x: Tensor, branch: str, numbers: str) -> Tensor:
        """Padded convolutions one after the other, named by their number within the branch."""
        for number in numbers:
            x = self._convolved(x, f"{branch}_{number}")
        return x

    def _convolved(self, x: Tensor, name: str, stride: int = 1, padded: bool = True) -> Tensor:
        weight, bias = self.get_buffer(_buffer(name, "weight")), self.get_buffer(_buffer(name, "bias"))
        padding = [side // 2 for side in weight.shape[2:]] if padded else 0
        return F.relu(F.conv2d(x, weight, bias, stride, padding), inplace=True)


def prepared(image: Tensor) -> Tensor:
    """uint8, or floating point in [0, 1], (B, C, H, W) -> (B, C, 299, 299) float32 in [-1, 1)."""
    levels = image.float() if image.dtype == torch.uint8 else (image.float().clamp(0, 1) * 255).round()
    return (resized_as_tensorflow1(levels, SIDE) - 128) / 128


def resized_as_tensorflow1(image: Tensor, side: int) -> Tensor:
    """Bilinear with output pixel i at i * H / side, hence without half-pixel centres and without antialiasing.

    Args:
        image: (B, C, H, W) floating point.

    Returns:
        (B, C, side, side).
    """
    for axis in (-1, -2):
        size = image.shape[axis]
        at = torch.arange(side, device=image.device, dtype=image.dtype) * (size / side)
        low = at.long().clamp(max=size - 1)
        share = (at - low) if axis == -1 else (at - low)[:, None]
        before = image.index_select(axis, low)
        image = before + share * (image.index_select(axis, (low + 1).clamp(max=size - 1)) - before)
    return image


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _folded(weights: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """A convolution's weight (O, I, h, w) and bias (O,) with its batch normalisation in them."""
    gamma, beta, mean, variance = (
        weights[f"{name}.bn.{part}"].detach().double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gamma / (variance + EPSILON).sqrt()
    weight = weights[f"{name}.conv.weight"].detach().double() * gain[:, None, None, None]
    return weight.float().contiguous(memory_format=torch.channels_last), (beta - mean * gain).float()


def _buffer(name: str, part: str) -> str:
    return f"{name.replace('.', '_')}_{part}"
