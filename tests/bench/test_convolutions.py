from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

from tests.bench.convolutions import PASSES, Convolution, convolutions_of, table
from tests.bench.runner import Outcome, Summary
from tests.bench.training_step import method


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
def test_passes_agree_with_autograd(order: torch.memory_format) -> None:
    """<gradient, conv(image, kernel)> is linear in image and kernel, so all three passes give the same number."""
    form = (2, 3, 8, 8), (4, 3, 3, 3), (1, 1)
    noise = torch.Generator().manual_seed(1)  # the image and the kernel are drawn first, then the gradient
    image, kernel, gradient = (torch.randn(*shape, generator=noise) for shape in (*form[:2], (2, 4, 8, 8)))
    image.requires_grad_(), kernel.requires_grad_()
    forward = F.conv2d(image, kernel, padding=1)
    expected = {"forward": forward.detach()}
    expected |= dict(zip(PASSES[1:], torch.autograd.grad(forward, (image, kernel), gradient), strict=True))
    for direction in PASSES:
        found = Convolution(*form, direction).in_form(torch.float32, order, torch.device("cpu"))()
        torch.testing.assert_close(found, expected[direction], atol=1e-4, rtol=1e-4)


def test_every_layer_is_found_with_the_passes_that_training_needs() -> None:
    trained = method("smoke")
    found = convolutions_of(trained)
    layers = [*trained.generator.modules(), *trained.discriminator.modules()]
    kernels = {tuple(layer.weight.shape) for layer in layers if isinstance(layer, torch.nn.Conv2d)}
    assert {one.kernel for one in found if one.direction == "weight gradient"} == kernels
    vgg = {(64, 3, 3, 3), (256, 256, 3, 3)}
    assert vgg <= {one.kernel for one in found if one.direction == "input gradient"}, "frozen, but passed through"


def test_table_has_a_layer_in_a_row_and_names_the_slowest() -> None:
    def outcome(name: str, gain: float) -> Outcome:
        def summary(value: float) -> Summary:
            return Summary(value, value, value, 3)

        arms = {"float32": summary(6.0), "bf16": summary(6.0 / gain)}
        return Outcome(f"8 x 1 -> 2, 3x3, 4 px, {name}", "ms", arms, {"bf16": summary(gain)}, None)

    names = [f"{direction}, {order}" for direction, order in itertools.product(PASSES, ("plain", "channels-last"))]
    shown = table([outcome(name, 0.25 if name == "weight gradient, plain" else 3.0) for name in names])
    assert shown.row_count == 1
    assert [next(iter(column.cells)) for column in shown.columns[1:]] == ["3"] * 5 + ["0.25"]
    second = str(shown.caption).splitlines()[1]
    assert second == "8 x 1 -> 2, 3x3, 4 px, weight gradient, plain: 0.25 (0.25 to 0.25), 24 ms for 6 ms"
