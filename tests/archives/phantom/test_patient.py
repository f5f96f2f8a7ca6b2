from __future__ import annotations

from collections import Counter

import pytest

from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, Patient, draw_patient, stream


def patients(count: int, seed: int = 0, mass_share: float = 0.6) -> list[Patient]:
    return [draw_patient(number, seed, OUTCOMES, DENSITIES, mass_share) for number in range(1, count + 1)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [12, 24, 100])
def test_shares_are_kept_by_every_archive_however_small(seed: int, count: int) -> None:
    drawn = patients(count, seed)
    outcomes = Counter(patient.outcome for patient in drawn)
    assert all(abs(outcomes[outcome] - share * count) <= 2 for outcome, share in OUTCOMES.items())
    densities = Counter(patient.density for patient in drawn)
    assert all(abs(densities[density] - share * count) <= 2 for density, share in DENSITIES.items())


def test_outcomes_are_independent_of_density_and_kind() -> None:
    drawn = patients(600)
    dense = Counter(patient.outcome for patient in drawn if patient.density in "CD")
    masses = Counter(p.outcome for p in drawn if p.finding is not None and p.finding.kind == "mass")
    assert all(count == pytest.approx(100, abs=10) for count in dense.values())
    assert masses["benign"] == pytest.approx(120, abs=10)
    assert masses["malignant"] == pytest.approx(120, abs=10)


def test_only_the_asked_outcomes_densities_and_kinds_occur() -> None:
    drawn = [draw_patient(number, 3, {"malignant": 2.0}, {"D": 1.0, "A": 0.0}, 0.0) for number in range(1, 20)]
    assert {(p.outcome, p.density, p.finding.kind if p.finding else "") for p in drawn} == {
        ("malignant", "D", "calcification")
    }


def test_findings_agree_with_outcomes() -> None:
    for patient in patients(60):
        if patient.outcome == "normal":
            assert patient.finding is None
            assert patient.affected is None
        else:
            assert patient.finding is not None
            assert patient.finding.pathology == patient.outcome
            assert patient.affected in ("L", "R")


def test_streams_are_repeatable_and_of_their_own() -> None:
    draws = {(n, purpose): stream(0, n, purpose).random() for n in (1, 2) for purpose in ("case", "LCC", "LMLO")}
    assert len(set(draws.values())) == 6
    assert stream(0, 2, "LCC").random() == draws[2, "LCC"]
    assert stream(1, 2, "LCC").random() != draws[2, "LCC"]
