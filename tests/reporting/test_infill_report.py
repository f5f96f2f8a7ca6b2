from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from mammo_gan.reporting.html import Block, Figure, Gallery, Report, Table, render
from mammo_gan.reporting.infill_report import Sources, infill_report
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import Value
from tests.reporting import examples

PAPER = read_paper(Path(__file__).parents[2] / "experiments/wu2018_cigan/paper.toml")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return examples.write_sources(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def phantom(sources: Sources) -> Report:
    return infill_report(examples.results(), PAPER, sources)


def blocks(report: Report, section: str) -> tuple[Block, ...]:
    (found,) = [each.blocks for each in report.sections if each.name == section]
    return found


def test_figure_1_comes_first_and_every_part_is_there(phantom: Report) -> None:
    names = [section.name for section in phantom.sections]
    assert names == ["figure-1", "values", "training", "moments", "run", "paper", "reproduce"]


def test_phantom_and_random_weights_are_said_at_the_top(phantom: Report) -> None:
    said = " ".join(banner.headline + banner.text for banner in phantom.banners if banner.tone == "warning")
    assert "phantom" in said
    assert "Untrained" in said


def test_every_figure_and_table_of_phantom_data_says_so(phantom: Report) -> None:
    made_of_data = [
        block
        for section in ("figure-1", "values", "training", "moments", "run")
        for block in blocks(phantom, section)
        if isinstance(block, Figure | Gallery | Table) and "Stages" not in block.caption
    ]
    assert len(made_of_data) == 8
    for block in made_of_data:
        assert block.caption.endswith("Phantom data.")


def test_real_data_at_the_papers_scale_needs_no_banner(sources: Sources) -> None:
    report = infill_report(examples.results("disk", random=False, scale="paper"), PAPER, sources)
    assert report.banners == ()
    assert "phantom" not in render(report).lower()


def test_values_stand_beside_the_papers_and_columns_without_any_are_left_out(phantom: Report) -> None:
    first, second = blocks(phantom, "values")
    assert isinstance(first, Table)
    assert first.headings == ("value", "ours", "the paper's", "note")
    assert first.rows == (("AUC", "not measured", "0.896", "no classifier yet"),)
    assert isinstance(second, Table)
    assert second.headings == ("value", "ours", "95 % interval", "n")
    assert second.rows == (("Mean, synthetic less real", "0.01", "-0.01 to 0.03", "300"),)


def test_values_of_one_protocol_share_a_table(sources: Sources) -> None:
    values = tuple(Value(name=name, label=name, value=1.0) for name in ("fid/a", "swd/a", "fid/b"))
    report = infill_report(replace(examples.results(), values=values), PAPER, sources)
    rows = [[row[0] for row in table.rows] for table in blocks(report, "values") if isinstance(table, Table)]
    assert rows == [["fid/a", "fid/b"], ["swd/a"]]


def test_warnings_of_the_preparation_are_shown(phantom: Report) -> None:
    assert examples.results().data.warnings[0] in render(phantom)


def test_a_run_without_training_has_no_pictures_but_its_facts() -> None:
    report = infill_report(replace(examples.results(), values=(), images_per_second=None), PAPER, Sources())
    assert [section.name for section in report.sections] == ["run", "paper", "reproduce"]
    assert "not trained" in render(report)


def test_the_page_is_small_and_names_no_folder(phantom: Report, sources: Sources) -> None:
    page = render(phantom)
    assert len(page) < 2_000_000
    assert str(sources.metrics) not in page


def test_paper_choices_are_shown(phantom: Report) -> None:
    page = render(phantom)
    for choice in (*PAPER.assumptions, *PAPER.deviations):
        assert str(escape(choice.topic)) in page
