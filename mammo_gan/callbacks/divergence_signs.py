"""What counts as divergence, in the figures of one update after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mammo_gan.callbacks.divergence_figures import Figures

DECAY = 0.99  # of the running means
LEAP = 10.0  # a value counts in its running mean as at most this many times the mean
SKIPS = 30  # updates in a row
PATIENCE = 100  # times longer while a network's loss is exactly 0


class DivergenceSigns:
    """Looks at each update of a training, in order, and says what is wrong with it.

    - A loss term is NaN or infinite.
    - A term is larger than `explosion` times the running mean of its size, or than `explosion` where that mean is
      below 1. The mean is exponential, over the term's earlier updates, with the bias of its beginning corrected. A
      term's first update can't be judged so, and may have any finite size: losses begin large. One value moves the mean
      as at most ten times the mean; otherwise a loss that doubles in each update would take its mean along, and never
      be far above it.
    - A gradient is NaN or infinite: larger than float32 can hold the square of. With a gradient scaler that happens now
      and then and mends itself; so only 30 updates of a network in a row count, by when the scale has fallen by a
      factor of 1e9 (from 65,536 to 6e-5) and isn't the reason.
    - The gradient of all weights of a network is exactly zero in `dead_updates` updates in a row: dead ReLUs or zero
      weights, out of which no gradient leads. Biases don't count: a dead network's last one still learns a constant.
      Where all of the network's terms are exactly 0, too, there may just be nothing to learn (a hinge loss with every
      margin met, a boundary loss on empty masks), so that must last 100 times as long.

    With several processes, a term's size is that of the largest of them.
    """

    def __init__(self, explosion: float, dead_updates: int) -> None:
        if not explosion > 1:
            raise ValueError(f"explosion is more than 1 time the running mean; got {explosion}")
        if dead_updates < 1:
            raise ValueError(f"dead_updates is at least 1; got {dead_updates}")
        self.explosion = explosion
        self.dead_updates = dead_updates
        self._means: dict[str, tuple[float, int]] = {}  # of each term's size, and the updates that it is of
        self._without_gradient: dict[str, int] = {}  # updates in a row, by network
        self._skipped: dict[str, int] = {}  # likewise

    @property
    def means(self) -> dict[str, float]:
        """Running mean of each term's size, over the updates so far."""
        return {name: mean for name, (mean, _) in self._means.items()}

    def look(self, figures: Figures) -> str | None:
        """What is wrong with an update, as in "discriminator/adversarial was NaN"; None if nothing is."""
        signs = [self._of_term(name, values) for name, values in figures.terms.items()]
        if not any(signs):  # a term at fault explains its gradient
            signs = [self._of_gradient(figures)]
        if seen := ", ".join(sign for sign in signs if sign is not None):
            return seen
        for name, values in figures.terms.items():
            self._learn(name, max(map(abs, values)))
        return None

    def _of_term(self, name: str, values: Sequence[float]) -> str | None:
        if not all(map(math.isfinite, values)):
            return f"{name} was {_kind(values)}{_where([not math.isfinite(value) for value in values])}"
        if name not in self._means:
            return None
        mean, largest = self._means[name][0], max(values, key=abs)
        most = self.explosion * max(1.0, mean)
        if abs(largest) <= most:
            return None
        return f"{name} was {largest:.4g}{_where([abs(value) > most for value in values])} after a mean of {mean:.4g}"

    def _of_gradient(self, figures: Figures) -> str | None:
        network = figures.network
        if not math.isfinite(figures.gradient):
            skips = self._skipped[network] = self._skipped.get(network, 0) + 1
            kind = _kind([figures.gradient])
            if not figures.scaled:
                return f"the {network}'s gradient was {kind}"
            return None if skips < SKIPS else f"the {network}'s gradient was {kind} in {skips} updates in a row"
        self._skipped[network] = 0
        if figures.weight_gradient > 0:
            self._without_gradient[network] = 0
            return None
        updates = self._without_gradient[network] = self._without_gradient.get(network, 0) + 1
        nothing_to_learn = not any(value for values in figures.terms.values() for value in values)
        if updates < self.dead_updates * (PATIENCE if nothing_to_learn else 1):
            return None
        lasting = "" if updates == 1 else f" in {updates} updates in a row"
        return f"the {network} was dead (the gradient of its weights was exactly zero{lasting})"

    def _learn(self, name: str, size: float) -> None:
        mean, updates = self._means.get(name, (size, 0))
        updates += 1
        share = (1 - DECAY) / (1 - DECAY**updates)
        self._means[name] = (mean + share * (min(size, LEAP * max(1.0, mean)) - mean), updates)

    def state_dict(self) -> dict[str, Any]:
        return {
            "means": dict(self._means),
            "without_gradient": dict(self._without_gradient),
            "skipped": dict(self._skipped),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._means = {name: (mean, updates) for name, (mean, updates) in state_dict["means"].items()}
        self._without_gradient = dict(state_dict["without_gradient"])
        self._skipped = dict(state_dict["skipped"])


def _kind(values: Sequence[float]) -> str:
    return "NaN" if any(map(math.isnan, values)) else "infinite"


def _where(faulty: Sequence[bool]) -> str:
    """Which processes, where not all of them."""
    if all(faulty):
        return ""
    ranks = [str(rank) for rank, is_faulty in enumerate(faulty) if is_faulty]
    return f" in process{'es' if len(ranks) > 1 else ''} {', '.join(ranks)}"
