"""How often an attribute is read off images as it stands beside them: accuracy, and the AUC of two categories.

Beside each accuracy stands that of who always says the most frequent category of the same images. Images of a patient
aren't independent, so intervals are over patients; each synthetic image is one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.reading_off import Readings
from mammo_gan.evaluation.values import described
from mammo_gan.statistics.bootstrap import interval_by_patient, ratio_by_patient
from mammo_gan.statistics.roc import auc

PROTOCOL = "attribute"


def compare(
    images: str, readings: Readings, owners: Sequence[str], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Accuracy, the most frequent category's, and of two categories the AUC, each as `described`.

    Args:
        images: which they are, such as real or synthetic.
        readings: of one attribute; images of which it isn't known are left out.
        owners: (N,), whose image it is.
        resamples: of owners, for the intervals.
    """
    attribute, categories = readings.attribute, readings.categories
    rows = np.flatnonzero(readings.known >= 0)
    truth, told = readings.known[rows], readings.probabilities[rows]
    whose = [owners[row] for row in rows.tolist()]
    name, label = f"{PROTOCOL}/{images}/{attribute}", f"{attribute} read off {images} images"
    counts = np.bincount(truth, minlength=len(categories))
    shares = ", ".join(f"{count:,} {category}" for category, count in zip(categories, counts.tolist(), strict=True))
    if not rows.size:
        note = f"of no image among the {images} ones the {attribute} is known"
        return [described(f"{name}/accuracy", f"accuracy, {label}", None, n=0, note=note)]
    right = (told.argmax(axis=1) == truth).astype(np.float64)
    rng = np.random.default_rng(seed)
    within = ratio_by_patient(right, np.ones_like(right), whose, rng, resamples)
    note = f"{shares} of {len(set(whose)):,} {'patients' if images == 'real' else 'images'}"
    usual = f"who always says {categories[int(counts.argmax())]}"
    values = [
        described(
            f"{name}/accuracy", f"accuracy, {label}", float(right.mean()), n=rows.size, interval=within, note=note
        ),
        described(f"{name}/chance", f"accuracy by chance, {label}", counts.max() / rows.size, n=rows.size, note=usual),
    ]
    if len(categories) == 2:
        values.append(_area(name, label, told[:, 1], truth, whose, resamples, seed, note))
    return values


def _area(
    name: str,
    label: str,
    scores: NDArray[np.float64],
    truth: NDArray[np.int64],
    owners: Sequence[str],
    resamples: int,
    seed: int,
    note: str,
) -> dict[str, Any]:
    found = auc(scores, truth)
    if np.isnan(found):
        missing = f"all images are of one category: {note}"
        return described(f"{name}/auc", f"AUC, {label}", None, n=len(truth), note=missing)
    rng = np.random.default_rng(seed)
    within = interval_by_patient(lambda rows: auc(scores[rows], truth[rows]), owners, rng, resamples)
    return described(f"{name}/auc", f"AUC, {label}", found, n=len(truth), interval=within, note=note)
