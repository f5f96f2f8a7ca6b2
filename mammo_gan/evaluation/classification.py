"""How well a classifier tells patches apart: F1, precision and recall, and the AUC (alyafi2019_dcgan, 4.6 and 5.2).

Patches of one patient aren't independent, so the intervals are over patients: DeLong's with patients as clusters for
the AUC, percentiles of resampled patients for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo_gan.evaluation.values import described
from mammo_gan.statistics.bootstrap import ratio_by_patient
from mammo_gan.statistics.f1 import THRESHOLD, f1_score
from mammo_gan.statistics.roc import delong, interval

PROTOCOL = "classification"
_LABELS = {"f1": "F1", "precision": "precision", "recall": "recall", "auc": "AUC"}


def compare(
    probabilities: ArrayLike, labels: ArrayLike, patients: Sequence[str], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """F1, precision, recall and AUC of a test set, each with name, label, value, n, interval and note.

    Args:
        probabilities: (N,) of being positive, in [0, 1].
        labels: (N,) 1 = positive, 0 = negative.
        patients: (N,), whose patch it is.
        resamples: of patients, for the intervals of the first three.

    Raises:
        ValueError: they aren't rows of one length, or a label is neither.
    """
    scores, truth = np.asarray(probabilities, np.float64), np.asarray(labels)
    found = f1_score(scores, truth)._asdict()
    if len(patients) != len(truth):
        raise ValueError(f"one patient per patch is needed; got {len(patients)} for {len(truth)} patches")
    positives = int((truth == 1).sum())
    counted = (
        f"{positives:,} positive and {len(truth) - positives:,} negative patches of {len(set(patients)):,} patients"
    )
    missing = [name for name, count in (("positive", positives), ("negative", len(truth) - positives)) if not count]
    if missing:
        note = f"the test set has no {' and no '.join(missing)} patch: {counted}"
        return [_value(name, None, None, len(truth), note) for name in _LABELS]
    areas = delong(scores, truth, patients)
    area, variance = float(areas.aucs[0]), float(areas.covariance[0, 0])
    intervals = dict(_intervals(scores > THRESHOLD, truth == 1, patients, resamples, seed))
    note = f"above {THRESHOLD:g} counts as positive; {counted}"
    return [
        *(_value(name, found[name], intervals[name], len(truth), note) for name in ("f1", "precision", "recall")),
        _value("auc", area, interval(area, variance), len(truth), counted),
    ]


def _value(
    name: str, value: float | None, within: tuple[float, float] | None, patches: int, note: str
) -> dict[str, Any]:
    return described(f"{PROTOCOL}/{name}", _LABELS[name], value, n=patches, interval=within, note=note)


def _intervals(
    called: NDArray[np.bool_], positive: NDArray[np.bool_], patients: Sequence[str], resamples: int, seed: int
) -> Iterator[tuple[str, tuple[float, float] | None]]:
    """Each of the three is a ratio of two counts, F1 = 2 TP / (2 TP + FP + FN); all from the same resamples."""
    hits, calls, truths = (part.astype(np.float64) for part in (called & positive, called, positive))
    for name, numerator, denominator in (
        ("f1", 2 * hits, calls + truths),
        ("precision", hits, calls),
        ("recall", hits, truths),
    ):
        yield name, ratio_by_patient(numerator, denominator, patients, np.random.default_rng(seed), resamples)
