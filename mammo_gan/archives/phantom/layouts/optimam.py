"""A client's JSON and DICOM as OPTIMAM (OMI-DB) delivers them, with what is odd in that archive (`optimam_oddities`).

M. D. Halling-Brown et al., "OPTIMAM Mammography Image Database: a large-scale resource of mammography images and
clinical data", Radiology: Artificial Intelligence 3(1), 2021; names and codes as the package `omidb` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation

from mammo_gan.archives.phantom.layouts.dicom import dicom, uid, write_dicom
from mammo_gan.archives.phantom.layouts.layout import FILMS, Layout, Settings, TableRow
from mammo_gan.archives.phantom.layouts.optimam_image import BITS, device_of, header, mark, processed
from mammo_gan.archives.phantom.layouts.optimam_nbss import EPISODE, SCREENED, nbss
from mammo_gan.archives.phantom.layouts.optimam_oddities import Oddities, oddities
from mammo_gan.archives.phantom.mammogram import PhantomFilm, draw_film
from mammo_gan.archives.phantom.patient import Patient
from mammo_gan.archives.records import View


class OPTIMAMLayout(Layout):
    """OPTIMAM: a client's four processed images of one screening, 12 bits, with boxes about lesions and no masks.

    A third of the clients is healthy, and so is the other breast of the others. Which scanner is set doesn't matter:
    nothing is scanned.
    """

    name: ClassVar[str] = "OPTIMAM"

    def write_patient(self, root: Path, patient: Patient, settings: Settings) -> Sequence[TableRow]:
        odd = oddities(patient.number)
        client = f"{'optm' if odd.newer_name else 'demd'}phantom{patient.number:04d}"
        study = _uid(settings, client)
        images: dict[str, Any] = {"StudyDate": SCREENED, "EpisodeID": EPISODE}
        for laterality, view in FILMS:
            film = draw_film(patient, laterality, view, settings.grid, settings.seed)
            series, image = (_uid(settings, client, laterality, view, part) for part in ("series", "image"))
            said = header(client, patient, laterality, view, settings.grid, odd)
            said |= {"StudyInstanceUID": study, "SeriesInstanceUID": series, "InstanceNumber": 1}
            pixels = processed(film)
            dataset = dicom(pixels, BITS, DigitalMammographyXRayImageStorageForPresentation, image, said)
            ending = ".dcm.json" if odd.long_ending else ".json"
            _write_json(root / "data" / client / study / f"{image}{ending}", dataset.to_json_dict())
            file = root / "images" / client / study / f"{image}.dcm"
            write_dicom(file, dataset, pixels, device_of(patient.number).lossless_jpeg)
            images[series] = {image: _marks(patient, film, odd, view)}
        for kind, content in (
            ("imagedb", {"ClientID": client, "Site": "phantom", "STUDIES": {study: images}}),
            ("nbss", nbss(client, patient, odd)),
        ):
            name = f"{kind.upper() if odd.upper_case else kind}_{client}.json"
            _write_json(root / "data" / client / name, content)
        return ()


def _uid(settings: Settings, *parts: str) -> UID:
    return uid("phantom of OPTIMAM", settings.seed, *parts)


def _marks(patient: Patient, film: PhantomFilm, odd: Oddities, view: View) -> dict[str, Any] | None:
    if patient.finding is None or film.lesion is None or (odd.one_view_marked and view == "MLO"):
        return None
    return {"0": mark(patient.finding, film.lesion, odd)}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")
