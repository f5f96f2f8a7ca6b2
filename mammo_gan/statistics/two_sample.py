"""A classifier's two-sample test: can a linear model tell two sets of features apart (Lopez-Paz and Oquab 2017)?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo_gan.statistics.logistic import fit
from mammo_gan.statistics.roc import delong, interval

FOLDS = 5


class Separability(NamedTuple):
    """auc:      of held-out scores, in [0, 1]; 0.5 = the sets can't be told apart, 1 = every time
    interval: of 95 % (or another share), DeLong's; None where it can't be known, as with an AUC of 1
    """

    auc: float
    interval: tuple[float, float] | None


def separability(
    features1: ArrayLike,
    features2: ArrayLike,
    rng: np.random.Generator,
    groups1: Sequence[str] | None = None,
    groups2: Sequence[str] | None = None,
    folds: int = FOLDS,
    penalty: float = 1.0,
    confidence: float = 0.95,
) -> Separability:
    """AUC of cross-validated logistic regression that tells features (N, D) from features (M, D).

    The scores of all folds are pooled. Folds share most of their training rows and so aren't independent of each
    other; DeLong's interval takes the scores as given and leaves that out.

    Args:
        groups1, groups2: whose rows they are (the patient of a real image; the parent's patient of a synthetic one).
            A group stays in one fold, across both sets, and counts as one in the interval. None = each row its own.
        penalty: of the ridge, for standardised features.

    Raises:
        ValueError: if the widths differ, a value isn't finite, or there are fewer groups than folds in a set.
    """
    f1, f2 = np.asarray(features1, np.float64), np.asarray(features2, np.float64)
    if f1.ndim != 2 or f2.ndim != 2 or f1.shape[1] != f2.shape[1]:
        raise ValueError(f"features of shapes (N, D) and (M, D) are needed; got {f1.shape} and {f2.shape}")
    features, label = np.concatenate([f1, f2]), np.repeat([False, True], [len(f1), len(f2)])
    names = [*_named(groups1, len(f1), "1"), *_named(groups2, len(f2), "2")]
    groups = np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1)
    fold = _dealt(groups, label, folds, rng)
    scores = np.empty(len(features))
    for k in range(folds):
        held_out = fold == k
        scores[held_out] = fit(features[~held_out], label[~held_out], penalty).scores(features[held_out])
    areas = delong(scores, label, groups)
    area = float(areas.aucs[0])
    return Separability(area, interval(area, float(areas.covariance[0, 0]), confidence))


def _named(groups: Sequence[str] | None, count: int, prefix: str) -> list[str]:
    """Names that rows of the other set don't have, unless they were given."""
    if groups is None:
        return [f"{prefix}\0{k}" for k in range(count)]
    if len(groups) != count:
        raise ValueError(f"one group per row is needed; got {len(groups)} for {count} rows")
    return [f"\0{group}" for group in groups]


def _dealt(
    groups: NDArray[np.intp], label: NDArray[np.bool_], folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """(N + M,) the fold of each row; the groups of each set are dealt evenly, those of both sets first."""
    count = int(groups.max()) + 1
    in_first = np.bincount(groups[~label], minlength=count) > 0
    in_second = np.bincount(groups[label], minlength=count) > 0
    if not 2 <= folds <= min(in_first.sum(), in_second.sum()):
        raise ValueError(f"{folds} folds need as many groups in each set; got {in_first.sum()} and {in_second.sum()}")
    fold_of_group = np.empty(count, dtype=np.intp)
    in_both = in_first & in_second
    for kind, start in ((in_both, 0), (in_first & ~in_both, in_both.sum()), (in_second & ~in_both, in_both.sum())):
        members = rng.permutation(np.flatnonzero(kind))
        fold_of_group[members] = (start + np.arange(len(members))) % folds
    return fold_of_group[groups]
