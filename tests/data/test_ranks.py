"""The order in which patients and images are drawn: the archive's and the seed's, never the secret key's."""

from __future__ import annotations

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Mammogram
from mammo_gan.data.ranks import ranks

KEYS = b"one" * 11, b"two" * 11


def records(count: int, first: int = 0) -> list[Mammogram]:
    return [
        Mammogram(archive="lab", source="disk", image=f"{n}.png", patient=f"P{n // 2}", height=8, width=8, bits=8)
        for n in range(first, first + count)
    ]


def order(found: list[Mammogram], key: bytes, seed: int) -> tuple[list[str], list[str]]:
    """Patients and images of the first twenty records, by rank."""
    ranked = ranks(found, key, seed)
    mine = records(20)
    patients = {record.patient: ranked.patients[patient_key(key, record)] for record in mine}
    images = {record.image: ranked.images[image_key(key, record)] for record in mine}
    return sorted(patients, key=patients.__getitem__), sorted(images, key=images.__getitem__)


def test_the_key_and_others_change_nothing_and_the_seed_does() -> None:
    expected = order(records(20), KEYS[0], 1)
    assert order(records(20)[::-1], KEYS[1], 1) == expected
    assert order([*records(60, first=20), *records(20)], KEYS[1], 1) == expected
    other = order(records(20), KEYS[0], 2)
    assert other[0] != expected[0]
    assert other[1] != expected[1]
    assert expected[0] != [f"P{n}" for n in range(10)]


def test_ranks_are_numbers_from_0() -> None:
    ranked = ranks(records(20), KEYS[0], 1)
    assert sorted(ranked.patients.values()) == list(range(10))
    assert sorted(ranked.images.values()) == list(range(20))
