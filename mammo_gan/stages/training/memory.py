"""Out of memory: said in one line, with settings that need less."""

from __future__ import annotations

import torch

from mammo_gan.errors import UserError
from mammo_gan.stages.training.devices import Devices

SAID_BY_TORCH = ("out of memory", "can't allocate memory", "not enough memory", "killed by signal: killed")


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out: the GPU's, or the machine's as torch's allocator or a killed loader tells it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in SAID_BY_TORCH)


def shortage(batch_size: int, devices: Devices, in_parts: bool = True) -> UserError:
    """What to try next. `batch_size` is that of a step over all processes, `in_parts` whether it can be divided."""
    images, accumulate = batch_size // devices.processes, devices.accumulate
    part = images // accumulate
    found = f"memory ran out with {part} {'image' if part == 1 else 'images'} at once a process"
    parts = next((n for n in range(accumulate + 1, images + 1) if images % n == 0), None)
    if parts is None:
        return UserError(
            f"{found}, which is the least. Try trainer.precision=bf16-mixed, a smaller method.image_size or more "
            "memory. The checkpoints are whole, and the same command goes on from there"
        )
    smaller = max(images // 2, 1) * devices.processes
    if not in_parts:
        return UserError(
            f"{found} (training.batch_size={batch_size}), and batch normalisation needs them all at once. Try "
            f"trainer.precision=bf16-mixed, or training.batch_size={smaller}, which is another training"
        )
    return UserError(
        f"{found} (training.batch_size={batch_size}, trainer.accumulate={accumulate}). Try "
        f"trainer.accumulate={parts}: the same step in {parts} parts, and the training goes on from its checkpoint. Or "
        f"training.batch_size={smaller}, which is another training"
    )


def shortage_while_growing(devices: Devices) -> UserError:
    """What to try next where a schedule has the batches."""
    found = f"memory ran out with training.schedule.batch_sizes in trainer.accumulate={devices.accumulate} parts"
    parts = 2 * devices.accumulate
    return UserError(
        f"{found}. Try trainer.accumulate={parts}: the same batches in {parts} parts, of which each has its own "
        "minibatch deviation, and the training goes on from its checkpoint. Or smaller training.schedule.batch_sizes, "
        "method.generator.checkpointed=true and method.critic.checkpointed=true or trainer.precision=bf16-mixed, which "
        "begin another training"
    )
