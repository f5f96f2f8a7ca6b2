"""What holds for a phantom archive in every layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.layouts.cbis import CBISLayout
from mammo_gan.archives.phantom.layouts.ddsm import DDSMLayout
from mammo_gan.archives.phantom.layouts.layout import Layout
from mammo_gan.archives.phantom.layouts.optimam import OPTIMAMLayout
from mammo_gan.errors import UserError
from mammo_gan.imaging.optical_density import Scanner

HEIGHT, WIDTH, SEED = 128, 70, 7
LAYOUTS = (DDSMLayout, CBISLayout, OPTIMAMLayout)
PATIENTS = 6


def write(
    root: Path,
    layout: type[Layout] = DDSMLayout,
    patients: int = 3,
    scanner: Scanner = "lumisys",
    seed: int = SEED,
    shares: dict[str, Any] | None = None,
    **settings: Any,
) -> Path:
    PhantomArchive(layout(), **shares or {})(root, patients, HEIGHT, WIDTH, scanner, seed, **settings)
    return root


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> type[Layout]:
    found: type[Layout] = request.param
    return found


@pytest.fixture(scope="module")
def written(layout: type[Layout], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content(write(tmp_path_factory.mktemp("phantom") / "root", layout, PATIENTS))


def test_the_same_bytes_whatever_the_number_of_jobs(
    layout: type[Layout], written: dict[str, bytes], tmp_path: Path
) -> None:
    assert content(write(tmp_path / "again", layout, PATIENTS, jobs=2)) == written


def test_more_patients_leave_the_earlier_ones_as_they_are(
    layout: type[Layout], written: dict[str, bytes], tmp_path: Path
) -> None:
    smaller = content(write(tmp_path / "smaller", layout, PATIENTS - 2))
    assert smaller.keys() < written.keys()
    for name, data in smaller.items():
        if name in layout.tables:
            assert written[name].startswith(data)
        else:
            assert written[name] == data


def test_another_seed_draws_others(layout: type[Layout], written: dict[str, bytes], tmp_path: Path) -> None:
    others, known = content(write(tmp_path / "other", layout, 2, seed=SEED + 1)), set(written.values())
    images = {data for name, data in others.items() if name.lower().endswith((".ljpeg", ".dcm"))}
    assert images
    assert not images & known


def test_the_archive_says_what_it_is(layout: type[Layout], written: dict[str, bytes]) -> None:
    assert written["PHANTOM.txt"].startswith(b"Phantom data: drawn by mammo_gan")
    assert f"layout of {layout.name}" in written["PHANTOM.txt"].decode()


def test_nothing_that_is_there_already_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="ascii")
    with pytest.raises(UserError, match="found something there"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_archive_leaves_nothing_behind(layout: type[Layout], tmp_path: Path) -> None:
    def interrupted(items: Iterable[Any], total: int, description: str) -> Iterator[Any]:
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "root", layout, progress=interrupted)
    assert not list(tmp_path.iterdir())


def test_progress_counts_patients(tmp_path: Path) -> None:
    calls = []

    def count(items: Iterable[Any], total: int, description: str) -> Iterator[Any]:
        for number, item in enumerate(items, start=1):
            calls.append((number, total))
            yield item

    write(tmp_path / "ddsm", patients=2, progress=count)
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patients": 0}, "1 to 9999 patients, found patients=0"),
        ({"scanner": "epson"}, "expected scanner dba, .* found epson"),
        ({"shares": {"mass_share": 1.5}}, "found 1.5"),
        ({"shares": {"outcomes": {"cured": 1.0}}}, "expected outcomes to be shares of normal, benign, malignant"),
        ({"shares": {"densities": {"A": -1.0, "B": 2.0}}}, "none negative"),
        ({"shares": {"densities": {}}}, "expected densities"),
        (
            {"shares": {"outcomes": {"normal": 1.0}}, "layout": CBISLayout},
            "share of benign or malignant, the only patients in CBIS-DDSM, found {'normal': 1.0}",
        ),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / "root", **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("height", "width"), [(100, 31), (100, 101)])
def test_films_are_upright_and_not_too_small(tmp_path: Path, height: int, width: int) -> None:
    with pytest.raises(UserError, match=f"height={height} width={width}"):
        PhantomArchive(DDSMLayout())(tmp_path / "ddsm", 1, height, width, "lumisys", SEED)
