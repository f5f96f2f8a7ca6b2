"""A generator that a training left, to draw from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from hydra.utils import instantiate
from omegaconf import DictConfig
from safetensors.torch import load_file
from torch import nn

from mammo_gan.errors import UserError
from mammo_gan.stages.training.trained import GENERATOR, GENERATOR_AVERAGE, GENERATOR_BEST

WEIGHTS = {"best": GENERATOR_BEST, "average": GENERATOR_AVERAGE, "last": GENERATOR}


class Trained(NamedTuple):
    """A network with its weights, and their sha256."""

    network: nn.Module
    sha256: str


def load_trained(generator: DictConfig, trained: Path, which: str) -> Trained:
    """The network that `generator` describes, with the weights in the folder `trained`.

    Args:
        which: best, average or last.

    Raises:
        UserError: there is no such choice, or the training kept no best one.
    """
    if which not in WEIGHTS:
        raise UserError(f"synthesis.generator={which}: expected one of {', '.join(WEIGHTS)}")
    weights = trained / WEIGHTS[which]
    if not weights.is_file():
        raise UserError(
            f"synthesis.generator={which}: expected {weights}, found none: the training measured nothing to choose it "
            "by (training.metric.every, callbacks.best). Choose synthesis.generator=average or last"
        )
    network: nn.Module = instantiate(generator, _convert_="all")
    network.load_state_dict(load_file(weights))
    return Trained(network, hashlib.sha256(weights.read_bytes()).hexdigest())
