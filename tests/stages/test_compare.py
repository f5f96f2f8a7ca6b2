"""Two archives compared: phantoms with phantoms of another seed here, with real films where these are there."""

from __future__ import annotations

import csv
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.errors import UserError
from mammo_gan.stages import compare
from mammo_gan.stages.index import RECORDS
from tests.imaging.test_breast_mask import FILMS_OF_MIAS, MIAS
from tests.stages.running import Ran, run

QUICK = ("experiment=compare_archives", "source=phantom", "phantom.patients=5", "compare.resamples=50")


def values(ran: Ran) -> dict[str, Any]:
    return dict(json.loads((ran.folders["compare"] / compare.VALUES).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(tmp_path_factory.mktemp("compare"), *QUICK)


def test_phantoms_are_like_phantoms_of_another_seed(ran: Ran) -> None:
    found = values(ran)
    ours, reference = found["archive"], found["reference"]
    for side in (ours, reference):
        assert (side["source"], side["images"], side["patients"]) == ("phantom", 10, 5)
        assert side["windows"] > 10
    assert ours["name"] != reference["name"]
    assert ours["values"]["exponent"]["value"] != reference["values"]["exponent"]["value"]
    difference = found["exponent_difference"]
    assert abs(difference["value"]) < 0.3
    assert difference["interval"][0] < difference["value"] < difference["interval"][1]
    assert sum(ours["categories"].values()) == pytest.approx(1)


def test_table_plots_and_page_say_what_they_are_of(ran: Ran) -> None:
    folder = ran.folders["compare"]
    with (folder / compare.TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["images"] for row in rows} == {"10"}
    assert {row["patients"] for row in rows} == {"5"}
    assert all("phantom" in row["archive"] for row in rows)
    moments = [f"{row['value']}" for row in rows if row["archive"] == "ddsm (phantom)"]
    assert moments[:6] == ["exponent", "mean", "variance", "skewness", "kurtosis", "hyperskewness"]
    for name in ("spectra", "grey_levels", "moments", "films"):
        with Image.open(folder / f"{name}.png") as image:
            assert min(image.size) > 200
    page = (folder / compare.PAGE).read_text(encoding="utf-8")
    assert "Phantom data" in page
    assert page.count("data:image/png;base64") == 4
    assert "10 images, 5 patients" in page
    assert "experiment=compare_archives" in page
    assert str((folder / compare.PAGE).resolve()) in ran.screen


def test_no_name_of_a_patient_or_file_gets_out(ran: Ran) -> None:
    records = index.read(ran.folders["index"] / RECORDS)
    for file in (compare.VALUES, compare.TABLE, compare.PAGE):
        text = (ran.folders["compare"] / file).read_text(encoding="utf-8")
        for record in records:
            assert record.image not in text
            assert f'"{record.patient}"' not in text


def test_some_images_of_any_view_can_be_taken(ran: Ran) -> None:
    output = ran.run_folder.parents[1]
    few = run(output, *QUICK, "compare.view=null", "compare.images=6", name="few")
    assert "index: already there" in few.screen
    assert values(few)["archive"]["images"] == 6
    assert "6 of 20 images were taken" in (few.folders["compare"] / compare.PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("compare.images=0", "compare.images=0: expected 1 or more"),
        ("compare.low=0.01", "expected low < high"),
        ("compare.low=0.4", "can't be compared from 0.4"),
    ],
)
def test_what_cannot_be_compared_says_what_to_do(ran: Ran, override: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        run(ran.run_folder.parents[1], *QUICK, override, name="refused")


@pytest.mark.slow
@pytest.mark.skipif(not FILMS_OF_MIAS.is_file(), reason=f"no real films: {FILMS_OF_MIAS} isn't there")
def test_the_phantoms_spectrum_falls_as_that_of_real_films(tmp_path: Path) -> None:
    root = tmp_path / "mias"
    root.mkdir()
    with tarfile.open(FILMS_OF_MIAS) as tar:
        for member in tar:
            tar.extract(member, root, filter="data")
    shutil.copy(MIAS / "Info.txt", root)
    ran = run(
        tmp_path / "out",
        *QUICK,
        "phantom.patients=12",
        "phantom.height=1200",
        "phantom.width=660",
        "reference=mias",
        f"reference.root={root}",
    )
    found = values(ran)
    assert found["reference"]["images"] > 200
    assert abs(found["exponent_difference"]["value"]) < 0.2
    ours, real = found["archive"]["values"], found["reference"]["values"]
    assert abs(ours["mean"]["value"] - real["mean"]["value"]) < 0.05
    assert abs(ours["variance"]["value"] ** 0.5 - real["variance"]["value"] ** 0.5) < 0.04
