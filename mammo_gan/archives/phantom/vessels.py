"""Blood vessels: gently winding, tapering, branching; some follow the skin, others come from the chest wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.breast import BreastForm, skin_line
from mammo_gan.archives.phantom.tubes import Tubes, grown

_ALONG_SKIN, _FROM_WALL = (1, 4), (2, 5)  # how many of each
_DIAMETER = (1.0, 2.4)  # mm where they begin
_THINNEST = 0.35  # of it, where they end
_DEPTH = (6.0, 16.0)  # mm below the skin
_BRANCHES = (1, 4)  # of each vessel
_NODES = 60


def vessels(form: BreastForm, rng: np.random.Generator) -> list[Tubes]:
    """The vessels of one film and their branches."""
    trunks = [_under_skin(form, rng), _inwards(form, rng)]
    return [*trunks, *(_branches(each, rng) for each in trunks)]


def _under_skin(form: BreastForm, rng: np.random.Generator) -> Tubes:
    """Trunks that keep their distance from the skin, from the chest wall or the film's top towards the nipple."""
    count = int(rng.integers(*_ALONG_SKIN))
    line = skin_line(form)
    on_film = line[(line[:, 0] > 0) & (line[:, 1] > 0)]
    nipple = int(np.argmax(on_film[:, 0]))
    depth = rng.uniform(*_DEPTH, (count, 1)) + _swing(count, 2.2, rng)
    x, y = np.empty((count, _NODES)), np.empty((count, _NODES))
    for i, upper in enumerate(rng.random(count) < 0.65):
        half = on_film[: nipple + 1] if upper else on_film[nipple:][::-1]
        step = np.hypot(*np.diff(half, axis=0).T)
        travelled = np.concatenate([[0], np.cumsum(step)]) / step.sum()
        part = np.linspace(0, rng.uniform(0.55, 0.9), _NODES)
        x[i], y[i] = (np.interp(part, travelled, half[:, axis]) for axis in (0, 1))
        ahead = np.gradient(x[i]), np.gradient(y[i])
        inwards = (1 if upper else -1) * depth[i] / np.maximum(np.hypot(*ahead), 1e-6)
        x[i], y[i] = x[i] - ahead[1] * inwards, y[i] + ahead[0] * inwards
    return Tubes(x, y, _taper(count, rng))


def _inwards(form: BreastForm, rng: np.random.Generator) -> Tubes:
    """Trunks from the chest wall on a bent way towards the nipple."""
    count = int(rng.integers(*_FROM_WALL))
    t = np.linspace(0, 1, _NODES)
    above = form.nipple_y - (1.0 if form.view == "MLO" else 0.75) * form.half_height
    begin = rng.uniform(above, form.nipple_y + 0.6 * form.half_height, (count, 1))
    end_x = form.reach * rng.uniform(0.45, 0.85, (count, 1))
    end_y = form.nipple_y + rng.uniform(-0.4, 0.4, (count, 1)) * form.half_height
    bend = rng.normal(0, 14, (count, 1))
    x = end_x * t
    y = begin + (end_y - begin) * t + bend * np.sin(np.pi * t) + _swing(count, 2.5, rng)
    return Tubes(x, y, _taper(count, rng))


def _branches(trunks: Tubes, rng: np.random.Generator) -> Tubes:
    count = rng.integers(*_BRANCHES, len(trunks.x))
    trunk = np.repeat(np.arange(len(trunks.x)), count)
    node = rng.integers(_NODES // 5, _NODES - 6, len(trunk))
    start = np.stack([trunks.x[trunk, node], trunks.y[trunk, node]], axis=1)
    ahead = np.arctan2(trunks.y[trunk, node + 4] - start[:, 1], trunks.x[trunk, node + 4] - start[:, 0])
    aside = rng.uniform(0.35, 0.9, len(trunk)) * rng.choice([-1, 1], len(trunk))
    x, y, _ = grown(start, ahead + aside, rng.uniform(15, 45, len(trunk)), 0.5, 30, rng)
    wide = 0.75 * trunks.radius[trunk, node]
    return Tubes(x, y, np.linspace(wide, _THINNEST * wide, 30, axis=1))


def _taper(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    wide = rng.uniform(*_DIAMETER, count) / 2
    return np.linspace(wide, _THINNEST * wide, _NODES, axis=1)


def _swing(count: int, height: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, nodes) mm to one side and the other, as a vessel winds."""
    t = np.linspace(0, 1, _NODES)
    waves = np.zeros((count, _NODES))
    for order in (1.5, 3.0, 5.0, 9.0):
        phase = rng.uniform(0, 2 * np.pi, (count, 1))
        waves += rng.normal(0, height / order, (count, 1)) * np.sin(2 * np.pi * order * t + phase)
    return waves
