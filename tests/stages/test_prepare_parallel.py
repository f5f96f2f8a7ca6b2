"""Where joblib's work runs: here, or on a real Dask cluster of two worker processes."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import joblib
import pytest
from rich.console import Console

from mammo_gan.data import journal
from mammo_gan.data.prepare import prepare_patches
from mammo_gan.data.prepare_images import prepare_images
from mammo_gan.errors import UserError
from mammo_gan.stages import parallel
from mammo_gan.stages.parallel import Workers, check_origin
from mammo_gan.stages.screen import Screen
from tests.data.drawn import Drawn
from tests.data.preparing import IMAGES, KEY, PATCHES, RECORDS, SPLITS
from tests.stages.test_prepare_images import lab, run  # noqa: F401 - a fixture


class Noted:
    """A screen and what it said."""

    def __init__(self) -> None:
        self.said = StringIO()
        self.screen = Screen(Console(file=self.said, width=400))


def test_a_backend_that_there_is_not() -> None:
    with pytest.raises(UserError, match=r"prepare\.backend=ray: expected one of loky, dask"):
        Workers("ray")


def test_dask_needs_a_scheduler_and_nothing_else_takes_one() -> None:
    with pytest.raises(UserError, match=r"add prepare\.scheduler=tcp://HOST:8786"):
        Workers("dask")
    with pytest.raises(UserError, match=r"is for prepare\.backend=dask, found loky"):
        Workers("loky", "tcp://127.0.0.1:1")


def test_processes_here_are_joblibs_own() -> None:
    before = joblib.parallel.get_active_backend()
    with Workers().at_hand(Noted().screen):
        assert joblib.parallel.get_active_backend()[1] == before[1]


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(UserError, match=r"pip install 'mammo-gan\[dask\]'"),
        Workers("dask", "tcp://x:1").at_hand(Noted().screen),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "tcp://no-such-host.invalid:{port}", "nonsense://a"])
def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    pytest.importorskip("distributed", reason="the extra dask isn't installed")
    monkeypatch.setattr(parallel, "WAIT", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = address.format(port=free.getsockname()[1])
    expected = f"{address}: expected a Dask scheduler that answers within 0.5 s, found "
    with pytest.raises(UserError, match=expected), Workers("dask", address).at_hand(Noted().screen):
        pass


def test_a_scheduler_that_a_file_names_is_not_asked() -> None:
    check_origin(None, [])
    check_origin("tcp://mine:8786", ["experiment=x", "prepare.scheduler=tcp://mine:8786"])
    with pytest.raises(UserError, match="from the command line alone"):
        check_origin("tcp://theirs:8786", ["experiment=theirs", "jobs=2"])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes and a scheduler."""
    distributed = pytest.importorskip("distributed", reason="the extra dask isn't installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="ERROR"
    ) as started:
        yield started


def process(number: int) -> tuple[int, int]:
    return number, os.getpid()


@pytest.mark.slow
def test_work_goes_to_all_workers_of_a_cluster_and_comes_back_in_order(cluster: Any) -> None:
    noted = Noted()
    with Workers("dask", cluster.scheduler_address).at_hand(noted.screen):
        for kind in ("generator", "generator_unordered", "list"):
            done = list(
                joblib.Parallel(n_jobs=1, return_as=kind)(joblib.delayed(process)(number) for number in range(40))
            )
            assert (done if kind != "generator_unordered" else sorted(done)) == sorted(done)
            assert [number for number, _ in sorted(done)] == list(range(40))
            assert len({worker for _, worker in done} - {os.getpid()}) == 2
    assert "working on 2 workers with 2 threads: 127.0.0.1 (2), through tcp://" in noted.said.getvalue()


@pytest.mark.slow
def test_an_error_on_a_worker_is_told_as_one_from_here(cluster: Any, tmp_path: Path) -> None:
    with (
        Workers("dask", cluster.scheduler_address).at_hand(Noted().screen),
        pytest.raises(UserError, match="cannot be read"),
    ):
        prepare_images(RECORDS, Unreadable(), tmp_path, tmp_path / "store", IMAGES, SPLITS, KEY)


class Unreadable(Drawn):
    def pixels(self, root: Path, mammogram: Any) -> Any:
        raise UserError(f"{mammogram.image} cannot be read")


@pytest.mark.slow
@pytest.mark.parametrize("prepare", [prepare_images, prepare_patches])
def test_a_cluster_prepares_what_this_machine_does(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Any
) -> None:
    recipe = IMAGES if prepare is prepare_images else PATCHES
    monkeypatch.chdir(tmp_path)  # where the workers don't run
    here, there = Path("here"), Path("there")
    expected = prepare(RECORDS, Drawn(), Path(), here, recipe, SPLITS, KEY)
    with Workers("dask", cluster.scheduler_address).at_hand(Noted().screen):
        found = prepare(RECORDS, Drawn(), Path(), there, recipe, SPLITS, KEY)
    assert found == expected
    names = {file.name for file in here.iterdir()}
    assert names == {file.name for file in there.iterdir()}
    for name in names - {journal.FOLDER}:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


@pytest.mark.slow
def test_an_experiment_on_a_cluster(cluster: Any, tmp_path: Path, lab: Path) -> None:  # noqa: F811
    here = run(tmp_path / "here", lab).folders["prepare/images"]
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "identity.key").write_bytes((tmp_path / "here" / "identity.key").read_bytes())
    workers = ("prepare.backend=dask", f"prepare.scheduler={cluster.scheduler_address}")
    ran = run(tmp_path / "there", lab, *workers)
    assert ran.screen.count("working on 2 workers") == 2
    there = ran.folders["prepare/images"]
    assert there.name == here.name
    for name in {file.name for file in here.iterdir()} - {"stage.json"}:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name
