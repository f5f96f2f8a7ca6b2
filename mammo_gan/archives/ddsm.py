"""DDSM as first published: a folder per case with .ics, .LJPEG and .OVERLAY files.

M. Heath, K. Bowyer, D. Kopans, R. Moore and W. P. Kegelmeyer, "The Digital Database for Screening Mammography",
IWDM 2000. Not yet seen on a genuine file: DDSM's own .LJPEG files could not be had while this reader was written. Its
text files follow the publisher's description and the published software; its pixels are checked on streams of the same
standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.ics import Case, Film, parse_ics
from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.overlay import Abnormality, parse_overlay
from mammo_gan.archives.paths import beside, inside, is_folder, listing, read_text
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Lesion, Mammogram
from mammo_gan.errors import UserError
from mammo_gan.imaging.ljpeg import read_ljpeg
from mammo_gan.imaging.optical_density import Scanner, to_intensity
from mammo_gan.imaging.outlines import polygon_to_mask

_CASE = re.compile(r".*\.ics", re.IGNORECASE)
_AGAIN = "fetch the case's files again"


class DDSM(Reader):
    """The Digital Database for Screening Mammography, films of four scanners on one scale of optical density.

    A case is found by its .ics file, wherever below the root it is; its other files lie beside that. Each case is a
    patient of its own. DENSITY 1 to 4 becomes A to D. The four DDSM scanners' grey levels are mapped by
    `to_intensity`, so that an image's 16 bits mean optical density 3 (black) to 0.05 (white).
    """

    name: ClassVar[str] = "ddsm"
    root_variable: ClassVar[str] = "DDSM_ROOT"
    layout: ClassVar[str] = (
        "cases/<normals|cancers|benigns|benign_without_callbacks>/<volume>/caseNNNN/ with A-1141-1.ics, "
        "A_1141_1.LEFT_CC.LJPEG and A_1141_1.LEFT_CC.OVERLAY (folders above the case are free)."
    )
    source_of_data: ClassVar[str] = (
        "DDSM belongs to the University of South Florida: http://www.eng.usf.edu/cvprg/Mammography/Database.html."
    )

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        found = listing(root)
        yield from found.faults
        yield from found.in_place_of(_CASE)
        for file in found.files:
            if not _CASE.fullmatch(PurePosixPath(file).name):
                continue
            try:
                case = parse_ics(read_text(inside(root, file)), PurePosixPath(file).stem)
            except UserError as error:
                yield Fault(
                    file, "unreadable .ics", "a case's description as DDSM writes it", told(error, root), _AGAIN
                )
                continue
            for film in case.films:
                yield _film(root, PurePosixPath(file).parent, case, film)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint16]:
        digits = read_ljpeg(inside(root, mammogram.image), mammogram.height, mammogram.width)
        return to_intensity(digits, cast(Scanner, mammogram.scanner))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        image = PurePosixPath(mammogram.image)
        overlay = _beside(root, image.parent, f"{image.stem}.OVERLAY")
        if overlay is None:
            raise UserError(f"{image.with_suffix('.OVERLAY')}: expected beside the film, found nothing; {_AGAIN}")
        abnormalities = _abnormalities(root, overlay)
        matching = [abnormality for abnormality in abnormalities if abnormality.number == lesion.number]
        if not matching:
            raise UserError(f"{overlay}: expected abnormality {lesion.number}, found no such number; index it again")
        mask = np.zeros((mammogram.height, mammogram.width), dtype=bool)
        for outline in matching[0].boundaries:
            mask |= polygon_to_mask(outline, mammogram.height, mammogram.width)
        return mask


def _film(root: Path, folder: PurePosixPath, case: Case, film: Film) -> Mammogram | Fault:
    image = _beside(root, folder, f"{film.name}.LJPEG")
    if image is None:
        return _missing(root, folder, f"{film.name}.LJPEG", case)
    # An overlay that is there though none was announced is read too: its film isn't healthy.
    overlay = _beside(root, folder, f"{film.name}.OVERLAY")
    if overlay is None and film.overlay:
        return _missing(root, folder, f"{film.name}.OVERLAY", case)
    try:
        lesions = () if overlay is None else _lesions(_abnormalities(root, overlay), film)
    except UserError as error:
        expected = "the findings of one film as DDSM writes them"
        return Fault(overlay or image, "unreadable overlay", expected, told(error, root), _AGAIN)
    return Mammogram(
        archive=DDSM.name,
        source="disk",
        image=image,
        patient=case.name,
        height=film.height,
        width=film.width,
        bits=16,
        view=film.view,
        laterality=film.laterality,
        density=case.density,
        scanner=case.scanner,
        age=case.age,
        mm_per_px=None if film.um_per_px is None else film.um_per_px / 1000,
        lesions=lesions,
    )


def _abnormalities(root: Path, overlay: str) -> tuple[Abnormality, ...]:
    return parse_overlay(read_text(inside(root, overlay)))


def _lesions(abnormalities: tuple[Abnormality, ...], film: Film) -> tuple[Lesion, ...]:
    return tuple(
        Lesion(
            number=abnormality.number,
            kind=abnormality.kind,
            pathology=abnormality.pathology or "unknown",
            box=abnormality.box(film.height, film.width),
            description=abnormality.description,
            assessment=abnormality.assessment,
            has_mask=True,
        )
        for abnormality in abnormalities
    )


def _beside(root: Path, folder: PurePosixPath, name: str) -> str | None:
    """The path of `name` in `folder`, both relative to the root; None where it isn't there."""
    path = beside(root / folder, name)
    return None if path is None else (folder / path.name).as_posix()


def _missing(root: Path, folder: PurePosixPath, name: str, case: Case) -> Fault:
    packed = next((ending for ending in (".gz", ".Z") if beside(root / folder, name + ending)), None)
    nothing = "a folder of this name" if is_folder(root / folder / name) else "nothing"
    return Fault(
        file=(folder / name).as_posix(),
        problem="announced file missing",
        expected=f"this file beside {case.name}.ics, which lists it",
        found=nothing if packed is None else f"a packed one, {name}{packed}",
        advice=_AGAIN if packed is None else "unpack it with gunzip",
    )
