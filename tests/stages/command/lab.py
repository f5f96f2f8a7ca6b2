"""A lab's own settings, in a folder for --config-dir."""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]


def experiment(folder: Path, text: str, name: str = "lab") -> str:
    """Write experiment/NAME.yaml, ciGAN on DDSM with `text` on top; returns `folder`'s option."""
    file = folder / "experiment" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# @package _global_\n# The lab's own\ndefaults:\n  - cigan_ddsm\n  - _self_\n{text}\n")
    return f"--config-dir={folder}"


def under_hydra(folder: Path, settings: object) -> str:
    """As `experiment`, with settings under `hydra`."""
    return experiment(folder, yaml.safe_dump({"hydra": settings}))
