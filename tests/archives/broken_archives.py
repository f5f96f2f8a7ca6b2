"""Each archive in miniature with one fault of every kind that its layout can have."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from PIL import Image as Picture

from mammo_gan.imaging.ljpeg import write_ljpeg
from tests.archives import cbis_miniature as cbis
from tests.archives.breakage import (
    BREAK,
    Broken,
    Wrong,
    break_images,
    link_out,
    make_folder,
    outside,
    replace_in,
    with_header,
    without_pixels,
)
from tests.archives.inbreast_miniature import SQUARE, make_inbreast, xml_text
from tests.archives.miniature import MIAS_PREAMBLE, breast, make_ddsm, make_manifest, make_mias, overlay_text
from tests.archives.optimam_miniature import Image, episode, mark, write_client

LAUGHS = (
    '<!DOCTYPE plist [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(k + 1)} "{f"&{chr(k)};" * 10}">' for k in range(97, 107))
    + "]>"
)
"""Entities that would expand to 40 GB."""
BROKEN_UTF_16 = b"\xff\xfeI\0n\0\0\xd8f"


def ddsm(root: Path) -> Broken:
    films = make_ddsm(root, patients=9)  # four films a case; patients 1, 4, 7 are cancers, 2, 5, 8 benigns
    found = Broken(films)
    found.wrong += break_images(root, [film for number, film in enumerate(films[:12]) if number % 4])

    def film(number: int, what: str, says: str, file: str = films[0]) -> None:
        found.wrong.append(Wrong(what, file or films[number], says, (films[number],)))

    (root / films[13]).write_bytes(b"\xff\xd8\xff\xd9")
    film(13, "no pixel data", "no decoder reads", films[13])
    write_ljpeg(root / films[14], (breast(40, 64, 1) >> 4).astype(np.uint16), 12)
    film(14, "another size", "96 x 64 .*found 40 x 64", films[14])
    (root / films[15]).unlink()
    film(15, "missing image", "announced file missing", films[15])
    overlays = {number: films[number].replace(".LJPEG", ".OVERLAY") for number in (0, 4, 12, 16)}
    (root / overlays[0]).unlink()
    film(0, "missing outline", "announced file missing", overlays[0])
    (root / overlays[4]).write_text(overlay_text([("MASS", "HARMLESS")]))
    film(4, "wrong value", "line 6: expected PATHOLOGY", overlays[4])
    (root / overlays[12]).write_text(overlay_text([("MASS", "BENIGN")], "9000 9000 2 4 #"))
    film(12, "outline outside", "within a film of 96 x 64", overlays[12])
    make_folder(root / overlays[16], root)
    film(16, "outline is a folder", "a folder of this name", overlays[16])

    def case(number: int, what: str, says: str) -> Path:
        of_case = films[4 * number : 4 * number + 4]
        (file,) = (root / of_case[0]).parent.glob("*.ics")
        found.wrong.append(Wrong(what, file.relative_to(root).as_posix(), says, tuple(of_case)))
        return file

    replace_in(case(5, "scanner unknown", "DIGITIZER LUMISYS"), "LUMISYS", "AGFA")
    description = case(6, "duplicate rows", "one line LEFT_CC, found two")
    description.write_text(description.read_text() + "LEFT_CC LINES 96 PIXELS_PER_LINE 64\n")
    case(7, "encoding", "broken UTF-16").write_bytes(BROKEN_UTF_16)
    make_folder(case(8, "description is a folder", "a folder"), root)
    return found


def mias(root: Path) -> Broken:
    rows = [f"mdb{number:03d} G NORM" for number in range(1, 12)]
    rows += ["mdb012 G CIRC X 500 500 50", *["mdb013 G CIRC B 500 500 50"] * 2, "mdb014 F CIRC M 500 5000 20"]
    rows += ["mdb015 G NORM", "mdb015 G CIRC B 300 500 40", "mdb016 D SPIC M 300 500 40", "mdb017 G NORM"]
    films = make_mias(root, rows, absent=())
    found = Broken([*films, "mdb322.pgm"])
    found.wrong += break_images(root, films[:10])
    (root / films[10]).write_bytes(b"P5\n1024 1024\n255\n")

    def film(number: int, what: str, says: str) -> None:
        name = f"mdb{number:03d}.pgm"
        found.wrong.append(Wrong(what, name, says, (name,)))

    line = len(MIAS_PREAMBLE.splitlines()) + 12  # that of film 12
    film(11, "no pixel data", "truncated")
    film(12, "wrong value", rf"line {line}: expected FILM .*CIRC X")
    film(13, "duplicate rows", f"line {line + 2}: expected one row a lesion")
    film(14, "lesion outside", "x, y and radius \\(500, 5000, 20\\)")
    film(15, "rows that disagree", f"line {line + 5}: expected one tissue")
    Picture.fromarray((breast(1024, 1024, 5) >> 8).astype(np.uint8)).save(root / "mdb322.pgm")
    film(322, "no row", "no row of this film")
    return found


def cbis_ddsm(root: Path) -> Broken:
    count = len(BREAK) + 12
    folders = [f"Mass-Training_P_{number:05d}_LEFT_CC" for number in range(1, count + 1)]
    rows = [(folder, 1, "OVAL", "SPICULATED", 2, 4, "MALIGNANT") for folder in folders]
    size, box = cbis.FILM, (16, 12, 26, 22)
    for folder in folders:
        first, second = cbis.lesion_paths(f"{folder}_1")
        cbis.write_dicom(root / cbis.film_path(folder), cbis.film(folder))
        cbis.write_dicom(root / first, cbis.crop(*size, box))
        cbis.write_dicom(root / second, cbis.drawn(*size, box))
    films = [cbis.film_path(folder) for folder in folders]
    found = Broken(films)
    found.wrong += break_images(root, films)
    left = iter(range(len(BREAK), count))

    def film(what: str, says: str, file: str | None = None) -> tuple[int, Path, Path, Path]:
        """The next film: its number, itself, and the crop and the mask of its lesion."""
        number = next(left)
        found.wrong.append(Wrong(what, file or films[number], says, (films[number],)))
        crop, mask = (root / name for name in cbis.lesion_paths(f"{folders[number]}_1"))
        return number, root / films[number], crop, mask

    table = "mass_case_description_train_set.csv"
    without_pixels(film("no pixel data", "without pixel data")[1])
    with_header(film("another size", "truncated")[1], Rows=200)
    for file in film("missing mask", "no DICOM file")[2:]:
        file.unlink()
    cbis.write_dicom(film("mask of another shape", "proportion of 96 x 64")[3], cbis.drawn(40, 64, box))
    cbis.write_dicom(film("two crops", "one mask of two values, found 0")[3], cbis.crop(*size, box))
    BREAK["truncated"](film("truncated mask", "truncated")[3], root)
    cbis.write_dicom(film("empty mask", "found 0 in")[3], cbis.drawn(*size, (0, 0, 1, 1)) * 0)
    link_out(film("mask links out of the root", "within the archive's root")[3], root)
    whole = film("two films", "expected one file")[1]
    shutil.copy(whole, whole.with_name("1-2.dcm"))
    number, *_ = film("wrong value", f"unusable row {len(rows) - 1}: .*found 'MALIGN'", table)
    rows[number] = (*rows[number][:-1], "MALIGN")
    number, *_ = film("duplicate rows", f"expected one row a lesion, found that of row {len(rows)}", table)
    rows.append(rows[number])
    number, _, crop, mask = film("", "")
    del found.wrong[-1]
    cbis.write_dicom(crop, cbis.drawn(*size, box))
    cbis.write_dicom(mask, cbis.crop(*size, box))
    found.odd[films[number]] = "mask and crop swapped"
    cbis.write_tables(root, tuple(rows))
    unlisted = cbis.film_path("Mass-Training_P_00900_LEFT_CC")
    cbis.write_dicom(root / unlisted, cbis.film("Mass-Training_P_00900_LEFT_CC"))
    found.images.append(unlisted)
    found.wrong.append(Wrong("no row", unlisted, "unlisted folder", (unlisted,)))
    return found


def inbreast(root: Path) -> Broken:
    count = len(BREAK) + 14
    drawn: dict[str, Any] = {"patient": "6c613a14b80a8591", "side": "L", "view": "CC", "acr": 2, "birads": "4a"}
    drawn |= {"Mass ": "X", "drawn": [("Mass", SQUARE)]}
    images = {str(20586900 + number): dict(drawn) for number in range(count)}
    names = list(images)
    images[names[len(BREAK)]]["birads"] = 9
    images[names[len(BREAK) + 1]]["acr"] = "dense"
    files = make_inbreast(root, images)
    found = Broken(files)
    found.wrong += break_images(root, files)
    left = iter(range(len(BREAK), count))

    def image(what: str, says: str, outlines: bool = False) -> tuple[str, Path, Path]:
        number = next(left)
        xml = f"AllXML/{names[number]}.xml"
        found.wrong.append(Wrong(what, xml if outlines else files[number], says, (files[number],)))
        return names[number], root / files[number], root / xml

    image("wrong value", r"row \d+: expected Bi-Rads .*'9'")
    image("wrong density", r"row \d+: expected ACR .*'dense'")
    twice, *_ = image("duplicate rows", "a second one")
    nowhere, *_ = image("no row", "no row of")
    book = openpyxl.load_workbook(root / "INbreast.xlsx")
    rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    rows = [row for row in rows if str(row[5]) != nowhere]
    rows.append(next(row for row in rows if str(row[5]) == twice))
    changed = openpyxl.Workbook()
    for row in rows:
        changed.worksheets[0].append(row)
    changed.save(root / "INbreast.xlsx")
    without_pixels(image("no pixel data", "without pixel data")[1])
    with_header(image("another size", "truncated")[1], Rows=500)
    image("missing outlines", "announced file missing", outlines=True)[2].unlink()
    image("entities", "XML without entities", outlines=True)[2].write_text(xml_text(drawn["drawn"], LAUGHS))
    image("broken outlines", "expected XML", outlines=True)[2].write_bytes(BROKEN_UTF_16)
    far = [("Mass", [(900.0, 900.0), (901.0, 901.0), (900.0, 902.0)])]
    image("outline outside", "a place within 96 x 64", outlines=True)[2].write_text(xml_text(far))
    make_folder(image("outlines are a folder", "announced file missing", outlines=True)[2], root)
    return found


def optimam(root: Path) -> Broken:
    cancer = {"500": episode({"L": "OM"}, {"L": {"1": {"Opinion": "B5"}}})}
    count = len(BREAK) + 5
    marks = {len(BREAK) + 2: [mark(900, 900, 950, 950)], len(BREAK) + 4: [mark(16, 12, 25, 21)]}
    given = [Image(name=f"1.2.3.{100 + number}", marks=marks.get(number, ())) for number in range(count)]
    files = write_client(root, "demd1", cancer, given)
    found = Broken(files)
    # A link to nowhere is an image that was not delivered, which is no fault.
    found.wrong += [wrong for wrong in break_images(root, files) if wrong.what != "a link to nowhere"]
    found.images = [image for image in files if (root / image).exists()]

    def image(number: int, what: str, says: str) -> Path:
        file = files[len(BREAK) + number]
        found.wrong.append(Wrong(what, file, says, (file,)))
        return root / file

    def header(file: Path) -> Path:
        return root / "data" / "demd1" / "1.2.1" / f"{file.stem}.json"

    without_pixels(image(0, "no pixel data", "without pixel data"))
    taller = header(image(1, "another size", "200 x 64 .*96 x 64"))
    replace_in(taller, '"Value": [96]', '"Value": [200]')
    image(2, "lesion outside", "columns 900 to 950")
    header(image(3, "broken header", "expected JSON")).write_text("{")

    def client(number: int, what: str, says: str) -> Path:
        images = write_client(root, f"demd{number}", cancer, [Image(name="1.2.3.1", marks=[mark(16, 12, 25, 21)])])
        found.images += images
        found.wrong.append(Wrong(what, f"data/demd{number}", says, tuple(images)))
        return root / "data" / f"demd{number}"

    (client(2, "missing table", "expected nbss_demd2.json") / "nbss_demd2.json").unlink()
    (client(3, "encoding", "broken UTF-16") / "nbss_demd3.json").write_bytes(BROKEN_UTF_16)
    (client(4, "missing columns", "expected an object STUDIES") / "imagedb_demd4.json").write_text("{}")
    make_folder(client(5, "table is a folder", "no such file") / "imagedb_demd5.json", root)
    leaving = client(6, "a study that leaves the root", "studies named by UIDs") / "imagedb_demd6.json"
    replace_in(leaving, '"1.2.1"', '"../../1.2.1"')
    marked = client(7, "wrong value", "") / "imagedb_demd7.json"
    replace_in(marked, '"X1": "16"', '"X1": "left"')
    found.wrong[-1] = Wrong("wrong value", found.images[-1], "unreadable mark", (found.images[-1],))
    return found


def manifest(root: Path) -> Broken:
    patients = len(BREAK) + 14
    files = make_manifest(root, patients)
    masked = files[::2]
    found = Broken(files)
    # A record is named after the file that a link leads to; one that leaves the root has none.
    links = {"a link out of the root": "TABLE", "a link to nowhere": "images/gone"}
    broken = break_images(root, masked)
    found.wrong += [replace(wrong, file=links.get(wrong.what, wrong.file)) for wrong in broken]
    left = iter(range(len(BREAK), patients))
    table = (root / "manifest.csv").read_text().splitlines()

    def row(what: str, says: str, file: str | None = None) -> tuple[Path, Path, int]:
        """Image, mask and line of the next image with a lesion."""
        number = next(left)
        found.wrong.append(Wrong(what, file or masked[number], says, (masked[number],)))
        return root / masked[number], root / masked[number].replace("images", "masks"), 2 * number + 1

    image, *_ = row("no pixel data", "truncated")
    image.write_bytes(image.read_bytes()[:45])
    Picture.fromarray(np.eye(20, dtype=np.uint8)).save(row("mask of another size", "48 x 32 px, found 20 x 20")[1])
    image, mask, _ = row("mask and image swapped", "expected a mask of two values")
    shutil.copy(image, mask)
    row("missing mask", "expected an image file, found none")[1].unlink()
    Picture.fromarray(np.zeros((48, 32), np.uint8)).save(row("empty mask", "empty mask")[1])
    make_folder(row("mask is a folder", "Is a directory|directory")[1], root)
    link_out(row("mask links out of the root", "within the archive's root")[1], root)
    row("missing image", "expected an image file, found none")[0].unlink()
    *_, line = row("wrong value", r"row \d+: .*nearest valid one is 'malignant'")
    table[line] = table[line].replace("malignant", "malign")
    *_, line = row("a path out of the root", "row .* of manifest.*within the archive's root", "TABLE")
    table[line] = table[line].replace("images/", "../images/", 1)
    *_, line = row("a mask out of the root", "within the archive's root")
    table[line] = table[line].replace("masks/", f"{outside(root)}/")
    *_, line = row("duplicate rows", r"one row a lesion, found the same one in rows \d+ and \d+")
    table.append(table[line])
    *_, line = row("no patient", "something in column patient", "TABLE")
    table[line] = table[line].replace(f"p{(line - 1) // 2},", ",")
    *_, line = row("wrong unit", "expected mm_per_px of 0.001 to 10, found 70")
    table[line] = table[line].replace("0.2", "70")
    (root / "manifest.csv").write_text("\n".join(table) + "\n")
    _name_table(found, "manifest.csv")
    return found


def manifest_parquet(root: Path) -> Broken:
    found = manifest(root)
    rows = pa_csv.read_csv(root / "manifest.csv")
    for name in ("label", "view", "patient"):
        column = rows.schema.get_field_index(name)
        rows = rows.set_column(column, name, rows.column(name).dictionary_encode())
    assert pa.types.is_floating(rows.schema.field("mm_per_px").type)
    pq.write_table(rows, root / "manifest.parquet")
    (root / "manifest.csv").unlink()
    _name_table(found, "manifest.parquet", "manifest.csv")
    return found


def _name_table(found: Broken, name: str, before: str = "TABLE") -> None:
    found.wrong = [replace(wrong, file=name) if wrong.file == before else wrong for wrong in found.wrong]


BROKEN: Mapping[str, tuple[str, Callable[[Path], Broken]]] = {
    "ddsm": ("ddsm", ddsm),
    "mias": ("mias", mias),
    "cbis": ("cbis", cbis_ddsm),
    "inbreast": ("inbreast", inbreast),
    "optimam": ("optimam", optimam),
    "manifest": ("manifest", manifest),
    "manifest as Parquet": ("manifest", manifest_parquet),
}
"""The archive's name and what makes the broken one of it."""
