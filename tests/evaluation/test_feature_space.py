from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from mammo_gan.errors import UserError
from mammo_gan.evaluation.drawing import Images
from mammo_gan.evaluation.feature_space import TABLE, FeatureSpace
from mammo_gan.evaluation.tsne import largest_perplexity
from mammo_gan.stages.command.groups import conf_folder, group_options

SIZE = 8
FIGURES = [name for name, _ in group_options("evaluation/feature_space")]


def blob(count: int, level: float, seed: int) -> np.ndarray:
    """Patches about a pattern of their own, whose mean grey level is `level`."""
    rng = np.random.default_rng(seed)
    pattern = level + 0.1 * rng.standard_normal((1, SIZE, SIZE))
    return np.clip(pattern + 0.02 * rng.standard_normal((count, SIZE, SIZE)), 0, 1).astype(np.float32)


def compare(groups: dict[str, Images], folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    settings: dict[str, Any] = {
        "counts": dict.fromkeys(groups, 40),
        "perplexity": 10,
        "iterations": 300,
        "seed": 0,
        "permutations": 199,
    }
    values = FeatureSpace(**(settings | options)).compare(groups, folder)
    assert len({value["name"] for value in values}) == len(values)
    return {value["name"]: value for value in values}


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


def places(folder: Path, group: str) -> np.ndarray:
    return np.array([(float(row["x"]), float(row["y"])) for row in rows(folder) if row["group"] == group])


def test_two_blobs_are_apart_in_the_plane_and_in_numbers(tmp_path: Path) -> None:
    values = compare({"real": blob(50, 0.3, 1), "synthetic": blob(50, 0.7, 2)}, tmp_path)
    real, synthetic = places(tmp_path, "real"), places(tmp_path, "synthetic")
    radius = max(np.linalg.norm(points - points.mean(0), axis=1).max() for points in (real, synthetic))
    assert np.linalg.norm(real.mean(0) - synthetic.mean(0)) > 2 * radius
    for space in ("pixels", "tsne"):
        assert values[f"neighbour_mixing/{space}/real_synthetic"]["value"] == 0
    assert values["two_sample_auc/pixels_32/real_synthetic"]["value"] == 1


def test_one_distribution_mixes_as_expected(tmp_path: Path) -> None:
    """Two draws of the same: the rate is that of chance, 40 of the 79 others."""
    both = blob(80, 0.5, 3)
    values = compare({"real": both[:40], "synthetic": both[40:]}, tmp_path)
    for space in ("pixels", "tsne"):
        mixing = values[f"neighbour_mixing/{space}/real_synthetic"]
        assert mixing["value"] == pytest.approx(40 / 79, abs=0.2)
        assert f"{40 / 79:.3f}" in mixing["note"]
        assert mixing["interval"] is None  # the range is that of sets drawn alike, no interval of the value
    area = values["two_sample_auc/pixels_32/real_synthetic"]
    assert area["interval"][0] < 0.5 < area["interval"][1] + 0.15


def test_flipped_copies_that_stayed_as_they_were_are_matches(tmp_path: Path) -> None:
    """In the pixels a quarter lies on its original, so that the sets mix more than by chance."""
    real = np.random.default_rng(0).random((60, SIZE, SIZE)).astype(np.float32)
    counts = {"real": 60, "flipped": 60}
    values = compare({"real": real}, tmp_path, counts=counts, flips={"flipped": "real"}, perplexity=15)
    assert values["tsne_points/flipped"]["value"] == 60
    assert values["neighbour_mixing/pixels/real_flipped"]["value"] > 60 / 119
    assert [row["index"] for row in rows(tmp_path)] == [str(k) for k in range(60)] * 2


def test_the_table_holds_the_points_in_order_and_is_the_same_again(tmp_path: Path) -> None:
    groups: dict[str, Images] = {"real": blob(50, 0.3, 1), "synthetic": blob(20, 0.5, 2), "normal": blob(50, 0.7, 3)}
    options = {"counts": {"real": 12, "synthetic": 30, "normal": 15}, "perplexity": 8}
    values = compare(groups, tmp_path / "a", **options)
    compare(groups, tmp_path / "b", **options)
    assert (tmp_path / "a" / TABLE).read_bytes() == (tmp_path / "b" / TABLE).read_bytes()
    assert [row["group"] for row in rows(tmp_path / "a")] == ["real"] * 12 + ["synthetic"] * 20 + ["normal"] * 15
    assert values["tsne_points/synthetic"]["note"] == "asked 30, there are 20"
    assert values["tsne_points/real"]["note"] == "as asked, of 50"
    pairs = {name.rpartition("/")[2] for name in values if name.startswith("neighbour_mixing")}
    assert pairs == {"real_synthetic", "real_normal"}


def test_an_empty_group_is_said_and_leaves_the_others(tmp_path: Path) -> None:
    values = compare({"real": blob(50, 0.3, 1), "synthetic": np.empty((0, SIZE, SIZE), np.float32)}, tmp_path)
    assert values["tsne_points/synthetic"]["note"] == "asked 40, there are 0"
    for name in ("neighbour_mixing/pixels/real_synthetic", "two_sample_auc/pixels_32/real_synthetic"):
        assert values[name]["value"] is None
        assert "there are 40 and 0" in values[name]["note"]


@pytest.mark.parametrize("tissue", [40, 200])
def test_lesions_among_normal_tissue_are_counted_as_outliers(tmp_path: Path, tissue: int) -> None:
    """Three real patches look like tissue, and no synthetic one, however much tissue there is."""
    lesions, normal = blob(77, 0.3, 1), blob(tissue + 3, 0.7, 2)
    groups: dict[str, Images] = {
        "real": np.concatenate([lesions[:37], normal[:3]]),
        "synthetic": lesions[37:],
        "normal": normal[3:],
    }
    values = compare(groups, tmp_path, counts={name: len(group) for name, group in groups.items()})
    shares = {name: value["value"] for name, value in values.items() if name.startswith("tsne_outliers")}
    assert shares == {"tsne_outliers/real": 3 / 40, "tsne_outliers/synthetic": 0}


def test_without_normal_tissue_there_are_no_outliers(tmp_path: Path) -> None:
    values = compare({"real": blob(50, 0.3, 1), "synthetic": blob(50, 0.5, 2)}, tmp_path, iterations=20)
    assert not [name for name in values if name.startswith("tsne_outliers")]


def test_large_patches_are_averaged_for_the_linear_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    groups: dict[str, Images] = {name: rng.random((20, 64, 64)).astype(np.float32) for name in ("real", "synthetic")}
    values = compare(groups, tmp_path, iterations=20)
    assert 0 <= values["two_sample_auc/pixels_32/real_synthetic"]["value"] <= 1


def test_patients_stay_in_one_fold(tmp_path: Path) -> None:
    """With all patches of a set from fewer than five patients there are no folds to be had."""
    groups: dict[str, Images] = {"real": blob(40, 0.5, 1), "synthetic": blob(40, 0.5, 2)}
    space = FeatureSpace({"real": 40, "synthetic": 40}, perplexity=10, iterations=20, seed=0, permutations=9)
    values = space.compare(groups, tmp_path, {"real": [f"key{k % 3}" for k in range(40)]})
    (area,) = [value for value in values if value["name"].startswith("two_sample_auc")]
    assert area["value"] is None
    assert "5 patients in both sets; there are 3 and 40" in area["note"]


def test_too_few_points_for_the_perplexity_end_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="perplexity 250"):
        compare({"real": blob(50, 0.3, 1), "synthetic": blob(50, 0.7, 2)}, tmp_path, perplexity=250)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("figure", FIGURES)
def test_settings_are_the_papers(figure: str) -> None:
    """alyafi2019, 5.2 and 9.3; alyafi2020, 4.1."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[f"+evaluation/feature_space@space={figure}"])
    settings = dict(cfg.space)
    assert settings.pop("figure").lower().replace(" ", "") == figure.partition("_")[2]
    assert set(settings.pop("title").split()) & {"synthetic", "flipped"} == set(cfg.space.counts) - {"real", "normal"}
    space = FeatureSpace(**settings, seed=1)
    assert (space.perplexity, space.iterations, space.share) == (250, 4000, 1)
    assert set(space.flips) <= set(space.counts)
    # The paper's counts allow its perplexity.
    assert space.perplexity < largest_perplexity(sum(space.counts.values()))


def test_a_share_is_of_all_counts_and_of_the_perplexity(tmp_path: Path) -> None:
    groups: dict[str, Images] = {name: blob(60, 0.5, k) for k, name in enumerate(("real", "synthetic", "normal"))}
    counts = {"real": 20, "synthetic": 30, "normal": 50}
    part = compare(groups, tmp_path / "part", counts=counts, share=0.2, perplexity=15)
    assert {name: part[f"tsne_points/{name}"]["value"] for name in counts} == {"real": 4, "synthetic": 6, "normal": 10}
    assert part["tsne_divergence"]["note"].startswith("perplexity 3,")
    fewer = {"real": 4, "synthetic": 6, "normal": 10}
    assert compare(groups, tmp_path / "fewer", counts=fewer, perplexity=3) == part
    assert (tmp_path / "part" / TABLE).read_bytes() == (tmp_path / "fewer" / TABLE).read_bytes()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"share": 0.0}, "share=0"), ({"share": 1.5}, "share=1.5"), ({"counts": {}}, "counts="),
     ({"counts": {"real": 3, "synthetic": 0}}, "'synthetic': 0")],
)  # fmt: skip
def test_what_nothing_could_be_drawn_with_is_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        FeatureSpace(**{"counts": {"real": 9}, **settings}, perplexity=2, iterations=10, seed=0)


def test_there_is_a_file_for_each_figure() -> None:
    assert FIGURES == ["alyafi2019_figure10", "alyafi2019_figure11", "alyafi2019_figure13", "alyafi2020_figure2"]
