"""Counts stay on the CPU and whole numbers, whatever becomes of the module."""

from __future__ import annotations

import torch
from torch import nn

from mammo_gan.networks.counters import Counters


class Counted(Counters):
    steps: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_counter("steps")


def test_a_module_goes_elsewhere_and_its_counter_stays() -> None:
    module = Counted()
    module.steps += 3
    module.to("meta")
    assert module.layer.weight.device.type == "meta"
    assert (module.steps.device.type, module.steps.dtype, int(module.steps)) == ("cpu", torch.int64, 3)
    assert int(module.state_dict()["steps"]) == 3
