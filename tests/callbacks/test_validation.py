"""When a classifier is validated, by what, and that the training doesn't notice."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score  # type: ignore[import-untyped]

from mammo_gan.callbacks.best import Best, is_unknown
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint
from mammo_gan.callbacks.validation import AUC_NAME, F1_NAME, Validation
from mammo_gan.downstream.classifier import Classifier
from tests.downstream.small import fit, small_classifier, small_data, small_store
from tests.methods.test_base import Rows


def validated(
    folder: Path, iterations: int, every: int, batch_size: int = 7, classifier: Classifier | None = None
) -> tuple[Classifier, list[dict[str, float]]]:
    data, rows = small_data(small_store(folder / "store")), Rows()
    classifier = classifier or small_classifier()
    validation = Validation(list(data.evaluated("val", batch_size)), every, iterations)
    best = AtomicCheckpoint(folder / "checkpoints", every_minutes=None, best=Best(F1_NAME, "max"))
    fit(classifier, data, iterations, [validation, best], logger=[rows], enable_checkpointing=True)
    return classifier, [row for _, row in rows.rows if F1_NAME in row]


def test_every_so_many_batches_and_after_the_last(tmp_path: Path) -> None:
    classifier, rows = validated(tmp_path, 11, 4)
    assert [(row["iteration"], row["images_seen"]) for row in rows] == [(4, 32), (8, 64), (11, 88)]
    (val,) = small_data(small_store(tmp_path / "again")).evaluated("val", 999)
    with torch.no_grad():
        called = classifier.eval()(val.image) > 0
        scores = classifier(val.image)
    assert rows[-1][F1_NAME] == pytest.approx(f1_score(val.label, called, zero_division=0))
    assert rows[-1][AUC_NAME] == pytest.approx(roc_auc_score(val.label, scores))
    names = ("precision", "recall", "f1", "auc")
    assert set(rows[-1]) == {"iteration", "images_seen", *(f"validation/{name}" for name in names)}


def test_the_earliest_of_the_best_is_kept(tmp_path: Path) -> None:
    _, rows = validated(tmp_path, 120, 4)
    scores = [row[F1_NAME] for row in rows]
    assert scores.count(max(scores)) > 1
    kept = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert int(kept["iterations"]) == rows[scores.index(max(scores))]["iteration"]


def test_a_classifier_that_finds_nothing_has_a_best_iteration_too(tmp_path: Path) -> None:
    cautious = small_classifier(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.0))
    network = torch.nn.Sequential(cautious.network, Minus(1e6))
    cautious.network = network
    _, rows = validated(tmp_path, 4, 2, classifier=cautious)
    assert [row[F1_NAME] for row in rows] == [0, 0]
    kept = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert int(kept["iterations"]) == 2


class Minus(torch.nn.Module):
    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits - self.number


def test_the_training_is_that_without_it(tmp_path: Path) -> None:
    data = small_data(small_store(tmp_path / "plain"))
    plain = small_classifier()
    fit(plain, data, 9)
    watched, _ = validated(tmp_path, 9, 1)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name
    assert watched.network.training


def test_its_values_are_announced(tmp_path: Path) -> None:
    trainer = fit(small_classifier(), small_data(small_store(tmp_path)), 3, [Validation([], 10, 99)])
    assert not is_unknown(F1_NAME, trainer)
    assert is_unknown("validation/loss", trainer)
    with pytest.raises(ValueError, match="at least 1"):
        Validation([], 0, 99)
