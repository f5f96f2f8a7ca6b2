"""The few figures of an update that tell whether a training diverges, measured without waiting for a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor
from torch.optim import Optimizer

from mammo_gan.methods.base import GanMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An update between its backward pass and its step.

    terms:           unweighted values of each loss term, one a process: the mean over that process's batch
    gradient:        norm of the gradient of all parameters, which is the same in all processes
    weight_gradient: of the weights alone, biases left out
    scaled:          whether a gradient scaler skips a step whose gradient isn't finite (16-mixed)
    """

    terms: Mapping[str, Sequence[float]]
    gradient: float
    weight_gradient: float
    scaled: bool = False

    @property
    def network(self) -> str:
        """The one that is updated: "generator" of generator/feature."""
        return next(iter(self.terms), "network").split("/")[0]


def measure(method: GanMethod, optimizer: Optimizer) -> Callable[[], Figures]:
    """Measure an update in all processes, which must call it together; the function returned waits for the device."""
    trainer, terms = method.trainer, method.latest_terms
    values = [term.value.float() for term in terms.values()]
    figures = torch.stack([*values, *gradient_norms(optimizer, trainer.strategy.root_device)])
    # Gathered and not reduced: a maximum of NaN depends on the library, and this way each process is told apart.
    arrived = _on_its_way(_of_all(figures, trainer.world_size))

    def read() -> Figures:
        *columns, gradient, weight_gradient = arrived().T.tolist()
        return Figures(
            terms=dict(zip(terms, columns, strict=True)),
            gradient=gradient[0],
            weight_gradient=weight_gradient[0],
            scaled=getattr(trainer.precision_plugin, "scaler", None) is not None,
        )

    return read


@torch.no_grad()
def gradient_norms(optimizer: Optimizer, device: torch.device) -> tuple[Tensor, Tensor]:
    """Norms of the gradients of an optimiser's parameters, of all of them and of the weights alone.

    Weights are parameters of two dimensions and more; without any of these, all parameters.

    Returns:
        () float32 each; 0 where there is no gradient.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    parameters = [parameter for parameter in parameters if parameter.grad is not None]
    if not parameters:
        return torch.zeros((), device=device), torch.zeros((), device=device)
    norms = [norm.float() for norm in torch._foreach_norm([parameter.grad for parameter in parameters])]
    of_weights = [norm for norm, parameter in zip(norms, parameters, strict=True) if parameter.ndim > 1]
    return torch.stack(norms).norm(), torch.stack(of_weights or norms).norm()


def _of_all(figures: Tensor, processes: int) -> Tensor:
    """(figures,) of each process -> (processes, figures)."""
    if processes == 1:
        return figures[None]
    of_all = [torch.empty_like(figures) for _ in range(processes)]
    torch.distributed.all_gather(of_all, figures)
    return torch.stack(of_all)


def _on_its_way(figures: Tensor) -> Callable[[], Tensor]:
    """Start a copy to the host; the function returned waits for it."""
    if figures.device.type != "cuda":
        return lambda: figures
    copy = torch.empty(figures.shape, dtype=figures.dtype, pin_memory=True)
    copy.copy_(figures, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def arrived() -> Tensor:
        copied.synchronize()
        return copy

    return arrived
