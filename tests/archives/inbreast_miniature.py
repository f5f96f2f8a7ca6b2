"""INbreast in miniature: its folders, file names, table and annotations, on images of a few kilobytes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

from tests.archives.miniature import breast

HEIGHT, WIDTH = 96, 64
COLUMNS = (
    "Patient ID",
    "Patient age",
    "Laterality",
    "View",
    "Acquisition date",
    "File Name",
    "ACR",
    "Bi-Rads",
    "Mass ",  # so in the published table
    "Micros",
    "Distortion",
    "Asymmetry",
    "Findings Notes (in Portuguese)",
    "Other Notes",
    "Lesion Annotation Status",
    "Pectoral Muscle Annotation",
    "Other Annotations",
)
SQUARE = ((10.2, 30.7), (20.9, 30.1), (20.4, 45.5), (10.0, 45.0))
"""A mass's vertices (column, row): its box is columns 10 to 20 and rows 30 to 45."""

Drawing = tuple[str | None, Sequence[tuple[float, float]]]

IMAGES: Mapping[str, Mapping[str, Any]] = {
    "20586908": {"patient": "6c613a14b80a8591", "side": "R", "view": "CC", "acr": 1, "birads": 1},
    "20586934": {
        "patient": "6c613a14b80a8591",
        "side": "L",
        "view": "MLO",
        "acr": 2,
        "birads": "4a",
        "Mass ": "X",
        "drawn": [("Mass", SQUARE), ("Calcification", [(5.5, 50.9)]), ("Espiculated Region", SQUARE)],
    },
    "22580192": {
        "patient": "8d0b9620c53c0268",
        "side": "L",
        "view": "FB",
        "acr": " " * 200,
        "birads": 2,
        "Micros": "X",
        "Asymmetry": "X",
        "drawn": [("Cluster", SQUARE), (None, [(7.0, 60.0), (9.0, 61.0)])],
    },
}


def make_inbreast(
    root: Path, images: Mapping[str, Mapping[str, Any]] = IMAGES, table: str = "INbreast.xlsx"
) -> list[str]:
    """AllDICOMs, AllXML and the table; the table's last rows are an empty one and one of sums, as published."""
    for folder in ("AllDICOMs", "AllXML"):
        (root / folder).mkdir(parents=True)
    paths = []
    for number, image in images.items():
        view = {"MLO": "ML"}.get(image["view"], image["view"])
        path = f"AllDICOMs/{number}_{image['patient']}_MG_{image['side']}_{view}_ANON.dcm"
        write_dicom(root / path, int(number))
        if "drawn" in image:
            (root / "AllXML" / f"{number}.xml").write_text(xml_text(image["drawn"]), encoding="utf-8")
        paths.append(path)
    write_table(root / table, images)
    return sorted(paths)


def write_dicom(path: Path, seed: int) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{seed}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = HEIGHT, WIDTH
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 14, 13, 0
    dataset.ImagerPixelSpacing = [0.07, 0.07]
    dataset.Manufacturer, dataset.ManufacturerModelName = "SIEMENS", "MammoNovation"
    dataset.XRayTubeCurrent, dataset.PresentationIntentType = 120, "FOR PRESENTATION"
    dataset.PixelData = (breast(HEIGHT, WIDTH, seed) >> 2).astype(np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def xml_text(drawings: Sequence[Drawing], head: str = "") -> str:
    """What OsiriX exports: a property list with one image and its regions; `head` goes before the list."""
    regions = "".join(_region(number, *drawing) for number, drawing in enumerate(drawings))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + (
            head
            or '<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" '
            '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">'
        )
        + f'\n<plist version="1.0">\n<dict>\n<key>Images</key>\n<array>\n<dict>\n'
        "<key>ImageIndex</key><integer>0</integer>\n"
        f"<key>NumberOfROIs</key><integer>{len(drawings)}</integer>\n<key>ROIs</key>\n<array>\n{regions}</array>\n"
        "</dict>\n</array>\n</dict>\n</plist>\n"
    )


def _region(number: int, name: str | None, points: Sequence[tuple[float, float]]) -> str:
    named = "" if name is None else f"<key>Name</key><string>{name}</string>\n"
    mm = "".join(f"<string>({x * 0.07:f}, {y * 0.07:f}, 0.000000)</string>\n" for x, y in points)
    px = "".join(f"<string>({x:f}, {y:f})</string>\n" for x, y in points)
    return (
        "<dict>\n<key>Area</key><real>0.5</real>\n<key>Center</key><string>(1.0, 2.0, 0.0)</string>\n"
        f"<key>IndexInImage</key><integer>{number}</integer>\n{named}"
        f"<key>NumberOfPoints</key><integer>{len(points)}</integer>\n<key>Point_mm</key>\n<array>\n{mm}</array>\n"
        f"<key>Point_px</key>\n<array>\n{px}</array>\n<key>Type</key><integer>15</integer>\n</dict>\n"
    )


def write_table(path: Path, images: Mapping[str, Mapping[str, Any]] = IMAGES) -> None:
    """As .xlsx, or with the first eight columns alone as .csv with semicolons: both as they go around."""
    rows: list[list[Any]] = [list(COLUMNS)]
    for number, image in images.items():
        first = [
            "removed",
            "removed",
            image["side"],
            image["view"],
            "201001",
            int(number),
            image["acr"],
            image["birads"],
        ]
        rows.append([*first, *(image.get(column) for column in COLUMNS[8:])])
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";").writerows(row[:8] for row in rows)
        return
    rows += [[None] * len(COLUMNS), [None] * 6 + [28, 49, 108, 308, 3, 14]]
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)
