"""Patients on two sides, found and named by keyed hashes; archives of the same patients kept apart."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mammo_gan.archives.identity import patient_key
from mammo_gan.archives.leaks import TwoSided, check_archives, check_patients, on_two_sides
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.errors import UserError

REAL = Path(__file__).parents[3] / "shared" / "data" / "cbis_ddsm_official_csv"
KEY = b"k" * 32


def record(patient: str, image: str, split: SplitName | None = None, archive: str = "cbis") -> Mammogram:
    return Mammogram(
        archive=archive, source="disk", image=image, patient=patient, height=9, width=9, bits=8, split=split
    )


def test_who_is_on_two_sides_is_named_by_hash() -> None:
    records = [
        record("secret-1", "a", "train"),
        record("secret-1", "b", "test"),
        record("secret-1", "c"),
        record("secret-2", "d", "train"),
        record("secret-2", "e", "test", archive="other"),  # another archive's patient
        record("secret-3", "f", "val"),
        record("secret-3", "g", "val"),
    ]
    assert on_two_sides(records, KEY) == [TwoSided(patient_key(KEY, records[0]), ("train", "test"), 3)]
    assert "secret" not in str(on_two_sides(records, KEY))
    assert on_two_sides(records[2:], KEY) == []
    official: dict[str, list[SplitName]] = {"secret-3": ["test"], "secret-2": ["train"], "gone": ["train", "test"]}
    found = on_two_sides(records[5:], KEY, official)
    assert found == [TwoSided(patient_key(KEY, records[5]), ("val", "test"), 2)]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"CBIS-DDSM's published tables are not at {REAL}")
def test_the_patients_whom_cbis_ddsm_puts_on_both_sides() -> None:
    tables: dict[str, dict[SplitName, set[str]]] = {}
    records: list[Mammogram] = []
    for kind in ("mass", "calc"):
        for split in ("train", "test"):
            side: SplitName = "train" if split == "train" else "test"
            with (REAL / f"{kind}_case_description_{split}_set.csv").open(newline="") as file:
                patients = [row["patient_id"] for row in csv.DictReader(file)]
            tables.setdefault(kind, {})[side] = set(patients)
            records += [record(patient, f"{kind} {split} {number}", side) for number, patient in enumerate(patients)]
    both = tables["mass"]["train"] & tables["calc"]["test"] | tables["calc"]["train"] & tables["mass"]["test"]
    assert len(both) == 31
    named = on_two_sides(records, KEY)
    assert {patient.patient for patient in named} == {patient_key(KEY, record(patient, "")) for patient in both}
    assert not any(patient in str(named) for patient in both)


@pytest.mark.parametrize(("training", "test"), [(["ddsm"], ["cbis"]), (["mias", "cbis"], ["inbreast", "ddsm"])])
def test_ddsm_and_cbis_ddsm_never_stand_on_two_sides_unless_allowed(training: list[str], test: list[str]) -> None:
    with pytest.raises(UserError, match=r"re-issue of DDSM.* set allow_ddsm_with_cbis=true"):
        check_archives(training, test)
    with pytest.raises(UserError, match=r"set evaluation\.allow=true"):
        check_archives(training, test, override="evaluation.allow")
    (warning,) = check_archives(training, test, allowed=True)
    assert "re-issue of DDSM" in warning


@pytest.mark.parametrize(
    ("training", "test"), [(["ddsm"], ["ddsm"]), (["cbis", "cbis"], ["inbreast"]), ([], ["ddsm"]), (["ddsm"], ["mias"])]
)
def test_other_archives_may_meet(training: list[str], test: list[str]) -> None:
    assert check_archives(training, test) == []


def test_both_on_one_side_is_no_leak() -> None:
    assert check_archives(["ddsm", "cbis"], ["mias"]) == []


def test_patients_of_training_and_test_are_compared_by_their_hashes() -> None:
    hashes = [patient_key(KEY, record(str(number), "")) for number in range(20)]
    check_patients(hashes[:10], hashes[10:], "classifier")
    with pytest.raises(UserError, match=rf"classifier: 1 patients stand in training and test: {hashes[9]}; "):
        check_patients(hashes[:10], hashes[9:], "classifier")
    with pytest.raises(UserError, match=r"classifier: 20 patients .*, \.\.\.; "):
        check_patients(hashes, hashes, "classifier")
