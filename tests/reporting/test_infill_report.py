from __future__ import annotations

from dataclasses import replace

import pytest

from mammo_gan.reporting.html import Block, Figure, Gallery, Report, Table, render
from mammo_gan.reporting.infill_report import Sources, infill_report
from mammo_gan.reporting.papers import paper_file, read_paper
from tests.reporting import examples

PAPER = read_paper(paper_file("wu2018_cigan"))


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
    assert len(made_of_data) == 7
    for block in made_of_data:
        assert block.caption.endswith("Phantom data.")


def test_real_data_at_the_papers_scale_needs_no_banner(sources: Sources) -> None:
    report = infill_report(examples.results("disk", random=False, scale="paper"), PAPER, sources)
    assert report.banners == ()
    assert "phantom" not in render(report).lower()


def test_values_stand_beside_the_papers(phantom: Report) -> None:
    (table,) = blocks(phantom, "values")
    assert isinstance(table, Table)
    assert table.headings == ("value", "ours", "interval", "n", "the paper's", "note")
    assert table.rows == (
        ("AUC", "not measured", "", "", "0.896", "no classifier yet"),
        ("Mean, synthetic less real", "0.01", "-0.01 to 0.03", "300", "", ""),
    )


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
        assert choice.topic.replace("'", "&#39;") in page
