"""Patches of several groups, drawn to be compared: as many as are asked for, or as many as there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError


class Images(Protocol):
    """Patches of a group, loaded as they are asked for; an array (N, H, W) is one.

    Each is (H, W), floating, in [0, 1].
    """

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> NDArray[np.floating[Any]]: ...


class Drawn(NamedTuple):
    """M patches of a group."""

    images: NDArray[np.float32]  # (M, H, W) in [0, 1]
    numbers: NDArray[np.intp]  # (M,), places in the group, or in that whose flipped copies they are
    owners: tuple[str, ...]  # whose patch each is: keyed hashes of patients, or a name of its own
    asked: int
    there: int  # patches that could have been drawn

    def __len__(self) -> int:
        return len(self.images)


def draw(
    groups: Mapping[str, Images],
    counts: Mapping[str, int],
    flips: Mapping[str, str],
    seed: int,
    patients: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Drawn]:
    """As many patches of each group as `counts` asks for, or all where there are fewer, in ascending order.

    A group's draw depends on the seed and its place in `counts`, so one that is added at the end changes no other.

    Args:
        flips: a group that is made -> the group in `counts` before it whose drawn patches are flipped. Each of those
            gives as many copies as the two counts ask for, one where they are equal.
        patients: keyed hashes, one per patch of a group, for the groups where they are known.

    Raises:
        UserError: `counts` names a group that isn't there, or the patches differ in size.
        ValueError: an image isn't (H, W) floating in [0, 1], or patients and patches differ in number.
    """
    drawn: dict[str, Drawn] = {}
    for place, (name, asked) in enumerate(counts.items()):
        rng = np.random.default_rng([seed, place])
        if name in flips:
            drawn[name] = _flipped(name, flips[name], asked, drawn, rng)
        elif name in groups:
            drawn[name] = _drawn(name, groups[name], asked, rng, (patients or {}).get(name))
        else:
            known = ", ".join((*groups, *flips))
            raise UserError(f"feature space: counts asks for the group {name}; expected one of {known}")
    sizes = {group.images.shape[1:] for group in drawn.values() if len(group)}
    if len(sizes) > 1:
        found = " and ".join(f"{height} x {width} px" for height, width in sorted(sizes))
        raise UserError(f"feature space: expected patches of one size, found {found}; prepare and generate one size")
    return drawn


def flipped_copies(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(N, H, W) -> a copy of each, mirrored in both directions with probability 0.5 each.

    So a quarter stays as it was (alyafi2019, 4.6 and Figure 13: "horizontal, vertical, both, or none").
    """
    across, down = rng.random((2, len(images), 1, 1)) < 0.5
    copies = np.where(across, images[:, :, ::-1], images)
    return np.where(down, copies[:, ::-1], copies)


def _drawn(name: str, images: Images, asked: int, rng: np.random.Generator, patients: Sequence[str] | None) -> Drawn:
    if patients is not None and len(patients) != len(images):
        raise ValueError(f"{name}: one patient per patch is needed; got {len(patients)} for {len(images)} patches")
    numbers = np.sort(rng.permutation(len(images))[:asked])
    owners = tuple(f"{name}/{number}" if patients is None else patients[number] for number in numbers.tolist())
    return Drawn(_stack(name, images, numbers), numbers, owners, asked, len(images))


def _flipped(name: str, source: str, asked: int, drawn: Mapping[str, Drawn], rng: np.random.Generator) -> Drawn:
    if source not in drawn:
        raise UserError(f"feature space: {name} is made of {source}, which counts has to name before it")
    originals = drawn[source]
    rounds = -(-asked // max(originals.asked, 1))
    chosen = np.tile(np.arange(len(originals)), rounds)[:asked]
    owners = tuple(originals.owners[k] for k in chosen.tolist())
    copies = flipped_copies(originals.images[chosen], rng)
    return Drawn(copies, originals.numbers[chosen], owners, asked, rounds * len(originals))


def _stack(name: str, images: Images, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
    if not len(numbers):
        return np.empty((0, 1, 1), np.float32)
    stacked = np.stack([images[number] for number in numbers.tolist()])  # (M, H, W)
    if stacked.ndim != 3 or stacked.dtype.kind != "f" or not (stacked.min() >= 0 and stacked.max() <= 1):
        raise ValueError(
            f"{name}: images are (H, W) floating in [0, 1]; got {stacked.shape[1:]} {stacked.dtype} in "
            f"[{stacked.min()}, {stacked.max()}]"
        )
    return stacked.astype(np.float32)
