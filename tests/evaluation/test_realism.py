from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.evaluation.realism import write_sample


def test_patches_are_drawn_and_written_grey_level_by_grey_level(tmp_path: Path) -> None:
    levels = np.arange(20, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)  # one a patch
    counts = write_sample({"real": levels / 255, "synthetic": levels[:2] / 255}, 5, tmp_path, seed=0)
    assert counts == {"real": 5, "synthetic": 2}
    written = {path.name: np.asarray(Image.open(path)) for path in sorted(tmp_path.iterdir())}
    assert list(written) == [*(f"real_{k:03d}.png" for k in range(5)), "synthetic_000.png", "synthetic_001.png"]
    for picture in written.values():
        assert picture.shape == (4, 4)
        assert picture.dtype == np.uint8
        assert np.ptp(picture) == 0
    assert len({int(picture[0, 0]) for name, picture in written.items() if name.startswith("real")}) == 5


def test_both_groups_are_needed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="group synthetic"):
        write_sample({"real": np.zeros((3, 4, 4), np.float32)}, 2, tmp_path, seed=0)
