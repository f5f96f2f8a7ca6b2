"""What is odd in OPTIMAM, and which clients of its phantom have it.

Which clients have it follows from their numbers alone, so that a few dozen have it all.

| oddity | clients of the phantom |
|---|---|
| NBSS_<client>.json and IMAGEDB_<client>.json in upper case | every 3rd |
| headers of images as <image>.dcm.json | every 4th |
| a lesion that is marked on the CC view alone, though the MLO view shows it too | every 7th |
| a mark that isn't linked to its lesion | every 6th |
| marks that name their lower left corner first | every 4th |
| a cancer found between two screenings, in an episode without biopsy | every 7th |
| images of a Lorad Selenia at another tube current than 100 mA | every 16th |
| a name that begins with optm instead of demd | 2 of every 5 |

Images come from two devices, in turn.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Those of one client. An oddity of a lesion means nothing for a client without one."""

    upper_case: bool
    long_ending: bool
    one_view_marked: bool
    unlinked: bool
    upwards: bool
    interval_cancer: bool
    other_current: bool
    newer_name: bool


def oddities(number: int) -> Oddities:
    """Of client `number`, from 1."""
    return Oddities(
        upper_case=number % 3 == 0,
        long_ending=number % 4 == 1,
        one_view_marked=number % 7 == 2,
        unlinked=number % 6 == 4,
        upwards=number % 4 == 3,
        interval_cancer=number % 7 == 3,
        other_current=number % 16 == 9,
        newer_name=number % 5 in (1, 3),
    )
