from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mammo_gan.data.mammograms import MammogramData
from mammo_gan.errors import UserError
from mammo_gan.stages.training.lengths import iterations_of
from tests.data import mammogram_store
from tests.methods.small_mammogan import SCHEDULE, SCHEMA


class Data:
    training_images = 10


@pytest.mark.parametrize(
    ("training", "method", "expected"),
    [
        ({"iterations": 7, "batch_size": 4}, {}, 7),
        ({"iterations": 7, "epochs": None, "batch_size": 4}, {"pretraining_iterations": 3}, 10),
        ({"iterations": None, "epochs": 2, "batch_size": 4}, {"training_images": None}, 5),
        ({"epochs": 3, "batch_size": 4}, {"training_images": None}, 8),  # 30 images are 7.5 batches
        ({"epochs": 3, "batch_size": 4}, {"training_images": 4}, 3),
    ],
)
def test_epochs_and_iterations(training: dict[str, Any], method: dict[str, Any], expected: int) -> None:
    assert iterations_of(training, method, Data()) == expected  # type: ignore[arg-type]


def test_the_paper_trains_for_83610_iterations() -> None:
    """alyafi2019, 5.1 and facts of 3.5: 1000 epochs of 5,351 lesions in batches of 64."""

    class Lesions:
        training_images = 5351

    assert iterations_of({"epochs": 1000, "batch_size": 64}, {}, Lesions()) == 83_610  # type: ignore[arg-type]


def test_a_growing_gan_lasts_as_its_schedule_walks(tmp_path: Path) -> None:
    """11 images an epoch: 24 in batches of 8, the others in batches of 4."""
    data = MammogramData(mammogram_store.write(tmp_path), SCHEDULE, SCHEMA, seed=1)
    assert iterations_of({"epochs": 7, "more": 24, "iterations": None}, {}, data) == 3 + -(-(101 - 24) // 4)
    with pytest.raises(UserError, match=r"more=3 are 80 images, .* to 20x16 px; 20x16 .* after 80.*more=23 or more"):
        iterations_of({"epochs": 7, "more": 3}, {}, data)
    with pytest.raises(UserError, match="grow to 10x8 px"):
        iterations_of({"epochs": 5, "more": 0}, {}, data)
