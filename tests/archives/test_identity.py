"""Keyed hashes, and the key that they need."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mammo_gan.archives.identity import image_key, keyed_hash, load_key, patient_key
from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError


def test_a_hash_is_hmac_sha256() -> None:
    # RFC 4231, test case 2.
    assert keyed_hash(b"Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e"


def test_images_of_a_patient_share_the_patients_key_only() -> None:
    left = Mammogram(archive="ddsm", source="disk", image="a", patient="1", height=1, width=1, bits=8)
    right = replace(left, image="b")
    key = b"k" * 32
    assert patient_key(key, left) == patient_key(key, right)
    assert image_key(key, left) != image_key(key, right)
    assert patient_key(key, left) != patient_key(b"l" * 32, left)
    assert patient_key(key, left) != patient_key(key, replace(left, archive="mias"))
    assert image_key(key, replace(left, image="1")) != patient_key(key, left)


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "outputs" / "identity.key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["identity.key"]
    assert load_key(tmp_path / "other.key") != key


def test_all_who_start_together_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "identity.key"), range(64)))
    assert len(keys) == 1


def test_file_systems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "identity.key"
    assert load_key(path) == load_key(path)
    assert [file.name for file in tmp_path.iterdir()] == ["identity.key"]


def test_something_else_is_not_taken_for_a_key(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.write_bytes(b"short")
    with pytest.raises(UserError, match=r"identity\.key: expected a key of 32 bytes, found 5"):
        load_key(path)
    assert path.read_bytes() == b"short"


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"paths\.identity_key"):
        load_key(tmp_path / "file" / "identity.key")
