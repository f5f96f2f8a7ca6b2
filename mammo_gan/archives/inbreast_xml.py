"""INbreast's annotations: a property list of regions for each image, as OsiriX exports it.

The files come from a downloaded archive and may hold anything: they are parsed by defusedxml, which refuses entities,
and no DTD that they name is fetched.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from mammo_gan.archives.records import LesionKind
from mammo_gan.errors import UserError

Node = Any  # an element as defusedxml gives it; Python's own XML modules, which name the type, stay out
_POINT = re.compile(r"\(\s*([^\s,()]{1,30})\s*,\s*([^\s,()]{1,30})\s*(?:,[^()]*)?\)")
_FARTHEST = 100_000  # px; no detector is wider
_MOST_BYTES = 64 * 2**20  # a genuine file has less than one of these
_KINDS: dict[str, LesionKind] = {
    "mass": "mass",
    # The spicules' extent around a mass; four images have it in place of the mass's own outline.
    "spiculated region": "mass",
    "espiculated region": "mass",
    "calcification": "calcification",
    "calcifications": "calcification",
    "cluster": "calcification",
    "distortion": "distortion",
    "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
}


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One drawing of the radiologists. `number` counts from 1 through the file; `points` are the pixels that its
    vertices lie in, (N, 2) int64, column before row. Fewer than three of them enclose nothing: they are points."""

    number: int
    name: str
    points: NDArray[np.int64]

    @property
    def kind(self) -> LesionKind:
        """`other` for what was left unnamed ("Unnamed", "Point 1")."""
        return _KINDS.get(" ".join(self.name.lower().split()), "other")

    @property
    def outlined(self) -> bool:
        return len(self.points) >= 3


def parse_regions(content: bytes) -> tuple[Region, ...]:
    """All regions of one file, in its order.

    Raises:
        UserError: no such property list, or one with entities, a point that is none, or points missing.
    """
    if len(content) > _MOST_BYTES:
        raise UserError(f"expected at most {_MOST_BYTES} bytes, found {len(content)}")
    try:
        plist = fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise UserError(
            f"expected XML without entities, found one that declares or fetches some ({type(error).__name__})"
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # an encoding unknown or not what it says
        raise UserError(f"expected XML, found what can't be parsed ({error})") from error
    images = [image for head in plist.iterfind("./dict") for image in _dicts(_entries(head), "Images")]
    if plist.tag != "plist" or not images:
        raise UserError("expected a property list with the key Images, found none")
    drawings = [drawing for image in images for drawing in _dicts(_entries(image), "ROIs")]
    return tuple(_region(number, _entries(drawing)) for number, drawing in enumerate(drawings, start=1))


def _entries(dictionary: Node) -> dict[str, Node]:
    """A property list's <dict>: each <key> is followed by its value."""
    children = list(dictionary)
    if len(children) % 2 or any(child.tag != "key" for child in children[::2]):
        raise UserError("expected keys and values in turn in a property list, found another order")
    return {(key.text or "").strip(): value for key, value in zip(children[::2], children[1::2], strict=True)}


def _dicts(entries: dict[str, Node], key: str) -> list[Node]:
    array = entries.get(key)
    if array is None:
        raise UserError(f"expected the key {key}, found {', '.join(entries)[:80] or 'none'}")
    others = [child.tag for child in array if child.tag != "dict"]
    if array.tag != "array" or others:
        raise UserError(f"expected an array of dict under {key}, found {[array.tag, *others][:3]}")
    return list(array)


def _region(number: int, entries: dict[str, Node]) -> Region:
    where = f"region {number}"
    array = entries.get("Point_px")
    if array is None or array.tag != "array":
        raise UserError(f"{where}: expected an array of points under Point_px, found none")
    points = [_point(where, child.text or "") for child in array]
    announced = (entries["NumberOfPoints"].text or "").strip() if "NumberOfPoints" in entries else str(len(points))
    if announced != str(len(points)):
        raise UserError(f"{where}: expected NumberOfPoints {announced[:20]}, found {len(points)} under Point_px")
    name = (entries["Name"].text or "").strip() if "Name" in entries else ""
    return Region(number, name[:80], np.array(points, dtype=np.int64).reshape(-1, 2))


def _point(where: str, text: str) -> tuple[int, int]:
    """ "(column, row)" -> the pixel that the point lies in."""
    match = _POINT.fullmatch(text.strip())
    try:
        column, row = (math.floor(float(number)) for number in match.groups()) if match else (_FARTHEST, _FARTHEST)
    except (ValueError, OverflowError):  # no numbers, not finite
        column, row = _FARTHEST, _FARTHEST
    if max(abs(column), abs(row)) >= _FARTHEST:
        raise UserError(f'{where}: expected a point as "(column, row)" in px, found {text.strip()[:60]!r}')
    return column, row
