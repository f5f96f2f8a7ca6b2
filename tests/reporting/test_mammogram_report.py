from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting import video_section
from mammo_gan.reporting.figures.curves import loss_curves
from mammo_gan.reporting.figures.growth import last_of_each_stage
from mammo_gan.reporting.figures.mammograms import outlier_sheet, pair_sheet
from mammo_gan.reporting.html import Figure, Gallery, Report, Table, render
from mammo_gan.reporting.mammogram_report import Sources, mammogram_report
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import Results, Value
from mammo_gan.synthesis.frames import write_video
from tests.reporting import examples

PAPER = read_paper(Path(__file__).parents[2] / "experiments/korkinof2019_mammogan/paper.toml")
SIZE = (40, 32)
BEGUN = (0, 10, 20, 30)
PAIRS = ("real_real", "synthetic_first", "synthetic_second", "kept_first", "kept_second")
MOMENTS = ("mean", "variance", "skewness", "kurtosis", "hyperskewness")


def write_picture(path: Path, level: int, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, level, np.uint8)).save(path)


def write_table(path: Path, *rows: list[Any]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_pairs(folder: Path) -> Path:
    said = [["000", "MLO", "C", "MLO", "C"], ["001", "CC", "", "CC", "B"]]
    for k, (name, *_) in enumerate(said):
        write_picture(folder / f"synthetic_{name}.png", 40 + k)
        write_picture(folder / f"real_{name}.png", 140 + k)
    write_table(folder / "pairs.csv", ["pair", "view", "density", "real_view", "real_density"], *said)
    return folder


def write_pruning(folder: Path, quantile: float | None = 0.99) -> None:
    columns = ["image", "kept", "distance", "farthest", *MOMENTS]
    nan = float("nan")
    deviations = [[0.5, 0, 0, 0, 0], [-7.25, 1, 0, 0, 0], [0.1, 0, nan, nan, nan], [0, 6.5, 0, 0, 0]]
    told: list[list[Any]] = [
        ["yes", 1.5, "mean"],
        ["no", 8.0, "mean"],
        ["no", "inf", "skewness"],
        ["no", 6.6, "variance"],
    ]
    for k in range(len(told)):
        write_picture(folder / f"synthesised/images/{k:06d}.png", 50 * k)
    rows: list[list[Any]] = [[f"images/{k:06d}.png"] + told[k] + deviations[k] for k in range(len(told))]
    write_table(folder / "pruning.csv", columns, *rows)
    summary = {"quantile": quantile, "limit": 4.25, "real": 56, "images": 4, "removed": 3, "reason": ""}
    by_moment = {"mean": 1, "skewness": 1, "variance": 1}
    (folder / "pruning.json").write_text(json.dumps(summary | {"by_moment": by_moment}))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("run")
    write_pairs(folder / "sample")
    write_pruning(folder)
    for iteration in (0, 9, 15, 35):
        write_picture(folder / f"samples/{iteration:07d}.png", iteration)
    columns = ["swd_8_20x16", "swd_8_20x16_mean", "swd_8_20x16_average", "swd_8_20x16_average_mean"]
    rows = [[k, 4 * k, 1 / k, *[100 / k if k % 10 == 0 else ""] * 4] for k in range(1, 41)]
    write_table(folder / "metrics.csv", ["iteration", "images_seen", "critic/drift", *columns], *rows)
    drawn = np.random.default_rng(0).normal(size=(40, 5)).tolist()
    groups = [("real", "whole synthesis"), ("synthetic", "whole synthesis")]
    moments = [[*groups[k % 2], *row] for k, row in enumerate(drawn)]
    write_table(folder / "moments.csv", ["set", "label", *MOMENTS], *moments)
    return Sources(
        sample=folder / "sample",
        moments=folder / "moments.csv",
        metrics=folder / "metrics.csv",
        samples=folder / "samples",
        begun=BEGUN,
        pruning=folder / "pruning.csv",
        pruned=folder / "pruning.json",
        synthesised=folder / "synthesised",
        images={"real": 56, "synthetic": 4, "kept": 1},
        size=SIZE,
    )


def results(source: str = "phantom") -> Results:
    swd = tuple(
        Value(name=f"swd_8/{pair}/{level}", label="", value=None if level == "level_20" else 100.0 + k, n=8, note="8")
        for k, pair in enumerate(PAIRS)
        for level in ("mean", "level_40", "level_20")
    )
    shift = Value(name="moment_shift/synthetic/mean", label="mean: distance", value=0.25, unit="SD", n=4)
    return replace(examples.results(source, random=False), values=(*swd, shift))


@pytest.fixture(scope="module")
def page(sources: Sources) -> Report:
    return mammogram_report(results(), PAPER, sources)


def test_every_part_is_there_and_says_that_it_is_of_a_phantom(page: Report) -> None:
    names = [section.name for section in page.sections]
    pictures = ["figure-3", "figure-2", "swd", "values", "figure-1", "training", "distance", "pruning"]
    assert names == [*pictures, "run", "paper", "reproduce"]
    for section in page.sections[:8]:
        captions = [b.caption for b in section.blocks if isinstance(b, Figure | Gallery | Table)]
        assert captions
        assert all(caption.endswith("Phantom data.") for caption in captions)
    assert page.summary.startswith("4 mammograms of 40x32 px drawn by a generator that was trained on 20 mammograms of")
    text = re.sub(r"data:image/[^\"]*", "", render(page))
    assert "feature network" not in text
    assert "Images by split and view" in text


def test_of_an_archive_nothing_speaks_of_a_phantom(sources: Sources) -> None:
    page = mammogram_report(results("disk"), PAPER, sources)
    parts = replace(page, sections=tuple(section for section in page.sections if section.name != "paper"))
    assert "phantom" not in re.sub(r"data:image/[^\"]*", "", render(parts)).lower()


def test_distances_stand_beside_their_floor_and_not_twice(page: Report) -> None:
    tables = {section.name: [b for b in section.blocks if isinstance(b, Table)] for section in page.sections}
    (table,) = tables["swd"]
    assert table.headings[:2] == ("level", "real from real, the floor")
    assert table.rows == (
        ("mean of the levels", "100", "101", "102", "103", "104"),
        ("40 px", "100", "101", "102", "103", "104"),
        ("20 px", *["not measured"] * 5),
    )
    (others,) = tables["values"]
    assert [row[0] for row in others.rows] == ["mean: distance"]


def test_each_stage_is_shown_by_its_last_grid(page: Report, sources: Sources) -> None:
    found = last_of_each_stage(sources.samples, BEGUN)
    assert [(grid.stage, grid.iteration) for grid in found] == [(0, 9), (1, 15), (3, 35)]
    (section,) = (section for section in page.sections if section.name == "figure-1")
    (gallery,) = section.blocks
    assert isinstance(gallery, Gallery)
    sizes = ("5x4", "10x8", "40x32")
    assert [figure.caption.split(", ")[1] for figure in gallery.figures] == [f"{size} px" for size in sizes]


def test_the_iteration_that_begins_a_stage_is_its_own(tmp_path: Path) -> None:
    for iteration in (0, 9, 10):
        write_picture(tmp_path / f"{iteration:07d}.png", 0)
    assert [(g.stage, g.iteration) for g in last_of_each_stage(tmp_path, BEGUN)] == [(0, 9), (1, 10)]
    assert last_of_each_stage(tmp_path / "none", BEGUN) == ()
    large = tmp_path / "0000040.png"
    write_picture(large, 7, (2000, 1000))
    *_, last = last_of_each_stage(tmp_path, BEGUN)
    with Image.open(io.BytesIO(last.png)) as picture:
        assert picture.size == (280, 560)
        assert picture.getextrema() == (7, 7)
    large.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"0000040\.png: expected a grid of samples"):
        last_of_each_stage(tmp_path, BEGUN)


def test_videos_are_on_the_page_unless_they_are_too_large(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [np.full((40, 96), level, np.uint8) for level in (10, 200)]
    write_video(tmp_path / "walk.webp", frames, per_second=5)
    write_video(tmp_path / "fade_in.gif", frames, per_second=5)
    shown = replace(sources, videos=tmp_path)
    text = render(mammogram_report(results(), PAPER, shown))
    for name, kind in (("walk.webp", "webp"), ("fade_in.gif", "gif")):
        assert base64.b64encode((tmp_path / name).read_bytes()).decode() in text
        assert f"data:image/{kind};base64," in text
    monkeypatch.setattr(video_section, "LARGEST", 10)
    text = render(mammogram_report(results(), PAPER, shown))
    assert "data:image/webp" not in text
    assert f"{tmp_path.name}/walk.webp" in text
    (tmp_path / "walk.webp").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"walk\.webp: expected a video"):
        mammogram_report(results(), PAPER, shown)
    (tmp_path / "fade_in.gif").unlink()
    (tmp_path / "walk.webp").unlink()
    with pytest.raises(UserError, match=r"expected walk\.webp"):
        mammogram_report(results(), PAPER, shown)


def grey(png: bytes | None) -> np.ndarray:
    assert png is not None
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("L"))


def test_pairs_have_the_synthetic_on_the_left(tmp_path: Path) -> None:
    sheet = grey(pair_sheet(write_pairs(tmp_path)))
    for synthetic, real in ((40, 140), (41, 141)):
        places = [np.argwhere(sheet == level) for level in (synthetic, real)]
        assert all(len(place) >= 320 * 240 for place in places)  # of each picture, enlarged
        assert np.median(places[0][:, 1]) < np.median(places[1][:, 1])
        assert np.median(places[0][:, 0]) == pytest.approx(np.median(places[1][:, 0]), abs=2)
    (tmp_path / "real_001.png").unlink()
    with pytest.raises(UserError, match=r"real_001\.png: expected a mammogram"):
        pair_sheet(tmp_path)


def test_the_farthest_outliers_are_shown_first(tmp_path: Path) -> None:
    write_pruning(tmp_path)
    sheet = grey(outlier_sheet(tmp_path / "pruning.csv", tmp_path / "synthesised", 2))
    places = {level: np.argwhere(sheet == level) for level in (50, 100, 150)}
    assert len(places[150]) < 1000  # the third
    assert np.median(places[100][:, 1]) < np.median(places[50][:, 1])  # without a moment, then 8 away
    write_table(tmp_path / "none.csv", ["image", "kept", "distance", "farthest"], ["images/000000.png", "yes", "", ""])
    assert outlier_sheet(tmp_path / "none.csv", tmp_path, 2) is None


def test_the_averaged_generator_is_followed_where_it_was_measured(sources: Sources, tmp_path: Path) -> None:
    """One panel, as of its column alone, and none where nothing was measured."""
    drawn = loss_curves(sources.metrics, None, ["swd_8_20x16_average"])
    for section in mammogram_report(results(), PAPER, sources).sections:
        if section.name == "distance":
            (figure,) = section.blocks
            assert isinstance(figure, Figure)
            assert figure.picture.light == drawn.encode()
    write_table(tmp_path / "metrics.csv", ["iteration", "critic/drift", "swd_8_20x16"], [1, 0.5, ""])
    report = mammogram_report(results(), PAPER, replace(sources, metrics=tmp_path / "metrics.csv"))
    assert "distance" not in {section.name for section in report.sections}


def test_what_was_not_pruned_says_why(sources: Sources, tmp_path: Path) -> None:
    said = json.loads(sources.pruned.read_text()) | {"reason": "synthesis.prune_outliers=null", "quantile": None}
    (tmp_path / "pruning.json").write_text(json.dumps(said))
    page = render(mammogram_report(results(), PAPER, replace(sources, pruned=tmp_path / "pruning.json")))
    assert "No image was pruned: synthesis.prune_outliers=null." in page
