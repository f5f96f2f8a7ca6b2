"""The stages of an experiment, as its configuration lists them."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig


def stages_of(cfg: DictConfig) -> dict[str, DictConfig]:
    """Name -> settings of each stage, in order. One that is set to null, as a mode of an experiment may, is none."""
    return {str(name): node for name, node in cfg.pipeline.items() if node is not None}


def unmet(cfg: DictConfig) -> Iterator[str]:
    """One sentence for each input that no stage before it makes."""
    before: list[str] = []
    for name, node in stages_of(cfg).items():
        for needed in node.get("inputs") or []:
            if needed not in before:
                there = ", ".join(before) or "none"
                yield f"pipeline.{name}.inputs: {needed} is no stage before it of {cfg.name}; these are: {there}"
        before.append(name)
