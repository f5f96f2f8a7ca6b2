from __future__ import annotations

from typing import Any

import pytest

from mammo_gan.stages.training.lengths import iterations_of


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
