from __future__ import annotations

import re
from pathlib import Path

import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.papers import Paper, read_paper, to_markdown

ROOT = Path(__file__).parents[2]
TAG = re.compile(r"\b(Assumption|Deviation)(, as published)?:")
CIGAN = ROOT / "experiments/wu2018_cigan/paper.toml"
FILES = sorted((ROOT / "experiments").glob("*/paper.toml"))


@pytest.fixture(params=FILES, ids=lambda path: path.parent.name)
def file(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def paper(file: Path) -> Paper:
    return read_paper(file)


def test_readme_is_drawn_from_the_papers_file(file: Path, paper: Paper) -> None:
    drawn = to_markdown(paper)
    assert file.with_name("README.md").read_text() == drawn, "run: python -m mammo_gan.reporting.papers"


def test_each_choice_points_at_a_file(paper: Paper) -> None:
    for choice in (*paper.assumptions, *paper.deviations):
        assert (ROOT / choice.where).is_file() or not choice.where, f"{choice.topic}: {choice.where}"


# Tagged choices that belong to no paper of experiments/.
ELSEWHERE = {
    "mammo_gan/archives/cbis_films.py": "CBIS has some films twice",
    "mammo_gan/archives/cbis_masks.py": "a CBIS mask of another size is the same mask",
    "mammo_gan/archives/optimam_findings.py": "an OPTIMAM image is judged by its own episode",
    "mammo_gan/archives/optimam_header.py": "BreastImplantPresent NO stands for nothing shown",
    "mammo_gan/imaging/lesion_patches.py": "shen2021's padding at the border",
    "mammo_gan/imaging/margin.py": "the centre that shen2021's mask is scaled about",
    "mammo_gan/imaging/normal_patches.py": "alyafi2019's Algorithm 1",
}


def test_each_tag_in_the_code_is_listed_with_a_paper() -> None:
    papers = [read_paper(file) for file in FILES]
    listed = {choice.where for paper in papers for choice in (*paper.assumptions, *paper.deviations)}
    tagged = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mammo_gan").rglob("*.py")
        if TAG.search(path.read_text(encoding="utf-8"))
    }
    assert tagged - listed == set(ELSEWHERE)


def test_what_is_available_names_an_experiment(paper: Paper) -> None:
    for row in paper.results:
        experiments = [text.removeprefix("experiment=") for text in row.overrides if text.startswith("experiment=")]
        assert bool(experiments) == (row.state == "available"), row.label
        for name in experiments:
            assert (ROOT / "conf/experiment" / f"{name}.yaml").is_file(), name


def test_the_map_of_papers_says_what_is_available(paper: Paper) -> None:
    (line,) = [row for row in (ROOT / "experiments/README.md").read_text().splitlines() if f"({paper.key}/" in row]
    *_, available, planned = (cell.strip() for cell in line.strip("|").split("|"))
    for state, cell in (("available", available), ("planned", planned)):
        assert cell == ", ".join(dict.fromkeys(row.item for row in paper.results if row.state == state))


def test_numbers_of_table_1_are_the_papers() -> None:
    paper = read_paper(CIGAN)
    assert [row.value for row in paper.results if row.item == "Table 1"] == [0.882, 0.887, 0.896]


def test_a_broken_file_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    whole = CIGAN.read_text()
    for text, complaint in (
        (whole + "\nyear = 2018\n", "year"),
        (whole.replace('state = "available"', 'state = "soon"'), "soon"),
        ("title = ", "expected TOML"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=complaint):
            read_paper(path)
