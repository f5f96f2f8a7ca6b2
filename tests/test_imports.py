"""The table of which room may import which: walked over every file, function bodies included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mammo_gan"

MAY_IMPORT: dict[str, set[str]] = {
    "imaging": set(),
    "schedules": set(),
    "statistics": set(),
    "networks": set(),
    "weights": set(),
    "archives": {"imaging"},
    "losses": {"weights"},
    "metrics": {"statistics", "weights"},
    "data": {"archives", "imaging", "schedules"},
    "downstream": {"networks", "losses", "metrics", "schedules", "weights", "data.batches"},
    "methods": {"networks", "losses", "metrics", "schedules", "weights", "data.batches"},
    "callbacks": {"methods", "metrics", "schedules", "data.batches"},
    "synthesis": {"methods", "data", "imaging", "archives"},
    "evaluation": {"metrics", "statistics", "data", "imaging", "archives", "synthesis", "methods", "downstream"},
    "reporting": {"archives.records", "statistics"},
}
ALL = {"stages", "run"}
NO_TORCH = {"archives", "imaging", "schedules", "statistics"}
# What a user can mend, files that appear whole and being told to end are known everywhere but in the rooms that must
# stand alone.
EVERYWHERE = {"errors", "files", "interruption"}
STAND_ALONE = {"networks", "statistics"}

FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(inside: str, name: str) -> bool:
    """Whether room `inside` may import mammo_gan.`name`."""
    if inside in ALL or name.split(".")[0] == inside:
        return True
    if name.split(".")[0] in EVERYWHERE:
        return inside not in STAND_ALONE
    return any(name == other or name.startswith(other + ".") or other == f"{name}" for other in MAY_IMPORT[inside])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_what_the_table_allows(path: Path) -> None:
    inside = room(path)
    if inside in {"__init__", *EVERYWHERE}:
        assert not [name for name in imports(path) if name.startswith("mammo_gan")]
        return
    for name in imports(path):
        if name.startswith("mammo_gan."):
            target = name.removeprefix("mammo_gan.")
            # `from mammo_gan.data import batches` names the package first and then the module.
            packages = {other.rsplit(".", 1)[0] for other in MAY_IMPORT.get(inside, set()) if "." in other}
            assert allowed(inside, target) or target in packages, f"{path}: {inside} may not import {name}"
        top = name.split(".")[0]
        assert not (top == "torch" and inside in NO_TORCH), f"{path}: {inside} imports torch"
        assert not (top in ("hydra", "omegaconf") and inside not in ALL), f"{path}: hydra lives in stages and run.py"


def test_the_table_names_every_room() -> None:
    assert {room(path) for path in FILES} - {"__init__", *EVERYWHERE} <= MAY_IMPORT.keys() | ALL


def test_a_forbidden_import_is_seen() -> None:
    assert not allowed("imaging", "archives.records")
    assert not allowed("reporting", "archives.index")
    assert allowed("methods", "data.batches")
    assert not allowed("methods", "data.store")
    assert not allowed("networks", "errors")
