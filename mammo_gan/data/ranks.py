"""In which order patients and images enter training sets of given sizes.

A store knows them by keyed hashes alone, and the key is another one on each machine. An order drawn from those would
make another training set of the same archive everywhere, so it is drawn from the archive's own names before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Mammogram
from mammo_gan.archives.splits import place_of


class Ranks(NamedTuple):
    """Keyed hash -> rank from 0. Of two, the same comes first whichever others there are."""

    patients: Mapping[str, int]
    images: Mapping[str, int]

    def of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of an image store's table with the ranks of its patient and its image."""
        ranks = {"patient_rank": self.patients[row["patient_key"]], "image_rank": self.images[row["image_key"]]}
        return {**row, **ranks}


def ranks(records: Sequence[Mammogram], key: bytes, seed: int) -> Ranks:
    """The ranks of all patients and images of `records`, in an order that `seed` draws.

    Args:
        key: of the hashes of patient and image.
    """
    patients = {(f"{record.archive}:{record.patient}", patient_key(key, record)) for record in records}
    images = {(f"{record.archive}:{record.image}", image_key(key, record)) for record in records}
    return Ranks(_ranked(patients, seed, "training sizes"), _ranked(images, seed, "normal tissue"))


def _ranked(named: Iterable[tuple[str, str]], seed: int, purpose: str) -> dict[str, int]:
    ordered = sorted(named, key=lambda pair: (place_of(pair[0], seed, purpose), pair[0]))
    return {hashed: rank for rank, (_, hashed) in enumerate(ordered)}
