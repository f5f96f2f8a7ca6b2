"""What is wrong with an archive's files, and how much of it a run bears."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mammo_gan.archives.remarks import Remark
from mammo_gan.errors import UserError
from mammo_gan.files import write_text


@dataclass(frozen=True, slots=True)
class Fault:
    """One file that can't be used, in words that its owner can act on.

    An image with a faulty mask or overlay is left out altogether: kept without its lesion it would pass for healthy
    tissue.
    """

    file: str  # posix, relative to the archive's root
    problem: str
    expected: str
    found: str
    advice: str


def told(error: Exception, root: Path) -> str:
    """An error's text with paths relative to `root`, so that a table of faults stays readable."""
    return str(error).replace(f"{root.resolve()}/", "")


def write(path: Path, faults: Sequence[Fault], files_seen: int, remarks: Sequence[Remark] = ()) -> None:
    """Writes `integrity.json`, atomically: {"files_seen", "files_faulty", "faults": [{"file", "problem", ...}],
    "remarks": [{"file", "oddity", "found"}]}."""
    content = {
        "files_seen": files_seen,
        "files_faulty": len(faults),
        "faults": [asdict(fault) for fault in faults],
        "remarks": [asdict(remark) for remark in remarks],
    }
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def enforce(faults: Sequence[Fault], files_seen: int, max_faulty_share: float) -> None:
    """Stops where more than `max_faulty_share` (0 to 1) of the files are faulty, or where none is left.

    Raises:
        UserError: with the first fault and what can be done.
    """
    if not faults:
        return
    if len(faults) < files_seen and len(faults) / files_seen <= max_faulty_share:
        return
    first = faults[0]
    raise UserError(
        f"{len(faults)} of {files_seen} files are faulty, expected a share of at most archive.max_faulty_share="
        f"{max_faulty_share:g}. The first is {first.file}: {first.problem}: expected {first.expected}, found "
        f"{first.found}; {first.advice}. All are named in integrity.json. Mend or remove these files; to go on without "
        "them, raise archive.max_faulty_share"
    )
