"""The files that W&B keeps: read as far as they are whole, and mended where they were cut off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import wandb

from mammo_gan.stages.training.wandb_parts import Parts, mend, read, records


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as W&B writes it; its rows are as long as three blocks and as short as a number."""
    folder = tmp_path_factory.mktemp("offline")
    settings = wandb.Settings(silent=True, console="off", x_disable_meta=True, host="mammo_gan")
    run = wandb.init(mode="offline", dir=folder, id="abc", settings=settings)
    for step in range(40):
        run.log({"loss": step, "text": "x" * (100_000 if step == 20 else step * 90)}, step=step)
    run.finish()
    wandb.teardown()
    return Path(run.dir).parent / "run-abc.wandb"


@pytest.fixture
def part(written: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "offline-run-1-abc" / "run-abc.wandb"
    copy.parent.mkdir()
    copy.write_bytes(written.read_bytes())
    return copy


def test_all_of_a_whole_file_is_read(part: Path) -> None:
    reading = read(part)
    assert (reading.names_run, reading.last_step, reading.whole) == (True, 39, part.stat().st_size)
    assert mend(part)
    assert reading.whole == part.stat().st_size
    assert len(list(part.parent.iterdir())) == 1


def test_what_follows_the_last_whole_record_is_cut_off_and_kept(part: Path) -> None:
    whole = part.read_bytes()
    ends = [end for _, end in records(whole)]
    for size in (ends[-1] - 1, ends[-3] + 3, ends[-3] + 8, 90_000):
        part.write_bytes(whole[:size])
        assert mend(part)
        assert part.stat().st_size == max(end for end in ends if end <= size)
        assert part.with_name("run-abc.wandb.cut").stat().st_size == size
    assert read(part).last_step == 19  # the long row isn't whole


def test_a_block_that_was_never_written_is_no_record(part: Path) -> None:
    whole = part.read_bytes()
    part.write_bytes(whole[:-500] + bytes(500))
    assert mend(part)
    assert part.stat().st_size < len(whole) - 500


@pytest.mark.parametrize("size", [0, 7])
def test_a_file_without_rows_has_nothing_to_send(part: Path, size: int) -> None:
    part.write_bytes(part.read_bytes()[:size])
    assert not mend(part)


def test_a_file_of_another_format_is_left_as_it_is(part: Path) -> None:
    part.write_bytes(b":W&B\xe1\xbe\x02" + b"another format" * 99)
    before = part.read_bytes()
    assert mend(part)
    assert part.read_bytes() == before


def test_a_training_keeps_its_run_id(tmp_path: Path) -> None:
    run_id = Parts(tmp_path).run_id()
    assert len(run_id) == 16
    assert Parts(tmp_path).run_id() == run_id
    (tmp_path / "wandb.id").write_text("")  # a power cut
    assert Parts(tmp_path).run_id()


def test_parts_wait_until_they_are_sent_also_in_another_place(part: Path, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    Parts(stage).begun_offline(part.parent)
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    parts = Parts(moved / "stage")
    sent = moved / part.parent.name
    assert parts.command() == f"wandb sync {sent}"
    assert parts.behind()
    (sent / "run-abc.wandb.synced").touch()  # wandb sync was here
    assert parts.command() is None
    assert not parts.behind()
    assert parts.last_step() == 39


def test_what_an_online_part_has_sent_is_known(part: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    assert parts.last_step() == -1
    parts.begun_online(part.parent, step=0)
    assert not parts.behind()
    parts.ended_online(39, sent=False)
    assert parts.behind()
    parts.ended_online(39, sent=True)
    assert (parts.behind(), parts.unsent(), parts.last_step()) == (False, [], 39)


def test_a_parts_file_that_cant_be_read_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "wandb.json").write_text(json.dumps({"parts": ["x"]})[:5])
    assert Parts(tmp_path).unsent() == []
