from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from mammo_gan.callbacks.divergence_figures import Figures
from mammo_gan.callbacks.divergence_signs import DECAY, SKIPS, DivergenceSigns

NAME = "discriminator/penalty"


def figures(*values: float, gradient: float = 1.0, weights: float = 1.0, scaled: bool = False) -> Figures:
    """One term, a value a process."""
    return Figures(terms={NAME: values}, gradient=gradient, weight_gradient=weights, scaled=scaled)


def look(signs: DivergenceSigns, *updates: Figures) -> list[str | None]:
    return [signs.look(update) for update in updates]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([math.nan], "discriminator/penalty was NaN"),
        ([-math.inf], "discriminator/penalty was infinite"),
        ([math.inf, math.nan], "discriminator/penalty was NaN"),
        ([1.0, math.nan], "discriminator/penalty was NaN in process 1"),
        ([math.inf, 1.0, math.inf], "discriminator/penalty was infinite in processes 0, 2"),
    ],
)
def test_a_term_that_is_no_number(values: list[float], said: str) -> None:
    assert DivergenceSigns(1000, 1).look(figures(*values)) == said


def test_every_faulty_term_is_named() -> None:
    both = Figures(
        terms={"generator/a": [math.nan], "generator/b": [1.0], "generator/c": [math.inf]},
        gradient=math.nan,
        weight_gradient=math.nan,
    )
    assert DivergenceSigns(1000, 1).look(both) == "generator/a was NaN, generator/c was infinite"


@pytest.mark.parametrize(("gradient", "kind"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_a_gradient_that_is_no_number(gradient: float, kind: str) -> None:
    seen = DivergenceSigns(1000, 1).look(figures(1.0, gradient=gradient, weights=gradient))
    assert seen == f"the discriminator's gradient was {kind}"


def test_an_explosion_is_a_multiple_of_the_mean() -> None:
    signs = DivergenceSigns(1000, 1)
    assert look(signs, *[figures(20.0)] * 5, figures(-19_999.0)) == [None] * 6
    signs = DivergenceSigns(1000, 1)
    assert look(signs, *[figures(20.0)] * 5)[-1] is None
    assert signs.look(figures(-20_001.0)) == "discriminator/penalty was -2e+04 after a mean of 20"
    assert signs.means == {NAME: 20.0}  # what has exploded isn't learned from


def test_a_small_mean_counts_as_one() -> None:
    signs = DivergenceSigns(1000, 1)
    assert look(signs, figures(1e-6), figures(999.0)) == [None, None]
    signs = DivergenceSigns(1000, 1)
    assert look(signs, figures(1e-6), figures(1001.0))[1] is not None


def test_the_largest_process_counts() -> None:
    signs = DivergenceSigns(10, 1)
    assert look(signs, figures(1.0, 2.0), figures(1.0, 19.0)) == [None, None]
    assert str(signs.look(figures(1.0, 200.0))).startswith("discriminator/penalty was 200 in process 1 after a mean of")


@pytest.mark.parametrize("first", [480.0, 1e5, 1e20])
def test_losses_may_begin_large_and_fall(first: float) -> None:
    signs = DivergenceSigns(1000, 1)
    assert not any(look(signs, *(figures(first * 0.7**k + random.Random(k).random()) for k in range(300))))


@pytest.mark.parametrize("growth", [1.2, 2.0, 30.0, 1e4])
def test_steady_growth_does_not_take_the_mean_along(growth: float) -> None:
    """It is seen while the loss is still far from float32's end."""
    signs = DivergenceSigns(1000, 1)
    look(signs, *[figures(1.0)] * 200)
    values = (growth**k for k in range(1, 10_000))
    assert next(value for value in values if signs.look(figures(value))) < 1e8


def test_the_running_mean_is_a_weighted_mean_of_all_updates() -> None:
    sizes = np.random.default_rng(0).uniform(1, 5, 250)
    signs = DivergenceSigns(1000, 1)
    look(signs, *(figures(float(size)) for size in sizes))
    weights = DECAY ** np.arange(len(sizes))[::-1]
    assert signs.means[NAME] == pytest.approx(np.average(sizes, weights=weights), rel=1e-12)


def test_death_takes_as_many_updates_as_it_is_told() -> None:
    dead, alive = figures(0.7, weights=0.0), figures(0.7, weights=1e-9)
    said = "the discriminator was dead (the gradient of its weights was exactly zero"
    assert look(DivergenceSigns(1000, 1), alive, dead) == [None, f"{said})"]
    assert look(DivergenceSigns(1000, 3), dead, dead, alive, dead, dead) == [None] * 5
    assert look(DivergenceSigns(1000, 3), dead, dead, dead)[-1] == f"{said} in 3 updates in a row)"


def test_networks_die_each_for_itself() -> None:
    signs = DivergenceSigns(1000, 2)
    other = Figures(terms={"generator/adversarial": [0.7]}, gradient=1.0, weight_gradient=1.0)
    assert look(signs, figures(0.7, weights=0.0), other)[-1] is None
    assert signs.look(figures(0.7, weights=0.0)) is not None


def test_a_loss_of_zero_may_have_nothing_to_teach() -> None:
    idle = figures(0.0, gradient=0.0, weights=0.0)
    assert look(DivergenceSigns(1000, 1), *[idle] * 99, figures(0.1), *[idle] * 99) == [None] * 199
    assert look(DivergenceSigns(1000, 1), *[idle] * 100)[-1] is not None


def test_a_scaler_may_skip_steps_but_not_for_ever() -> None:
    skipped = figures(1.0, gradient=math.inf, weights=math.inf, scaled=True)
    signs = DivergenceSigns(1000, 1)
    assert look(signs, *[skipped] * (SKIPS - 1), figures(1.0, scaled=True), *[skipped] * (SKIPS - 1)) == [None] * 59
    assert signs.look(skipped) == "the discriminator's gradient was infinite in 30 updates in a row"
    nan = figures(math.nan, gradient=math.inf, weights=math.inf, scaled=True)
    assert DivergenceSigns(1000, 1).look(nan) == "discriminator/penalty was NaN"


def test_state_goes_on_where_it_was() -> None:
    source = random.Random(3)
    updates = [
        figures(source.random(), gradient=source.choice([1.0, math.inf]), weights=0.0, scaled=True) for _ in range(40)
    ]
    whole, first, second = (DivergenceSigns(1000, 50) for _ in range(3))
    look(whole, *updates)
    look(first, *updates[:17])
    second.load_state_dict(first.state_dict())
    look(second, *updates[17:])
    assert second.state_dict() == whole.state_dict()


@pytest.mark.parametrize("settings", [{"explosion": 1.0}, {"explosion": math.nan}, {"dead_updates": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        DivergenceSigns(**{"explosion": 1000.0, "dead_updates": 1} | settings)
