"""Random numbers go on where they were when a training is resumed."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.callbacks import Callback

log = logging.getLogger(__name__)


class RandomState(Callback):
    """Keeps the states of all random generators of all processes in the checkpoint, each for its own process.

    These are Python's `random`, numpy's global one, and torch's on the CPU and on the process's GPU. Data are a pure
    function of their position, so this is for what a method itself draws: noise, dropout, gradient penalties.
    """

    def __init__(self) -> None:
        self._restored: list[dict[str, Any]] | None = None  # by rank

    def state_dict(self) -> dict[str, Any]:
        """Called by all processes at the same time, as the trainer does when it saves."""
        own = _states()
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return {"processes": [own]}
        processes: list[dict[str, Any]] = [{}] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(processes, own)
        return {"processes": processes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict["processes"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Not on loading: what starts in between (workers of a DataLoader draw a seed) would move the states on.
        restored, self._restored = self._restored, None
        if restored is None:
            return
        if len(restored) != trainer.world_size and trainer.is_global_zero:
            log.warning(
                "the checkpoint is of a training with %d process(es), this one has %d: what the method draws (noise, "
                "dropout) will differ from an uninterrupted training",
                len(restored),
                trainer.world_size,
            )
        if trainer.global_rank < len(restored):
            _restore(restored[trainer.global_rank])


def _states() -> dict[str, Any]:
    """States of this process's generators, as tensors and plain values."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002 - what libraries draw from
    return {
        "python": (version, torch.tensor(words, dtype=torch.int64), gauss),
        "numpy": (str(name), torch.from_numpy(np.int64(keys)), int(position), int(has_gauss), float(cached)),
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if _cuda_is_used() else None,
    }


def _restore(states: dict[str, Any]) -> None:
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["cpu"].cpu())
    if states["cuda"] is not None and _cuda_is_used():
        torch.cuda.set_rng_state(states["cuda"].cpu())


def _cuda_is_used() -> bool:
    """A GPU that this process has not used has drawn nothing, and asking it would take some of its memory."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
