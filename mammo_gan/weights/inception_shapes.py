"""The convolutions of Inception-v3 and the shapes of their tensors, by torch-fidelity's names."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]

STEM: Shapes = {
    "Conv2d_1a_3x3": (32, 3, 3, 3),
    "Conv2d_2a_3x3": (32, 32, 3, 3),
    "Conv2d_2b_3x3": (64, 32, 3, 3),
    "Conv2d_3b_1x1": (80, 64, 1, 1),
    "Conv2d_4a_3x3": (192, 80, 3, 3),
}


def _block_35(channels: int, pooled: int) -> Shapes:
    return {
        "branch1x1": (64, channels, 1, 1),
        "branch5x5_1": (48, channels, 1, 1),
        "branch5x5_2": (64, 48, 5, 5),
        "branch3x3dbl_1": (64, channels, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
        "branch_pool": (pooled, channels, 1, 1),
    }


def _block_17(middle: int) -> Shapes:
    return {
        "branch1x1": (192, 768, 1, 1),
        "branch7x7_1": (middle, 768, 1, 1),
        "branch7x7_2": (middle, middle, 1, 7),
        "branch7x7_3": (192, middle, 7, 1),
        "branch7x7dbl_1": (middle, 768, 1, 1),
        "branch7x7dbl_2": (middle, middle, 7, 1),
        "branch7x7dbl_3": (middle, middle, 1, 7),
        "branch7x7dbl_4": (middle, middle, 7, 1),
        "branch7x7dbl_5": (192, middle, 1, 7),
        "branch_pool": (192, 768, 1, 1),
    }


def _block_8(channels: int) -> Shapes:
    return {
        "branch1x1": (320, channels, 1, 1),
        "branch3x3_1": (384, channels, 1, 1),
        "branch3x3_2a": (384, 384, 1, 3),
        "branch3x3_2b": (384, 384, 3, 1),
        "branch3x3dbl_1": (448, channels, 1, 1),
        "branch3x3dbl_2": (384, 448, 3, 3),
        "branch3x3dbl_3a": (384, 384, 1, 3),
        "branch3x3dbl_3b": (384, 384, 3, 1),
        "branch_pool": (192, channels, 1, 1),
    }


_TO_17: Shapes = {
    "branch3x3": (384, 288, 3, 3),
    "branch3x3dbl_1": (64, 288, 1, 1),
    "branch3x3dbl_2": (96, 64, 3, 3),
    "branch3x3dbl_3": (96, 96, 3, 3),
}
_TO_8: Shapes = {
    "branch3x3_1": (192, 768, 1, 1),
    "branch3x3_2": (320, 192, 3, 3),
    "branch7x7x3_1": (192, 768, 1, 1),
    "branch7x7x3_2": (192, 192, 1, 7),
    "branch7x7x3_3": (192, 192, 7, 1),
    "branch7x7x3_4": (192, 192, 3, 3),
}
_BLOCKS = {
    "Mixed_5b": _block_35(192, 32),
    "Mixed_5c": _block_35(256, 64),
    "Mixed_5d": _block_35(288, 64),
    "Mixed_6a": _TO_17,
    "Mixed_6b": _block_17(128),
    "Mixed_6c": _block_17(160),
    "Mixed_6d": _block_17(160),
    "Mixed_6e": _block_17(192),
    "Mixed_7a": _TO_8,
    "Mixed_7b": _block_8(1280),
    "Mixed_7c": _block_8(2048),
}
# The block that each number of features is the end of.
ENDS = {64: "Conv2d_2b_3x3", 192: "Conv2d_4a_3x3", 768: "Mixed_6e", 2048: "Mixed_7c"}


def convolutions(depth: int) -> Shapes:
    """Weight shapes (O, I, h, w) of the convolutions up to 64, 192, 768 or 2048 features, in their order."""
    shapes: Shapes = {}
    parts = {name: {"": shape} for name, shape in STEM.items()} | _BLOCKS
    for block, branches in parts.items():
        shapes |= {f"{block}.{branch}".removesuffix("."): shape for branch, shape in branches.items()}
        if block == ENDS[depth]:
            break
    return shapes


def tensors(depth: int) -> Shapes:
    """Shapes of all tensors up to a depth: weights, and the four of each batch normalisation."""
    shapes: Shapes = {}
    for name, shape in convolutions(depth).items():
        shapes[f"{name}.conv.weight"] = shape
        shapes |= {f"{name}.bn.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes
