"""The fault list, and when it stops a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammo_gan.archives.integrity import Fault, enforce, write
from mammo_gan.errors import UserError

FAULT = Fault("a/film\u00e9.png", "unreadable image", "an image", "5 bytes", "fetch it again")


def test_the_file_names_each_fault(tmp_path: Path) -> None:
    write(tmp_path / "integrity.json", [FAULT], files_seen=7)
    content = json.loads((tmp_path / "integrity.json").read_text(encoding="utf-8"))
    assert content["files_seen"] == 7
    assert content["files_faulty"] == 1
    assert [Fault(**fault) for fault in content["faults"]] == [FAULT]


@pytest.mark.parametrize(
    ("faulty", "seen", "share"), [(0, 0, 0.0), (0, 5, 0.0), (1, 100, 0.01), (4, 5, 0.8), (29, 100, 0.29)]
)
def test_up_to_the_share_a_run_goes_on(faulty: int, seen: int, share: float) -> None:
    enforce([FAULT] * faulty, seen, share)


@pytest.mark.parametrize(("faulty", "seen", "share"), [(1, 99, 0.01), (1, 5, 0.0), (5, 5, 1.0)])
def test_beyond_the_share_and_with_nothing_left_it_stops(faulty: int, seen: int, share: float) -> None:
    with pytest.raises(UserError, match=f"{faulty} of {seen} files are faulty") as error:
        enforce([FAULT] * faulty, seen, share)
    for part in ("max_faulty_share", FAULT.file, FAULT.problem, FAULT.advice, "integrity.json"):
        assert part in str(error.value)
