"""What Hydra itself acts on before any code of ours runs: launchers, callbacks, logging, variables, shell lines.

A file that somebody else wrote can set all of it, so it is looked at when the command line is checked. Every value is
taken as it is written: what a setting under `hydra` stands for must not be known only later.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo_gan.errors import UserError
from mammo_gan.stages.command import targets

PACKAGES = (*targets.CLASSES, "hydra._internal.core_plugins", "hydra.experimental.callbacks", "hydra_plugins")
# Python's logging calls what `()` and `class` name, and resolves ext:// as Hydra does a target.
LOGGING = ("logging.FileHandler", "logging.Formatter", "logging.NullHandler", "logging.StreamHandler")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
LOG_FILES = ("${hydra.runtime.output_dir}/", "hydra-")  # how a name may begin that is put together; never as ext://
# PATH, PYTHONPATH, LD_PRELOAD and others decide what the processes that a run starts will execute.
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GLOO_SOCKET_IFNAME",
    "MKL_NUM_THREADS",
    "NCCL_DEBUG",
    "NCCL_SOCKET_IFNAME",
    "OMP_NUM_THREADS",
    "WANDB_MODE",
)
SHELL = ("hydra.launcher.setup", "hydra.launcher.additional_parameters")  # submitit's: lines and options of sbatch


def check(cfg: DictConfig, typed: Collection[str]) -> None:
    """Refuse what Hydra should not act on.

    Args:
        cfg: composed, with its part `hydra`.
        typed: the keys that were set on the command line itself.

    Raises:
        UserError: names the key, what was found and what is allowed.
    """
    for key, value in targets.leaves(OmegaConf.to_container(cfg.hydra, resolve=False), "hydra"):
        name = key.rpartition(".")[2]
        interpolated = isinstance(value, str) and "${" in value
        if name == "_target_":
            targets.refuse(key, value, targets.fault(value, PACKAGES), PACKAGES)
        elif interpolated and not _is_text(value, cfg):
            raise UserError(f"{key}={value}: under hydra only texts are interpolated, as in ${{name}}; write it out")
        elif _is_below(key, "hydra.job_logging", "hydra.hydra_logging"):
            _check_logging(key, name, value, interpolated)
        elif _is_below(key, "hydra.job.env_set") and name not in VARIABLES:
            raise UserError(f"{key}: set this variable in the shell; a configuration sets {', '.join(VARIABLES)} alone")
        elif _is_below(key, *SHELL) and value is not None and not _is_below(key, *typed):
            raise UserError(f"{key}: goes to a shell, and so is taken from the command line alone, not from a file")
        elif _is_below(key, "hydra.launcher") and "\n" in str(value):  # would be a line of sbatch's script
            raise UserError(f"{key}: expected a text of one line, found {value!r}")


def _check_logging(key: str, name: str, value: Any, interpolated: bool) -> None:
    if name == "()" or (name == "class" and value not in LOGGING):
        raise UserError(f"{key}={value}: logging is done by {', '.join(LOGGING)} alone")
    if interpolated and not value.startswith(LOG_FILES):
        raise UserError(f"{key}={value}: expected a text that begins with {' or '.join(LOG_FILES)}, or is written out")
    if isinstance(value, str) and "://" in value and value not in STREAMS:
        raise UserError(f"{key}={value}: expected one of {', '.join(STREAMS)}")


def _is_text(value: str, cfg: DictConfig) -> bool:
    """Whether interpolations give a text, and not settings that nobody has looked at."""
    simple = r"\$\{([^${}]*)\}"
    found, rest = re.findall(simple, value), re.sub(simple, "", value)
    if "${" in rest or "\\${" in value:  # one within another, or kept for later
        return False
    if rest or len(found) > 1 or found[0].startswith(("now:", "oc.env:")):
        return True
    name = re.sub("^hydra:", "hydra.", found[0])
    if not re.fullmatch(r"[A-Za-z][\w.]*", name):
        return False
    try:
        return not isinstance(OmegaConf.select(cfg, name, throw_on_missing=True), Container)
    except OmegaConfBaseException:
        return _is_below(name, "hydra.job", "hydra.runtime")  # Hydra's own, not known yet


def _is_below(key: str, *others: str) -> bool:
    return any(key == other or key.startswith(f"{other}.") for other in others)
