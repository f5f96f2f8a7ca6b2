"""What each of the training's economies gains: ciGAN's steps as they are by default, and with one thing changed.

Every arm is the project's own module in a Trainer, with the callbacks that look at each step, and trains one network
after the other. A ratio is the default's speed divided by that of the changed training: above 1 the default is the
faster one, so what an arm leaves out pays, and what an arm adds does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mammo_gan.callbacks.divergence import DivergenceGuard
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.methods.cigan import CiGAN
from tests.bench.runner import Benchmark, UnavailableError
from tests.bench.training_step import BATCH, WARM_UP, in_lightning, method

AVERAGE_DECAY = 0.999
EXPLOSION, DEAD_UPDATES = 1e3, 1000  # never reached in a block


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a size is measured.

    steps:     of a block that are timed, after the `warm_up` that are not
    compiling: measure torch.compile too, which takes a minute or more before its first step
    """

    images: int = BATCH
    warm_up: int = WARM_UP
    steps: int
    blocks: int
    compiling: bool = False


# A step at 256 px takes seconds on a CPU: half the paper's batch, nothing to warm up after the first block.
CPU = {
    "demo": Plan(steps=4, blocks=5, compiling=True),
    "paper": Plan(images=BATCH // 2, warm_up=0, steps=2, blocks=3),
}
CPU_QUICK = {"demo": Plan(steps=2, blocks=1)}
GPU = {scale: Plan(warm_up=20, steps=200, blocks=7, compiling=True) for scale in ("demo", "paper")}
GPU_QUICK = {scale: Plan(warm_up=20, steps=60, blocks=2) for scale in ("demo", "paper")}


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """At the demo's and the paper's size, on the GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plans = (GPU_QUICK if quick else GPU) if device.type == "cuda" else (CPU_QUICK if quick else CPU)
    for scale, plan in plans.items():
        made = partial(method, scale)
        fit = partial(
            in_lightning,
            device=device,
            scratch=scratch,
            images=plan.images,
            warm_up=plan.warm_up,
            steps=plan.steps,
        )
        name = f"ciGAN step, {made().image_size} px, batch {plan.images}"
        arms = arms_of(made, fit, scratch, device, plan.compiling)
        yield Benchmark(name=name, unit="images/s", arms=arms, blocks=plan.blocks)


def arms_of(
    made: Callable[[], CiGAN],
    fit: Callable[..., Callable[[], float]],
    scratch: Path,
    device: torch.device,
    compiling: bool,
) -> dict[str, Callable[[], float]]:
    """The default first.

    Args:
        made: gives a method, the same each time.
        fit: makes a block of a method, callbacks and settings of the Trainer.
        compiling: measure torch.compile too.
    """

    def arm(
        change: Callable[[CiGAN], None] | None = None, without: type[pl.Callback] | None = None, **settings: Any
    ) -> Callable[[], float]:
        trained = made()
        if change is not None:
            change(trained)
        callbacks = [GeneratorAverage(AVERAGE_DECAY), DivergenceGuard(scratch, EXPLOSION, DEAD_UPDATES)]
        kept = [callback for callback in callbacks if without is None or not isinstance(callback, without)]
        return fit(trained, callbacks=kept, **settings)

    arms = {
        "default": arm(),
        "plain memory order": arm(plain_order),
        "Adam not fused": arm(adam_not_fused),
        "D not frozen in G's step": arm(discriminator_not_frozen),
        "G with gradients in D's step": arm(generator_with_gradients),
        "no generator average": arm(without=GeneratorAverage),
        "no divergence guard": arm(without=DivergenceGuard),
        "bf16": arm(precision="bf16-mixed"),
        "bf16, plain memory order": arm(plain_order, precision="bf16-mixed"),
    }
    if device.type == "cuda":
        arms["16"] = arm(precision="16-mixed")
    if compiling:
        arms["compiled"] = _available(arm(compiled))
    return arms


def plain_order(method: CiGAN) -> None:
    """Images and weights stay in PyTorch's own order."""
    method.channels_last = False


def adam_not_fused(method: CiGAN) -> None:
    """A kernel for each operation of Adam, over all parameters at once."""
    for name, make in method.make_optimizer.items():
        method.make_optimizer[name] = partial(make, fused=False, foreach=True)  # type: ignore[call-arg]


def discriminator_not_frozen(method: CiGAN) -> None:
    """The generator's step computes gradients for the discriminator too; its next step throws them away."""
    discriminator = method.discriminator
    discriminator.requires_grad_ = lambda requires_grad=True: discriminator  # type: ignore[method-assign]


def generator_with_gradients(method: CiGAN) -> None:
    """The discriminator's step builds the generator's graph and cuts it off."""
    forward = method.forward

    def with_graph(*inputs: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return forward(*inputs)
        with torch.enable_grad():
            return forward(*inputs).detach()

    method.forward = with_graph  # type: ignore[method-assign, assignment]


def compiled(method: CiGAN) -> None:
    """Every network by torch.compile, anew for each shape and for each use with or without gradients."""
    networks: list[nn.Module] = [method.generator, method.discriminator, method.feature_loss.features]
    for network in networks:
        network.compile(dynamic=False)


def _available(block: Callable[[], float]) -> Callable[[], float]:
    """Compiling needs a C++ compiler and a supported interpreter; where it fails, the arm is left out."""

    def attempt() -> float:
        with warnings.catch_warnings(action="ignore"):
            try:
                return block()
            except Exception as error:
                raise UnavailableError(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error

    return attempt
