"""Lightning's DDP for methods that average their gradients themselves."""

from __future__ import annotations

from typing import cast

import torch
import torch.distributed
from pytorch_lightning.strategies import DDPStrategy
from torch import nn


class DataParallel(DDPStrategy):
    """DDP without its wrapper around the module.

    The wrapper expects every backward pass to reach every parameter, or else searches the graph for those it misses in
    each. A GAN trains its networks in turns, and knows which parameters a step is for: `GanMethod.update` averages
    their gradients, once for a step, however many backward passes it took. As fast as the wrapper (make bench).
    """

    def configure_ddp(self) -> None:
        """All processes begin with the parameters of rank zero."""
        _share(cast(nn.Module, self.model))


@torch.no_grad()
def _share(module: nn.Module) -> None:
    for parameter in module.parameters():
        torch.distributed.broadcast(parameter, src=0)
