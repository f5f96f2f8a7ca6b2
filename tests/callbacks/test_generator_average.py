from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.stop import StopAtIteration
from tests.callbacks.tiny_gan import TinyGan, fit


class Recorder(Callback):
    """The generator's parameters before the first and after every iteration."""

    def __init__(self) -> None:
        self.history: list[list[Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.record(pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.record(pl_module)

    def record(self, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, TinyGan)
        self.history.append([parameter.detach().clone() for parameter in pl_module.generator.parameters()])


@pytest.mark.parametrize("every_iteration", [False, True])
def test_the_average_is_that_of_a_loop_over_the_generators_steps(tmp_path: Path, every_iteration: bool) -> None:
    average, recorder, method = GeneratorAverage(0.6, every_iteration), Recorder(), TinyGan()
    fit(method, tmp_path, [StopAtIteration(11), recorder, average])
    expected, each = recorder.history[0], 1 if every_iteration else 2  # the generator is trained in even iterations
    for updates, after in enumerate(recorder.history[each::each]):
        decay = min(0.6, (1 + updates) / (10 + updates))
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected, after, strict=True)]
    assert average.updates == (11 if every_iteration else 5)
    for a, b in zip(average.averaged(method).parameters(), expected, strict=True):
        torch.testing.assert_close(a, b)


def test_buffers_are_copied_and_the_generator_is_left_alone(tmp_path: Path) -> None:
    average, method, without = GeneratorAverage(0.9), TinyGan(), TinyGan()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        fit(method, tmp_path, [StopAtIteration(6), average])
        torch.manual_seed(0)
        fit(without, tmp_path, [StopAtIteration(6)])
    copy = average.averaged(method)
    assert int(copy.get_buffer("calls")) == 6
    assert all(torch.equal(a, b) for a, b in zip(method.parameters(), without.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert not copy.training


@pytest.mark.parametrize("options", [{"foreach": True}, {"fused": True}, {"foreach": False}])
def test_every_form_of_adam_is_noticed(tmp_path: Path, options: dict[str, bool]) -> None:
    class Gan(TinyGan):
        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            parts = (self.generator, self.discriminator)
            return [torch.optim.Adam(part.parameters(), **options) for part in parts]  # type: ignore[arg-type]

    average, method = GeneratorAverage(0.9), Gan()
    fit(method, tmp_path, [StopAtIteration(7), average])
    assert average.updates == 3
    assert all(
        not torch.equal(a, b)
        for a, b in zip(average.averaged(method).parameters(), Gan().generator.parameters(), strict=True)
    )


def test_an_optimiser_is_left_without_hooks(tmp_path: Path) -> None:
    trainer = fit(TinyGan(), tmp_path, [StopAtIteration(4), GeneratorAverage(0.9)])
    assert not any(optimizer._optimizer_step_post_hooks for optimizer in trainer.optimizers)


def test_state_survives_a_checkpoint_of_plain_tensors(tmp_path: Path) -> None:
    average, method = GeneratorAverage(0.9), TinyGan()
    fit(method, tmp_path, [StopAtIteration(6), average])
    torch.save(average.state_dict(), tmp_path / "state.pt")
    again = GeneratorAverage(0.9)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again.updates == average.updates == 3
    assert again.state_dict()["average"].keys() == average.state_dict()["average"].keys()  # before it was ever used
    for a, b in zip(again.averaged(TinyGan(seed=4)).parameters(), average.averaged(method).parameters(), strict=True):
        assert torch.equal(a, b)


def test_sampling_from_the_average_gives_the_generator_back() -> None:
    method, average = TinyGan(), GeneratorAverage(0.9)
    own = method.generator
    with torch.inference_mode(), average.in_place(method):
        assert method.generator is average.averaged(method)
        assert method.generator is not own
    assert method.generator is own
    assert average.averaged(method).get_parameter("convolution.weight").is_inference() is False


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay lies in"):
        GeneratorAverage(decay)
