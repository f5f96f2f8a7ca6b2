"""Each of the four reflections, and as often as the others."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mammo_gan.imaging.flips import random_flips

IMAGE = np.arange(6).reshape(2, 3)


def test_left_right_and_up_down_each_with_probability_one_half() -> None:
    mirrored = {
        "neither": IMAGE,
        "left-right": np.fliplr(IMAGE),
        "up-down": np.flipud(IMAGE),
        "both": np.rot90(IMAGE, 2),
    }
    found = Counter(
        name
        for seed in range(4000)
        for name, expected in mirrored.items()
        if np.array_equal(IMAGE[random_flips(np.random.default_rng(seed))], expected)
    )
    assert found.total() == 4000
    assert all(890 < found[name] < 1110 for name in mirrored)  # 1000 expected, standard deviation 27
