"""Where joblib's work runs: in processes of this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import joblib

from mammo_gan.errors import UserError
from mammo_gan.stages.screen import Screen

BACKENDS = ("loky", "dask")
WAIT = 10  # s, for a scheduler to answer and for a first worker


@dataclass(frozen=True)
class Workers:
    """What `prepare` in the configuration says. The work's results don't depend on it.

    Raises:
        UserError: there is no such backend, or settings that don't belong together.
    """

    backend: str = "loky"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise UserError(f"prepare.backend={self.backend}: expected one of {', '.join(BACKENDS)}")
        if self.backend == "dask" and self.scheduler is None:
            raise UserError(
                "prepare.backend=dask needs a cluster's scheduler: add prepare.scheduler=tcp://HOST:8786, as "
                "`dask scheduler` prints it when it starts"
            )
        if self.backend != "dask" and self.scheduler is not None:
            raise UserError(f"prepare.scheduler={self.scheduler} is for prepare.backend=dask, found {self.backend}")

    @contextmanager
    def at_hand(self, screen: Screen) -> Iterator[None]:
        """Within it, `joblib.Parallel` hands its work to these workers; to all of a cluster's, whatever `jobs` is.

        Raises:
            UserError: the package for it isn't installed, or no scheduler or no worker answers in time.
        """
        if self.scheduler is None:
            yield  # joblib's own way
            return
        client = _connected(self.scheduler)
        try:
            screen.say(f"working on {_described(client.nthreads())}, through {self.scheduler}")
            with joblib.parallel_config(backend="dask", client=client, n_jobs=-1):
                yield
        finally:
            client.close()


def check_origin(scheduler: str | None, overrides: Sequence[str]) -> None:
    """Refuse a scheduler that only a file names: what a cluster sends is unpickled, and so could run anything.

    Raises:
        UserError: `overrides`, those of the command line, don't set it.
    """
    given = any(override.lstrip("+").startswith(("prepare.scheduler=", "prepare={")) for override in overrides)
    if scheduler is not None and not given:
        raise UserError(
            f"prepare.scheduler={scheduler}: a cluster can run code here, and so is taken from the command line alone, "
            "not from a file"
        )


def _connected(scheduler: str) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise UserError(
            "prepare.backend=dask needs Dask, which isn't installed: pip install 'mammo-gan[dask]', here and on the "
            "cluster's workers"
        ) from None
    advice = "Start one with `dask scheduler` and workers with `dask worker ADDRESS`, and give the address it prints"
    try:
        client = distributed.Client(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        found = "no answer" if isinstance(error, TimeoutError | OSError) else str(error)
        raise UserError(
            f"prepare.scheduler={scheduler}: expected a Dask scheduler that answers within {WAIT} s, found {found}. "
            f"{advice}"
        ) from error
    try:
        client.wait_for_workers(1, timeout=WAIT)
    except TimeoutError as error:
        client.close()
        raise UserError(
            f"prepare.scheduler={scheduler}: the scheduler answers, but after {WAIT} s it has no worker. {advice}"
        ) from error
    return client


def _described(threads: dict[str, int]) -> str:
    """How many workers there are and where, from the threads of each address."""
    hosts = Counter(urlsplit(address).hostname or address for address in threads)
    where = ", ".join(f"{host} ({count})" for host, count in sorted(hosts.items()))
    workers = "1 worker" if len(threads) == 1 else f"{len(threads)} workers"
    return f"{workers} with {sum(threads.values())} threads: {where}"
