"""Pretrained weights, and where they come from."""

from mammo_gan.weights.files import Provenance, checksum
from mammo_gan.weights.inception import InceptionWeights, find_inception, inception_weights
from mammo_gan.weights.vgg19 import (
    SHAPES,
    STAGES,
    TORCHVISION_FILE,
    TORCHVISION_NAME,
    VARIABLE,
    Vgg19,
    find,
    vgg19_features,
)

__all__ = [
    "SHAPES",
    "STAGES",
    "TORCHVISION_FILE",
    "TORCHVISION_NAME",
    "VARIABLE",
    "InceptionWeights",
    "Provenance",
    "Vgg19",
    "checksum",
    "find",
    "find_inception",
    "inception_weights",
    "vgg19_features",
]
