"""Which experiment can run on which archive: told from records alone, before anything is cut or trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mammo_gan.archives import index
from mammo_gan.archives.inbreast import INbreast
from mammo_gan.archives.needs import Needs, check, lacks
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.archives.selection import Selection
from mammo_gan.errors import UserError
from tests.archives.cbis_miniature import BOXES, make_cbis
from tests.archives.inbreast_miniature import SQUARE, make_inbreast
from tests.archives.miniature import make_ddsm, make_manifest, make_mias, write_manifest
from tests.archives.optimam_miniature import make_optimam
from tests.archives.test_auto import CONF
from tests.archives.test_bad_input import READERS

# data.lenders: malignant patches show an outlined lesion of known pathology; those of the other class show a benign one
# or tissue beside lesions, which every image has whose lesions are located.
CIGAN = Needs(lesions=["mass", "calcification"], pathologies=["malignant"], outlines="mask")
DRAWN = {"patient": "6c613a14b80a8591", "side": "L", "view": "CC", "acr": 2, "birads": 5, "drawn": [("Mass", SQUARE)]}


def image(name: str = "1", *lesions: Lesion, **known: Any) -> Mammogram:
    settings: dict[str, Any] = {"archive": "lab", "source": "disk", "patient": "p", "height": 9, "width": 9, "bits": 8}
    return Mammogram(image=name, lesions=lesions, **settings | known)


def lesion(**known: Any) -> Lesion:
    settings: dict[str, Any] = {"number": 1, "kind": "mass", "pathology": "malignant", "box": None}
    return Lesion(**settings | known)


def mias_of(*rows: str) -> Callable[[Path], object]:
    return lambda root: make_mias(root, size=256, rows=rows, absent=())


def without_labels(root: Path) -> None:
    make_manifest(root)
    write_manifest(root, [{"image": f"images/p{patient}_CC.png", "patient": f"p{patient}"} for patient in range(3)])


def without_masks(root: Path) -> None:
    make_cbis(root)
    for folder in BOXES:
        shutil.rmtree(root / "CBIS-DDSM" / folder)


MET: Mapping[str, tuple[Reader, Callable[[Path], object]]] = {
    "ddsm": (READERS["ddsm"], make_ddsm),
    "cbis": (READERS["cbis"], make_cbis),
    "inbreast": (READERS["inbreast"], lambda root: make_inbreast(root, {"20586908": DRAWN})),
    "mias": (READERS["mias"], mias_of("mdb001 G CIRC M 50 125 19", "mdb002 G NORM")),
    "manifest": (READERS["manifest"], make_manifest),
    "auto": (READERS["auto"], make_ddsm),
}
REFUSED: Mapping[str, tuple[Reader, Callable[[Path], object], str]] = {
    "optimam, of boxes": (
        READERS["optimam"],
        make_optimam,
        r"archive=optimam: of 7 images show \d+ lesions of kind .*, and 0 of \d+ malignant ones have an outline",
    ),
    "a manifest without labels": (READERS["manifest"], without_labels, "archive=manifest: of 3 images none shows"),
    "normal films": (
        READERS["mias"],
        mias_of("mdb001 G NORM", "mdb002 D NORM"),
        "mias: of 2 images none shows",
    ),
    "scattered calcifications": (READERS["mias"], mias_of("mdb001 G CALC M *NOTE 3*"), "0 of 1 malignant ones have"),
    "benign lesions alone": (READERS["mias"], mias_of("mdb001 G CIRC B 50 125 19"), r"0 are malignant \(of 0 it"),
    "BI-RADS that count for nothing": (INbreast(malignant_from=None), make_inbreast, r"0 are malignant \(of \d+ it"),
    "no masks downloaded": (READERS["cbis"], without_masks, "archive=cbis: .*have an outline"),
}


def selection() -> Selection:
    found = instantiate(OmegaConf.load(CONF / "selection" / "wu2018.yaml"), _convert_="all")
    assert isinstance(found, Selection)
    return found


@pytest.mark.parametrize("what", MET)
def test_cigan_runs_on_every_archive_with_outlined_malignant_lesions(what: str, tmp_path: Path) -> None:
    reader, make = MET[what]
    make(tmp_path / "root")
    records, faults = index.build(reader, tmp_path / "root", "disk", jobs=1)
    assert not faults
    check(records, CIGAN, "cigan_ddsm")
    selected, _ = selection().apply(records)
    check(selected, CIGAN, "cigan_ddsm", "images left by the selection")


@pytest.mark.parametrize("what", REFUSED)
def test_cigan_refuses_the_others_by_name(what: str, tmp_path: Path) -> None:
    reader, make, says = REFUSED[what]
    make(tmp_path / "root")
    records, _ = index.build(reader, tmp_path / "root", "disk", jobs=1)
    with pytest.raises(UserError, match=says) as error:
        check(records, CIGAN, "cigan_ddsm")
    for part in ("experiment=cigan_ddsm can't run", "ddsm, cbis, inbreast", "archive=NAME"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("needs", "has", "has_not", "lacking"),
    [
        (Needs(lesions=["mass"]), image("1", lesion()), image("1", lesion(kind="calcification")), "none shows"),
        (
            Needs(lesions=["mass"], pathologies=["benign"]),
            image("1", lesion(pathology="benign")),
            image("1", lesion()),
            "0 are benign",
        ),
        (
            Needs(lesions=["mass"], outlines="mask or box"),
            image("1", lesion(box=Box(0, 0, 2, 2))),
            image("1", lesion()),
            "0 of these have an outline",
        ),
        (
            Needs(lesions=["mass"], outlines="mask or box"),
            image("1", lesion(), extent="patch"),
            image("1", lesion()),
            "0 of these have an outline",
        ),
        (
            Needs(lesions=["mass"], outlines="mask"),
            image("1", lesion(has_mask=True)),
            image("1", lesion(box=Box(0, 0, 2, 2))),
            "0 of these have an outline",
        ),
        (Needs(lesion_free=True), image(), image("1", lesion()), "0 are known to be free of lesions"),
        (Needs(views=["CC", "MLO"]), None, image(view="MLO"), "0 are CC views"),
        (Needs(known=("mm_per_px",)), image(mm_per_px=0.1), image(), "0 have a known mm_per_px"),
        (Needs(known=("density",)), image(density="A"), image(tissue="F"), "0 have a known density"),
    ],
)
def test_each_need_alone(needs: Needs, has: Mammogram | None, has_not: Mammogram, lacking: str) -> None:
    (found,) = lacks([has_not], needs)
    assert lacking in found.counted
    assert has is None or lacks([has, has_not], needs) == []  # one is enough


def test_malignant_lesions_and_outlined_ones_have_to_be_the_same() -> None:
    records = [image("1", lesion(pathology="benign", has_mask=True)), image("2", lesion())]
    (found,) = lacks(records, CIGAN)
    assert "0 of 1 malignant ones have an outline" in found.counted


def test_all_that_is_lacking_is_said_at_once() -> None:
    with pytest.raises(UserError, match=r"0 are CC views; 0 have a known density.*for view: ddsm.*; for density: ddsm"):
        check([image()], Needs(views=["CC"], known=("density",)), "x")


def test_nothing_needed_is_nothing_refused() -> None:
    check([image()], Needs(), "korkinof2019")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lesions": ["masses"]}, r"needs\.lesions: .*found masses"),
        ({"lesions": "mass"}, "a list of some of mass, .*found mass"),
        ({"lesions": ["mass"], "outlines": "masks"}, r"needs\.outlines: .*found masks"),
        ({"outlines": "mask"}, r"needs\.lesions: expected the kinds"),
        ({"known": ["mm"]}, r"needs\.known: .*found mm"),
    ],
)
def test_unknown_names_are_refused_before_any_archive_is_read(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Needs(**settings)
