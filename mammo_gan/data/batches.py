"""Typed batches: what a method may expect of each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # processes that cut patches need the labels and not torch
    from torch import Tensor

NON_MALIGNANT, MALIGNANT = 0, 1


class InfillBatch(NamedTuple):
    """Patches to infill.

    image:     (B, 1, H, W) float32 in [0, 1]
    corrupted: (B, 1, H, W) float32 in [0, 1], noise where the mask is 1
    mask:      (B, 1, H, W) float32 in {0, 1}, 1 = lesion to infill
    label:     (B,) int64, 0 = non-malignant, 1 = malignant
    """

    image: Tensor
    corrupted: Tensor
    mask: Tensor
    label: Tensor


class TriLabelBatch(NamedTuple):
    """Patches to infill with a mass, and what is known of each beforehand (`data.trilabel`).

    tri_label: (B, 3, H, W) float32 in [-1, 1]: tissue with noise where the mask is, mask, margin; (B, 2, H, W) without
               the margin
    image:     (B, 1, H, W) float32 in [-1, 1]
    mask:      (B, 1, H, W) float32 in {0, 1}, 1 = lesion to infill
    """

    tri_label: Tensor
    image: Tensor
    mask: Tensor


class LesionBatch(NamedTuple):
    """Patches to learn to draw.

    image: (B, 1, H, W) float32 in [-1, 1]
    label: (B,) int64, 0 = non-malignant, 1 = malignant; what a conditional GAN is asked for
    """

    image: Tensor
    label: Tensor


class ClassifiedBatch(NamedTuple):
    """Patches to tell apart.

    image: (B, 1, H, W) float32 in [0, 1]
    label: (B,) int64, 1 = positive, 0 = negative
    """

    image: Tensor
    label: Tensor


class AttributeValues(NamedTuple):
    """What B images are known to show, or are asked for, in the order of a schema (`data.attributes`).

    categories: (B, C) int64, -1 = unknown
    numbers:    (B, K) float32, about -1 to 1, nan = unknown
    """

    categories: Tensor
    numbers: Tensor


class MammogramBatch(NamedTuple):
    """Whole images of one size to learn to draw.

    image:              (B, 1, H, W) float32 in [-1, 1], background exactly -1
    categories, numbers: of the images, as in AttributeValues
    """

    image: Tensor
    categories: Tensor
    numbers: Tensor
