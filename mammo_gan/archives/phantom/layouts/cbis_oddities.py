"""What is odd in CBIS-DDSM, and which patients of its phantom have it.

A phantom has each oddity more often than the archive, so that an archive of a dozen patients has them all. Which
patients have it follows from their numbers alone.

| oddity | patients of the phantom | the archive (its tables; issues of its readers) |
|---|---|---|
| in the test set | every 5th | one in five |
| mask and crop change places and names | 2 of every 7 | some folders |
| mask and crop in a series each, both called 000000.dcm in the table | every 4th | 104 of 3568 rows |
| mask of another size than its film, 0.87 of it | every 6th | some masks |
| film, and so its mask, of an odd number of rows and columns: an odd number of bytes | every 6th | some files |
| density 0 in the table | every 11th | 2 rows |
| a lesion of the other type too, in its own collection, with a copy of the film, and on the other side of the
  official split | every 8th | 31 patients on both sides, 71 films in two collections |
| a lesion of the other pathology beside the first on each film | every 8th | 17 films |

A line break ends one of the paths in every row, here as there. A second lesion comes whatever the shares of outcomes
and of masses are, and is left out where the breast has no room for it beside the first.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Those of one patient."""

    tests: bool
    exchanged: bool
    series_apart: bool
    smaller_mask: bool
    odd_bytes: bool
    no_density: bool
    crosses: bool
    both_pathologies: bool


def oddities(number: int) -> Oddities:
    """Of patient `number`, from 1."""
    return Oddities(
        tests=number % 5 == 0,
        exchanged=number % 7 in (1, 4),
        series_apart=number % 4 == 2,
        smaller_mask=number % 6 == 2,
        odd_bytes=number % 6 == 5,
        no_density=number % 11 == 4,
        crosses=number % 8 == 3,
        both_pathologies=number % 8 == 6,
    )
