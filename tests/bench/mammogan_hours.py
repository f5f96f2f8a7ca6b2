"""What MammoGAN's training would take on this GPU: each stage's rate beside the device's own, and the paper's hours.

Operations are counted as they are computed, so the rate of a step, divided by that of one large product of bfloat16
matrices, says how much of the device is used. The hours are those of steps alone, without loading and validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from mammo_gan.schedules.progressive import ProgressiveSchedule
from tests.bench.mammogan_step import BATCHES, OURS, Arm, Size, found_device, images_of
from tests.bench.runner import Benchmark, UnavailableError
from tests.bench.training_step import now

PRODUCT = "product of matrices, bf16"
SIDE = 8192  # of the matrices
IMAGES = 38_000_000  # 33 epochs of more than a million and 5 million (korkinof2019_mammogan, section 3)
PAPER = 52  # h, on 8 V100
# The original's stages (Karras et al. 2018, appendix A.1). Images are counted at the critic's steps, and later stages
# have fewer of the generator's than the one for each that is measured here: it can only be hours less.
SCHEDULE = ProgressiveSchedule(
    stable=600_000, fading=600_000, batch_sizes=BATCHES["cuda"], learning_rate=1.5e-3, critic_iterations=(1, 5)
)


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """10x8 to 1280x1024, a benchmark each, and the hours of all of them."""
    del scratch
    device = found_device()
    speeds: dict[int, float] = {}  # images/s by stage
    blocks = 2 if quick else 3
    for stage in range(SCHEDULE.stages):
        size = Size((5, 4), stage)
        name = f"MammoGAN step on a GPU, {size}, batch {BATCHES['cuda'][stage]}"
        arms: dict[str, Callable[[], float]] = {OURS: Rate(size, device, speeds), PRODUCT: _of_a_product(device)}
        yield Benchmark(name=name, unit="TFLOP/s", arms=arms, blocks=blocks)
    name = f"MammoGAN's {IMAGES:,} images on a GPU, {PAPER} hours on the paper's eight"
    yield Benchmark(name=name, unit="hours", arms={OURS: lambda: hours_of(speeds)}, blocks=1)


class Rate:
    """A block is a step's operations/s, in 1e12. The best images/s of all blocks are left in `speeds`, by stage."""

    def __init__(self, size: Size, device: torch.device, speeds: dict[int, float]) -> None:
        self.arm, self.speeds = Arm(OURS, size, device), speeds

    @cached_property
    def operations(self) -> float:
        """Of a step, for an image."""
        return operations_of(self.arm)

    def __call__(self) -> float:
        _need_a_gpu(self.arm.device)
        operations, speed, stage = self.operations, self.arm(), self.arm.size.stage
        self.speeds[stage] = max(speed, self.speeds.get(stage, 0.0))
        return speed * operations / 1e12


def _of_a_product(device: torch.device, times: int = 50) -> Callable[[], float]:
    """A block is the operations/s, in 1e12, of as large a product of matrices as keeps the device busy."""

    def block() -> float:
        _need_a_gpu(device)
        one, other = torch.randn(2, SIDE, SIDE, device=device, dtype=torch.bfloat16)
        start = now(device)
        for _ in range(times):
            one @ other
        return times * 2 * SIDE**3 / (now(device) - start) / 1e12

    return block


def operations_of(arm: Arm) -> float:
    """Of a step of the critic and one of the generator, for an image; an addition counts like a multiplication."""
    images = BATCHES[arm.device.type][arm.size.stage]
    real = images_of(arm.size, images).to(arm.device)
    counted = _Operations()
    with counted:
        arm.step(real)
    return counted.total / images


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what runs within by torch's own formulas; its FlopCounterMode fails on gradients at a leaf."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=made)
        return made


def hours_of(speeds: dict[int, float]) -> float:
    """Of the paper's images, by the images/s of each stage.

    Raises:
        UnavailableError: a stage hasn't been measured.
    """
    missing = [stage for stage in range(SCHEDULE.stages) if stage not in speeds]
    if missing:
        raise UnavailableError(f"stages {missing} weren't measured")
    ends = [SCHEDULE.begins(stage) for stage in range(1, SCHEDULE.stages)] + [IMAGES]
    images = [end - SCHEDULE.begins(stage) for stage, end in enumerate(ends)]
    return sum(count / speeds[stage] for stage, count in enumerate(images)) / 3600


def _need_a_gpu(device: torch.device) -> None:
    if device.type != "cuda":
        raise UnavailableError("no GPU that CUDA knows")
