"""CBIS-DDSM as The Cancer Imaging Archive gives it: films of DDSM as DICOM, with masks, crops and four tables.

R. S. Lee et al., "A curated mammography data set for use in computer-aided detection and diagnosis research",
Scientific Data 4:170177, 2017. Checked on the published tables; its 164 GB of images could not be had while this reader
was written, whose layout and quirks follow what others report of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.cbis_films import FIRST_CALCIFICATION, by_folder, film_of, film_record, lesion_files
from mammo_gan.archives.cbis_masks import fitted, read_drawn
from mammo_gan.archives.cbis_split import OfficialSplit, official_split
from mammo_gan.archives.cbis_tables import TABLES, Collection, Finding, Misread, read_findings
from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.paths import inside, listing
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Lesion, Mammogram, SplitName
from mammo_gan.errors import UserError
from mammo_gan.imaging.dicom import read_dicom

_IMAGE = re.compile(r".+\.(dcm|dicom)", re.IGNORECASE)


class CBIS(Reader):
    """The Curated Breast Imaging Subset of DDSM: whole films, each with all its masses and calcifications.

    Folders are found by their names, wherever below the root they are; the paths within, of which the tables hold old
    ones, don't matter. A film of which nothing is there is absent, not faulty; where no mask of a collection is
    there, its lesions have no position. Density 1 to 4 becomes A to D. A lesion's box comes from its mask, by `verify`.
    `split` stays None, as the publisher's split isn't one by patients: see `official_split`.
    """

    name: ClassVar[str] = "cbis"
    root_variable: ClassVar[str] = "CBIS_ROOT"
    layout: ClassVar[str] = (
        f"the four tables {', '.join(TABLES.values())} and the folders of films and lesions as downloaded, "
        "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC/.../1-1.dcm and CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1/.../1-1.dcm "
        "(folders above and below these are free)."
    )
    source_of_data: ClassVar[str] = (
        "CBIS-DDSM can be had from https://www.cancerimagingarchive.net/collection/cbis-ddsm/ (CC BY 3.0)."
    )

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        found = listing(root)
        yield from found.faults
        folders = by_folder(found.files)
        if not folders:
            return
        yield from found.in_place_of(_IMAGE)
        films: dict[str, list[Finding]] = {}
        known: set[str] = set()
        drawn: set[Collection] = set()
        unsure: set[str] = set()
        for row in self._rows(root, found.files):
            if isinstance(row, Misread):
                unsure.add(row.film)
                yield _unusable(row)
                continue
            films.setdefault(row.film, []).append(row)
            known |= {row.film_folder, row.lesion_folder}
            if row.lesion_folder in folders:
                drawn.add(row.collection)
        unlisted = [folder for folder in folders if folder not in known and film_of(folder) not in unsure]
        for folder in unlisted:
            expected = f"a row of {folder} in the tables"
            yield Fault(folders[folder][0], "unlisted folder", expected, "none", "download the tables again, whole")
        unsure |= {film_of(folder) for folder in unlisted}
        for film, findings in sorted(films.items()):
            # A film with a lesion of which no row tells would keep it as healthy tissue.
            if film not in unsure:
                record = film_record(self.name, root, folders, drawn, findings)
                if record is not None:
                    yield record

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint16]:
        return read_dicom(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        calcification = lesion.number > FIRST_CALCIFICATION
        kind, number = ("Calc", lesion.number - FIRST_CALCIFICATION) if calcification else ("Mass", lesion.number)
        side = "LEFT" if mammogram.laterality == "L" else "RIGHT"
        film = f"{mammogram.patient}_{side}_{mammogram.view}"
        names = [f"{kind}-{part}_{film}_{number}" for part in ("Training", "Test")]
        files = lesion_files(root, mammogram.image, names)
        if not files:
            raise UserError(f"{mammogram.image}: expected a folder {' or '.join(names)}, found none; index it again")
        try:
            return fitted(read_drawn([inside(root, file) for file in files]), mammogram.height, mammogram.width)
        except UserError as error:
            raise UserError(f"{files[0]}: {told(error, root)}") from error

    def official_sides(self, root: Path) -> Mapping[str, frozenset[SplitName]]:
        return self.official_split(root).sides

    def official_split(self, root: Path) -> OfficialSplit:
        """The publisher's sets, of which the records' `split` says nothing.

        Raises:
            UserError: a table is missing or can't be read.
        """
        return official_split(self._rows(root, listing(root).files))

    def _rows(self, root: Path, files: tuple[str, ...]) -> Iterator[Finding | Misread]:
        """All rows of the four tables: one alone wouldn't tell all lesions of a film."""
        for collection, table in TABLES.items():
            found = [file for file in files if PurePosixPath(file).name.lower() == table]
            if not found:
                raise self.no_archive(f"{root} has no {table}")
            nearest = min(found, key=lambda file: (file.count("/"), file))
            findings, misread = read_findings(inside(root, nearest), collection)
            yield from misread
            yield from findings


def _unusable(row: Misread) -> Fault:
    table = TABLES[row.collection]
    found = f"{row.found}; film {row.film} is left out"
    return Fault(table, f"unusable row {row.number}", "a row of CBIS-DDSM", found, "download the table again")
