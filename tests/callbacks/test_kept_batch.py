from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from mammo_gan.callbacks.kept_batch import keep, new_folder, write_json
from mammo_gan.data.batches import InfillBatch
from tests.callbacks.tiny_gan import SIZE, batch


def test_tensors_come_back_by_name_bit_for_bit(tmp_path: Path) -> None:
    source = batch(3, size=4)
    source.image[0, 0, 0, :3] = torch.tensor([float("nan"), float("inf"), -2.5])
    # As a process of two takes its share, and in another memory order.
    image = source.image.contiguous(memory_format=torch.channels_last)[::2]
    kept = InfillBatch(image, source.corrupted[1::2], source.corrupted[1::2], source.label[::2])
    keep(tmp_path, 1, kept)
    found = load_file(tmp_path / "rank1.safetensors")
    assert found.keys() == set(InfillBatch._fields)
    for name, field in kept._asdict().items():
        torch.testing.assert_close(found[name], field, rtol=0, atol=0, equal_nan=True)


def test_pictures_show_images_clipped_and_the_description_says_so(tmp_path: Path) -> None:
    source = batch(3, size=20)
    source.image[0, 0, 0, :4] = torch.tensor([float("nan"), float("inf"), float("-inf"), 2.0])
    keep(tmp_path, 0, source)
    names = ["rank0-corrupted.png", "rank0-image.png", "rank0-mask.png", "rank0.json", "rank0.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    picture = np.asarray(Image.open(tmp_path / "rank0-image.png").convert("L"))
    assert picture.shape == (4 * (SIZE + 2) + 2, 4 * (SIZE + 2) + 2)  # 16 of the 20
    assert picture[2, 2:6].tolist() == [0, 255, 0, 255]
    expected = (source.image[1, 0] * 255).round()
    assert np.abs(picture[2 : 2 + SIZE, SIZE + 4 : 2 * SIZE + 4] - expected.numpy()).max() <= 1

    described = json.loads((tmp_path / "rank0.json").read_text())
    assert described["image"]["highest"] == 2.0
    assert (described["image"]["nan"], described["image"]["infinite"]) == (1, 2)
    assert described["image"]["clipped_in_picture"] == 3
    assert described["mask"]["clipped_in_picture"] == 0
    assert described["label"] == {
        "shape": [20],
        "dtype": "int64",
        "lowest": 0,
        "highest": 1,
        "nan": 0,
        "infinite": 0,
    }


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    made = [new_folder(tmp_path / "divergence", 123) for _ in range(3)]
    names = ["iteration-0000123", "iteration-0000123-2", "iteration-0000123-3"]
    assert [folder.name for folder in made] == names
    assert all(folder.is_dir() for folder in made)


def test_json_says_nan_in_words(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"values": [1.0, float("nan"), float("-inf")], "seen": "é"})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"values": [1.0, "nan", "-inf"], "seen": "é"}
