"""The exponential average of a generator's weights, for sampling."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class GeneratorAverage(Callback):
    """Averages the parameters of `pl_module.generator` exponentially; its buffers are copied.

    One update after each iteration in which the optimiser of the generator made a step, which a hook of the
    optimiser tells: that holds for any method, and a step that gradient scaling leaves out isn't counted.
    (Version counters of the parameters would not do: a fused Adam doesn't move them.) Or one after each iteration,
    which is how a decay is counted where several of the critic's steps come before one of the generator's.

    The first updates weigh more, min(decay, (1 + n) / (10 + n)) for the n-th, so that the average doesn't
    remember the initial weights.

    Args:
        decay: share of the average kept by an update, in [0, 1).
        every_iteration: update also after iterations without a step of the generator.
    """

    def __init__(self, decay: float, every_iteration: bool = False) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay lies in [0, 1); got {decay}")
        self.decay, self.every_iteration = decay, every_iteration
        self.updates = 0
        self._average: nn.Module | None = None
        self._restored: dict[str, Tensor] | None = None
        self._stepped = False
        self._hooks: list[RemovableHandle] = []

    def averaged(self, pl_module: pl.LightningModule) -> nn.Module:
        """The averaged generator, in eval mode and on the method's device. Not to be trained or changed."""
        if self._average is None:
            with torch.inference_mode(
                False
            ):  # or a first call by a sampler would leave tensors that no update may touch
                average = copy.deepcopy(_generator(pl_module)).eval().requires_grad_(False)
                if self._restored is not None:
                    average.load_state_dict(self._restored)
            self._average, self._restored = average, None
        return self._average

    @contextmanager
    def in_place(self, pl_module: pl.LightningModule) -> Iterator[None]:
        """The method samples from the average within; afterwards it has its own generator back."""
        own = _generator(pl_module)
        pl_module.generator = self.averaged(pl_module)
        try:
            yield
        finally:
            pl_module.generator = own

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.averaged(pl_module)
        self._stepped = False
        parameters = {id(parameter) for parameter in _generator(pl_module).parameters()}
        self._hooks = [
            optimizer.register_step_post_hook(self._note_step)
            for optimizer in trainer.optimizers
            if any(id(parameter) in parameters for group in optimizer.param_groups for parameter in group["params"])
        ]

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self._stepped or self.every_iteration:
            self._stepped = False
            self._update(_generator(pl_module), self.averaged(pl_module))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for hook in self._hooks:
            hook.remove()

    def _note_step(self, *_: Any) -> None:
        self._stepped = True

    @torch.no_grad()
    def _update(self, generator: nn.Module, average: nn.Module) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1.0 - decay)
        if buffers := list(average.buffers()):
            torch._foreach_copy_(buffers, list(generator.buffers()))

    def state_dict(self) -> dict[str, Any]:
        average = self._restored if self._average is None else dict(self._average.state_dict())
        return {} if average is None else {"updates": self.updates, "average": average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.updates = state_dict.get("updates", 0)
        self._restored = state_dict.get("average")
        self._average = None  # made anew beside the generator, whose device may not be known yet


def _generator(pl_module: pl.LightningModule) -> nn.Module:
    generator = pl_module.generator
    if not isinstance(generator, nn.Module):
        raise TypeError(f"{type(pl_module).__name__}.generator isn't a module")
    return generator
