"""Counts beside a paper's own, and the papers' selections as they are configured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mammo_gan.archives.counts import COUNTED, Published, count
from mammo_gan.archives.records import Acquisition, Mammogram
from mammo_gan.archives.selection import Selection
from mammo_gan.errors import UserError
from mammo_gan.stages.command.groups import conf_folder
from tests.archives.test_selection import MASS, NORMAL, WITH_MASS, with_second


def preset(name: str) -> Selection:
    """conf/selection/NAME.yaml as the stage builds it."""
    built = instantiate(OmegaConf.load(conf_folder() / f"selection/{name}.yaml"), _convert_="all")
    assert isinstance(built, Selection)
    return built


def test_what_is_counted() -> None:
    records = [
        NORMAL,
        replace(NORMAL, archive="mias"),  # another patient of the same name
        with_second("two", pathology="benign"),
        replace(NORMAL, patient="2", lesions=(replace(MASS, pathology="unknown"),)),
    ]
    counts = count(records)
    assert counts == {
        "images": 4,
        "lesion_images": 2,
        "lesion_free_images": 2,
        "malignant_images": 1,
        "other_images": 3,
        "patients": 3,
        "lesions": 3,
    }
    assert list(counts) == list(COUNTED)


def test_the_papers_counts_beside_those_here() -> None:
    paper = Published(
        where="a paper", archive={"images": 10}, selected={"patients": 5, "lesions": 6}, patches={"normal": 7}
    )
    rows = paper.beside([NORMAL, WITH_MASS], [WITH_MASS])
    assert rows == [("images in the archive", 10, 2), ("patients", 5, 1), ("lesions", 6, 1)]
    assert paper.beside([], [], {"normal": 3, "lesion": 4})[-1] == ("patches of normal tissue", 7, 3)


def test_a_misspelt_count_is_refused() -> None:
    with pytest.raises(UserError, match=r"selection\.paper\.selected: .*images.* found pictures"):
        Published(where="a paper", selected={"pictures": 3})
    with pytest.raises(UserError, match=r"selection\.paper\.patches: .*normal, found images"):
        Published(where="a paper", patches={"images": 3})


def test_alyafi2019_is_table_2_with_the_papers_counts() -> None:
    selection = preset("alyafi2019")
    table_2 = Acquisition(
        manufacturer="Hologic, Inc", model="Lorad Selenia", tube_current=100, magnification=1, for_presentation=True
    )
    wanted = replace(WITH_MASS, acquisition=table_2)
    others = [
        replace(NORMAL, acquisition=replace(table_2, manufacturer="Philips")),
        replace(NORMAL, acquisition=replace(table_2, model="Selenia Dimensions")),
        replace(NORMAL, acquisition=replace(table_2, tube_current=62)),
        replace(NORMAL, acquisition=replace(table_2, magnification=1.8)),
        replace(NORMAL, acquisition=replace(table_2, for_presentation=False)),
        NORMAL,
    ]
    kept, steps = selection.steps([wanted, *others])
    assert kept == [wanted]
    assert [step.removed for step in steps] == [0, 2, 1, 1, 1, 1, 0]
    paper = selection.paper
    assert paper is not None
    assert paper.selected == {"lesion_free_images": 14_549, "lesion_images": 5_267, "patients": 3_701}
    assert paper.patches == {"lesion": 5_351, "normal": 147_951}


def test_alyafi2020_is_the_selenia_dimensions_at_any_current() -> None:
    dimensions = Acquisition(manufacturer="HOLOGIC, Inc.", model="Selenia Dimensions", for_presentation=True)
    wanted = replace(NORMAL, acquisition=dimensions)
    other = replace(NORMAL, acquisition=replace(dimensions, model="Lorad Selenia"))
    assert preset("alyafi2020").apply([wanted, other])[0] == [wanted]


def test_shen2021_keeps_malignant_masses_with_masks_and_lesion_free_images() -> None:
    unusable = [
        replace(NORMAL, lesions=(replace(MASS, pathology="benign"),)),
        replace(NORMAL, lesions=(replace(MASS, kind="calcification"),)),
        replace(NORMAL, lesions=(replace(MASS, has_mask=False),)),
    ]
    assert preset("shen2021").apply([NORMAL, WITH_MASS, *unusable])[0] == [NORMAL, WITH_MASS]


def test_korkinof2019_keeps_what_shows_nothing_and_what_is_not_said() -> None:
    hiding: list[Mammogram] = [replace(NORMAL, shows=(thing,)) for thing in ("implant", "clip", "foreign body")]
    kept = [replace(NORMAL, view=None), replace(WITH_MASS, shows=())]
    assert preset("korkinof2019").apply([*hiding, *kept])[0] == kept


def test_wu2018_has_the_papers_counts_of_ddsm() -> None:
    paper = preset("wu2018").paper
    assert paper is not None
    assert paper.archive["malignant_images"] + paper.archive["other_images"] == paper.archive["images"] == 10_480
