"""Random numbers go on where they were when a training is resumed."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor


class RandomState(Callback):
    """Keeps the states of torch's random generators (CPU, and each CUDA device) in the checkpoint.

    Data are a pure function of their position, so this is for what a method itself draws: noise, dropout,
    gradient penalties. With several processes the states are those of rank zero.
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        cuda: list[Tensor] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Not on loading: what starts in between (workers of a DataLoader draw a seed) would move the states on.
        if self._restored is None:
            return
        torch.set_rng_state(self._restored["cpu"].cpu())
        cuda = self._restored["cuda"]
        if torch.cuda.is_available() and len(cuda) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([state.cpu() for state in cuda])
        self._restored = None
