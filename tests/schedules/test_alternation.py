from __future__ import annotations

from typing import Literal

import pytest

from mammo_gan.schedules.alternation import Phase, State, advance, check_due


def phase(
    network: Literal["generator", "discriminator"] = "discriminator",
    until: float | None = 0.3,
    steps_per_check: int = 1,
    max_steps: int = 4,
) -> Phase:
    return Phase(
        name=network,
        network=network,
        terms=("adversarial",),
        solver=network,
        until=until,
        steps_per_check=steps_per_check,
        max_steps=max_steps,
    )


def test_turns_by_hand() -> None:
    phases = (phase("discriminator"), phase("generator", max_steps=3))
    table = [
        # loss of the step, then (phase, steps) after it
        (0.70, (0, 1)),
        (0.31, (0, 2)),
        (0.30, (1, 0)),  # fell: the generator's turn
        (0.29, (0, 0)),  # one step is enough
        (0.90, (0, 1)),
        (0.90, (0, 2)),
        (0.90, (0, 3)),
        (0.90, (1, 0)),  # four steps: bounded
        (0.90, (1, 1)),
        (0.90, (1, 2)),
        (0.90, (0, 0)),  # three steps: bounded
    ]
    state = State()
    for loss, after in table:
        assert check_due(phases, state)
        state = advance(phases, state, loss)
        assert (state.phase, state.steps) == after


def test_the_published_round_by_hand() -> None:
    phases = (
        phase("discriminator", steps_per_check=5, max_steps=1000),
        phase("generator"),
        phase("generator", until=None, max_steps=10),
        phase("generator", until=None, max_steps=10),
    )
    means = {10: 0.2, 11: 0.1}  # steps of the round whose check finds a low mean: the 2nd of D, the 1st of G
    state, sequence = State(), []
    for step in range(1, 32):
        sequence.append(state.phase)
        state = advance(phases, state, means.get(step, 0.9) if check_due(phases, state) else None)
    assert sequence == [0] * 10 + [1] + [2] * 10 + [3] * 10
    assert state == State(0, 0)


def test_a_check_is_due_at_the_end_of_each_group_of_steps() -> None:
    phases = (phase(steps_per_check=5, max_steps=100),)
    due = [check_due(phases, State(0, steps)) for steps in range(11)]
    assert [index for index, is_due in enumerate(due) if is_due] == [4, 9]
    assert not check_due((phase(until=None),), State())


def test_a_loss_that_is_no_number_ends_a_burst_by_its_bound_only() -> None:
    phases = (phase(max_steps=3), phase("generator"))
    state = State()
    for _ in range(3):
        assert state.phase == 0
        state = advance(phases, state, float("nan"))
    assert state == State(1, 0)


def test_refuses_phases_without_steps_or_terms() -> None:
    with pytest.raises(ValueError, match="a step and a term at least"):
        phase(max_steps=0)
    with pytest.raises(ValueError, match="a step and a term at least"):
        phase(steps_per_check=0)
    with pytest.raises(ValueError, match="generator or discriminator"):
        phase("critic")  # type: ignore[arg-type]
