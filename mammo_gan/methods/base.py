"""What every GAN here shares: manual optimisation, counts of progress, and terms that are summed and logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from mammo_gan.losses.term import LossTerm
from mammo_gan.networks.counters import Counters

B = TypeVar("B", bound=tuple[Tensor, ...])


class GanMethod(Counters, pl.LightningModule):
    """A GAN under manual optimisation.

    A `training_step` calls `update` once for each network that it trains, with the function that computes the network's
    named loss terms, and ends with `end_iteration`. So an iteration is a round in which any network was updated.

    Progress is in two buffers of the checkpoint, because the trainer's global_step counts the steps of all optimisers:
    `iterations`, () int64, and `images_seen`, () int64, real images over all processes.

    Args:
        log_every: iterations between two rows of logged values. Until then they stay on the device.
        channels_last: keep images and weights in channels-last order, which most convolutions run faster in.
        learning_rate_decay: factor on every learning rate as a function of iterations done; None = constant.

    Attributes:
        accumulate: parts into which a batch is divided for an update. Their gradients are summed before the step, so
            a step needs the memory of one part alone.
        learning_rate_factor: on every learning rate, beside the decay; below 1 after a divergence.
        archives: that the networks were trained on, in this training or before it. A checkpoint says so.
        latest_terms: of the last update, detached: what callbacks look at between backward pass and step.
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
        self.accumulate = 1
        self.learning_rate_factor = 1.0
        self.archives: tuple[str, ...] = ()
        self.latest_terms: dict[str, LossTerm] = {}
        self._sums: dict[str, tuple[Tensor, int]] = {}  # of each logged value since the last row
        self.register_counter("iterations")
        self.register_counter("images_seen")

    @property
    def phase_name(self) -> str:
        """What is being trained now, for the progress bar."""
        return "training"

    def setup(self, stage: str) -> None:
        if self.channels_last:
            self.to(memory_format=torch.channels_last)

    def update(
        self,
        optimizer: LightningOptimizer,
        terms_of: Callable[[B], Mapping[str, LossTerm]],
        batch: B,
        decay: float | None = None,
    ) -> dict[str, Tensor]:
        """One step of `optimizer` down the weighted sum of the terms that `terms_of` computes from a batch.

        Args:
            decay: factor on this optimiser's learning rate; None = `learning_rate_decay` of the iterations done.

        Returns:
            Each term's mean over this process's batch, (), detached and unweighted. They are logged under their names.
        """
        optimizer.zero_grad()
        self.latest_terms = {}
        for part in parts_of(batch, self.accumulate):
            share = len(part[0]) / len(batch[0])
            terms = terms_of(part)
            self.manual_backward(share * torch.stack([term.weight * term.value for term in terms.values()]).sum())
            for name, term in terms.items():
                value = share * term.value.detach()
                before = self.latest_terms.get(name)
                self.latest_terms[name] = LossTerm(value if before is None else before.value + value, term.weight)
        self._average_gradients(optimizer)
        self._set_learning_rate(optimizer, decay)
        optimizer.step()
        for name, term in self.latest_terms.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + term.value, count + 1)
        return {name: term.value for name, term in self.latest_terms.items()}

    def _average_gradients(self, optimizer: LightningOptimizer) -> None:
        """The mean over all processes of the gradients that this step uses, in one message."""
        if self.trainer.world_size == 1:
            return
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.mean_over_processes(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        torch._foreach_copy_(gradients, [piece.view(old.shape) for piece, old in zip(pieces, gradients, strict=True)])

    def _set_learning_rate(self, optimizer: LightningOptimizer, decay: float | None) -> None:
        if decay is None:
            decay = 1.0 if self.learning_rate_decay is None else self.learning_rate_decay(int(self.iterations))
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * decay * self.learning_rate_factor

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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The means that every process goes on with are those of all, so that the next row is the same.
        totals = {name: self.mean_over_processes(total) for name, (total, _) in self._sums.items()}
        checkpoint["logged_sums"] = {name: (totals[name], count) for name, (_, count) in self._sums.items()}
        checkpoint["archives"] = list(self.archives)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        sums = checkpoint.get("logged_sums", {})
        self._sums = {name: (total.to(self.device), count) for name, (total, count) in sums.items()}

    def mean_over_processes(self, value: Tensor) -> Tensor:
        """The mean of `value` over all processes, the same in each; `value` itself in one process."""
        if self.trainer.world_size == 1:
            return value
        total = value.clone()
        torch.distributed.all_reduce(total)  # Lightning's own reduce waits for all at a barrier before each
        return total / self.trainer.world_size


def parts_of(batch: B, count: int) -> list[B]:
    """A batch, a NamedTuple of tensors with the images along their first dimension, as up to `count` batches."""
    if count == 1:
        return [batch]
    return [type(batch)(*fields) for fields in zip(*(field.chunk(count) for field in batch), strict=True)]


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """A graph built within passes gradients through `network` and gives none to its parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
