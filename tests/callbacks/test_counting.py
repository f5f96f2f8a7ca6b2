from __future__ import annotations

import pytest
import pytorch_lightning as pl

from mammo_gan.callbacks.counting import images_seen_of, iterations_of
from tests.callbacks.tiny_gan import TinyGan


def test_counts_are_the_methods_buffers() -> None:
    method = TinyGan()
    method.iterations += 3
    method.images_seen += 6
    assert (iterations_of(method), images_seen_of(method)) == (3, 6)


def test_a_module_without_counts_is_named() -> None:
    with pytest.raises(TypeError, match="LightningModule keeps no count `iterations`"):
        iterations_of(pl.LightningModule())
