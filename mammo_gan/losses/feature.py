"""The feature loss: distances between VGG-19's maps of real and synthetic patches (wu2018_cigan, section 2.2;
shen2021_trilabel, equation 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mammo_gan.losses.boundary import BoundaryWeight
from mammo_gan.weights import Vgg19

GREY_LEVELS = 255.0


class FeatureLoss(nn.Module):
    """Sum over l of mean |Phi_l(R) - Phi_l(S)|: Phi_0 is the image itself, Phi_1 to Phi_3 are pool1 to pool3.

    Args:
        features: frozen VGG-19; where its weights come from is in its `provenance`.
    """

    def __init__(self, features: Vgg19) -> None:
        super().__init__()
        self.features = features

    def forward(self, real: Tensor, synthetic: Tensor, mask: Tensor) -> Tensor:
        """Mean over the batch.

        Args:
            real: (B, 1, H, W) float32 in [0, 1].
            synthetic: (B, 1, H, W) floating point in [0, inf).
            mask: (B, 1, H, W), unused: the paper compares whole patches.

        Returns:
            () float32, >= 0.
        """
        # Assumption: each layer's distance is the mean over its elements, as the text says; all layers count the same.
        return image_distance(real, synthetic) + feature_distance(self.features, real, synthetic)


class MaskedFeatureLoss(nn.Module):
    """The published code's form: the distances of the context, of the lesion and of the lesion's boundary, summed.

    The context is compared as an image only; lesion and boundary by features too. The published code pools VGG-19 by
    averages (`vgg19_features(..., pooling="average")`).

    Args:
        features: frozen VGG-19.
        boundary_weight: gives the boundary's weights.
    """

    def __init__(self, features: Vgg19, boundary_weight: BoundaryWeight) -> None:
        super().__init__()
        self.features = features
        self.boundary_weight = boundary_weight

    def forward(self, real: Tensor, synthetic: Tensor, mask: Tensor) -> Tensor:
        """Mean over the batch.

        Args:
            real: (B, 1, H, W) float32 in [0, 1].
            synthetic: (B, 1, H, W) floating point in [0, inf).
            mask: (B, 1, H, W) floating point in {0, 1}.

        Returns:
            () float32, >= 0.
        """
        # Deviation, as published: the code takes 127.5 off images, not ImageNet's mean.
        loss = image_distance(real * (1 - mask), synthetic * (1 - mask))
        for weight in (mask, self.boundary_weight(mask)):
            shown, drawn = real * weight, synthetic * weight
            loss = loss + image_distance(shown, drawn) + feature_distance(self.features, shown, drawn)
        return loss


class FeatureMatchingLoss(nn.Module):
    """Sum over l of mean |phi_l(R) - phi_l(G)|: phi_0 is the image itself, phi_1 to phi_5 are VGG-19's first five
    convolutions (shen2021_trilabel, equation 4, where each lambda_l is one over the layer's elements).

    Args:
        features: frozen VGG-19 whose maps are the convolutions.

    Raises:
        ValueError: `features` gives pooled maps.
    """

    def __init__(self, features: Vgg19) -> None:
        super().__init__()
        if features.maps != "convolutions":
            raise ValueError(f"feature matching looks at VGG-19's convolutions, not at its {features.maps}")
        self.features = features

    def forward(self, real: Tensor, synthetic: Tensor) -> Tensor:
        """Mean over the batch.

        Args:
            real: (B, 1, H, W) float32 in [-1, 1].
            synthetic: (B, 1, H, W) floating point in [-1, 1].

        Returns:
            () float32, >= 0.
        """
        # Assumption: layers are compared after their ReLU, and both images and maps at the scale of images in [0, 1],
        # for VGG-19 as released. The paper names no range; in grey levels the loss would be 255 times as large, and
        # with lambda = 100 the adversarial loss nothing beside it.
        real, synthetic = (real + 1) / 2, (synthetic + 1) / 2
        return (image_distance(real, synthetic) + feature_distance(self.features, real, synthetic)) / GREY_LEVELS


def image_distance(real: Tensor, synthetic: Tensor) -> Tensor:
    """Mean absolute difference of two images in [0, 1] in grey levels of 255, () float32."""
    # Assumption: Phi_0 is what VGG-19 was released to take, images in [0, 255], and Phi_1 to Phi_3 have that network's
    # scale whatever weights are at hand (`Vgg19.gains`). The coefficients 10 and 10000 of section 2.2 keep the ratio
    # that the published code has at this scale; with random weights, whose maps are hundreds of times smaller, the
    # boundary loss would be all that counts.
    return GREY_LEVELS * _distance(real, synthetic)


def feature_distance(features: Vgg19, real: Tensor, synthetic: Tensor) -> Tensor:
    """Sum over the maps of the mean absolute difference, each at the scale of VGG-19 as released.

    () float32; gradients reach `synthetic` alone.
    """
    with torch.no_grad():
        real_maps = features(real)
    maps = zip(features.gains, real_maps, features(synthetic), strict=True)
    return torch.stack([gain * _distance(real_map, synthetic_map) for gain, real_map, synthetic_map in maps]).sum()


def _distance(a: Tensor, b: Tensor) -> Tensor:
    # As a norm over pixels first: the gradient of abs().mean() would leave channels-last order.
    sums: Tensor = torch.linalg.vector_norm(a.float() - b.float(), 1, dim=(2, 3))  # (B, C)
    return sums.mean() / a[0, 0].numel()
