"""What a run folder says of its run: settings, overrides, versions, commit, seeds."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mammo_gan.stages.stage import write_json

CONFIG, OVERRIDES, ENVIRONMENT = "config.yaml", "overrides.yaml", "environment.json"


def describe(folder: Path, cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Write config.yaml (resolved), overrides.yaml and environment.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, folder / CONFIG, resolve=True)
    OmegaConf.save(OmegaConf.create(list(overrides)), folder / OVERRIDES)
    write_json(
        folder / ENVIRONMENT,
        {
            "versions": versions(),
            "git_commit": git_commit(),
            "seeds": {"run": cfg.seed, "split": cfg.split.seed},
        },
    )


def versions() -> dict[str, str]:
    """Python and every installed package that the project names as a dependency."""
    found = {"python": platform.python_version()}
    for requirement in importlib.metadata.requires("mammo-gan") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        found[name] = importlib.metadata.version(name)
    return found | {"mammo-gan": importlib.metadata.version("mammo-gan")}


def git_commit() -> str | None:
    """The checkout's commit, with `+changes` where files differ from it; None outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> Any:
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)

    try:
        ours = git("ls-files", "--error-unmatch", Path(__file__).name)
    except FileNotFoundError:
        return None
    if ours.returncode != 0:  # no repository, or somebody's in whose environment the package is installed
        return None
    commit = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no").stdout.strip()
    return str(commit.stdout.strip()) + ("+changes" if changed else "")
