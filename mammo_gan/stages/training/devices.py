"""What a training runs on: conf/trainer as Lightning's Trainer wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mammo_gan.errors import UserError
from mammo_gan.methods.data_parallel import DataParallel

# One endless epoch: the method's own counts say when it ends.
ENDLESS: dict[str, Any] = {
    "max_epochs": 1,
    "log_every_n_steps": 1,  # the method decides what it logs and when
    "use_distributed_sampler": False,  # the data's own sampler shares batches out
    "enable_model_summary": False,
}


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Processes of a training, one a device, and how each goes about its share of a step.

    accelerator: cpu, gpu or auto
    devices:     of each node
    start:       how several processes come to be: "local", or "srun" within a SLURM job
    precision:   as Lightning names it
    accumulate:  parts in which a process computes its share of a step
    """

    accelerator: str
    devices: int
    nodes: int
    start: str
    precision: str
    accumulate: int

    @classmethod
    def alone(cls, trainer: Mapping[str, Any]) -> Self:
        """One process, as a small network trains in, however many `trainer`, that is conf/trainer, has for a GAN."""
        return cls(**{**trainer, "devices": 1, "nodes": 1, "start": "local", "accumulate": 1})

    @property
    def processes(self) -> int:
        """Over all nodes."""
        return self.devices * self.nodes

    def require(self) -> None:
        """Look for the GPUs that are asked for, where they can be looked for.

        Raises:
            UserError: there are fewer.
        """
        found = torch.cuda.device_count()
        if self.accelerator == "gpu" and self.start == "local" and found < self.devices:
            raise UserError(
                f"trainer.devices={self.devices} with trainer.accelerator=gpu: found {found} GPUs that this PyTorch "
                f"can use. Set trainer.devices={found}" + ("" if found else ", or trainer=cpu")
            )

    def trainer_settings(self) -> dict[str, Any]:
        """For pl.Trainer. Strategies and plugins are new each time, since a Trainer keeps them to itself."""
        settings: dict[str, Any] = {
            **ENDLESS,
            "accelerator": self.accelerator,
            "devices": self.devices,
            "num_nodes": self.nodes,
            "precision": self.precision,
        }
        # Lightning would look at the surroundings itself, and take any SLURM job for one of its own making.
        if self.processes == 1:
            return settings | {"plugins": [LightningEnvironment()]}
        environment = SLURMEnvironment(auto_requeue=False) if self.start == "srun" else TorchElasticEnvironment()
        return settings | {"strategy": DataParallel(), "plugins": [environment]}


def normalised_apart(method: nn.Module, devices: Devices, batch_size: int) -> str | None:
    """A warning if processes have batch statistics of their own shares, which makes it another training."""
    if devices.processes == 1 or not any(isinstance(module, _BatchNorm) for module in method.modules()):
        return None
    return (
        f"batch normalisation sees the {batch_size // devices.processes} images of each process, not all {batch_size} "
        "of a step, so this is not quite the training of one process; with training.batch_size="
        f"{batch_size * devices.processes} each would see {batch_size}"
    )
