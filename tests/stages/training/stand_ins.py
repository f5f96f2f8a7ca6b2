"""Programs that stand in for SLURM's where there is none.

srun starts the tasks on this machine with the variables that SLURM gives them, names a task that failed as SLURM does,
and then ends the others (--kill-on-bad-exit). scontrol keeps what it was asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

SRUN = """#!{python}
import os, signal, subprocess, sys, time
options = [word for word in sys.argv[1:] if word.startswith("--")]
command = sys.argv[1 + len(options):]
count = int(next(word for word in options if word.startswith("--ntasks=")).split("=")[1])
tasks = []
for rank in range(count):
    own = dict(SLURM_PROCID=rank, SLURM_LOCALID=rank, SLURM_NODEID=0, SLURM_NTASKS=count, SLURM_NTASKS_PER_NODE=count,
               SLURM_STEP_NUM_TASKS=count, SLURM_JOB_NODELIST="localhost", SLURM_JOB_NAME="train")
    tasks.append(subprocess.Popen(command, env=os.environ | {{name: str(value) for name, value in own.items()}}))
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: [task.send_signal(number) for task in tasks if task.poll() is None])
worst = 0
while any(task.poll() is None for task in tasks):
    for rank, task in enumerate(tasks):
        if task.poll() and not worst:
            worst = 128 - task.returncode if task.returncode < 0 else task.returncode
            words = "Killed" if task.returncode < 0 else "Exited with exit code %d" % task.returncode
            print("srun: error: localhost: task %d: %s" % (rank, words), file=sys.stderr, flush=True)
            time.sleep(1)
            [other.kill() for other in tasks if other.poll() is None]
    time.sleep(0.05)
sys.exit(worst or max(task.returncode for task in tasks))
"""

SCONTROL = """#!{python}
import sys
with open({asked!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
"""


def write_srun(folder: Path) -> None:
    """`srun` in `folder`, which a test puts on the PATH."""
    _write(folder / "srun", SRUN.format(python=sys.executable))


def write_scontrol(folder: Path) -> Path:
    """`scontrol` in `folder`; what it was asked, a line a call, will stand in the file that is returned."""
    asked = folder / "asked"
    _write(folder / "scontrol", SCONTROL.format(python=sys.executable, asked=str(asked)))
    return asked


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
