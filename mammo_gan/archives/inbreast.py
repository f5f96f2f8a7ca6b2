"""INbreast: full-field digital mammograms with the outlines of all findings, drawn by radiologists.

I. C. Moreira, I. Amaral, I. Domingues, A. Cardoso, M. J. Cardoso and J. S. Cardoso, "INbreast: Toward a Full-field
Digital Mammographic Database", Academic Radiology 19(2), 2012. Its table was at hand while this reader was written, its
images and outlines were not: these follow the publication and published software that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.acquisition import acquisition_of
from mammo_gan.archives.inbreast_table import TABLES, Entry, read_table
from mammo_gan.archives.inbreast_xml import Region, parse_regions
from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.paths import beside, inside, listing
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, LesionKind, Mammogram, Pathology
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_image
from mammo_gan.imaging.dicom_header import read_header
from mammo_gan.imaging.outlines import polygon_to_mask

IMAGE = re.compile(r"(?P<number>\d+)_(?P<patient>[0-9a-f]+)_MG_[LR]_[A-Z]+_ANON\.dcm", re.IGNORECASE | re.ASCII)
_AGAIN = "unpack the archive again"


class INbreast(Reader):
    """410 images of 115 cases, at 0.07 mm per pixel and 14 bits.

    The table withholds the patient; the second part of an image's file name is the patient's pseudonym. ACR 1 to 4
    becomes A to D. The table names half a year, which with the patient stands for the study.

    INbreast has no pathology of a lesion. By the convention of those who train on it, a finding counts as malignant
    where the image's BI-RADS is `malignant_from` or more, and as benign below. The assessment is one for the whole
    image: a calcification beside a suspicious mass counts as malignant too.

    An image of BI-RADS 1 has no outlines; any other without its .xml is faulty. What the table marks and nobody drew
    is a lesion without position, so that the image doesn't pass for healthy tissue. A finding of one or two points,
    as of single calcifications, has a box of these pixels and no mask. A spiculated region counts as a mass: where a
    mass was drawn within it, the two are lesions of their own. Outlines of the pectoral muscle aren't read.

    Args:
        malignant_from: the lowest malignant BI-RADS, 2 to 6; None leaves all findings' pathology unknown.
    """

    name: ClassVar[str] = "inbreast"
    root_variable: ClassVar[str] = "INBREAST_ROOT"
    layout: ClassVar[str] = (
        "INbreast.xls (or .xlsx or .csv), AllDICOMs with files such as 20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm, and "
        "AllXML beside it with 20586908.xml."
    )
    source_of_data: ClassVar[str] = (
        "INbreast belongs to the Breast Research Group, INESC Porto; ask at "
        "http://medicalresearch.inescporto.pt/breastresearch/index.php/Get_INbreast_Database."
    )

    def __init__(self, malignant_from: int | None = 4) -> None:
        if malignant_from not in (None, 2, 3, 4, 5, 6) or isinstance(malignant_from, float):
            raise UserError(
                f"archive.reader.malignant_from: expected a BI-RADS of 2 to 6 or null, found {malignant_from}"
            )
        self.malignant_from = malignant_from

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        found = listing(root)
        images = [file for file in found.files if IMAGE.fullmatch(PurePosixPath(file).name)]
        yield from found.faults
        if not images:
            return
        yield from found.in_place_of(IMAGE)
        entries, faulty = read_table(self._table(root, found.files))
        for file in images:
            number = _number(file)
            if number in entries:
                yield self._image(root, file, entries[number])
            else:
                about = faulty.get(number, f"no row of {number}")
                yield Fault(file, "no usable row in the table", "a row of this image", about, _AGAIN)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return read_image(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        outlines = _outlines(root, mammogram.image)
        regions = () if outlines is None else _regions(inside(root, outlines))
        points = next((region.points for region in regions if region.number == lesion.number), None)
        if points is None:
            raise UserError(
                f"{_number(mammogram.image)}.xml: expected the outline of lesion {lesion.number}, found none; "
                "index it again"
            )
        return polygon_to_mask(points, mammogram.height, mammogram.width)

    def _table(self, root: Path, files: tuple[str, ...]) -> Path:
        """The table nearest to the root, in its best form."""
        tables = [file for file in files if PurePosixPath(file).name.lower() in TABLES]
        if not tables:
            raise self.no_archive(f"{root} has INbreast's images but no INbreast.xls")
        best = min(tables, key=lambda file: (file.count("/"), TABLES.index(PurePosixPath(file).name.lower()), file))
        return inside(root, best)

    def _image(self, root: Path, file: str, entry: Entry) -> Mammogram | Fault:
        outlines = _outlines(root, file)
        if outlines is None and entry.assessment > 1:
            missing = f"{PurePosixPath(file).parent.parent / 'AllXML' / _number(file)}.xml"
            about = f"the outlines of an image of BI-RADS {entry.birads}, here or beside {file}"
            return Fault(missing, "announced file missing", about, "nothing", _AGAIN)
        try:
            header = read_header(inside(root, file))
        except UserError as error:
            return Fault(file, "unreadable image", "a DICOM mammogram", told(error, root), _AGAIN)
        try:
            regions = () if outlines is None else _regions(inside(root, outlines))
            lesions = self._lesions(regions, entry, header.height, header.width)
        except UserError as error:
            return Fault(
                outlines or file, "unreadable outlines", "regions as INbreast has them", told(error, root), _AGAIN
            )
        match = IMAGE.fullmatch(PurePosixPath(file).name)
        patient = "" if match is None else match["patient"].lower()
        return Mammogram(
            archive=INbreast.name,
            source="disk",
            image=file,
            patient=patient,
            height=header.height,
            width=header.width,
            bits=header.bits,
            view=entry.view,
            laterality=entry.laterality,
            density=entry.density,
            age=entry.age,
            mm_per_px=header.mm_per_px,
            study=f"{patient} {entry.period}" if entry.period else None,
            acquisition=acquisition_of(header),
            shows=("implant",) if header.implant else None,
            lesions=lesions,
        )

    def _lesions(self, regions: tuple[Region, ...], entry: Entry, height: int, width: int) -> tuple[Lesion, ...]:
        """Those that were drawn, numbered as their regions are, then those that the table alone knows."""
        drawn = [
            self._lesion(region.number, region.kind, entry, region.name, _box(region, height, width), region.outlined)
            for region in regions
        ]
        missing: list[LesionKind] = [kind for kind in entry.findings if kind not in {lesion.kind for lesion in drawn}]
        if not drawn and not missing and entry.assessment > 1:
            missing = ["other"]
        first = len(regions) + 1
        return *drawn, *(self._lesion(number, kind, entry) for number, kind in enumerate(missing, start=first))

    def _lesion(
        self,
        number: int,
        kind: LesionKind,
        entry: Entry,
        name: str = "not drawn",
        box: Box | None = None,
        has_mask: bool = False,
    ) -> Lesion:
        pathology: Pathology = "unknown"
        if self.malignant_from is not None:
            pathology = "malignant" if entry.assessment >= self.malignant_from else "benign"
        description = f"{name or 'unnamed'}, BI-RADS {entry.birads} of the image"
        return Lesion(
            number=number,
            kind=kind,
            pathology=pathology,
            box=box,
            description=description,
            assessment=entry.assessment,
            has_mask=has_mask,
        )


def _box(region: Region, height: int, width: int) -> Box | None:
    """Around all vertices, cut off at the image's edge; None for a region without any."""
    if not len(region.points):
        return None
    (x0, y0), (x1, y1) = region.points.min(axis=0), region.points.max(axis=0) + 1
    x0, y0, x1, y1 = max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)
    if x0 >= x1 or y0 >= y1:
        raise UserError(f"region {region.number}: expected a place within {height} x {width} px, found none")
    return Box(x0, y0, x1, y1)


def _number(image: str) -> str:
    return PurePosixPath(image).name.partition("_")[0]


def _outlines(root: Path, image: str) -> str | None:
    """The image's .xml relative to the root: in AllXML beside the image's folder, or beside the image."""
    folder = PurePosixPath(image).parent
    for place in (folder.parent / "AllXML", folder):
        path = beside(root / place, f"{_number(image)}.xml")
        if path is not None:
            return (place / path.name).as_posix()
    return None


def _regions(path: Path) -> tuple[Region, ...]:
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}); check that it is there and readable") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


@lru_cache(maxsize=2)
def _parsed(path: Path, mtime_ns: int, size: int) -> tuple[Region, ...]:
    """Kept, because each mask asks for its region again; another time of change or size reads the file anew."""
    return parse_regions(path.read_bytes())
