"""The book on paper: page numbers, links, bookmarks, fonts, nothing cut off, no empty page.

A small book with everything that is hard to print goes through the same code as the whole one; the
whole one is printed and looked at too. What is in a PDF is read with poppler.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import chromium
import pandas as pd
import pytest
from places import HTML, ROOT

from analysis_lib.base.errors import ReviewError
from analysis_lib.book import printing
from analysis_lib.book.page import table_html

PDF = HTML.parent / "book.pdf"
TOOLS = ("pdfinfo", "pdftotext", "pdffonts", "pdftohtml")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)), reason="poppler is not installed: no PDF is read"
)

POINTS = 72 / 25.4  # a millimetre
MARGIN = 18 * POINTS - 1  # left and right, as the style of print says; 1 point for rounding
FEWEST_WORDS = 3  # on a page, beside its number: fewer is an empty page

CONFIG = """\
title: A small book
author: Nobody
execute: {execute_notebooks: "off"}
sphinx: {config: {html_math_renderer: mathjax}}
"""
CONTENTS = """\
format: jb-book
root: index
chapters:
- file: first
- file: second
"""
INDEX = """\
# A small book

It leads to {doc}`second`, to {ref}`a place further on <far>` and to
[another host](https://example.org/).
"""
FIRST = """\
# The first chapter

```{image} wide.svg
:alt: a very wide figure
```

```{image} tall.svg
:alt: a very tall figure
```

## A section of the first chapter

PARAGRAPHS

```{dropdown} Folded on a screen
What was folded away is read on paper.
```

TABLE
"""
SECOND = """\
# The second chapter

Words.

(far)=
## Far from the beginning

The last words of the book.
"""
COLUMNS, ROWS = 14, 150
#: Four words in the corners: where they are printed, the figure is whole.
CORNERS = ("TOPLEFT", "TOPRIGHT", "BOTTOMLEFT", "BOTTOMRIGHT")


def figure(width: int, height: int, prefix: str) -> str:
    words = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="40">{prefix}{corner}</text>'
        for corner, (y, (x, anchor)) in zip(
            CORNERS,
            [(y, side) for y in (45, height - 10) for side in ((0, "start"), (width, "end"))],
            strict=True,
        )
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{words}</svg>'
    )


def wide_and_long_table() -> str:
    columns = [f"Recomputation {n}" for n in range(COLUMNS)]
    cells = [[f"{row}.{n} unbroken" for n in range(COLUMNS)] for row in range(ROWS)]
    return table_html(pd.DataFrame(cells, columns=columns), "Wider and longer than a page")


@dataclass(frozen=True)
class Printed:
    """What poppler reads in a PDF."""

    pages: list[str]
    info: str
    fonts: str
    xml: str
    boxes: str
    places: dict[str, int]


def read(pdf: Path) -> Printed:
    def run(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return Printed(
        pages=run("pdftotext", "-layout", str(pdf), "-").split("\f")[:-1],
        info=run("pdfinfo", str(pdf)),
        fonts=run("pdffonts", str(pdf)),
        xml=run("pdftohtml", "-xml", "-i", "-stdout", str(pdf)),
        boxes=run("pdftotext", "-bbox", str(pdf), "-"),
        places=printing.pages_of(pdf.read_bytes()),
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    if chromium.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: nothing is printed")
    folder = tmp_path_factory.mktemp("print")
    source = folder / "source"
    source.mkdir()
    first = FIRST.replace("TABLE", wide_and_long_table())
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": CONTENTS,
        "index.md": INDEX,
        "first.md": first.replace("PARAGRAPHS", "A sentence that can be read. " * 400),
        "second.md": SECOND,
        "wide.svg": figure(4000, 300, "WIDE"),
        "tall.svg": figure(700, 6000, "TALL"),
    }
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    page = printing.single_page(source, folder / "written")
    printing.make_printable(page)
    printing.print_pdf(page, folder / "book.pdf", chromium.CHROMIUM)
    return read(folder / "book.pdf")


@pytest.fixture(scope="module")
def whole() -> Printed:
    page = HTML / "index.html"
    if not page.is_file():
        pytest.skip("the book is not built: run make book")
    if not PDF.is_file() or PDF.stat().st_mtime < page.stat().st_mtime:
        subprocess.run([sys.executable, "-m", "analysis_lib", "pdf", str(ROOT)], check=True)
    return read(PDF)


@pytest.fixture(params=["small", "whole"])
def printed(request: pytest.FixtureRequest) -> Printed:
    found: Printed = request.getfixturevalue(request.param)
    return found


def bookmarks(printed: Printed) -> list[tuple[str, int]]:
    outline = printed.xml[printed.xml.index("<outline>") :]
    items = re.findall(r'<item page="(\d+)">(.*?)</item>', outline)
    return [(html.unescape(words), int(page)) for page, words in items]


def words_of(page: str) -> str:
    return " ".join(page.split())


def test_every_page_has_its_number(printed: Printed) -> None:
    total = len(printed.pages)
    assert re.search(rf"Pages:\s+{total}\n", printed.info)
    wrong = [
        n for n, page in enumerate(printed.pages, start=1) if not page.rstrip().endswith(
            f"· {n} of {total}")
    ]  # fmt: skip
    assert wrong == []


def test_no_page_is_empty(printed: Printed) -> None:
    bodies = [page.rstrip().rpartition("\n")[0].split() for page in printed.pages]
    assert [n for n, body in enumerate(bodies, start=1) if len(body) < FEWEST_WORDS] == []


def test_the_paper_is_a4_and_the_pdf_is_tagged(printed: Printed) -> None:
    assert "(A4)" in printed.info
    assert re.search(r"Tagged:\s+yes", printed.info)


def test_fonts_are_in_the_file_and_their_text_can_be_copied(printed: Printed) -> None:
    rows = [line.split()[-5:-2] for line in printed.fonts.splitlines()[2:]]
    assert rows
    assert [row for row in rows if (row[0], row[2]) != ("yes", "yes")] == []


def test_bookmarks_name_each_heading_once(printed: Printed) -> None:
    found = bookmarks(printed)
    assert len(found) >= 4
    doubled = [words for words, _ in found if words[: len(words) // 2] * 2 == words]
    assert doubled == []
    places = [page for _, page in found]
    assert places == sorted(places)
    for words, page in found:
        first = words.split()[0]
        assert first in printed.pages[page - 1], (words, page)


def test_links_within_the_book_lead_to_pages_of_it(printed: Printed) -> None:
    targets = [int(n) for n in re.findall(r'<a href="[^"#]*\.html#(\d+)"', printed.xml)]
    assert len(targets) >= 2
    assert all(1 <= target <= len(printed.pages) for target in targets)
    others = set(re.findall(r'<a href="(?![^"#]*\.html#\d)([^"]*)"', printed.xml))
    assert [link for link in others if not link.startswith(("http", "mailto:"))] == []


def test_nothing_reaches_into_the_margins(printed: Printed) -> None:
    width = float(re.search(r'<page width="([\d.]+)"', printed.boxes)[1])
    boxes = re.findall(r'xMin="([\d.-]+)"[^>]* xMax="([\d.-]+)"[^>]*>(.*?)</word>', printed.boxes)
    beyond = [w for low, high, w in boxes if float(low) < MARGIN or float(high) > width - MARGIN]
    assert beyond == []


def test_a_link_leads_to_its_place(small: Printed) -> None:
    for text, heading in (
        ("The second chapter", "The second chapter"),
        ("a place further on", "Far from the beginning"),
    ):
        page = int(re.search(rf'<a href="[^"#]*#(\d+)">[^\n]*{text}', small.xml)[1])
        assert heading in words_of(small.pages[page - 1])
        assert page > 2
    assert '<a href="https://example.org/">another host</a>' in small.xml


def test_the_contents_name_the_page_of_each_chapter_and_section(printed: Printed) -> None:
    link = r'<a href="[^"#]*#(\d+)">(?:<b>)?(\d+)(?:</b>)?</a>'
    entries = sum(name.startswith("printed-") for name in printed.places)
    found = [(int(page), int(number)) for page, number in re.findall(link, printed.xml)[:entries]]
    assert len(found) == entries >= 4
    assert [page for page, _ in found] == [number for _, number in found]
    assert [page for page, _ in found] == [printed.places[f"printed-{n}"] for n in range(entries)]


def test_places_are_read_from_any_tree_of_pages() -> None:
    pdf = b"""1 0 obj\n<</Type /Page\n/Parent 9 0 R>>\nendobj
    9 0 obj\n<</Type /Pages\n/Count 1\n/Parent 7 0 R\n/Kids [1 0 R]>>\nendobj
    2 0 obj\n<</Type /Page>>\nendobj
    7 0 obj\n<</Type /Pages\n/Count 2\n/Kids [2 0 R\n9 0 R]>>\nendobj
    5 0 obj\n<</a#20b [1 0 R /XYZ 6 777 0]\n/c [2 0 R /XYZ 6 77 0]>>\nendobj
    6 0 obj\n<</Title (a bookmark)\n/Dest [1 0 R /XYZ 6 7 0]>>\nendobj"""
    assert printing.pages_of(pdf) == {"a b": 2, "c": 1}
    assert printing.pages_of(b"") == {}


def test_chapters_and_sections_have_bookmarks(small: Printed) -> None:
    assert [words for words, _ in bookmarks(small)] == [
        "A small book",
        "Contents",
        "The first chapter",
        "A section of the first chapter",
        "The second chapter",
        "Far from the beginning",
    ]


@pytest.mark.parametrize("shape", ["WIDE", "TALL"])
def test_a_figure_is_printed_whole_on_one_page(small: Printed, shape: str) -> None:
    corners = {f"{shape}{corner}" for corner in CORNERS}
    on = [n for n, page in enumerate(small.pages) if corners & set(page.split())]
    assert len(on) == 1
    assert corners <= set(small.pages[on[0]].split())


def test_a_long_table_has_its_headings_on_every_page_and_its_words_whole(small: Printed) -> None:
    with_rows = [page for page in small.pages if "unbroken" in page]
    assert len(with_rows) > 1
    assert all("Recomputation" in page for page in with_rows)
    assert sum(page.count("unbroken") for page in with_rows) == COLUMNS * ROWS


def test_what_belongs_to_a_screen_is_not_printed(small: Printed) -> None:
    text = words_of(" ".join(small.pages))
    assert "What was folded away is read on paper." in text
    assert "A sentence that can be read." in text
    for word in ("Search", "Next", "Previous", "Download", "#"):
        assert word not in text


def test_without_a_browser_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(printing.shutil, "which", lambda name: None)
    with pytest.raises(ReviewError, match="Printing needs one of chromium"):
        printing.print_book(tmp_path)
