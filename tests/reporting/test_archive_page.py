"""An archive's page: counts, what is left out, what is odd."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.reporting.archive_page import Finding, archive_page
from mammo_gan.reporting.figures.thumbnail import BOX_COLOUR, thumbnail
from mammo_gan.reporting.html import render

LESION = Lesion(number=1, kind="mass", pathology="malignant", box=Box(1, 1, 2, 2), has_mask=True)


def record(name: str, patient: str, **known: object) -> Mammogram:
    return Mammogram(archive="a", source="disk", image=name, patient=patient, height=4, width=3, bits=8, **known)  # type: ignore[arg-type]


def test_counts_faults_and_remarks_are_all_there() -> None:
    records = [record("1", "p", view="CC", lesions=(LESION,)), record("2", "p", view="MLO"), record("3", "q")]
    fault = Finding(file="<broken>.pgm", what="unreadable image", expected="pixels", found="half", advice="fetch it")
    remark = Finding(file="2", what="missing view", found="CC alone", thumbnail=thumbnail(np.eye(9)))
    page = render(archive_page("mias", records, [fault], [remark]))
    assert "3 images of 2 patients can be used, 1 files are left out, 1 images are worth a look." in page
    for said in ("malignant", "not known", "&lt;broken&gt;.pgm", "fetch it", "missing view", "data:image/png;base64"):
        assert said in page
    assert "<broken>" not in page


def test_a_sound_archive_has_counts_alone() -> None:
    page = render(archive_page("mias", [record("1", "p")], [], []))
    assert "Left out" not in page
    assert "Worth a look" not in page


def test_long_lists_are_cut_and_say_so() -> None:
    faults = [Finding(file=f"film {n}", what="empty image", found="0") for n in range(100)]
    page = render(archive_page("mias", [], faults, []))
    assert "the first 60 of 100" in page
    assert "film 59" in page
    assert "film 60" not in page


def test_a_thumbnail_is_small_and_shows_its_boxes() -> None:
    pixels = np.zeros((1000, 500), np.uint16)
    pixels[:, :250] = 40_000
    picture = Image.open(io.BytesIO(thumbnail(pixels, [Box(300, 200, 400, 600)])))
    assert picture.size == (120, 240)
    assert picture.getpixel((10, 100)) == (255, 255, 255)
    assert picture.getpixel((110, 10)) == (0, 0, 0)
    assert picture.getpixel((72, 100)) == BOX_COLOUR
