"""A phantom in CBIS-DDSM's layout: read back by that archive's reader, and each of its oddities found in the files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo_gan.archives.auto import Auto
from mammo_gan.archives.cbis import CBIS
from mammo_gan.archives.index import build
from mammo_gan.archives.phantom import second_lesion
from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.layouts.cbis import CBISLayout
from mammo_gan.archives.phantom.mammogram import PhantomFilm, draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, Patient, draw_patient
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.imaging.dicom import read_dicom

HEIGHT, WIDTH, SEED, PATIENTS = 128, 70, 3, 12
REAL = Path(__file__).parents[5] / "shared" / "data" / "cbis_ddsm_official_csv"
TABLES = [f"{kind}_case_description_{part}_set.csv" for kind in ("calc", "mass") for part in ("test", "train")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "cbis"
    PhantomArchive(CBISLayout())(folder, PATIENTS, HEIGHT, WIDTH, "lumisys", SEED)
    return folder


@pytest.fixture(scope="module")
def records(root: Path) -> list[Mammogram]:
    found, faults = build(CBIS(), root, "phantom", jobs=1)
    assert not faults
    return found


def rows(root: Path, table: str) -> list[dict[str, str]]:
    with (root / table).open(newline="", encoding="ascii") as file:
        return list(csv.DictReader(file))


def all_rows(root: Path) -> list[dict[str, str]]:
    return [row for table in TABLES for row in rows(root, table)]


def lesion_folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each lesion's folder and its files, in the order of their paths."""
    for folder in sorted((root / "CBIS-DDSM").iterdir()):
        if folder.name[-1].isdigit():
            yield folder, sorted(folder.rglob("*.dcm"))


def is_mask(file: Path) -> bool:
    return set(np.unique(read_dicom(file))) == {0, 65535}


def patient_of(record: Mammogram) -> Patient:
    return draw_patient(int(record.patient[3:]), SEED, {"benign": 0.5, "malignant": 0.5}, DENSITIES, 0.6)


def drawn(record: Mammogram) -> tuple[Patient, PhantomFilm]:
    patient = patient_of(record)
    assert record.laterality is not None
    assert record.view is not None
    return patient, draw_film(patient, record.laterality, record.view, Grid(HEIGHT, WIDTH), SEED)


def extent(mask: np.ndarray) -> Box:
    rows_in, columns_in = np.nonzero(mask)
    return Box(int(columns_in.min()), int(rows_in.min()), int(columns_in.max()) + 1, int(rows_in.max()) + 1)


def corners(box: Box) -> tuple[int, int, int, int]:
    return box.x0, box.y0, box.x1, box.y1


def test_the_reader_of_cbis_reads_what_was_drawn(root: Path, records: list[Mammogram]) -> None:
    assert len(records) == 2 * PATIENTS
    for record in records:
        patient, film = drawn(record)
        assert patient.finding is not None
        assert film.lesion is not None
        assert record.laterality == patient.affected
        assert record.density in (patient.density, None)
        numbered = {lesion.kind: lesion for lesion in reversed(record.lesions)}  # a type's first lesion is her own
        lesion = numbered[patient.finding.kind]
        assert (lesion.pathology, lesion.assessment) == (patient.finding.pathology, patient.finding.assessment)
        assert lesion.description.startswith(patient.finding.lesion_type)
        height, width = record.height, record.width
        assert (HEIGHT - height, WIDTH - width) in {(0, 0), (1, 1)}
        shown = np.zeros((HEIGHT, WIDTH), bool)
        shown[:height, :width] = CBIS().mask(root, record, lesion)
        if "resampled" in lesion.description:
            assert lesion.box is not None
            np.testing.assert_allclose(corners(lesion.box), corners(extent(film.lesion)), atol=2)
            assert (shown & film.lesion).sum() > 0.9 * film.lesion.sum()
        else:
            np.testing.assert_array_equal(shown, film.lesion)
            assert lesion.box == extent(film.lesion)
        pixels = CBIS().pixels(root, record).astype(int)
        assert np.abs(pixels - film.intensity[:height, :width])[film.lesion[:height, :width]].max() <= 12
        if len(record.lesions) == 1:
            assert np.abs(pixels - film.intensity[:height, :width]).max() <= 12  # half a digit of the scanner


def test_both_views_of_each_patient_and_none_without_lesion(records: list[Mammogram]) -> None:
    views: dict[str, set[str | None]] = {}
    for record in records:
        assert record.lesions
        views.setdefault(record.patient, set()).add(record.view)
    assert list(views.values()) == [{"CC", "MLO"}] * PATIENTS
    assert {lesion.pathology for record in records for lesion in record.lesions} == {"benign", "malignant"}
    assert {lesion.kind for record in records for lesion in record.lesions} == {"mass", "calcification"}


def test_no_patient_is_called_as_one_of_the_archive(records: list[Mammogram]) -> None:
    assert {record.patient for record in records} == {f"P_{90000 + n}" for n in range(1, PATIENTS + 1)}
    if REAL.is_dir():
        assert not {row["patient_id"] for row in all_rows(REAL)} & {record.patient for record in records}


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_as_published(root: Path, table: str) -> None:
    header, _, text = (root / table).read_text(encoding="ascii").partition("\n")
    assert ("breast density" in header) == table.startswith("calc")
    assert ("breast_density" in header) == table.startswith("mass")
    broken = "cropped image file path" if table.startswith("calc") else "ROI mask file path"
    for row in rows(root, table):
        assert [column for column, cell in row.items() if cell.endswith("\n")] == [broken]
    assert "\r" not in text
    if not REAL.is_dir():
        pytest.skip(f"no published tables: {REAL} isn't there")
    assert header == (REAL / table).read_text(encoding="ascii").partition("\n")[0]
    words = {column: {row[column] for row in rows(REAL, table)} for column in ("pathology", "abnormality type")}
    assert all(row[column] in known for row in rows(root, table) for column, known in words.items())


def test_a_density_of_0_is_no_density(root: Path, records: list[Mammogram]) -> None:
    zero = {
        row["patient_id"] for row in all_rows(root) if "0" in (row.get("breast density"), row.get("breast_density"))
    }
    assert zero
    assert {record.patient for record in records if record.density is None} == zero
    assert all(record.density == patient_of(record).density for record in records if record.patient not in zero)


def test_mask_and_crop_change_places_in_part_of_the_folders(root: Path) -> None:
    places: dict[str, set[bool]] = {}
    for folder, files in lesion_folders(root):
        first, second = (is_mask(file) for file in files)
        assert first != second
        places.setdefault(folder.name[:4], set()).add(first)
    assert places == {"Calc": {True, False}, "Mass": {True, False}}


def test_mask_and_crop_lie_in_one_series_or_in_two(root: Path) -> None:
    series = {len({file.parent for file in files}) for _, files in lesion_folders(root)}
    assert series == {1, 2}
    names = [
        tuple(row[column].strip().rpartition("/")[2] for column in ("cropped image file path", "ROI mask file path"))
        for row in all_rows(root)
    ]
    assert set(names) == {("000000.dcm", "000000.dcm"), ("000000.dcm", "000001.dcm"), ("000001.dcm", "000000.dcm")}


def test_some_masks_are_of_another_size_and_some_of_an_odd_number_of_bytes(
    root: Path, records: list[Mammogram]
) -> None:
    ratios, odd = set(), 0
    for folder, files in lesion_folders(root):
        mask = next(file for file in files if is_mask(file))
        film = next(folder.with_name(folder.name.rpartition("_")[0]).rglob("*.dcm"))
        header = pydicom.dcmread(mask, stop_before_pixels=True)
        ratios.add(round(header.Rows / pydicom.dcmread(film, stop_before_pixels=True).Rows, 2))
        count = header.Rows * header.Columns
        if count % 2:
            assert mask.read_bytes()[-count - 4 : -count] == count.to_bytes(4, "little")
            odd += 1
    assert ratios == {1.0, 0.87}
    assert odd
    assert any("resampled" in lesion.description for record in records for lesion in record.lesions)
    assert {(record.height % 2, record.width % 2) for record in records} == {(0, 0), (1, 1)}


def test_some_patients_stand_on_both_sides_of_the_official_split(root: Path, records: list[Mammogram]) -> None:
    both = CBIS().official_split(root).on_both_sides
    assert both
    train = {row["patient_id"] for table in TABLES if "train" in table for row in rows(root, table)}
    test = {row["patient_id"] for table in TABLES if "test" in table for row in rows(root, table)}
    assert set(both) == train & test
    assert train - test
    assert test - train
    for record in records:
        kinds = {lesion.kind for lesion in record.lesions}
        assert (len(kinds) == 2) == (record.patient in both)
        if record.patient in both:
            copies = list((root / "CBIS-DDSM").glob(f"*_{record.patient}_*_{record.view}"))
            assert len(copies) == 2
            first, second = (read_dicom(next(copy.rglob("*.dcm"))) for copy in copies)
            np.testing.assert_array_equal(first, second)


def test_some_films_hold_a_benign_and_a_malignant_lesion(root: Path, records: list[Mammogram]) -> None:
    mixed = [record for record in records if len({lesion.pathology for lesion in record.lesions}) == 2]
    assert mixed
    for record in mixed:
        first, second = record.lesions
        assert first.kind == second.kind
        assert not (CBIS().mask(root, record, first) & CBIS().mask(root, record, second)).any()


def test_where_no_second_lesion_finds_a_place_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(second_lesion, "_APART", 500.0)
    PhantomArchive(CBISLayout())(tmp_path / "cbis", 3, HEIGHT, WIDTH, "lumisys", SEED)
    found, faults = build(CBIS(), tmp_path / "cbis", "phantom", jobs=1)
    assert not faults
    assert [len(record.lesions) for record in found] == [1] * 6


@pytest.mark.parametrize("patients", [1, 3])
def test_the_smallest_archives_are_whole(tmp_path: Path, patients: int) -> None:
    PhantomArchive(CBISLayout())(tmp_path / "cbis", patients, 64, 35, "howtek-mgh", SEED)
    found, faults = build(CBIS(), tmp_path / "cbis", "phantom", jobs=1)
    assert not faults
    assert len(found) == 2 * patients


def test_the_archive_is_recognised(root: Path, records: list[Mammogram]) -> None:
    reader = Auto({"cbis": CBIS()})
    assert isinstance(reader.choose(root), CBIS)
    assert [record.image for record in reader.scan(root) if isinstance(record, Mammogram)] == [
        record.image for record in records
    ]
