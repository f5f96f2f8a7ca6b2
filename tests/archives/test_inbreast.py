"""The INbreast reader, on a miniature and on the real table where it is at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_gan.archives import index
from mammo_gan.archives.inbreast import INbreast
from mammo_gan.archives.inbreast_table import read_table
from mammo_gan.archives.inbreast_xml import parse_regions
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.records import Acquisition, Box, Mammogram
from mammo_gan.errors import UserError
from tests.archives.inbreast_miniature import HEIGHT, IMAGES, SQUARE, WIDTH, make_inbreast, write_table, xml_text
from tests.archives.miniature import make_manifest

REAL = Path(__file__).parents[3] / "shared" / "data" / "inbreast_tables"
MASS = "AllDICOMs/20586934_6c613a14b80a8591_MG_L_ML_ANON.dcm"


def scanned(root: Path, reader: INbreast | None = None) -> dict[str, Mammogram]:
    found = list((reader or INbreast()).scan(root))
    assert not [fault for fault in found if isinstance(fault, Fault)]
    return {record.image.split("/")[-1][:8]: record for record in found if isinstance(record, Mammogram)}


def faults(root: Path) -> dict[str, Fault]:
    return {fault.file: fault for fault in INbreast().scan(root) if isinstance(fault, Fault)}


def test_the_table_and_the_header_describe_the_image(tmp_path: Path) -> None:
    assert make_inbreast(tmp_path) == [record.image for record in scanned(tmp_path).values()]
    record = scanned(tmp_path)["20586934"]
    assert (record.patient, record.laterality, record.view, record.density) == ("6c613a14b80a8591", "L", "MLO", "B")
    assert (record.height, record.width, record.bits, record.mm_per_px) == (HEIGHT, WIDTH, 16, 0.07)
    assert record.acquisition == Acquisition(
        manufacturer="SIEMENS", model="MammoNovation", tube_current=120.0, for_presentation=True
    )
    assert (record.study, record.age) == ("6c613a14b80a8591 201001", None)


def test_birads_1_is_healthy_and_other_views_and_blank_densities_are_unknown(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    records = scanned(tmp_path)
    assert records["20586908"].lesions == ()
    assert (records["22580192"].view, records["22580192"].density) == (None, None)


def test_regions_become_lesions_with_columns_before_rows(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    record = scanned(tmp_path)["20586934"]
    mass, point, spicules = record.lesions
    assert (mass.kind, mass.pathology, mass.assessment, mass.has_mask) == ("mass", "malignant", 4, True)
    assert mass.box == Box(10, 30, 21, 46)
    assert "4a" in mass.description
    assert (point.kind, point.box, point.has_mask) == ("calcification", Box(5, 50, 6, 51), False)
    assert spicules.kind == "mass"
    mask = INbreast().mask(tmp_path, record, mass)
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    expected[30:46, 10:21] = True  # the square's corners, in the pixels that they lie in
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[expected].mean() > 0.99
    assert not mask[~expected].any()


def test_what_the_table_marks_and_nobody_drew_is_a_lesion_without_place(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    cluster, unnamed, asymmetry = scanned(tmp_path)["22580192"].lesions
    assert (cluster.kind, cluster.pathology) == ("calcification", "benign")
    assert (unnamed.kind, unnamed.box) == ("other", Box(7, 60, 10, 62))
    assert (asymmetry.kind, asymmetry.box, asymmetry.number, asymmetry.has_mask) == ("asymmetry", None, 3, False)


def test_an_image_that_isnt_normal_never_passes_for_healthy(tmp_path: Path) -> None:
    image = {**IMAGES["20586934"], "Mass ": "", "drawn": []}
    make_inbreast(tmp_path, {"20586934": image})
    (lesion,) = scanned(tmp_path)["20586934"].lesions
    assert (lesion.kind, lesion.box) == ("other", None)
    (tmp_path / "AllXML" / "20586934.xml").unlink()
    assert faults(tmp_path)["AllXML/20586934.xml"].problem == "announced file missing"


@pytest.mark.parametrize(("malignant_from", "pathology"), [(4, "malignant"), (5, "benign"), (None, "unknown")])
def test_which_birads_is_malignant_is_a_setting(tmp_path: Path, malignant_from: int | None, pathology: str) -> None:
    make_inbreast(tmp_path)
    assert scanned(tmp_path, INbreast(malignant_from))["20586934"].lesions[0].pathology == pathology


@pytest.mark.parametrize("setting", [7, 1, "4a", 4.0, True])
def test_a_setting_beyond_birads_is_refused(setting: Any) -> None:
    with pytest.raises(UserError, match=rf"malignant_from.*found {setting}"):
        INbreast(malignant_from=setting)


def test_the_index_takes_all_of_it(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    records, wrong = index.build(INbreast(), tmp_path, "disk", jobs=1)
    assert (len(records), wrong) == (3, [])


def test_the_csv_form_says_the_same_but_for_the_marks(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    write_table(tmp_path / "INbreast.csv")
    full, _ = read_table(tmp_path / "INbreast.xlsx")
    short, _ = read_table(tmp_path / "INbreast.csv")
    assert list(short) == list(full) == list(IMAGES)
    for number, entry in short.items():
        assert (entry.laterality, entry.view, entry.density, entry.birads) == (
            full[number].laterality,
            full[number].view,
            full[number].density,
            full[number].birads,
        )
    assert [full["22580192"].findings, short["22580192"].findings] == [("calcification", "asymmetry"), ()]


def test_faulty_files_are_named_and_the_others_read(tmp_path: Path) -> None:
    images: dict[str, dict[str, Any]] = {str(20000000 + k): {**IMAGES["20586934"]} for k in range(6)}
    images["20000000"]["birads"] = "4d"
    images["20000001"]["acr"] = 5
    make_inbreast(tmp_path, images)
    name = "AllDICOMs/{}_6c613a14b80a8591_MG_L_ML_ANON.dcm"
    (tmp_path / name.format("20000002")).write_bytes(b"no DICOM")
    (tmp_path / "AllXML" / "20000003.xml").write_text(xml_text([("Mass", [(5000.0, 5.0)] * 3)]))
    (tmp_path / "AllXML" / "20000004.xml").write_text(xml_text([("Mass", SQUARE)])[:-60])
    write_table(tmp_path / "other.xlsx")
    found = faults(tmp_path)
    assert sorted(found) == [
        *(name.format(number) for number in ("20000000", "20000001", "20000002")),
        "AllXML/20000003.xml",
        "AllXML/20000004.xml",
    ]
    assert "'4d'" in found[name.format("20000000")].found
    assert "'5'" in found[name.format("20000001")].found
    assert str(tmp_path) not in "".join(fault.found for fault in found.values())


def test_an_image_without_row_or_with_two_is_faulty(tmp_path: Path) -> None:
    make_inbreast(tmp_path)
    write_table(tmp_path / "INbreast.xlsx", {number: IMAGES[number] for number in ("20586908",)})
    assert [fault.found for fault in faults(tmp_path).values()] == ["no row of 20586934", "no row of 22580192"]
    (tmp_path / "INbreast.xlsx").unlink()
    write_table(tmp_path / "INbreast.csv")
    lines = (tmp_path / "INbreast.csv").read_text().splitlines()
    (tmp_path / "INbreast.csv").write_text("\n".join([*lines, lines[1]]))
    (fault,) = faults(tmp_path).values()
    assert "one row of image 20586908" in fault.found


def test_other_folders_are_no_archive(tmp_path: Path) -> None:
    make_manifest(tmp_path / "other")
    (tmp_path / "empty").mkdir()
    for folder in ("other", "empty"):
        with pytest.raises(UserError, match="INBREAST_ROOT"):
            index.build(INbreast(), tmp_path / folder, "disk", jobs=1)
    make_inbreast(tmp_path / "untold", table="INbreast.csv")
    (tmp_path / "untold" / "INbreast.csv").unlink()
    with pytest.raises(UserError, match=r"no INbreast\.xls"):
        list(INbreast().scan(tmp_path / "untold"))


@pytest.mark.parametrize("name", ["INbreast.xls", "INbreast.xlsx", "INbreast.csv"])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | st.just(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) | st.just(b"PK"))
def test_any_bytes_as_table_are_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_table(tmp_path / name)


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("(1.0, 2.0)")
    laughs = '<!DOCTYPE plist [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    external = f'<!DOCTYPE plist [<!ENTITY i SYSTEM "{canary.as_uri()}">'
    parameter = f'<!DOCTYPE plist [<!ENTITY % i SYSTEM "{canary.as_uri()}"> %i;'
    for head in (laughs, external, parameter):
        text = xml_text([("Mass", SQUARE)], head + "]>").replace("<string>Mass", "<string>&i;")
        with pytest.raises(UserError, match="entities") as caught:
            parse_regions(text.encode())
        assert "(1.0" not in str(caught.value)


def test_a_dtd_that_is_only_named_isnt_fetched() -> None:
    head = '<!DOCTYPE plist SYSTEM "file:///nowhere/PropertyList-1.0.dtd">'
    (region,) = parse_regions(xml_text([("Assymetry", SQUARE)], head).encode())
    assert (region.kind, region.outlined) == ("asymmetry", True)
    assert region.points.tolist() == [[10, 30], [20, 30], [20, 45], [10, 45]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(10.200000, 30.700000)", "(10.2; 30.7)"),
        ("(10.200000, 30.700000)", "(nan, 30.7)"),
        ("(10.200000, 30.700000)", "(1e300, 30.7)"),
        ("(10.200000, 30.700000)", "(inf, 30.7)"),
        ("<integer>4<", "<integer>5<"),
        ("<key>Point_px</key>", "<key>Points</key>"),
        ("<key>Images</key>", "<key>Pictures</key>"),
        ("<key>ROIs</key>", ""),
        ("plist", "list"),
        ("UTF-8", "EBCDIC-CP-NOWHERE"),
    ],
)
def test_another_property_list_is_refused(old: str, new: str) -> None:
    text = xml_text([("Mass", SQUARE)])
    assert old in text
    with pytest.raises(UserError, match="expected"):
        parse_regions(text.replace(old, new).encode())


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [f"<{end}{tag}>" for tag in ("plist", "dict", "array") for end in ("", "/")]
            + [f"<key>{key}</key>" for key in ("Images", "ROIs", "Point_px", "Name")]
            + [f"<string>{text}</string>" for text in ("(1, 2)", "&#0;", "")]
        ),
        max_size=25,
    ).map(lambda parts: "".join(parts).encode())
)
def test_any_xml_is_parsed_or_refused_by_name(content: bytes) -> None:
    try:
        regions = parse_regions(content)
    except UserError:
        return
    assert all(region.points.shape[1:] == (2,) for region in regions)


def test_deep_nesting_is_refused_and_ends() -> None:
    with pytest.raises(UserError, match="expected"):
        parse_regions(b"<plist>" + b"<dict>" * 50_000 + b"</dict>" * 50_000 + b"</plist>")


def test_the_real_table() -> None:
    if not (REAL / "INbreast.xls").is_file():
        pytest.skip(f"no real table: {REAL} isn't there")
    entries, faulty = read_table(REAL / "INbreast.xls")
    assert (len(entries), faulty) == (410, {})
    # The publishers' own sums, in the table's last row, and the publication's counts.
    findings = Counter(kind for entry in entries.values() for kind in entry.findings)
    assert findings == {"mass": 108, "calcification": 308, "distortion": 3, "asymmetry": 14}
    assert Counter(entry.assessment for entry in entries.values()) == {1: 67, 2: 220, 3: 23, 4: 43, 5: 49, 6: 8}
    assert Counter(entry.density for entry in entries.values()) == {"A": 136, "B": 146, "C": 99, "D": 28, None: 1}
    assert Counter(entry.view for entry in entries.values()) == {"MLO": 206, "CC": 203, None: 1}
    # Which images are healthy by BI-RADS, and so need no outlines, is what the table says in words.
    assert all(not entry.findings for entry in entries.values() if entry.assessment == 1)


def test_the_real_table_agrees_with_another_reading_of_it() -> None:
    if not (REAL / "all_annotations.json").is_file():
        pytest.skip(f"no annotations: {REAL} isn't there")
    entries, _ = read_table(REAL / "INbreast.xls")
    images = json.loads((REAL / "all_annotations.json").read_text(encoding="utf-8"))
    assert len(images) == 409  # it leaves out the image without density
    kinds = ("mass", "distortion", "asymmetry")  # its calcifications are all false: it missed the column Micros
    for image in images:
        entry = entries[image["filename"]]
        about, exam = image["classification"], image["exam"]
        assert (entry.laterality, entry.birads) == (exam["laterality"], str(about["birads"]))
        assert (entry.view or "FB", "ABCD".index(entry.density or "") + 1) == (exam["view"], about["density"])
        assert [kind in entry.findings for kind in kinds] == [image["findings"][kind] for kind in kinds]
