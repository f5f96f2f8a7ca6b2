"""One client (patient) of OMI-DB, as the package `omidb` parses its two JSON files.

`omidb` itself logs what it can't parse, with the client's name, and goes on without it. Here it raises, and nothing is
logged.
"""

from __future__ import annotations

import importlib
import re
import traceback
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mammo_gan.archives.optimam_header import read_json
from mammo_gan.archives.paths import beside
from mammo_gan.errors import UserError

_UID = re.compile(r"\d[\d.]*")


@dataclass(frozen=True, slots=True)
class Study:
    """A visit's images and the episode that it belongs to, None where it can be linked to none.

    `images` maps an image's name to its marks; it is None for an image of which a mark can't be parsed.
    """

    name: str
    episode: Any | None
    images: dict[str, list[Any] | None]


def omidb_parser() -> ModuleType:
    """`omidb.client_parser`, silenced.

    Raises:
        UserError: the package isn't installed.
    """
    try:
        module = importlib.import_module("omidb.client_parser")
        importlib.import_module("loguru").logger.disable("omidb")  # it would print the names of clients
    except ImportError as error:
        raise UserError(
            f"archive=optimam reads JSON through the package omidb, which can't be imported ({error}). Install it: "
            "pip install 'mammo-gan[optimam]'. Where you have the data's Excel tables, archive.reader.table reads these"
        ) from error
    return module


def studies(parser: ModuleType, folder: Path, name: str) -> list[Study]:
    """The studies of the client `name`, whose files lie in `folder`, in the order of their names.

    Raises:
        UserError: one of its files is missing, is no JSON or isn't what omidb expects.
    """
    nbss = _content(folder, f"nbss_{name}.json")
    images = _content(folder, f"imagedb_{name}.json")
    listed = images.get("STUDIES")
    if not isinstance(listed, dict):
        raise UserError(f"imagedb_{name}.json: expected an object STUDIES, found {type(listed).__name__}")
    if not all(_UID.fullmatch(study) for study in listed):
        raise UserError(f"imagedb_{name}.json: expected studies named by UIDs, found another name")  # as a path
    raw = deepcopy(listed)  # omidb writes into what it parses
    try:
        client = parser.ClientParser(name, nbss, images, list(listed))
        episodes = client.parse_episodes()
        _restore_left(parser, name, nbss, episodes)
        episode_of = {study.id: episode for episode in episodes for study in episode.studies}
        found = [Study(study, episode_of.get(study), _images(client, study, raw[study])) for study in sorted(raw)]
    except Exception as error:  # a parser fed with broken data raises whatever it trips over
        # Its text may quote dates and names from the files, so only the place is told.
        where = traceback.extract_tb(error.__traceback__)[-1].name
        raise UserError(f"content that omidb can't parse ({type(error).__name__} in {where})") from error
    return found


def _content(folder: Path, name: str) -> dict[str, Any]:
    path = beside(folder, name)  # names come in upper and in lower case
    if path is None:
        raise UserError(f"expected {name}, in upper or lower case, found no such file")
    return read_json(path)


def _restore_left(parser: ModuleType, name: str, nbss: dict[str, Any], episodes: list[Any]) -> None:
    """Adds the left lesions that omidb loses: it keys an episode's lesions by number alone, and left and right may
    both have a number 1, of which the right one stays."""
    left = {}
    for episode, content in nbss.items():
        lesions = content.get("LESION") if isinstance(content, dict) else None
        if lesions and set(lesions.get("L") or ()) & set(lesions.get("R") or ()):
            left[episode] = {**content, "LESION": {"L": lesions["L"]}}
    if not left:
        return
    by_id = {episode.id: episode for episode in episodes}
    for episode in parser.ClientParser(name, left, {}).parse_episodes():
        for number, lesion in episode.lesions.items():
            by_id[episode.id].lesions.setdefault(f"L{number}", lesion)
            if by_id[episode.id].lesions[number].side.name == "L":
                del by_id[episode.id].lesions[f"L{number}"]


def _images(client: Any, study: str, content: dict[str, Any]) -> dict[str, list[Any] | None]:
    """Images and marks of one study, whether omidb links it to an episode or not."""
    found: dict[str, list[Any] | None] = {}
    for series in client.parse_series(study, content):
        for image in series.images:
            given = content[series.id][image.id]
            # omidb leaves out marks that it can't parse; without them the image would pass for healthy.
            whole = len(image.marks) == len(given) if isinstance(given, dict) else not given
            found[image.id] = image.marks if whole else None
    return found
