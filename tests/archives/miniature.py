"""Archives in miniature: the publishers' own layouts, file names and quirks, on images of a few kilobytes.

Each maker writes below `root`, which may not exist yet, and returns the paths of its images relative to it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.imaging.ljpeg import write_ljpeg
from mammo_gan.imaging.optical_density import BITS, Scanner, to_digits

VIEWS = ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")
VOLUMES = ("cancers/cancer_01", "benigns/benign_02", "normals/normal_03")
DIGITIZERS: Mapping[Scanner, tuple[str, str]] = {
    "dba": ("A", "DBA M2100 ImageClear"),
    "howtek-mgh": ("A", "HOWTEK MultiRad850"),
    "lumisys": ("B", "LUMISYS LASER"),
    "howtek-ismd": ("D", "HOWTEK 960"),
}
DDSM_LESIONS = {
    "cancers": ("MASS SHAPE IRREGULAR MARGINS SPICULATED", "MALIGNANT"),
    "benigns": ("CALCIFICATION TYPE PUNCTATE DISTRIBUTION CLUSTERED", "BENIGN_WITHOUT_CALLBACK"),
}
SQUARE = "16 12 " + "2 " * 9 + "4 " * 9 + "6 " * 9 + "0 " * 9 + "#"
"""A chain around the box x 16..25, y 12..21."""

MIAS_PREAMBLE = """\
              MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY
                  MiniMammographic Database

1st column: MIAS database reference number.
3rd column: Class of abnormality present:
                CALC - Calcification

=================================================================

"""
MIAS_ROWS = (
    "mdb001 G CIRC B 535 425 197",
    "mdb002 D CALC M *NOTE 3* ",
    "mdb003 D NORM ",
    "mdb004 F ASYM B 512 624 50",
    "mdb004 F SPIC M 300 100 20",
    "mdb005 F NORM ",
)


def breast(height: int, width: int, seed: int) -> NDArray[np.uint16]:
    """(height, width) uint16: a bright half ellipse with noise on black film."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = (x / width) ** 2 + ((y - height / 2) / (height / 2)) ** 2 < 0.8
    return np.where(inside, 20000 + 20000 * rng.random((height, width)), 0).astype(np.uint16)


def overlay_text(lesions: Sequence[tuple[str, str]], chain: str = SQUARE) -> str:
    """An .OVERLAY with one outline for each (LESION_TYPE, PATHOLOGY)."""
    lines = [f"TOTAL_ABNORMALITIES {len(lesions)} "]
    for number, (kind, pathology) in enumerate(lesions, start=1):
        lines += [f"ABNORMALITY {number} ", f"LESION_TYPE {kind} ", "ASSESSMENT 4 ", "SUBTLETY 3 "]
        lines += [f"PATHOLOGY {pathology} ", "TOTAL_OUTLINES 1 ", "BOUNDARY ", chain + " "]
    return "\n".join(lines) + "\n"


def make_ddsm(
    root: Path, patients: int = 3, height: int = 96, width: int = 64, scanner: Scanner = "lumisys", seed: int = 0
) -> list[str]:
    """DDSM: four films a case; cancers and benigns in turn, both with an overlay on LEFT_CC, and normals."""
    letter, digitizer = DIGITIZERS[scanner]
    images = []
    for patient in range(patients):
        volume = VOLUMES[patient % len(VOLUMES)]
        number = 1001 + patient
        folder = Path("cases", volume, f"case{number}")
        (root / folder).mkdir(parents=True)
        lesion = DDSM_LESIONS.get(volume.partition("/")[0])
        lines = ["ics_version 1.0", f"filename {letter}-{number}-1", "DATE_OF_STUDY 2 7 1995"]
        lines += [f"PATIENT_AGE {40 + patient}", "FILM ", "FILM_TYPE REGULAR", f"DENSITY {patient % 4 + 1}"]
        lines += ["DATE_DIGITIZED 7 22 1997 ", f"DIGITIZER {digitizer}", "SELECTED"]
        for k, view in enumerate(VIEWS):
            marked = lesion is not None and view == "LEFT_CC"
            lines.append(
                f"{view} LINES {height} PIXELS_PER_LINE {width} BITS_PER_PIXEL {BITS[scanner]} RESOLUTION 50 "
                f"{'OVERLAY' if marked else 'NON_OVERLAY'}"
            )
            stem = root / folder / f"{letter}_{number}_1.{view}"
            digits = to_digits(breast(height, width, seed + 4 * patient + k), scanner, BITS[scanner])
            write_ljpeg(Path(f"{stem}.LJPEG"), digits, BITS[scanner])
            if marked and lesion is not None:
                Path(f"{stem}.OVERLAY").write_text(overlay_text([lesion]), encoding="ascii")
            images.append((folder / f"{stem.name}.LJPEG").as_posix())
        (root / folder / f"{letter}-{number}-1.ics").write_text("\n".join(lines) + "\n", encoding="ascii")
    return images


def make_mias(
    root: Path, rows: Sequence[str] = MIAS_ROWS, absent: Sequence[str] = ("mdb005",), size: int = 1024
) -> list[str]:
    """MIAS: Info.txt with `rows`, and a film of `size` x `size` px for each film listed that isn't `absent`."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "Info.txt").write_text(MIAS_PREAMBLE + "\n".join(rows) + "\n", encoding="ascii")
    films = sorted({row.split()[0] for row in rows} - set(absent))
    for film in films:
        Image.fromarray((breast(size, size, int(film[3:])) >> 8).astype(np.uint8)).save(root / f"{film}.pgm")
    return [f"{film}.pgm" for film in films]


def make_manifest(root: Path, patients: int = 3, height: int = 48, width: int = 32, seed: int = 0) -> list[str]:
    """A lab's folder: for each patient an image with a malignant lesion (mask) and one that is normal."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rows: list[dict[str, str]] = []
    for patient in range(patients):
        for view in ("CC", "MLO"):
            name = f"p{patient}_{view}.png"
            Image.fromarray(breast(height, width, seed + len(rows))).save(root / "images" / name)
            row = {"image": f"images/{name}", "patient": f"p{patient}", "label": "normal", "view": view}
            if view == "CC":
                mask = np.zeros((height, width), np.uint8)
                mask[20:30, 4:12] = 255
                Image.fromarray(mask).save(root / "masks" / name)
                row |= {"label": "malignant", "kind": "mass", "mask": f"masks/{name}"}
            rows.append({**row, "laterality": "L", "density": "B", "mm_per_px": "0.2", "extent": "mammogram"})
    write_manifest(root, rows)
    return [row["image"] for row in rows]


def write_manifest(root: Path, rows: Sequence[Mapping[str, str]], table: str = "manifest.csv") -> None:
    """The table alone, with a column for each key that occurs."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (root / table).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
