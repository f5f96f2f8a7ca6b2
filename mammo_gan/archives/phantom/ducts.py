"""The milk ducts: a few trees that open at the nipple and branch into the gland.

Sizes as anatomy gives them: some ten lobes; main ducts of 1 to 2 mm that end, after several forks, at 0.2 mm.
"""

from __future__ import annotations

import numpy as np

from mammo_gan.archives.phantom.breast import BreastForm
from mammo_gan.archives.phantom.tubes import Tubes, grown

_LOBES = (8, 13)
_OPENING = (1.0, 2.0)  # mm, diameter of a main duct at the nipple
_FINEST = 0.2  # mm, diameter
_FORKS = 4
_MAIN_LENGTH = 0.26  # of the way from nipple to chest wall, to the first fork
_SHORTER = 0.8  # each branch than the one before it
_SPREAD = 1.15  # radians to either side of the line to the chest wall within which main ducts set out
_NODES = 9


def duct_tree(form: BreastForm, rng: np.random.Generator) -> list[Tubes]:
    """The ducts of one film, a set of tubes for each generation of branches."""
    count = int(rng.integers(*_LOBES))
    heading = np.pi + np.linspace(-_SPREAD, _SPREAD, count) + rng.normal(0, 0.08, count)
    start = np.array([form.reach - 2.0, form.nipple_y]) + rng.normal(0, 1.0, (count, 2))
    length = _MAIN_LENGTH * form.reach * rng.uniform(0.6, 1.3, count)
    wide = rng.uniform(*_OPENING, count) / 2
    generations = []
    for fork in range(_FORKS + 1):
        narrow = _FINEST / 2 + (wide - _FINEST / 2) * (0.62 if fork < _FORKS else 0.0)
        x, y, heading = grown(start, heading, length, 0.25, _NODES, rng)
        generations.append(Tubes(x, y, np.linspace(wide, narrow, _NODES, axis=1)))
        # Two branches at each end, one to either side.
        aside = rng.uniform(0.2, 0.65, (len(heading), 2)) * [-1, 1]
        start = np.repeat(np.stack([x[:, -1], y[:, -1]], axis=1), 2, axis=0)
        heading = (heading[:, None] + aside).ravel()
        length = _SHORTER * np.repeat(length, 2) * rng.uniform(0.6, 1.2, 2 * len(length))
        # Both branches together are about as wide in section as the duct that they leave.
        wide = np.maximum(np.repeat(narrow, 2) * rng.uniform(0.65, 0.85, 2 * len(narrow)), _FINEST / 2)
    return generations
