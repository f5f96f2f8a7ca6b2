"""A preparation that is killed goes on where it stood, and ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.journal import Journal
from tests.data.preparing import IMAGES, RECORDS, SOON, Kind, Preparation, kill, started, wait_until

KILLS = 4
STEPS: dict[Kind, int] = {
    "images": 40,
    "patches": 80 + 40,
    "lesions": 40,
}  # notes: of surveys one an image, else one for two


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, dict[str, bytes]]:
    whole: dict[Kind, dict[str, bytes]] = {}
    for kind in STEPS:
        preparation = Preparation(tmp_path_factory.mktemp("whole"), kind, pause=0)
        preparation.run()
        assert sorted(preparation.reads()) == sorted(record.image for record in RECORDS)
        assert preparation.steps() >= STEPS[kind]
        whole[kind] = preparation.output()
    return whole


def kill_at_random(preparation: Preparation, rng: random.Random, kills: int) -> None:
    """Kill it at several moments, each further on, and hold what is read again against what was finished."""
    seen = []
    for number in range(kills):
        finished, before = preparation.finished(), len(preparation.reads())
        child = started(preparation)
        goal = round((number + rng.random()) / kills * 0.9 * STEPS[preparation.kind])
        wait_until(partial(_reached, preparation, goal))
        time.sleep(rng.uniform(0, 0.02))
        kill(child)
        assert child.exitcode != 0, "it had ended before it was killed"
        assert finished.isdisjoint(preparation.reads()[before:])
        seen.append(preparation.steps())
    assert seen[-1] > 0
    assert len(set(seen)) > 1
    finished, before = preparation.finished(), len(preparation.reads())
    child = started(preparation)
    child.join(SOON)
    assert child.exitcode == 0
    again = preparation.reads()[before:]
    assert sorted({*again, *finished}) == sorted(record.image for record in RECORDS)
    assert finished.isdisjoint(again)
    assert len(again) == len(set(again))


def _reached(preparation: Preparation, steps: int) -> bool:
    return preparation.steps() >= steps


@pytest.mark.parametrize("kind", STEPS)
def test_killed_at_random_moments(tmp_path: Path, uninterrupted: dict[Kind, dict[str, bytes]], kind: Kind) -> None:
    preparation = Preparation(tmp_path, kind)
    kill_at_random(preparation, random.Random(7), KILLS)
    assert preparation.output() == uninterrupted[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_killed_with_all_its_processes(
    tmp_path: Path, uninterrupted: dict[Kind, dict[str, bytes]], kind: Kind, seed: int
) -> None:
    preparation = Preparation(tmp_path, kind, jobs=2, pause=0.01)
    kill_at_random(preparation, random.Random(seed), 2 * KILLS)
    assert preparation.output() == uninterrupted[kind]


@pytest.mark.parametrize(
    "harm", [lambda text: text[: len(text) // 2], lambda text: "", lambda text: json.dumps(json.loads(text)[:1])]
)
def test_a_note_that_is_cut_short_counts_for_nothing(tmp_path: Path, harm: object) -> None:
    preparation = Preparation(tmp_path, "images", pause=0)
    preparation.run()
    whole, note = preparation.output(), preparation.notes / "chunk" / "6.json"
    assert callable(harm)
    note.write_text(harm(note.read_text()))
    preparation.run()
    assert preparation.reads()[len(RECORDS) :] == sorted(record.image for record in RECORDS)[6:8]
    assert preparation.output() == whole


@pytest.mark.parametrize(
    ("name", "harm"),
    [("images_160x128.npy", "shorten"), ("images_5x4.npy", "overwrite"), ("images_80x64.npy", "remove")],
)
def test_an_array_that_is_not_whole_is_made_anew(tmp_path: Path, name: str, harm: str) -> None:
    preparation = Preparation(tmp_path, "images", pause=0)
    preparation.run()
    whole, file = preparation.output(), preparation.store / name
    if harm == "shorten":
        file.write_bytes(whole[name][:-1])
    elif harm == "overwrite":
        file.write_bytes(b"?" * len(whole[name]))
    else:
        file.unlink()
    preparation.run()
    assert len(preparation.reads()) == 2 * len(RECORDS)
    assert preparation.output() == whole


def test_patches_whose_arrays_are_gone_are_cut_anew(
    tmp_path: Path, uninterrupted: dict[Kind, dict[str, bytes]]
) -> None:
    preparation = Preparation(tmp_path, "patches", pause=0)
    preparation.run()
    (preparation.store / "masks.npy").unlink()
    preparation.run()
    assert preparation.output() == uninterrupted["patches"]


@pytest.mark.parametrize("harm", ["shorten", "remove"])
def test_a_chunk_of_lesions_that_is_not_whole_is_cut_anew(
    tmp_path: Path, uninterrupted: dict[Kind, dict[str, bytes]], harm: str
) -> None:
    preparation = Preparation(tmp_path, "lesions", pause=0)
    preparation.run()
    chunk = preparation.notes / "patches" / "6.npy"
    if harm == "shorten":
        chunk.write_bytes(chunk.read_bytes()[:-1])
    else:
        chunk.unlink()
    preparation.run()
    assert preparation.reads()[len(RECORDS) :] == sorted(record.image for record in RECORDS)[6:8]
    assert preparation.output() == uninterrupted["lesions"]


def test_a_resized_mammogram_that_is_not_whole_is_made_anew(
    tmp_path: Path, uninterrupted: dict[Kind, dict[str, bytes]]
) -> None:
    preparation = Preparation(tmp_path, "patches")
    child = started(preparation)
    wait_until(lambda: preparation.steps() >= 10)
    kill(child)
    kept = sorted(preparation.notes.glob("resized/*.npz"))[3]
    kept.write_bytes(kept.read_bytes()[:-100])
    preparation.run()
    assert preparation.output() == uninterrupted["patches"]


def test_notes_of_other_settings_or_records_count_for_nothing(tmp_path: Path) -> None:
    preparation = Preparation(tmp_path, "images", pause=0)
    preparation.run()
    deeper = replace(preparation, images=replace(IMAGES, depth=16))
    deeper.run()
    assert ImageStore.open(deeper.store).dtype == "uint16"
    fewer = replace(deeper, records=tuple(RECORDS[:70]))
    fewer.run()
    assert len(ImageStore.open(fewer.store)) == 70
    assert len(fewer.reads()) == 80 + 80 + 70


def test_a_finished_preparation_reads_nothing_again_until_its_notes_are_gone(tmp_path: Path) -> None:
    preparation = Preparation(tmp_path, "patches", pause=0)
    preparation.run()
    preparation.run()
    assert len(preparation.reads()) == len(RECORDS)
    Journal(preparation.notes).end()
    assert not preparation.notes.exists()
    preparation.run()
    assert len(preparation.reads()) == 2 * len(RECORDS)
