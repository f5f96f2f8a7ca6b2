"""Patches from noise: the same for the same seed, found again from their table, records as an archive's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo_gan.archives import index
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.networks.dcgan import Generator
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.synthesis.sampling import Sampled, sample
from mammo_gan.synthesis.writing_samples import write_samples

SIZE = 16


def generator(classes: int = 0) -> Generator:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        return Generator([6, 4], SIZE, latent=5, classes=classes)


def drawn(count: int, seed: int = 2, classes: int = 0) -> list[Sampled]:
    return list(sample(generator(classes), count, batch_size=4, seed=seed, device="cpu"))


def test_images_are_the_generators() -> None:
    """Drawn again from seed and place, as written out here."""
    network = generator().eval()
    patches = drawn(6)
    assert [patch.place for patch in patches] == [0, 1, 2, 3, 0, 1]
    for patch in patches:
        z = torch.randn(4, 5, generator=torch.Generator().manual_seed(patch.seed))
        with torch.no_grad():
            expected = network(z)[patch.place, 0].numpy()
        np.testing.assert_allclose(2 * patch.image - 1, expected, atol=1e-6)
        assert patch.label is None


def test_fewer_are_the_first_of_more_and_another_seed_draws_others() -> None:
    more, fewer, others = drawn(9), drawn(6), drawn(6, seed=3)
    for patch, same, other in zip(fewer, more, others, strict=False):
        np.testing.assert_array_equal(patch.image, same.image)
        assert (patch.image != other.image).any()
    assert drawn(0) == []


def test_random_states_stay() -> None:
    before = torch.get_rng_state()
    drawn(5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("kinds", "kind"), [(["mass"], "mass"), (["mass", "calcification"], "other")])
def test_records_are_read_as_an_archive(kinds: list, kind: str, tmp_path: Path) -> None:
    patches = drawn(5, classes=2)
    records = write_samples(tmp_path, patches, archive="optimam", generator="ab" * 32, trained_on="train", kinds=kinds)
    assert index.read(tmp_path / "records.parquet") == records
    assert len({record.patient for record in records}) == 5
    for record, patch in zip(records, patches, strict=True):
        assert (record.source, record.extent, record.split) == ("synthetic", "patch", "train")
        assert record.origin is not None
        assert (record.origin.generator, record.origin.seed, record.origin.parent) == ("ab" * 32, patch.seed, "")
        (lesion,) = record.lesions
        assert (lesion.kind, lesion.pathology) == (kind, ("benign", "malignant")[patch.label or 0])
        assert lesion.box == Box(0, 0, SIZE, SIZE)
    again = SyntheticSet(tmp_path)
    np.testing.assert_allclose(again.image(3), patches[3].image, atol=0.5 / 255 + 1e-6)
    with (tmp_path / "draws.csv").open(newline="") as file:
        assert [int(row["place"]) for row in csv.DictReader(file)] == [0, 1, 2, 3, 0]
    found = {record.image: record for record in Manifest().scan(tmp_path) if isinstance(record, Mammogram)}
    assert found.keys() == {record.image for record in records}
    assert {record.lesions[0].pathology for record in found.values()} == {"benign", "malignant"}


def test_without_classes_the_pathology_is_unknown(tmp_path: Path) -> None:
    (record,) = write_samples(
        tmp_path, drawn(1), archive="optimam", generator="0" * 64, trained_on="train", kinds=["mass"]
    )
    assert record.lesions[0].pathology == "unknown"
