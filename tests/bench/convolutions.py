"""Where bfloat16 pays: every convolution of ciGAN's steps by itself, in both precisions and memory orders.

The shapes are read off the method's own two steps, so each is timed with the batch, and for the gradients, that a
training asks of it. A ratio is float32's time divided by bfloat16's: below 1 bfloat16 is the slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.table import Column, Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mammo_gan.methods.cigan import CiGAN
from tests.bench.runner import Benchmark, Outcome
from tests.bench.table import cells
from tests.bench.training_step import batch, method, now

LEAST = 0.01  # s of a block; a smaller convolution is repeated
ORDERS = {"channels-last": torch.channels_last, "plain": torch.contiguous_format}
PASSES = ("forward", "input gradient", "weight gradient")
WORST = 5  # named below the table


@dataclass(frozen=True, order=True)
class Convolution:
    """One pass of a convolution with stride 1. `image` is (B, C, H, W), `kernel` (K, C, h, w), padding in px."""

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: tuple[int, ...]
    direction: str

    @property
    def layer(self) -> str:
        """In words, without its direction."""
        (images, channels, side, _), (kernels, _, width, _) = self.image, self.kernel
        return f"{images} x {channels} -> {kernels}, {width}x{width}, {side} px"

    def in_form(self, precision: torch.dtype, order: torch.memory_format, device: torch.device) -> Callable[[], Tensor]:
        """The pass itself, on noise."""
        noise = torch.Generator().manual_seed(1)

        def draw(*shape: int) -> Tensor:
            drawn = torch.randn(*shape, generator=noise).to(device, precision)
            return drawn.contiguous(memory_format=order)

        image, kernel = draw(*self.image), draw(*self.kernel)
        geometry: tuple[Any, ...] = ([1, 1], list(self.padding), [1, 1], False, [0, 0], 1)
        if self.direction == "forward":
            return lambda: torch.ops.aten.convolution(image, kernel, None, *geometry)
        gradient = draw(self.image[0], self.kernel[0], *self.image[2:])
        wanted = [direction == self.direction for direction in PASSES[1:]] + [False]
        place = wanted.index(True)
        return lambda: torch.ops.aten.convolution_backward(gradient, image, kernel, None, *geometry, wanted)[place]


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """The paper's and the demo's size, one benchmark a pass and memory order."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for scale in ("demo",) if quick else ("demo", "paper"):
        for convolution in sorted(convolutions_of(method(scale))):
            for order, memory in ORDERS.items():
                arms = {
                    name: partial(_milliseconds, convolution.in_form(precision, memory, device), device)
                    for name, precision in (("float32", torch.float32), ("bf16", torch.bfloat16))
                }
                name = f"{convolution.layer}, {convolution.direction}, {order}"
                yield Benchmark(name=name, unit="ms", arms=arms, blocks=2 if quick else 3)


def _milliseconds(run: Callable[[], Tensor], device: torch.device) -> float:
    times, start = 0, now(device)
    while True:
        run()
        times += 1
        if (seconds := now(device) - start) >= LEAST:
            return 1000 * seconds / times


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every convolution that runs within."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[Convolution] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            image, kernel, _, _, padding, *_ = args
            self._note(image, kernel, padding, ["forward"])
        elif func is torch.ops.aten.convolution_backward.default:
            _, image, kernel, _, _, padding, *_, wanted = args
            self._note(image, kernel, padding, [name for name, asked in zip(PASSES[1:], wanted, strict=False) if asked])
        return func(*args, **(kwargs or {}))

    def _note(self, image: Tensor, kernel: Tensor, padding: Sequence[int], directions: Sequence[str]) -> None:
        form = tuple(image.shape), tuple(kernel.shape), tuple(padding)
        self.seen |= {Convolution(*form, direction) for direction in directions}


def convolutions_of(method: CiGAN) -> set[Convolution]:
    """All that one step of each network computes."""
    example = batch(method.image_size)
    recorder = _Recorder()
    with recorder:
        for terms in (
            method.discriminator_terms(example),
            method.generator_terms(example, ("adversarial", "feature", "boundary")),
        ):
            torch.stack([term.value for term in terms.values()]).sum().backward()  # type: ignore[no-untyped-call]
    return recorder.seen


def table(outcomes: Sequence[Outcome]) -> Table:
    """A row a layer: how many times faster bfloat16 is, in each pass and memory order; the slowest are named."""
    columns = [f"{direction}, {order}" for order in ORDERS for direction in PASSES]
    rows: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        column = next(column for column in columns if outcome.name.endswith(f", {column}"))
        gain = outcome.ratios["bf16"]
        rows.setdefault(outcome.name.removesuffix(f", {column}"), {})[column] = f"{gain.median:.2g}"
    shown = Table(Column("float32 / bf16", no_wrap=True), *columns, caption=_slowest(outcomes), caption_justify="left")
    for layer, row in rows.items():
        shown.add_row(layer, *(row.get(column, "") for column in columns))
    return shown


def _slowest(outcomes: Sequence[Outcome]) -> str:
    lines = ["slowest in bf16, against float32:"]
    for gain, outcome in sorted(((o.ratios["bf16"].median, o) for o in outcomes), key=lambda pair: pair[0])[:WORST]:
        spread = cells(outcome.ratios["bf16"])[1]
        times = f"{outcome.arms['bf16'].median:.3g} ms for {outcome.arms['float32'].median:.3g} ms"
        lines.append(f"{outcome.name}: {gain:.2g} ({spread}), {times}")
    return "\n".join(lines)
