"""The configuration's groups and their options, read from the files' names and first lines."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[2]


def conf_folder() -> Path:
    """The configuration."""
    return _beside_package("conf")


def experiments_folder() -> Path:
    """What the papers claim, a folder each."""
    return _beside_package("experiments")


def _beside_package(name: str) -> Path:
    """A folder at the top of a checkout, which an installed wheel holds inside the package."""
    installed, checkout = PACKAGE / name, PACKAGE.parent / name
    return installed if installed.is_dir() else checkout


def group_names() -> list[str]:
    """The groups that a user chooses from, `experiment` first."""
    names = sorted(path.name for path in conf_folder().iterdir() if path.is_dir())
    return sorted(names, key=lambda name: name != "experiment")


def group_options(group: str) -> list[tuple[str, str]]:
    """A group's options with the line that describes each: the first comment of its file."""
    folder = conf_folder() / group
    return [(path.stem, _description(path)) for path in sorted(folder.glob("*.yaml"))]


def _description(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    described = (line for line in lines if not line.startswith("# @"))  # Hydra wants its own header first
    return next(described, "").removeprefix("#").strip()
