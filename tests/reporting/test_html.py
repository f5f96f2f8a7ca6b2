from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mammo_gan.reporting.html import (
    Banner,
    Command,
    Facts,
    Figure,
    Gallery,
    Picture,
    Report,
    Section,
    Table,
    Text,
    render,
    save,
)

NASTY = "<script>alert('x')</script> & \"quotes\""
PICTURE = Picture(light=b"light", dark=b"dark", alt=NASTY, media_type="image/svg+xml")


def report() -> Report:
    blocks = (
        Figure(PICTURE, NASTY),
        Gallery((Figure(Picture(light=b"png", alt="grid", media_type="image/png", width=64), NASTY),), NASTY),
        Table(caption=NASTY, headings=("a", NASTY), rows=((NASTY, "1"),), numeric=frozenset({1})),
        Facts(((NASTY, NASTY),)),
        Text(NASTY),
        Command(NASTY),
    )
    return Report(
        title=NASTY,
        subtitle=NASTY,
        summary=NASTY,
        banners=(Banner("warning", NASTY, NASTY),),
        sections=(Section("first", NASTY, blocks), Section("second", "Second", ())),
    )


class Outline(HTMLParser):
    """Tags that are opened, their attributes, and whether each is closed in turn."""

    VOID = {"meta", "img", "source"}  # noqa: RUF012

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_text_is_escaped() -> None:
    page = render(report())
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 19


def test_tags_are_closed_in_turn() -> None:
    assert Outline(render(report())).open == []


def test_nothing_comes_from_outside() -> None:
    outline = Outline(render(report()))
    assert {tag for tag, _ in outline.tags}.isdisjoint({"script", "link", "iframe", "object", "embed"})
    for _, attributes in outline.tags:
        for name in ("src", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"@import|url\(", render(report()))


def test_pictures_hold_their_bytes_and_say_what_they_show() -> None:
    outline = Outline(render(report()))
    sources = [str(image["src"]) for image in outline.all("img")]
    assert [base64.b64decode(source.partition("base64,")[2]) for source in sources] == [b"light", b"png"]
    assert all(image["alt"] for image in outline.all("img"))
    (dark,) = outline.all("source")
    assert base64.b64decode(str(dark["srcset"]).partition("base64,")[2]) == b"dark"


def test_sections_can_be_reached() -> None:
    outline = Outline(render(report()))
    targets = [str(link["href"]) for link in outline.all("a")]
    assert targets == ["#first", "#second"]
    assert {f"#{section['id']}" for section in outline.all("section")} == set(targets)


def test_tables_have_as_many_cells_as_headings() -> None:
    with pytest.raises(ValueError, match="2 columns, a row has 1"):
        Table(caption="x", headings=("a", "b"), rows=(("1",),))


def test_empty_columns_are_left_out() -> None:
    table = Table(
        caption="x", headings=("a", "b", "c"), rows=(("1", "", "2"), ("", "", "3")), numeric=frozenset({1, 2})
    ).without_empty_columns()
    assert table.headings == ("a", "c")
    assert table.rows == (("1", "2"), ("", "3"))
    assert table.numeric == {1}


def test_saving_leaves_one_whole_file(tmp_path: Path) -> None:
    save(tmp_path / "new" / "report.html", report())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == render(report())
