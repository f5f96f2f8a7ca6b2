"""The processes of one training: started together, watched, ended together.

The command that a user gives is the leader. It runs the stages one after another, and for a training of several
processes it starts them all, on this machine or, within a SLURM allocation, by one `srun`. They know nothing of Hydra:
each reads the run folder's config.yaml (stages/training/rank.py).
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammo_gan.errors import DivergenceError, UserError
from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.stages.stage import Context, write_json

JOB, ERROR = "processes/job.json", "processes/rank{}.error"
GRACE = 20.0  # s for the others to end by themselves once one process is gone; a collective operation may never return
POLL = 0.1  # s
SRUN_SAYS = re.compile(r"srun: error: .*\btasks? ([\d,-]+): ?(.*)")


class ProcessError(UserError):
    """A process of a training has failed, and the others have been ended: what it said, and its exit code."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass
class _Started:
    """One child: a process of the training, or the srun of them all."""

    process: subprocess.Popen[bytes]
    name: str
    said: list[str] = field(default_factory=list)  # by srun, of its tasks
    is_srun: bool = False

    def signal_for(self, received: signal.Signals) -> signal.Signals:
        """srun passes signals on to its tasks, but answers a first SIGINT itself."""
        return signal.SIGTERM if self.is_srun and received == signal.SIGINT else received


def train(folder: Path, context: Context, *, start: str, devices: int, nodes: int) -> None:
    """Start the processes of a training and wait until all have ended.

    Args:
        folder: of the training's stage.
        start: "local" or "srun".
        devices: processes a node, each with a device of its own.

    Raises:
        ProcessError: as the process that failed first has said it, or that it was killed.
        Interrupted: they were told to end, and have written a checkpoint.
    """
    count = devices * nodes
    job = _describe(folder, context, count)
    environment = {**os.environ, "MASTER_PORT": str(_free_port())}
    starter = _start_by_srun if start == "srun" else _start_here
    with context.interruption.deferred():
        children = starter(job, devices, nodes, environment)
        try:
            ended = _watch(children, context.interruption)
        finally:
            _kill(children)
        _judge(folder, ended, count, context.interruption.received)


def _describe(folder: Path, context: Context, count: int) -> Path:
    job = folder / JOB
    for rank in range(count):
        (folder / ERROR.format(rank)).unlink(missing_ok=True)
    inputs = {name: str(place) for name, place in context.inputs.items()}
    described = {"run_folder": str(context.run_folder), "folder": str(folder), "name": context.name, "inputs": inputs}
    write_json(job, described)
    return job


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def _command(job: Path) -> list[str]:
    return [sys.executable, "-m", "mammo_gan.stages.training.rank", str(job)]


def _start_here(job: Path, devices: int, nodes: int, environment: dict[str, str]) -> list[_Started]:
    if nodes != 1:
        raise UserError(f"trainer.nodes={nodes}: several nodes need SLURM (trainer=slurm)")
    shared = {"WORLD_SIZE": str(devices), "GROUP_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    children = []
    for rank in range(devices):
        own = environment | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        # A session of its own: the terminal's Ctrl-C reaches the leader alone, which passes it on once. Its standard
        # input ends with the leader, however that ends.
        process = subprocess.Popen(_command(job), env=own, stdin=subprocess.PIPE, start_new_session=True)
        children.append(_Started(process, f"process {rank} of {devices}"))
    return children


def _start_by_srun(job: Path, devices: int, nodes: int, environment: dict[str, str]) -> list[_Started]:
    if "SLURM_JOB_ID" not in environment:
        raise UserError("trainer=slurm runs within a SLURM job: submit the command with sbatch (README, Clusters)")
    layout = [f"--nodes={nodes}", f"--ntasks={nodes * devices}", f"--ntasks-per-node={devices}"]
    command = ["srun", "--overlap", "--kill-on-bad-exit=1", *layout, *_command(job)]
    try:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except FileNotFoundError:
        raise UserError("trainer=slurm: looked for srun on the PATH, found none") from None
    child = _Started(process, f"srun of {nodes * devices} processes", is_srun=True)
    threading.Thread(target=_listen, args=(child,), daemon=True).start()
    return [child]


def _listen(child: _Started) -> None:
    """Pass on what srun and its tasks write to stderr, and keep what it says of tasks that ended in disorder."""
    for line in child.process.stderr or ():
        text = line.decode(errors="replace")
        sys.stderr.write(text)
        if found := SRUN_SAYS.search(text):
            child.said.append(f"process {found[1]}: {found[2].strip()}")


def _watch(children: Sequence[_Started], interruption: Interruption) -> list[tuple[_Started, int]]:
    """Wait for all; return them with their exit codes in the order in which they ended."""
    ended: list[tuple[_Started, int]] = []
    told, give_up = False, float("inf")
    while len(ended) < len(children):
        running = [child for child in children if all(child is not other for other, _ in ended)]
        gone = [(child, child.process.returncode) for child in running if child.process.poll() is not None]
        # Of those that went within one look, one that a signal killed took the others with it.
        ended += sorted(gone, key=lambda child_and_code: child_and_code[1] >= 0)
        if any(code != 0 for _, code in gone):
            give_up = min(give_up, time.monotonic() + GRACE)
        if interruption.received is not None and not told:
            told = True
            for child in running:
                if child.process.poll() is None:
                    child.process.send_signal(child.signal_for(interruption.received))
        if time.monotonic() > give_up:
            _kill(running)
        time.sleep(POLL)
    return ended


def _kill(children: Sequence[_Started]) -> None:
    """End what is left of them, processes that load data included."""
    for child in children:
        if child.process.poll() is None:
            try:
                os.killpg(child.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            child.process.wait()


def _judge(folder: Path, ended: Sequence[tuple[_Started, int]], count: int, received: signal.Signals | None) -> None:
    faults = [(child, code) for child, code in ended if code != 0]
    if not faults:
        return
    child, code = faults[0]
    for end in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        if all(code == 128 + end for _, code in faults):
            raise Interrupted(received or end)  # within a SLURM job they can be told without their leader
    killed = [line for line in child.said if "exit code" not in line]
    error = _first_error(folder, count) if code > 0 and not killed else None
    if code in (UserError.exit_code, DivergenceError.exit_code) and error is not None:
        raise ProcessError(error[1], code)
    if code < 0:
        what = f"{child.name} was killed by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL:
            what += " (the system does that when memory runs out)"
    elif error is not None:
        rank, text = error
        sys.stderr.write(text)
        what = f"process {rank} of {count} failed: {text.strip().splitlines()[-1]}"
    else:
        what = "; ".join(killed or child.said) or f"{child.name} ended with exit code {code}"
    raise ProcessError(
        f"{what}; the training's {count} processes have been ended. Its checkpoints in {folder} are whole, and the "
        "same command goes on from there",
        exit_code=1,
    )


def _first_error(folder: Path, count: int) -> tuple[int, str] | None:
    """Rank and text of the process that failed first; what the others say is mostly that they have lost it."""
    files = [(rank, folder / ERROR.format(rank)) for rank in range(count)]
    written = [(file.stat().st_mtime_ns, rank, file) for rank, file in files if file.exists()]
    if not written:
        return None
    _, rank, file = min(written)
    return rank, file.read_text(encoding="utf-8")
