"""Which network trains next, and on what: cyclic phases that end by loss or by length (wu2018_cigan, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A burst of steps of one network.

    Args:
        name: shown while it runs.
        network: the one that is trained.
        terms: names of the losses that are summed.
        solver: name of the optimiser; phases that give the same name share its state.
        until: the burst ends when the mean adversarial loss since the last check is at most this; None = by max_steps.
        steps_per_check: steps between two looks at the loss.
        max_steps: the burst ends after this many in any case, or training could hang in it.
    """

    name: str
    network: Literal["generator", "discriminator"]
    terms: Sequence[str]
    solver: str
    until: float | None
    steps_per_check: int
    max_steps: int

    def __post_init__(self) -> None:
        if self.network not in ("generator", "discriminator"):
            raise ValueError(f"phase {self.name}: network is generator or discriminator, not {self.network}")
        if self.steps_per_check < 1 or self.max_steps < 1 or not self.terms:
            raise ValueError(f"phase {self.name}: expected a step and a term at least, got {self}")


@dataclass(frozen=True, slots=True)
class State:
    """Where the alternation is: the phase's index, and the steps done in this burst."""

    phase: int = 0
    steps: int = 0


def check_due(phases: Sequence[Phase], state: State) -> bool:
    """Whether the loss is looked at after the coming step. Reading it waits for the device, so only then is it read."""
    phase = phases[state.phase]
    return phase.until is not None and (state.steps + 1) % phase.steps_per_check == 0


def advance(phases: Sequence[Phase], state: State, loss: float | None) -> State:
    """The state after one more step.

    Args:
        phases: gone through in order, again and again.
        state: before the step.
        loss: mean since the last check where one was due, else None. A loss that isn't a number doesn't end a burst.
    """
    phase = phases[state.phase]
    steps = state.steps + 1
    fell = phase.until is not None and loss is not None and loss <= phase.until
    if fell or steps >= phase.max_steps:
        return State((state.phase + 1) % len(phases), 0)
    return State(state.phase, steps)
