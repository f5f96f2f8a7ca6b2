"""The endless loader over lesions: what is in it, in which order, changed how, and the nested training sets."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.records import Mammogram, Pathology
from mammo_gan.data.batches import LesionBatch
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_cutting import LesionRecipe
from mammo_gan.data.lesions import LesionData
from mammo_gan.data.prepare_lesions import prepare_lesions
from mammo_gan.errors import UserError
from tests import real_patches
from tests.data.lesion_store import SIZE, Patch, write

PATCHES: list[Patch] = [
    ("a", "train", "mass", "malignant"),
    ("a", "train", None, "unknown"),
    ("b", "train", "mass", "benign"),
    ("b", "train", "mass", "malignant"),
    ("c", "train", "calcification", "unknown"),
    ("d", "val", "mass", "benign"),
    ("d", "val", None, "unknown"),
    ("e", "train", "mass", "malignant"),
    ("e", "train", "mass", "benign"),
    ("e", "train", "calcification", "malignant"),
    ("f", "val", "mass", "malignant"),
]
TRAINED = [0, 2, 3, 4, 7, 8, 9]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return write(tmp_path_factory.mktemp("store"), PATCHES)


def batches(data: LesionData, count: int) -> list[LesionBatch]:
    return list(islice(iter(data.train_dataloader()), count))


def images(data: LesionData, count: int) -> torch.Tensor:
    return torch.cat([batch.image for batch in batches(data, count)])


def at(data: LesionData, images_seen: int, rank: int = 0, world_size: int = 1) -> LesionData:
    module = SimpleNamespace(images_seen=torch.tensor(images_seen))
    trainer: Any = SimpleNamespace(lightning_module=module, global_rank=rank, world_size=world_size)
    data.trainer = trainer
    return data


def stored(store: ImageStore, index: int) -> np.ndarray:
    """(H, W) in [-1, 1], in double precision."""
    grey: np.ndarray = store.batch([index], (SIZE, SIZE))[0].astype(np.float64)
    return grey / 255 * 2 - 1


def whose(store: ImageStore, image: torch.Tensor) -> int:
    """Which patch an unchanged image is."""
    near = [index for index in range(len(store)) if np.allclose(image[0].numpy(), stored(store, index), atol=1e-6)]
    assert len(near) == 1
    return near[0]


def test_an_epoch_shows_every_lesion_of_the_training_split_once(store: ImageStore) -> None:
    data = LesionData(store, 7, seed=5)
    assert data.training_images == 7
    for batch in batches(data, 3):
        assert (batch.image.shape, batch.image.dtype) == ((7, 1, SIZE, SIZE), torch.float32)
        seen = [whose(store, image) for image in batch.image]
        assert sorted(seen) == TRAINED
        assert batch.label.tolist() == [int(PATCHES[index][3] == "malignant") for index in seen]
        assert batch.label.dtype == torch.int64


def test_kinds_leave_the_others_out(store: ImageStore) -> None:
    data = LesionData(store, 5, seed=5, kinds=["mass"])
    assert sorted(whose(store, image) for image in images(data, 1)) == [0, 2, 3, 7, 8]
    assert [len(LesionData(store, 1, 5, kinds=["mass"]).fixed_images(split, 9, 1)) for split in ("train", "val")] == [
        5,
        2,
    ]
    with pytest.raises(UserError, match="none of the 8 patches of the split train shows a lesion of kind distortion"):
        LesionData(store, 5, seed=5, kinds=["distortion"])


def test_it_goes_on_where_images_seen_stands(store: ImageStore) -> None:
    def made() -> LesionData:
        return LesionData(store, 3, seed=5, flips=True, jitter=5)

    whole = images(made(), 8)
    assert torch.equal(torch.cat([images(made(), 5), images(at(made(), 15), 3)]), whole)
    assert not torch.equal(images(at(LesionData(store, 3, seed=6, flips=True, jitter=5), 0), 8), whole)


def test_two_processes_see_what_one_sees(store: ImageStore) -> None:
    one = images(at(LesionData(store, 4, seed=5, flips=True), 6), 5)
    ranks = [batches(at(LesionData(store, 2, seed=5, flips=True), 6, rank, 2), 5) for rank in range(2)]
    assert torch.equal(torch.cat([batch.image for pair in zip(*ranks, strict=True) for batch in pair]), one)


def test_loading_processes_change_nothing_and_draw_nothing(store: ImageStore) -> None:
    state = torch.random.get_rng_state()
    alone = images(LesionData(store, 4, seed=5, flips=True, jitter=5), 6)
    assert torch.equal(images(LesionData(store, 4, seed=5, flips=True, jitter=5, workers=2), 6), alone)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_flips_are_mirror_images_and_each_is_as_frequent_as_the_others(store: ImageStore) -> None:
    plain, flipped = images(LesionData(store, 40, seed=5), 10), images(LesionData(store, 40, seed=5, flips=True), 10)
    found: Counter[tuple[int, ...]] = Counter()
    for before, after in zip(plain, flipped, strict=True):
        (dims,) = [dims for dims in ((), (2,), (1,), (1, 2)) if torch.equal(torch.flip(before, dims), after)]
        found[dims] += 1
    assert set(found) == {(), (2,), (1,), (1, 2)}
    assert all(70 < count < 130 for count in found.values())  # of 400; 100 expected, standard deviation 8.7


def test_jitter_changes_brightness_and_contrast_by_five_grey_levels_at_most(store: ImageStore) -> None:
    plain, jittered = images(LesionData(store, 40, seed=5), 5), images(LesionData(store, 40, seed=5, jitter=5), 5)
    assert -1 <= jittered.min() < jittered.max() <= 1
    moved = (jittered - plain).double() * 127.5  # grey levels
    assert 5 < moved.abs().max() <= 5 + 5 * 255 / 127.5
    within = (jittered.abs() < 1).all(dim=1)
    for before, shift, seen in zip(plain[:, 0].double(), moved[:, 0], within, strict=True):
        centred = before - before.mean()
        design = torch.stack([torch.ones(int(seen.sum())).double(), centred[seen]], dim=1)
        brightness, contrast = torch.linalg.lstsq(design, shift[seen][:, None]).solution[:, 0].tolist()
        assert abs(brightness) <= 5 + 1e-3
        assert abs(contrast) <= 5 + 1e-3  # a pixel half the range away from the mean, 1 in [-1, 1], moves by so many
        torch.testing.assert_close(
            design @ torch.tensor([brightness, contrast]).double(), shift[seen], atol=1e-3, rtol=0
        )


def patients(store: ImageStore, indices: np.ndarray) -> dict[str, int]:
    return dict(Counter(store.column("patient_key")[indices]))


def test_training_sets_are_nested_and_of_whole_patients(tmp_path: Path) -> None:
    counts = np.random.default_rng(4).integers(1, 5, 60).tolist()
    of_patients: list[Patch] = [
        (f"p{patient}", "train", "mass" if number % 5 else "calcification", "malignant")
        for patient, count in enumerate(counts)
        for number in range(count)
    ]
    store = write(tmp_path, [*of_patients, ("v", "val", "mass", "benign")])
    everything = patients(store, LesionData(store, 1, 5).training_indices)
    sizes = [10, 25, 50, 75]
    chosen = {k: LesionData(store, 1, 5, patches=k, sizes=sizes).training_indices for k in sizes}
    for smaller, larger in pairwise(sizes):
        assert set(chosen[smaller]) < set(chosen[larger])
    for k, indices in chosen.items():
        assert LesionData(store, 1, 5, patches=k, sizes=sizes).training_images == len(indices) == k
        assert all(everything[patient] == count for patient, count in patients(store, indices).items())
    reseeded = write(tmp_path / "reseeded", of_patients, seed=4)
    assert set(chosen[10]) != set(LesionData(reseeded, 1, 5, patches=10, sizes=sizes).training_indices)
    masses = LesionData(store, 1, 5, kinds=["mass"], patches=10, sizes=sizes)
    assert len(masses.training_indices) == 10
    assert {store.row(index).lesions[0].kind for index in masses.training_indices.tolist()} == {"mass"}


def test_per_class_takes_as_many_of_either_and_none_of_unknown_pathology(tmp_path: Path) -> None:
    counts = np.random.default_rng(4).integers(1, 4, (60, 3)).tolist()
    of_patients: list[Patch] = [
        (f"p{patient}", "train" if patient < 50 else "val", "mass", pathology)
        for patient, of_each in enumerate(counts)
        for pathology, count in zip(get_args(Pathology), of_each, strict=True)
        for _ in range(count)
    ]
    store = write(tmp_path, of_patients)
    sizes = [5, 12, 30]
    chosen = [LesionData(store, 1, 5, patches=k, sizes=sizes, per_class=True).training_indices for k in sizes]
    for k, indices in zip(sizes, chosen, strict=True):
        assert Counter(of_patients[index][3] for index in indices) == {"benign": k, "malignant": k}
        shares = {
            pathology: {of_patients[i][0] for i in indices if of_patients[i][3] == pathology}
            for pathology in ("benign", "malignant")
        }
        for index, (patient, split, _, pathology) in enumerate(of_patients):
            if split == "train" and patient in shares.get(pathology, ()):
                assert index in indices  # whole patients
    assert all(set(smaller) < set(larger) for smaller, larger in pairwise(chosen))
    whole = LesionData(store, 4, 5, per_class=True)
    assert {of_patients[index][3] for index in whole.training_indices} == {"benign", "malignant"}
    assert sum(map(len, whole.reals("val", 4))) == sum(sum(of_each[:2]) for of_each in counts[50:])
    most = sum(of_each[1] for of_each in counts[:50])
    with pytest.raises(UserError, match=rf"training\.patches={most + 50}: out of reach for (benign|malignant) lesions"):
        LesionData(store, 1, 5, patches=most + 50, per_class=True)


def test_too_few_patches_are_said_and_never_filled_up(store: ImageStore) -> None:
    with pytest.raises(UserError, match=r"training\.patches=8: out of reach: .* give 7 of the 7"):
        LesionData(store, 1, 5, patches=8)
    assert LesionData(store, 1, 5, patches=7).training_indices.tolist() == TRAINED


def test_what_is_measured_is_the_training_set_unchanged(store: ImageStore) -> None:
    data = LesionData(store, 4, seed=5, flips=True, jitter=5, patches=4, kinds=["mass", "calcification"])
    reals = list(data.reals("train", 3))
    assert [tuple(batch.shape) for batch in reals] == [(3, 1, SIZE, SIZE), (1, 1, SIZE, SIZE)]
    seen = [whose(store, 2 * image - 1) for image in torch.cat(reals)]
    assert seen == data.training_indices.tolist()
    assert [whose(store, 2 * image - 1) for batch in data.reals("val", 8) for image in batch] == [5, 10]
    with pytest.raises(UserError, match="none of the 0 patches of the split test shows a lesion"):
        next(data.reals("test", 3))


def test_fixed_images_are_the_same_for_the_same_seed(store: ImageStore) -> None:
    data = LesionData(store, 4, seed=5)
    shown = data.fixed_images("train", 4, 3)
    assert len({whose(store, 2 * image - 1) for image in shown}) == 4
    assert torch.equal(shown, LesionData(store, 2, seed=9).fixed_images("train", 4, 3))
    assert not torch.equal(shown, data.fixed_images("train", 4, 4))
    assert len(data.fixed_images("val", 64, 3)) == 2


@pytest.mark.skipif(not real_patches.PATCHES.is_dir(), reason=f"no real patches in {real_patches.PATCHES}")
def test_real_patches(tmp_path: Path) -> None:
    """The 1,104 and 192 that their publisher counts; P_100 to P_1000 of whole patients, and 1,300 out of reach."""
    root, reader = tmp_path / "lab", Manifest()
    real_patches.as_archive(root)
    records = [record for record in reader.scan(root) if isinstance(record, Mammogram)]
    recipe = LesionRecipe(
        size=128, largest=750, min_grey_levels=30, normal=10, normal_beside_lesions=True, breast="nonzero", seed=1
    )
    splits = {record.patient: record.split for record in records if record.split is not None}
    prepare_lesions(records, reader, root, tmp_path / "store", recipe, splits, b"k" * 32)
    store = ImageStore.open(tmp_path / "store")
    data = LesionData(store, 64, seed=1, flips=True, jitter=5)
    assert (data.training_images, sum(map(len, data.reals("val", 64)))) == (1104, 192)
    (batch,) = batches(data, 1)
    assert -1 <= batch.image.min() < batch.image.max() <= 1
    sets = [set(LesionData(store, 64, 1, patches=k).training_indices) for k in (100, 250, 500, 750, 1000)]
    assert [len(chosen) for chosen in sets] == [100, 250, 500, 750, 1000]
    assert all(smaller < larger for smaller, larger in pairwise(sets))
    with pytest.raises(UserError, match="1300: out of reach"):
        LesionData(store, 64, 1, patches=1300)
