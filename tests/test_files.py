"""What we write appears whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_gan.files import written_whole


def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.json"
    with written_whole(target) as unfinished:
        unfinished.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(target) as unfinished:
        unfinished.write_text("half")
        _ = 1 // 0
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]
