"""A run on a phantom in each archive's layout, from its drawing on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammo_gan.archives import index
from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError
from tests.stages.running import Ran, run

FEW = ("source=phantom", "phantom.patients=8", "phantom.height=172", "phantom.width=94")


def indexed(ran: Ran) -> list[Mammogram]:
    integrity = json.loads((ran.folders["index"] / "integrity.json").read_text(encoding="utf-8"))
    assert not integrity["faults"]
    records = index.read(ran.folders["index"] / "index.parquet")
    assert {record.source for record in records} == {"phantom"}
    return records


def test_cigan_runs_on_cbis_to_its_report(tmp_path: Path) -> None:
    ran = run(tmp_path, "archive=cbis", *FEW)
    assert {record.archive for record in indexed(ran)} == {"cbis"}
    assert all(record.lesions for record in indexed(ran))
    prepared = json.loads((ran.folders["prepare/patches"] / "preparation.json").read_text(encoding="utf-8"))
    # No film is free of lesions, so that healthy tissue comes from those that have one, away from it.
    patches = {row["content"]: row["patches"] for row in prepared["contents"] if row["split"] == "train"}
    assert min(patches.values()) > 0
    assert set(patches) == {"malignant", "benign", "lesion-free"}
    page = (ran.run_folder / "report.html").read_text(encoding="utf-8")
    assert "a phantom archive in the layout of cbis" in page


def test_optimam_is_indexed_and_has_no_masks_for_cigan(tmp_path: Path) -> None:
    pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")
    ran = run(tmp_path, "archive=optimam", "stages=[index]", *FEW)
    assert len(indexed(ran)) == 32
    assert any(lesion.box for record in indexed(ran) for lesion in record.lesions)
    with pytest.raises(UserError, match=r"no malignant patch|mask"):
        run(tmp_path, "archive=optimam", "stages=[prepare/patches]", *FEW, name="prepared")
