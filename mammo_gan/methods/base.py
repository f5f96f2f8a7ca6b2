"""What every GAN here shares: manual optimisation, counts of progress, and terms that are summed and logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from mammo_gan.losses.term import LossTerm


class GanMethod(pl.LightningModule):
    """A GAN under manual optimisation.

    A `training_step` computes named loss terms, hands them to `update` once for each network that it trains, and ends
    with `end_iteration`. So an iteration is a round in which any network was updated.

    Progress is in two buffers of the checkpoint, because the trainer's global_step counts the steps of all optimisers:
    `iterations`, () int64, and `images_seen`, () int64, real images over all processes.

    Args:
        log_every: iterations between two rows of logged values. Until then they stay on the device.
        channels_last: keep images and weights in channels-last order, which most convolutions run faster in.
        learning_rate_decay: factor on every learning rate as a function of iterations done; None = constant.
    """

    iterations: Tensor
    images_seen: Tensor

    def __init__(
        self,
        *,
        log_every: int = 50,
        channels_last: bool = True,
        learning_rate_decay: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__()
        if log_every < 1:
            raise ValueError(f"log_every is at least 1 iteration, not {log_every}")
        self.automatic_optimization = False
        self.log_every = log_every
        self.channels_last = channels_last
        self.learning_rate_decay = learning_rate_decay
        self._counters: set[str] = set()
        self._sums: dict[str, tuple[Tensor, int]] = {}  # of each logged value since the last row
        self.register_counter("iterations")
        self.register_counter("images_seen")

    def register_counter(self, name: str) -> None:
        """Make a () int64 buffer that stays on the CPU: steps depend on it, and reading it must not wait for a GPU."""
        self._counters.add(name)
        self.register_buffer(name, torch.zeros((), dtype=torch.int64))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        counters = {name: self._buffers[name] for name in self._counters}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._buffers.update(counters)
        return self

    @property
    def phase_name(self) -> str:
        """What is being trained now, for the progress bar."""
        return "training"

    def setup(self, stage: str) -> None:
        if self.channels_last:
            self.to(memory_format=torch.channels_last)
        # Equal in all processes, so DDP has nothing to broadcast (and NCCL couldn't, from the CPU).
        constants = {name for name, _ in self.named_buffers()} - set(self.state_dict())
        self._ddp_params_and_buffers_to_ignore = [*constants, *self._counters]

    def update(self, optimizer: LightningOptimizer, terms: Mapping[str, LossTerm]) -> None:
        """One step of `optimizer` down the weighted sum of `terms`, which are logged under their names, unweighted."""
        loss = torch.stack([term.weight * term.value for term in terms.values()]).sum()
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.learning_rate_decay is not None:
            for group in optimizer.param_groups:
                start = group.setdefault("initial_lr", group["lr"])
                group["lr"] = start * self.learning_rate_decay(int(self.iterations))
        optimizer.step()
        for name, term in terms.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + term.value.detach(), count + 1)

    def end_iteration(self, images: int) -> None:
        """Count an iteration and the `images` that this process has seen in it; log if it is time."""
        self.iterations += 1
        self.images_seen += images * self.trainer.world_size
        if int(self.iterations) % self.log_every == 0:
            self._log_means()

    def _log_means(self) -> None:
        """Log each value's mean since the last row, over all processes. A value that had no step since has no cell."""
        means = torch.stack([total / count for total, count in self._sums.values()])
        means = self.mean_over_processes(means)
        values = dict(zip(self._sums, means.tolist(), strict=True))  # the one wait for the device
        self._sums.clear()
        self.log_dict(
            values, logger=False
        )  # for callbacks; Lightning's own way to the loggers rounds counts to float32
        counts = {"iteration": int(self.iterations), "images_seen": int(self.images_seen)}
        for logger in self.loggers:
            logger.log_metrics({**counts, **values}, step=counts["iteration"])

    def mean_over_processes(self, value: Tensor) -> Tensor:
        """The mean of `value` over all processes, the same in each; `value` itself in one process."""
        return cast(Tensor, self.trainer.strategy.reduce(value, reduce_op="mean"))


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """A graph built within passes gradients through `network` and gives none to its parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
