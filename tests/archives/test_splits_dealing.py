"""The ways of dealing as they are configured: by hash, the archive's own, one fold. Nobody ever on two sides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from mammo_gan.archives.dealing import ByHash, Dealing, Official, OneFold
from mammo_gan.archives.identity import patient_key
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import split_of
from mammo_gan.errors import UserError
from mammo_gan.stages.command.groups import conf_folder

FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}
KEY = b"k" * 32
BASE = Mammogram(archive="cbis", source="disk", image="", patient="", height=9, width=9, bits=8)


def record(patient: str, image: str, split: SplitName | None = None, archive: str = "cbis") -> Mammogram:
    return replace(BASE, archive=archive, patient=patient, image=image, split=split)


RECORDS = st.lists(
    st.builds(
        lambda patient, image, split: record(f"P{patient}", str(image), split),
        st.integers(0, 15),
        st.integers(0, 99),
        st.sampled_from(["train", "test", None]),
    ),
    min_size=1,
    max_size=40,
)
DEALINGS = st.one_of(
    st.builds(ByHash, st.just(FRACTIONS), st.integers(0, 99)),
    st.builds(Official, st.just(FRACTIONS), st.integers(0, 99), st.sampled_from(["train", "test"])),
    st.builds(OneFold, st.integers(0, 2), st.just(3), st.just(0.1), st.integers(0, 99)),
)


@given(RECORDS, RECORDS, DEALINGS)
def test_every_patient_is_dealt_once_and_the_order_does_not_count(
    few: list[Mammogram], others: list[Mammogram], dealing: Dealing
) -> None:
    few = [record("P0", "official", "train"), *few]  # so that there is an official split
    others = [replace(one, patient=f"other {one.patient}") for one in others]
    dealt = dealing.deal(few, KEY)
    assert set(dealt) == {one.patient for one in few}
    assert dealing.deal(few[::-1], KEY) == dealt
    more = dealing.deal([*others, *few], KEY)
    assert {patient: more[patient] for patient in dealt} == dealt


def test_by_hash_a_publishers_split_does_not_count_but_a_users_own_and_a_synthetic_images_do() -> None:
    patients = [f"P{number}" for number in range(50)]
    by_hash = ByHash(FRACTIONS, 1)
    official = [record(patient, patient, "test") for patient in patients]
    assert by_hash.deal(official, KEY) == {patient: split_of(patient, FRACTIONS, 1) for patient in patients}
    own = [replace(one, archive="manifest") for one in official]
    assert set(by_hash.deal(own, KEY).values()) == {"test"}
    synthetic = [replace(one, source="synthetic") for one in official]
    assert set(by_hash.deal(synthetic, KEY).values()) == {"test"}


@pytest.mark.parametrize("dealing", [ByHash(FRACTIONS, 1), Official(FRACTIONS, 1)])
def test_a_users_own_table_with_a_patient_on_two_sides_is_refused_by_hash(dealing: Dealing) -> None:
    records = [record("secret", "a", "train", "manifest"), record("secret", "b", "test", "manifest")]
    with pytest.raises(UserError, match=rf"1 patients .* {patient_key(KEY, records[0])} \(train and test\)") as refused:
        dealing.deal(records, KEY)
    assert "secret" not in str(refused.value)


def test_the_official_split_is_kept_and_validation_comes_out_of_its_training_patients() -> None:
    training = [record(f"A{number}", f"A{number}", "train") for number in range(4000)]
    test = [record(f"B{number}", f"B{number}", "test") for number in range(1000)]
    dealt = Official(FRACTIONS, 1).deal([*training, *test], KEY)
    assert {dealt[one.patient] for one in test} == {"test"}
    sides = [dealt[one.patient] for one in training]
    share = 1 / 9  # val of train and val
    assert sides.count("val") / 4000 == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5)
    assert sides.count("test") == 0


def test_an_official_validation_set_is_not_added_to() -> None:
    records = [record(f"A{number}", f"A{number}", "train") for number in range(200)]
    dealt = Official(FRACTIONS, 1).deal([*records, record("V", "V", "val")], KEY)
    assert [patient for patient, split in dealt.items() if split == "val"] == ["V"]


def test_what_was_trained_on_never_validates() -> None:
    records = [replace(record(f"A{number}", f"A{number}", "train"), source="synthetic") for number in range(200)]
    assert set(Official(FRACTIONS, 1).deal(records, KEY).values()) == {"train"}


def test_patients_on_both_official_sides_are_refused_by_hash_or_moved_as_asked() -> None:
    records = [record("two", "mass", "train"), record("two", "calc", "test"), record("one", "x", "test")]
    with pytest.raises(UserError, match=r"1 patients stand in more than one split.* split\.two_sided=train") as refused:
        Official(FRACTIONS, 1).deal(records, KEY)
    assert patient_key(KEY, records[0]) in str(refused.value)
    assert Official(FRACTIONS, 1, two_sided="test").deal(records, KEY) == {"one": "test", "two": "test"}
    no_validation = {"train": 0.9, "test": 0.1}
    assert Official(no_validation, 1, two_sided="train").deal(records, KEY) == {"one": "test", "two": "train"}


def test_a_publishers_split_may_stand_beside_the_records() -> None:
    records = [record("two", "both.dcm"), record("one", "x"), record("none", "y")]
    official: dict[str, list[SplitName]] = {"two": ["train", "test"], "one": ["test"], "gone": ["train", "test"]}
    with pytest.raises(UserError, match=rf"cbis: 1 patients .* {patient_key(KEY, records[0])} \(train and test\)"):
        Official(FRACTIONS, 1).deal(records, KEY, official)
    dealt = Official(FRACTIONS, 1, two_sided="test").deal(records, KEY, official)
    assert dealt == {"one": "test", "two": "test", "none": split_of("none", FRACTIONS, 1)}
    for dealing in (ByHash(FRACTIONS, 1), OneFold(0, 3, 0.1, 1)):
        assert dealing.deal(records, KEY, official) == dealing.deal(records, KEY)


def test_who_is_in_no_official_set_is_dealt_by_hash() -> None:
    others = [f"P{number}" for number in range(50)]
    records = [record("A", "A", "test"), *(record(patient, patient) for patient in others)]
    dealt = Official(FRACTIONS, 3).deal(records, KEY)
    assert {patient: dealt[patient] for patient in others} == {p: split_of(p, FRACTIONS, 3) for p in others}


def test_an_archive_without_a_split_of_its_own_says_so() -> None:
    with pytest.raises(UserError, match=r"split=official: .* none in the 1 images of archive=cbis; take split="):
        Official(FRACTIONS, 1).deal([record("A", "A")], KEY)


def test_folds_and_a_fixed_split_exclude_each_other() -> None:
    with pytest.raises(UserError, match=r"split=folds: .* of archive=manifest has a fixed split \(train\)"):
        OneFold(0, 3, 0.1, 1).deal([record("A", "own.png", "train", "manifest")], KEY)


def test_bad_settings_fail_before_any_data_is_read() -> None:
    with pytest.raises(UserError, match=r"split\.two_sided: expected one of refuse, train, test, found both"):
        Official(FRACTIONS, 1, two_sided="both")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"split\.fractions: .* \(sum 0\.5\)"):
        ByHash({"train": 0.5}, 1)
    with pytest.raises(UserError, match=r"split\.fold: expected 0 to 2"):
        OneFold(3, 3, 0.1, 1)


@pytest.mark.parametrize(("name", "built"), [("by_patient", ByHash), ("official", Official), ("folds", OneFold)])
def test_each_option_of_the_group_builds(name: str, built: type[Dealing]) -> None:
    dealing = instantiate(OmegaConf.load(conf_folder() / f"split/{name}.yaml"), _convert_="all")
    assert isinstance(dealing, built)
    assert set(dealing.deal([record("A", "A", "test")], KEY)) == {"A"}
