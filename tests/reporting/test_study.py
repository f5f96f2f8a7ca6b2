from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.results import write_results
from mammo_gan.reporting.study import MODES, Gathered, gather
from tests.reporting import examples
from tests.reporting.study_runs import made_at, write_job, write_sweep


def keys(gathered: Gathered) -> list[tuple[int, str, int]]:
    return [(cell.k, cell.mode, cell.fold) for cell in gathered.cells]


def test_every_job_below_the_folders_is_found_once_and_in_order(tmp_path: Path) -> None:
    write_sweep(tmp_path / "late" / "sweep", sizes=(250, 100), modes=("gan", "org"), folds=(1, 0))
    write_job(tmp_path / "single", 100, "aug_gan", 0)
    found = gather([tmp_path / "late", tmp_path / "single", tmp_path])
    assert keys(found) == [
        (100, "org", 0), (100, "org", 1), (100, "gan", 0), (100, "gan", 1), (100, "aug_gan", 0),
        (250, "org", 0), (250, "org", 1), (250, "gan", 0), (250, "gan", 1),
    ]  # fmt: skip
    assert (found.warnings, found.notes, found.others) == ((), (), 0)
    assert {cell.shown.split("/")[0] for cell in found.cells} == {"late", "single"}


def test_of_two_jobs_of_a_cell_the_newest_counts_and_it_is_said(tmp_path: Path) -> None:
    older = write_job(tmp_path / "b", 100, "org", 0, precision="older")
    newer = write_job(tmp_path / "a", 100, "org", 0, precision="newer")
    made_at(older, 1_000)
    made_at(newer, 2_000)
    for _ in range(2):
        found = gather([tmp_path])
        (cell,) = found.cells
        assert cell.results.precision == "newer"
        (note,) = found.notes
        assert "ORG, k = 100, fold 0: found 2 times" in note
        assert "a/results.json, not" in note
        made_at(older, 1_500)


def test_broken_results_are_named_and_left_out(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", sizes=(100,), folds=(0,))
    whole = json.loads((sweep / "0" / "results.json").read_text())
    broken = {
        "1": "{",
        "2": json.dumps(whole | {"settings": whole["settings"] | {"task": "../../mass"}}),
        "3": json.dumps(whole | {"values": whole["values"][1:]}),
        "4": json.dumps(whole | {"settings": whole["settings"] | {"k": 0}}),
        "5": json.dumps(whole | {"settings": whole["settings"] | {"mode": "other"}}),
        "6": json.dumps(whole | {"seed": "one"}),
        "7": "\udcff",
    }
    for name, text in broken.items():
        (sweep / name).mkdir(exist_ok=True)
        (sweep / name / "results.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = gather([sweep])
    assert keys(found) == [(100, "org", 0)]
    assert len(found.warnings) == len(broken)
    for warning, name in zip(sorted(found.warnings), sorted(broken), strict=True):
        assert warning.startswith(f"Left out: sweep/{name}/results.json: expected") or name == "6"
        assert str(tmp_path) not in warning


def test_results_of_other_experiments_are_passed_over(tmp_path: Path) -> None:
    write_job(tmp_path / "job", 100, "org", 0)
    (tmp_path / "other").mkdir()
    write_results(tmp_path / "other" / "results.json", examples.results())
    found = gather([tmp_path])
    assert (len(found.cells), found.others, found.warnings) == (1, 1, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", "paper"), ("source", "disk"), ("archive", "cbis"), ("preset", "improved"), ("seed", 2)],
)
def test_what_may_not_be_averaged_is_refused_and_listed(tmp_path: Path, field: str, value: object) -> None:
    write_sweep(tmp_path / "one", sizes=(100,), folds=(0,))
    write_job(tmp_path / "two" / "0", 100, "org", 1, "mass", **{field: value})
    with pytest.raises(UserError) as refused:
        gather([tmp_path])
    said = str(refused.value)
    assert f"{field}={value}" in said
    assert f"{len(MODES)} with" in said
    assert str(tmp_path / "one") in said
    assert str(tmp_path / "two" / "0") in said
    assert "runs=[FOLDER]" in said
    assert len(gather([tmp_path / "one"]).cells) == len(MODES)


def test_folders_without_jobs_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"found none at .*absent; name one"):
        gather([tmp_path / "absent"])
    with pytest.raises(UserError, match=r"expected results\.json of experiment=dcgan_augmentation"):
        gather([tmp_path])
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(UserError, match="1 are broken: Left out"):
        gather([tmp_path])
