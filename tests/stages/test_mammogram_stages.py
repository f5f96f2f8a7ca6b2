"""synthesize, prune and evaluate of whole mammograms, one after the other on a store and an untrained generator."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image
from safetensors.torch import load_file

from mammo_gan.archives import index
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.records import Mammogram
from mammo_gan.data.attributes import Attributes
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.evaluation.values import described
from mammo_gan.reporting.results import read_results
from mammo_gan.stages import index as index_stage
from mammo_gan.stages import run_folder
from mammo_gan.stages.evaluate_mammograms import EvaluateMammograms
from mammo_gan.stages.prune import Prune
from mammo_gan.stages.report_mammograms import ReportMammograms
from mammo_gan.stages.synthesize_mammograms import SynthesizeMammograms
from mammo_gan.synthesis.layout import write_grey
from mammo_gan.weights import checksum
from tests.stages import mammograms
from tests.stages.mammograms import SCHEMA

SYNTHESIS = {
    "images": 9,
    "generator": "average",
    "attributes": None,
    "batch_size": 4,
    "prune_outliers": 0.95,
    "prune_against": None,
}
UNKEYED = OmegaConf.create({"accelerator": "cpu"})
EVALUATION = {"split": "train", "images": None, "resamples": 20, "sample": 5}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return mammograms.write_inputs(tmp_path_factory.mktemp("run"))


def stage(inputs_of_generator: int = 7, **changes: Any) -> SynthesizeMammograms:
    network = mammograms.GENERATOR_SETTINGS | {"attributes": inputs_of_generator}
    settings = OmegaConf.create({"g": network, "a": SCHEMA, "s": SYNTHESIS | changes})
    return SynthesizeMammograms(
        ["prepare/images", "train/mammogram"], settings.g, settings.a, settings.s, seed=1, unkeyed=UNKEYED
    )


def synthesised(inputs: dict[str, Path], folder: Path, **changes: Any) -> list[dict[str, str]]:
    """The table of what was asked."""
    folder.mkdir()
    stage(**changes).run(folder, mammograms.context(inputs))
    return table(folder / "draws.csv")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_set_is_an_archive_that_tells_what_was_asked(inputs: dict[str, Path], tmp_path: Path) -> None:
    draws = synthesised(inputs, tmp_path / "made")
    records = index.read(tmp_path / "made/records.parquet")
    assert len(draws) == len(records) == 9
    assert list(draws[0])[-3:] == ["visible_artefact", "artefact", "reader"]
    for record, row in zip(records, draws, strict=True):
        assert (record.source, record.extent, record.split, record.bits) == ("synthetic", "mammogram", "train", 8)
        assert (record.height, record.width) == mammograms.SIZES[0]
        assert record.origin is not None
        assert record.origin.generator == checksum(inputs["train/mammogram"] / "generator_average.safetensors")
        assert (record.image, str(record.origin.seed)) == (row["image"], row["seed"])
        assert (record.view, record.density or "") == (row["view"], row["density"])
        assert not row["visible_artefact"] + row["artefact"] + row["reader"]
    assert len({record.patient for record in records}) == 9
    read = [record for record in Manifest().scan(tmp_path / "made") if isinstance(record, Mammogram)]
    assert [(r.image, r.view, r.density) for r in read] == [(r.image, r.view, r.density) for r in records]
    assert {lesion.pathology for record in read for lesion in record.lesions} == {"unknown"}  # not called healthy


def test_an_image_can_be_drawn_again_from_the_table(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Written out here, of noise and attributes alone, each image by itself."""
    network = mammograms.generator().eval()
    network.load_state_dict(load_file(inputs["train/mammogram"] / "generator_average.safetensors"))
    schema: Attributes = instantiate(SCHEMA, _convert_="all")
    for row in synthesised(inputs, tmp_path / "made"):
        z = torch.randn(6, generator=torch.Generator().manual_seed(int(row["seed"])))
        asked: dict[str, Any] = {name: row[name] for name in ("view", "density") if row[name]}
        encoded = schema.encoded(schema.asked(1, breast_mask_size=float(row["breast_mask_size"]), **asked))
        with torch.no_grad():
            expected = network(z[None], encoded, stage=3, alpha=1.0)[0, 0].clamp(-1, 1).numpy()
        with Image.open(tmp_path / "made" / row["image"]) as picture:
            found = np.asarray(picture) / 127.5 - 1
        np.testing.assert_allclose(found, expected, atol=1.01 / 255)


def test_attributes_come_from_the_training_split_together(inputs: dict[str, Path], tmp_path: Path) -> None:
    store = ImageStore.open(inputs["prepare/images"])
    of = {name: store.column(name)[store.indices("train")].tolist() for name in ("view", "density", "breast_mask_size")}
    there = {(v, d or "", round(s, 4)) for v, d, s in zip(*of.values(), strict=True)}
    draws = synthesised(inputs, tmp_path / "made", images=60)
    found = {(row["view"], row["density"], round(float(row["breast_mask_size"]), 4)) for row in draws}
    assert found <= there
    assert {view for view, *_ in found} == {"CC", "MLO"}


def test_fewer_are_the_first_of_more_however_they_are_batched(inputs: dict[str, Path], tmp_path: Path) -> None:
    more = synthesised(inputs, tmp_path / "more", images=7, batch_size=7)
    fewer = synthesised(inputs, tmp_path / "fewer", images=5, batch_size=2)
    assert fewer == more[:5]
    for row in fewer:
        one, other = (np.asarray(Image.open(tmp_path / name / row["image"])) for name in ("more", "fewer"))
        np.testing.assert_allclose(one.astype(int), other.astype(int), atol=1)


def test_what_is_asked_for_is_drawn(inputs: dict[str, Path], tmp_path: Path) -> None:
    some = synthesised(inputs, tmp_path / "some", attributes={"view": "CC"}, images=30)
    assert {row["view"] for row in some} == {"CC"}
    assert {row["density"] for row in some} == {"A", "B"}  # as CC views have it in training
    both = synthesised(inputs, tmp_path / "both", attributes={"view": "MLO", "density": "C", "breast_mask_size": 0.6})
    assert {(row["view"], row["density"], row["breast_mask_size"]) for row in both} == {("MLO", "C", "0.6")}
    unseen = synthesised(inputs, tmp_path / "unseen", attributes={"view": "CC", "density": "D"})
    assert {(row["view"], row["density"], row["breast_mask_size"]) for row in unseen} == {("CC", "D", "")}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"attributes": {"view": "ML"}}, "synthesis.attributes: attribute view=ML"),
        ({"attributes": {"age": 50}}, "synthesis.attributes: attribute age=50"),
        ({"images": 0}, "synthesis.images=0"),
    ],
)
def test_what_the_generator_does_not_know_is_refused_at_once(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        stage(**changes)


def test_an_unconditional_generator_is_asked_for_nothing(inputs: dict[str, Path], tmp_path: Path) -> None:
    mammograms.write_trained(tmp_path / "trained", attributes=0)
    (tmp_path / "made").mkdir()
    there = mammograms.context(inputs | {"train/mammogram": tmp_path / "trained"})
    stage(0, images=2).run(tmp_path / "made", there)
    records = index.read(tmp_path / "made/records.parquet")
    assert [(record.view, record.density) for record in records] == [(None, None)] * 2
    with pytest.raises(UserError, match="attribute view=MLO: expected one of none"):
        stage(0, attributes={"view": "MLO"})


def test_the_generator_is_the_one_that_was_chosen(inputs: dict[str, Path], tmp_path: Path) -> None:
    for choice, file in (("best", "generator_best"), ("last", "generator")):
        synthesised(inputs, tmp_path / choice, generator=choice, images=1)
        (record,) = index.read(tmp_path / choice / "records.parquet")
        assert record.origin is not None
        assert record.origin.generator == checksum(inputs["train/mammogram"] / f"{file}.safetensors")
    with pytest.raises(UserError, match="expected one of best, average, last"):
        stage(generator="newest").run(tmp_path, mammograms.context(inputs))
    empty = inputs | {"train/mammogram": tmp_path}
    with pytest.raises(UserError, match=r"synthesis\.generator=best: expected .* Choose synthesis.generator=average"):
        stage(generator="best").run(tmp_path, mammograms.context(empty))


# What follows has synthetic images that look like the real ones, and three planted outliers.


@pytest.fixture(scope="module")
def made(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made") / "synthesize"
    synthesised(inputs, folder, images=30)
    drawn = mammograms.images(30, seed=5) / 255
    drawn[3], drawn[11], drawn[20] = 0.1 * drawn[3], 1 - 0.1 * drawn[11], 0.4
    for record, image in zip(index.read(folder / "records.parquet"), drawn, strict=True):
        write_grey(folder / record.image, image)
    return inputs | {"synthesize": folder}


def pruned(made: dict[str, Path], folder: Path, **changes: Any) -> tuple[Path, str]:
    folder.mkdir()
    said = io.StringIO()
    settings = OmegaConf.create(SYNTHESIS | changes)
    Prune(["prepare/images", "synthesize"], settings, seed=1).run(folder, mammograms.context(made, said))
    return folder, said.getvalue()


def test_planted_outliers_are_told_and_nothing_is_deleted(made: dict[str, Path], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in made["synthesize"].rglob("*") if path.is_file()}
    folder, said = pruned(made, tmp_path / "prune", prune_outliers=1.0)
    rows = table(folder / "pruning.csv")
    removed = {k for k, row in enumerate(rows) if row["kept"] == "no"}
    assert {3, 11, 20} <= removed
    assert len(removed) <= 8
    assert float(rows[20]["distance"]) == np.inf
    assert rows[20]["farthest"] == "skewness"  # the first moment that a constant image lacks
    assert float(rows[3]["mean"]) < -5 < 5 < float(rows[11]["mean"])
    summary = json.loads((folder / "pruning.json").read_text())
    assert (summary["quantile"], summary["real"], summary["images"]) == (1.0, 56, 30)
    assert summary["removed"] == len(removed) == sum(summary["by_moment"].values())
    assert f"{len(removed)} of 30 images are outliers" in said
    assert {path: path.read_bytes() for path in made["synthesize"].rglob("*") if path.is_file()} == before


def test_pruning_can_be_off_and_says_when_it_cannot_be_done(made: dict[str, Path], tmp_path: Path) -> None:
    off, _ = pruned(made, tmp_path / "off", prune_outliers=None)
    few, said = pruned(made, tmp_path / "few", prune_against=20)
    for folder in (off, few):
        assert {row["kept"] for row in table(folder / "pruning.csv")} == {"yes"}
    assert "warning: no image is pruned: outliers of 5 moments need 50 real images; got 20" in said
    assert "need 50 real images" in json.loads((few / "pruning.json").read_text())["reason"]
    for quantile in (0, 1.2):
        with pytest.raises(UserError, match="expected a quantile above 0 and at most 1"):
            Prune([], OmegaConf.create(SYNTHESIS | {"prune_outliers": quantile}), seed=1)


def evaluated(made: dict[str, Path], folder: Path, **changes: Any) -> dict[str, Any]:
    folder.mkdir()
    settings = OmegaConf.create(EVALUATION | changes)
    stage = EvaluateMammograms(["prepare/images", "synthesize", "prune"], settings, seed=1)
    stage.run(folder, mammograms.context(made))
    read: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return read


def test_all_and_kept_are_compared_with_both_halves(made: dict[str, Path], tmp_path: Path) -> None:
    prune, _ = pruned(made, tmp_path / "prune", prune_outliers=1.0)
    found = evaluated(made | {"prune": prune}, tmp_path / "evaluate")
    kept = [row["kept"] for row in table(prune / "pruning.csv")].count("yes")
    assert found["images"] == {"real": 56, "synthetic": 30, "kept": kept}
    assert found["size"] == [40, 32]
    values = {value["name"]: value for value in found["values"]}
    count = min(28, kept)
    for pair in ("real_real", "synthetic_first", "synthetic_second", "kept_first", "kept_second"):
        levels = [values[f"swd_{count}/{pair}/level_{height}"]["value"] for height in (40, 20)]
        assert values[f"swd_{count}/{pair}/mean"]["value"] == pytest.approx(np.mean(levels))
        assert values[f"swd_{count}/{pair}/mean"]["n"] == count
    shifts = [values[f"moment_shift/{group}/mean"]["value"] for group in ("synthetic", "kept")]
    assert shifts[1] < shifts[0]
    rows = table(tmp_path / "evaluate/moments.csv")
    counts = {(row["set"], row["label"]): 0 for row in rows}
    for row in rows:
        counts[row["set"], row["label"]] += 1
    assert counts == {
        ("real", "whole synthesis"): 56,
        ("synthetic", "whole synthesis"): 30,
        ("real", "after pruning"): 56,
        ("synthetic", "after pruning"): kept,
    }
    pairs = table(tmp_path / "evaluate/sample/pairs.csv")
    assert len(pairs) == 5
    for row in pairs:
        assert row["view"] == row["real_view"]
        assert (row["like"] == "view and density") == (row["density"] != "" and row["density"] == row["real_density"])
        for name in ("synthetic", "real"):
            with Image.open(tmp_path / f"evaluate/sample/{name}_{row['pair']}.png") as picture:
                assert picture.size == (32, 40)


def write_run(folder: Path) -> None:
    """What an index and the run itself leave."""
    folder.mkdir()
    (folder / index_stage.INTEGRITY).write_text('{"files_faulty": 1}')
    (folder / run_folder.OVERRIDES).write_text("[experiment=mammogan_optimam, source=phantom]")
    environment = {"versions": {"python": "3.11"}, "git_commit": None, "seeds": {"run": 1}}
    (folder / run_folder.ENVIRONMENT).write_text(json.dumps(environment))


@pytest.mark.parametrize("seen", [80, 50])
def test_the_report_gathers_it_all(seen: int, made: dict[str, Path], tmp_path: Path) -> None:
    prune, _ = pruned(made, tmp_path / "prune", prune_outliers=1.0)
    evaluated(made | {"prune": prune}, tmp_path / "evaluate")
    trained = shutil.copytree(made["train/mammogram"], tmp_path / "trained")
    mammograms.write_training(trained, seen)
    write_run(tmp_path / "run")
    there = {"index": tmp_path / "run", "prepare/images": made["prepare/images"], "train/mammogram": trained}
    there |= {"synthesize": made["synthesize"], "prune": prune, "evaluate": tmp_path / "evaluate"}
    (tmp_path / "more").mkdir()
    more = described("views/read_off", "views that were asked for", 0.75, n=4, note="", interval=(0.5, 1.0))
    (tmp_path / "more/evaluation.json").write_text(json.dumps({"values": [more]}))
    there["evaluate/views"] = tmp_path / "more"
    for name, place in there.items():
        (place / "stage.json").write_text(json.dumps({"name": name, "key": "0" * 16, "seconds": 1.0, "files": {}}))
    unkeyed = {"name": "mammogan_optimam", "title": "MammoGAN", "paper": "korkinof2019_mammogan", "scale": "smoke"}
    unkeyed |= {"preset": "paper", "source": "phantom"}
    stage = ReportMammograms(list(there), OmegaConf.create(unkeyed | {"schedule": mammograms.SCHEDULE}))
    stage.run(tmp_path / "run", mammograms.context(there))
    results = read_results(tmp_path / "run/results.json")
    assert results.values[-1].name == "views/read_off"
    assert results.values[-1].interval == (0.5, 1.0)
    counts = {(count.split, count.label): (count.patients, count.images) for count in results.data.patches}
    assert counts == {
        ("train", "CC"): (14, 23),
        ("train", "MLO"): (14, 33),
        ("test", "CC"): (2, 3),
        ("test", "MLO"): (2, 5),
    }
    page = re.sub(r"data:image/[^\"]*", "", (tmp_path / "run/report.html").read_text(encoding="utf-8"))
    for part in (
        "Figure 1",
        "Figure 2",
        "Figure 3",
        "Sliced Wasserstein distance",
        "Distance over training",
        "Pruning",
    ):
        assert part in page
    assert "stage 0, 5x4 px" in page
    assert "stage 3, 40x32 px, after 40 iterations" in page
    # The last of four stages, of 20 images each but the first of 10, has faded in after 10 + 20 + 20 + 10.
    warned = [warning for warning in results.data.warnings if "before its last stage had faded in at 60" in warning]
    assert len(warned) == (seen == 50)


def test_another_set_and_another_size_are_refused(made: dict[str, Path], tmp_path: Path) -> None:
    prune, _ = pruned(made, tmp_path / "prune")
    synthesised(made, tmp_path / "fewer", images=3)
    with pytest.raises(UserError, match="expected the 3 images of the synthetic set, found 30 others"):
        evaluated(made | {"prune": prune, "synthesize": tmp_path / "fewer"}, tmp_path / "one")
    with pytest.raises(UserError, match=r"evaluation\.split=val: .* has no image of it"):
        evaluated(made | {"prune": prune}, tmp_path / "two", split="val")


def test_images_of_another_size_are_refused(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune, _ = pruned(made, tmp_path / "prune")
    monkeypatch.setattr(mammograms, "SIZES", mammograms.SIZES[1:])
    mammograms.write_store(tmp_path / "small", count=16)
    with pytest.raises(UserError, match=r"expected images of 20x16 px, the finest of .*, found 40x32"):
        evaluated(made | {"prune": prune, "prepare/images": tmp_path / "small"}, tmp_path / "evaluate")
