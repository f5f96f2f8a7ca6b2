"""Which images of a synthetic set are kept, as a table beside it. No image is removed: who reads the set decides.

pruning.csv    a row for each image of the set, in its order: whether it is kept, how far from the real images it lies,
               by which moment most, and how far by each, in their standard deviations
pruning.json   the quantile asked for, the distance that it allows, and how many go by which moment
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.files import write_text
from mammo_gan.synthesis.layout import write_table
from mammo_gan.synthesis.pruning import Pruning

TABLE, SUMMARY = "pruning.csv", "pruning.json"
KEPT, REMOVED = "yes", "no"


def write_pruning(
    folder: Path, images: Sequence[str], pruning: Pruning | None, *, quantile: float | None, real: int, reason: str = ""
) -> None:
    """Write the table and its summary.

    Args:
        images: names of all images of the set.
        pruning: of them; None = all are kept, and `reason` says why.
        real: images that they were compared with.
    """
    rows: list[dict[str, Any]] = []
    moments = () if pruning is None else pruning.moments
    for number, name in enumerate(images):
        row: dict[str, Any] = {"image": name, "kept": KEPT}
        if pruning is not None:
            row |= {
                "kept": KEPT if pruning.kept[number] else REMOVED,
                "distance": f"{pruning.distances[number]:.7g}",
                "farthest": pruning.farthest(number),
                **dict(zip(moments, (f"{value:.7g}" for value in pruning.deviations[number]), strict=True)),
            }
        rows.append(row)
    write_table(folder / TABLE, ("image", "kept", "distance", "farthest", *moments), rows)
    by_moment = Counter(row["farthest"] for row in rows if row["kept"] == REMOVED)
    summary = {
        "quantile": quantile,
        "limit": None if pruning is None else pruning.limit,
        "real": real,
        "images": len(images),
        "removed": by_moment.total(),
        "by_moment": dict(by_moment.most_common()),
        "reason": reason,
    }
    write_text(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")


def read_kept(folder: Path, images: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) bool, which of a set's images are kept.

    Raises:
        UserError: the table is missing, or is of another set.
    """
    table = folder / TABLE
    try:
        with table.open(newline="", encoding="utf-8") as file:
            kept = {row["image"]: row["kept"] == KEPT for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise UserError(f"{table}: expected which images are kept, found {error!r}; run the stage prune") from error
    if list(kept) != list(images):
        raise UserError(
            f"{table}: expected the {len(images)} images of the synthetic set, found {len(kept)} others; run the stage "
            "prune again"
        )
    return np.array(list(kept.values()), dtype=np.bool_)
