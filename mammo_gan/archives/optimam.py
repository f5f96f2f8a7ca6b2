"""OPTIMAM, the Mammography Image Database of the Royal Surrey (OMI-DB): JSON for each client, and DICOM.

M. D. Halling-Brown et al., "OPTIMAM Mammography Image Database: a large-scale resource of mammography images and
clinical data", Radiology: Artificial Intelligence 3(1), 2021. The JSON is parsed by the publisher's own package,
`omidb` (MIT). Not yet seen on the genuine archive, which is given out on application.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.optimam_client import Study, omidb_parser, studies
from mammo_gan.archives.optimam_findings import marked, unmarked
from mammo_gan.archives.optimam_header import parse_header, read_dicom_header, read_json_header, record_of
from mammo_gan.archives.optimam_tables import scan_table
from mammo_gan.archives.paths import beside, inside, is_folder
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Laterality, Lesion, Mammogram
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_image
from mammo_gan.imaging.dicom_header import DicomHeader, is_mammogram, laterality_of

_CLIENTS = ("demd", "optm")  # how the names of all clients begin, as omidb knows them
_AGAIN = "fetch this client's files again"


class OPTIMAM(Reader):
    """OMI-DB as it is delivered, in whole or in part: an image that isn't on disk is absent, not faulty.

    Left out are images that their client's imagedb file doesn't list, since nothing is known of them, and what is no
    flat mammogram, such as tomosynthesis.

    Args:
        table: the annotations' table (.csv or .xlsx) relative to the root, instead of the JSON: see `optimam_tables`.
            An image without lesion in it is free of lesions.
        unmarked_is_free: take every image without marks for free of lesions, as alyafi2019 does. Otherwise one whose
            breast holds a finding, or whose study belongs to no episode, gets a lesion of unknown place.
    """

    name: ClassVar[str] = "optimam"
    root_variable: ClassVar[str] = "OPTIMAM_ROOT"
    layout: ClassVar[str] = (
        "data/<client>/nbss_<client>.json and imagedb_<client>.json, data/<client>/<study>/<image>.json and "
        "images/<client>/<study>/<image>.dcm, with clients named demd... or optm...; or the images and a table, named "
        "by archive.reader.table, with Patient ID, Study ID, Image ID, Lesion ID, x1, y1, x2, y2, Lesion status, type."
    )
    source_of_data: ClassVar[str] = "OPTIMAM can be applied for at https://medphys.royalsurrey.nhs.uk/omidb/."

    def __init__(self, table: str | None = None, unmarked_is_free: bool = False) -> None:
        self.table, self.unmarked_is_free = table, unmarked_is_free

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        if self.table is not None:
            if not inside(root, self.table).is_file():
                raise self.no_archive(f"{root}: has no table {self.table}")
            yield from scan_table(root, self.table)
            return
        data, images = _folder(root, "data"), _folder(root, "images")
        clients = sorted(path.name for path in _inside(root, data) if path.name[:4].lower() in _CLIENTS)
        if not clients:
            return
        parser = omidb_parser()
        for client in clients:
            try:
                for study in studies(parser, inside(root, f"{data}/{client}"), client):
                    yield from self._study(root, f"{data}/{client}", f"{images}/{client}", study)
            except UserError as error:
                expected = "NBSS and image data as OMI-DB writes them"
                yield Fault(f"{data}/{client}", "unreadable client", expected, told(error, root), _AGAIN)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return read_image(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        raise UserError(f"{mammogram.image}: OPTIMAM has boxes and no masks; choose an archive with masks")

    def _study(self, root: Path, data: str, images: str, study: Study) -> Iterator[Mammogram | Fault]:
        headers: dict[str, tuple[str, DicomHeader]] = {}
        # What is marked on one image of a side is in its others too, marked there or not, even if that one is absent.
        sides: set[Laterality | None] = set()
        for image in sorted(study.images):
            try:
                file = _file(root, f"{images}/{study.name}", f"{image}.dcm")
                elements = _elements(root, f"{data}/{study.name}", image, file)
                if study.images[image] != []:
                    sides.add(laterality_of(elements))
                if file is not None and is_mammogram(elements):
                    headers[image] = (file, parse_header(elements))
            except UserError as error:
                if study.images[image] != []:
                    sides.add(None)  # on either side
                where = f"{images}/{study.name}/{image}.dcm"
                expected = "a header as OMI-DB writes it"
                yield Fault(where, "unreadable header", expected, told(error, root), _AGAIN)
        for image, (file, header) in headers.items():
            marks = study.images[image]
            if marks is None:
                expected = "marks as OMI-DB writes them"
                yield Fault(file, "unreadable mark", expected, "at least one that omidb can't parse", _AGAIN)
                continue
            elsewhere = header.laterality in sides or None in sides or (header.laterality is None and bool(sides))
            lesions = self._lesions(marks, study.episode, header, elsewhere)
            yield record_of(file, PurePosixPath(file).parts[-3], study.name, header, lesions)

    def _lesions(
        self, marks: list[Any], episode: Any | None, header: DicomHeader, elsewhere: bool
    ) -> tuple[Lesion, ...]:
        if marks:
            return marked(marks, episode, header.laterality)
        return () if self.unmarked_is_free else unmarked(episode, header.laterality, elsewhere)


def _folder(root: Path, name: str) -> str:
    """`name` below the root in upper or lower case; the root itself where there is no such folder."""
    found = [path.name for path in _inside(root, ".") if path.name.lower() == name]
    return min(found, default=".")


def _inside(root: Path, folder: str) -> list[Path]:
    try:
        return [path for path in inside(root, folder).iterdir() if path.is_dir()]
    except OSError as error:
        raise UserError(
            f"{folder}: can't be listed ({error.strerror}); open it or name another archive.root"
        ) from error


def _file(root: Path, folder: str, name: str) -> str | None:
    """The path of `name` in `folder`, relative to the root, in upper or lower case; None where it isn't there."""
    path = beside(inside(root, folder), name)
    if path is None:
        if is_folder(root / folder / name):
            raise UserError(f"{folder}/{name}: expected a file of this name, found a folder; {_AGAIN}")
        return None
    inside(root, f"{folder}/{path.name}")
    return f"{folder}/{path.name}".removeprefix("./")


def _elements(root: Path, data: str, image: str, file: str | None) -> Dataset:
    """The image's header, from the DICOM file where the JSON was not delivered."""
    for ending in (".json", ".dcm.json"):  # OMI-DB has both
        found = _file(root, data, image + ending)
        if found is not None:
            return read_json_header(inside(root, found))
    return Dataset() if file is None else read_dicom_header(inside(root, file))
