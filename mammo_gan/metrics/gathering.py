"""A metric's states gathered over processes, wherever it keeps them."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors


def gather(state: Tensor, group: Any = None) -> list[Tensor]:
    """One process's state -> those of all, in the order of ranks; for a metric's `dist_sync_fn`.

    What grows with the images is kept in the memory of the CPU, which NCCL doesn't see: it goes by way of the GPU.
    """
    by_way_of = "cuda" if torch.distributed.get_backend(group) == "nccl" else state.device
    return [other.to(state.device) for other in gather_all_tensors(state.to(by_way_of), group)]
