"""Images per second and peak memory of MammoGAN's step with the original's widths: ours, and a plain eager loop.

A step is one of the critic, with its gradient penalty, and one of the generator, of a stage that has faded in. The
plain loop is what one writes first: upscaling and halving on their own, PyTorch's own convolutions and memory order,
float32, Adam as it comes, and no thought of which gradients nobody needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import Tensor

from mammo_gan.losses.wasserstein import WassersteinLoss, gradient_penalty
from mammo_gan.methods.base import frozen
from mammo_gan.networks.mammogan import Critic, Generator, stage_widths
from mammo_gan.stages.command.groups import conf_folder
from tests.bench import memory
from tests.bench.runner import Benchmark
from tests.bench.training_step import now

# In bfloat16 with the penalty in float32, as conf/method/mammogan.yaml has it, and two other ways.
OURS, PLAIN, OURS_HALF, OURS_FLOAT32 = "ours", "plain loop", "ours, penalty in bf16 too", "ours, float32"
GOAL, GOAL_FROM = 1.5, 5  # times the plain loop, and the first stage that must reach it: of 128 px or more
# Images, by stage: few where they are counted one by one, and as many as keep a GPU busy.
BATCHES = {"cpu": (32, 32, 16, 16, 8, 4, 4), "cuda": (512, 512, 256, 128, 64, 32, 16, 16, 16)}
DRIFT, PENALTY = 0.001, 10.0


class Size(NamedTuple):
    """Images of a stage; `base` is (height, width) of stage 0 in px."""

    base: tuple[int, int]
    stage: int

    def __str__(self) -> str:
        height, width = (side * 2**self.stage for side in self.base)
        return f"{height}x{width} px"


SIZES = [Size(base, stage) for stage in range(1, 7) for base in ((4, 4), (5, 4))]
LARGE = [Size((5, 4), 7), Size((5, 4), 8)]  # beyond what a CPU trains


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Squares of 8 to 256 px and 10x8 to 320x256, on a GPU to 1280x1024, smallest first; `quick` ends at 40x32."""
    del scratch
    device = found_device()
    all_sizes = SIZES + LARGE if device.type == "cuda" else SIZES
    for size in all_sizes[:6] if quick else all_sizes:
        name = f"MammoGAN step, {size}, batch {BATCHES[device.type][size.stage]}"
        yield Benchmark(
            name=name,
            unit="images/s",
            arms={arm: Arm(arm, size, device) for arm in (OURS, PLAIN, OURS_HALF, OURS_FLOAT32)},
            blocks=2 if quick else 3,
            floor=GOAL if size.stage >= GOAL_FROM else None,
        )
        told = [str(number) for number in (*size.base, size.stage)]
        peaks = {arm: memory.in_a_process("tests.bench.mammogan_step", arm, *told) for arm in (OURS, PLAIN)}
        yield Benchmark(name=f"{name}, peak memory of the process", unit="MiB", arms=peaks, blocks=1)


class Networks:
    """A pair to train, and the noise that its training draws.

    Args:
        size: that they are trained at; they have no finer stages.
        fused: the stages whose scaling is part of a convolution.
        widths: of the stages up to this; None = the original's.
    """

    def __init__(
        self,
        size: Size,
        device: torch.device,
        fused: Sequence[bool] | bool = False,
        widths: tuple[int, ...] | None = None,
    ) -> None:
        torch.manual_seed(1)
        self.size, self.device = size, device
        widths = widths or stage_widths(size.stage + 1)
        settings: dict[str, Any] = {"base": size.base, "stages": size.stage + 1, "widths": widths, "fused": fused}
        self.generator = Generator(**settings).to(device)
        self.critic = Critic(**settings, final_width=widths[0]).to(device)
        self.noise = torch.Generator(device).manual_seed(2)

    def draw(self, z: Tensor) -> Tensor:
        """(B, 512) to (B, 1, H, W)."""
        image: Tensor = self.generator(z, stage=self.size.stage, alpha=1.0)
        return image

    def score(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) to (B,)."""
        score: Tensor = self.critic(image, stage=self.size.stage, alpha=1.0).score
        return score

    def latents(self, count: int) -> Tensor:
        """(count, 512)."""
        return torch.randn(count, self.generator.latent, generator=self.noise, device=self.device)


class Arm:
    """A form of training. A call is a block, which gives images/s; the first one makes the networks."""

    def __init__(self, name: str, size: Size, device: torch.device, steps: int | None = None) -> None:
        self.name, self.size, self.device = name, size, device
        self.steps = steps or {"cpu": 1, "cuda": 20}[device.type]

    @cached_property
    def step(self) -> Callable[[Tensor], None]:
        """On real images (B, 1, H, W)."""
        if self.name == PLAIN:
            return plain_step(Networks(self.size, self.device))
        networks = Networks(self.size, self.device, list(configured().generator.fused)[: self.size.stage + 1])
        return our_step(networks, half=self.name != OURS_FLOAT32, half_penalty=self.name == OURS_HALF)

    def __call__(self) -> float:
        images = BATCHES[self.device.type][self.size.stage]
        real = images_of(self.size, images).to(self.device)
        step = self.step
        start = now(self.device)
        for _ in range(self.steps):
            step(real)
        return self.steps * images / (now(self.device) - start)


def images_of(size: Size, count: int) -> Tensor:
    """(count, 1, H, W) of noise in [-1, 1]."""
    height, width = (side * 2**size.stage for side in size.base)
    return 2 * torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(1)) - 1


@cache
def configured() -> DictConfig:
    """MammoGAN's settings at the paper's scale."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        method: DictConfig = compose("config", ["experiment=mammogan_optimam"]).method
    return method


def our_step(networks: Networks, half: bool, half_penalty: bool = False) -> Callable[[Tensor], None]:
    """The project's networks and losses; `half` = in bfloat16, but for the penalty unless `half_penalty`."""
    loss, device = WassersteinLoss(), networks.device
    for network in (networks.generator, networks.critic):
        network.to(memory_format=torch.channels_last)
    critic_steps, generator_steps = (
        torch.optim.Adam(network.parameters(), lr=1.5e-3, betas=(0.0, 0.99), fused=True)
        for network in (networks.critic, networks.generator)
    )

    def precision() -> AbstractContextManager[object]:
        return torch.autocast(device.type, torch.bfloat16) if half else nullcontext()

    def step(real: Tensor) -> None:
        real = real.contiguous(memory_format=torch.channels_last)
        with precision():
            with torch.no_grad():
                synthetic = networks.draw(networks.latents(len(real)))
            scores = networks.score(real), networks.score(synthetic)
            penalty = gradient_penalty(
                networks.score, real, synthetic, source=networks.noise, in_float32=not half_penalty
            )
        critic_steps.zero_grad()
        total = loss.critic(*scores) + DRIFT * loss.drift(scores[0]) + PENALTY * penalty
        torch.autograd.backward(total)
        critic_steps.step()
        with frozen(networks.critic):
            with precision():
                deceived = networks.score(networks.draw(networks.latents(len(real))))
            generator_steps.zero_grad()
            torch.autograd.backward(loss.generator(deceived))
        generator_steps.step()

    return step


def plain_step(networks: Networks) -> Callable[[Tensor], None]:
    """The same by PyTorch's defaults."""
    critic_steps, generator_steps = (
        torch.optim.Adam(network.parameters(), lr=1.5e-3, betas=(0.0, 0.99))
        for network in (networks.critic, networks.generator)
    )

    def step(real: Tensor) -> None:
        synthetic = networks.draw(networks.latents(len(real))).detach()
        on_real, on_synthetic = networks.score(real), networks.score(synthetic)
        share = torch.rand(len(real), 1, 1, 1, generator=networks.noise, device=real.device)
        between = (real + share * (synthetic - real)).requires_grad_()
        (slope,) = torch.autograd.grad(networks.score(between).sum(), between, create_graph=True)
        penalty = ((slope.square().sum((1, 2, 3)).sqrt() - 1) ** 2).mean()
        critic_steps.zero_grad()
        total = on_synthetic.mean() - on_real.mean() + DRIFT * (on_real**2).mean() + PENALTY * penalty
        torch.autograd.backward(total)
        critic_steps.step()
        generator_steps.zero_grad()
        torch.autograd.backward(-networks.score(networks.draw(networks.latents(len(real)))).mean())
        generator_steps.step()

    def with_torchs_convolutions(real: Tensor) -> None:
        with mock.patch("mammo_gan.networks.equalised.conv2d", F.conv2d):
            step(real)

    return with_torchs_convolutions


def found_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    Arm(sys.argv[1], Size((int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4])), found_device(), steps=2)()
    print(memory.peak(found_device()))
