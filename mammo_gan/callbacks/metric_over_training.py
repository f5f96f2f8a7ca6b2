"""How good the generator's images are while it learns, by a metric (alyafi2019_dcgan, section 4.4.1, Figure 8)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol, cast

import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torchmetrics import Metric

from mammo_gan.callbacks.counting import images_seen_of
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.rows import log_row
from mammo_gan.callbacks.undisturbed import undisturbed

WINDOW = 5  # values of the running mean (Figure 8)


class Sampling(Protocol):
    """A method that can be measured."""

    generator: nn.Module

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """(count, 1, H, W) float32 in [0, 1], of what `source`, a generator of the CPU, draws."""
        ...


class MetricOverTraining(Callback):
    """Logs a metric of the generator under `name`, its running mean over five values under NAME_mean, and the same of
    its average, if there is one, under NAME_average and NAME_average_mean.

    Measured after the iteration in which another `every` is reached. Always from the same noise, batch by batch, so a
    value changes with the generator alone. All four names are announced, so `best.metric` may be one of them. Several
    processes share the batches and the real images, all with rank zero's buffers (the running statistics of batch
    normalisation, which a checkpoint has), and the metric gathers what they have seen.

    Args:
        metric: its update takes images (B, 1, H, W) float32 in [0, 1] and whether they are real, as FeatureDistance's.
            It sees the real ones once.
        name: of what is logged. It should say which metric this is.
        real: batches of real images (B, 1, H, W) float32 in [0, 1], with an image for each process at least; gone
            through once, in the first measurement.
        every: epochs of the method, or images seen.
        unit: which of the two.
        samples: synthetic images of a measurement, of all processes together.
        batch_size: of the generator, which had better be the training's.
        seed: of the noise.
        average: also measure this average of the generator.

    Raises:
        ValueError: a number is below 1; later, if there are fewer batches than processes, or no length of an epoch.
    """

    def __init__(
        self,
        metric: Metric,
        name: str,
        real: Iterable[Tensor],
        *,
        every: int,
        unit: Literal["epochs", "images"] = "epochs",
        samples: int,
        batch_size: int,
        seed: int,
        average: GeneratorAverage | None = None,
    ) -> None:
        if min(every, samples, batch_size) < 1 or unit not in ("epochs", "images"):
            raise ValueError(f"expected 1 or more epochs or images: {every} {unit}, {samples}, {batch_size}")
        self.metric, self.name, self.real = metric, name, real
        self.every, self.unit = every, unit
        self.samples, self.batch_size, self.seed, self.average = samples, batch_size, seed, average
        self._values: dict[str, deque[float]] = {name: deque(maxlen=WINDOW)}
        if average is not None:
            self._values[f"{name}_average"] = deque(maxlen=WINDOW)
        self._reals: dict[str, Any] | None = None  # the metric's state after the real images
        self._before = 0  # images seen before this iteration

    @property
    def judged_by(self) -> str:
        """Which of the logged values tells the best iteration: the running mean, of the average if there is one."""
        return f"{self._name_of_best}_mean"

    @property
    def _name_of_best(self) -> str:
        return self.name if self.average is None else f"{self.name}_average"

    @property
    def logs_later(self) -> set[str]:
        """The first rows of a training don't hold them."""
        return {name + ending for name in self._values for ending in ("", "_mean")}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._before = images_seen_of(pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        images = self.every * (1 if self.unit == "images" else _images_of_an_epoch(pl_module))
        if images_seen_of(pl_module) // images > self._before // images:
            self.measure(trainer, pl_module)

    def measure(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure and log. All processes call it."""
        logged: dict[str, float] = {}
        for name, values in self._values.items():
            average = None if name == self.name else self.average
            with undisturbed(trainer, pl_module, average), _buffers_of_rank_zero(trainer, pl_module):
                values.append(self._measured(trainer, cast(Sampling, pl_module)))
            logged |= {name: values[-1], f"{name}_mean": sum(values) / len(values)}
        log_row(trainer, pl_module, logged)

    def state_dict(self) -> dict[str, Any]:
        return {"values": {name: list(values) for name, values in self._values.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, values in state_dict["values"].items():
            if name in self._values:
                self._values[name] = deque(values, maxlen=WINDOW)

    def _measured(self, trainer: pl.Trainer, method: Sampling) -> float:
        rank, processes = trainer.global_rank, trainer.world_size
        if -(-self.samples // self.batch_size) < processes:
            raise ValueError(
                f"{self.name}: {self.samples} samples in batches of {self.batch_size} can't be shared by {processes} "
                "processes; draw more, or in smaller batches"
            )
        metric = self.metric.to(trainer.strategy.root_device)
        self._begin_with_reals(metric, rank, processes)
        for start in range(rank * self.batch_size, self.samples, processes * self.batch_size):
            source = torch.Generator().manual_seed(self.seed + start)
            with trainer.precision_plugin.forward_context():
                images = method.sample(min(self.batch_size, self.samples - start), source)
            metric.update(images.float(), real=False)
        return float(metric.compute())

    def _begin_with_reals(self, metric: Metric, rank: int, processes: int) -> None:
        metric.reset()
        if self._reals is None:
            for images in self.real:
                metric.update(images[rank::processes].to(metric.device), real=True)
            self._reals = {name: _copied(value) for name, value in metric.metric_state.items()}
        else:
            for name, value in self._reals.items():
                setattr(metric, name, _copied(value))


def _copied(state: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    """What updates of a metric don't reach: they add to a tensor, or lengthen a list."""
    return state.clone() if isinstance(state, Tensor) else list(state)


def _images_of_an_epoch(pl_module: pl.LightningModule) -> int:
    images = getattr(pl_module, "training_images", None)
    if not isinstance(images, int) or images < 1:
        raise ValueError(f"{type(pl_module).__name__} has no epochs: it keeps no count `training_images`")
    return images


@contextmanager
def _buffers_of_rank_zero(trainer: pl.Trainer, pl_module: pl.LightningModule) -> Iterator[None]:
    """All processes draw with the generator's buffers of rank zero within; afterwards each has its own back."""
    if trainer.world_size == 1:
        yield
        return
    buffers = list(cast(Sampling, pl_module).generator.buffers())
    own = [buffer.clone() for buffer in buffers]
    for buffer in buffers:
        torch.distributed.broadcast(buffer, src=0)
    try:
        yield
    finally:
        for buffer, value in zip(buffers, own, strict=True):
            buffer.copy_(value)
