"""What is added to the written pages: lighter assets, and files to download."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import chromium
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from fontTools.ttLib import TTFont

from analysis_lib.book.engine import archive, weight
from analysis_lib.book.page import table_csv

HTML = chromium.HTML
DOWNLOADS = HTML / "downloads"
LANDING = 500_000  # bytes that the first page may transfer
PAGE = 1_500_000  # bytes that any page may
#: Types that a server compresses.
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}

built = pytest.mark.skipif(not DOWNLOADS.is_dir(), reason="the book is not built: run make book")


def test_a_table_becomes_a_file_with_its_groups() -> None:
    table = pd.DataFrame({"Trial": ["Aasa & al"], "n, all": ["−0.50 to 1\ntwo"], "of": ["Pain"]})
    rows = list(csv.reader(io.StringIO(table_csv(table, "of"))))
    assert rows == [["of", "Trial", "n, all"], ["Pain", "Aasa & al", "−0.50 to 1\ntwo"]]


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    archives = [tmp_path / "one.zip", tmp_path / "two.zip"]
    archive.write_archive({"b.txt": b"b", "a.txt": b"a"}, archives[0])
    archive.write_archive({"a.txt": b"a", "b.txt": b"b"}, archives[1])
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[1]) as packed:
        assert packed.namelist() == ["a.txt", "b.txt"]


def test_the_icons_in_use_are_those_that_pages_and_scripts_name() -> None:
    css = r'.fa-bars:before,.fa-navicon:before{content:"\f0c9"}.fa-sun:before{content:"\f185"}'
    assert weight.icons_in_use(['<i class="fa-solid fa-bars"></i>'], css) == {0xF0C9}
    assert weight.icons_in_use(['<i class="fa-moon">'], css) == set()
    assert weight.icons_in_use([], '--pst-icon-bell:"\uf0f3"') == {0xF0F3}
    assert weight.icons_in_use(['.open:after { content: "\\f107"; }'], css) == {0xF107}


# -- The built book -------------------------------------------------------------------------------


@built
def test_no_page_asks_for_what_was_taken_away() -> None:
    assert list((HTML / "_static").rglob("*.map")) == []
    assert list((HTML / "_static").rglob("fontawesome.js*")) == []
    texts = [page.read_text(encoding="utf-8") for page in HTML.rglob("*.html")]
    assert not any("fontawesome.js" in text for text in texts)
    css = (HTML / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    folder = HTML / "_static" / "styles"
    local = [url for url in re.findall(r"url\(([^)\"']+)\)", css) if not url.startswith("data:")]
    assert [url for url in local if not (folder / url).is_file()] == []


@built
def test_the_font_has_every_icon_that_a_page_shows() -> None:
    fonts = (HTML / "_static" / "vendor" / "fontawesome" / "webfonts").glob("*.woff")
    glyphs = {code for font in fonts for code in TTFont(font).getBestCmap() or {}}
    css = (HTML / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    used = weight.icons_in_use(
        [page.read_text(encoding="utf-8") for page in HTML.rglob("*.html")], css
    )
    assert used
    assert used <= glyphs


def transferred(page: Path) -> int:
    """Return the bytes that a page and what it loads take, as a server sends them."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    urls = [tag["src"] for tag in soup.find_all(["script", "img"], src=True)]
    urls += [tag["href"] for tag in soup.find_all("link", rel=["stylesheet"])]
    paths = {(page.parent / unquote(urlsplit(str(url)).path)).resolve() for url in urls}
    paths |= {page, *(HTML / "_static" / "vendor").rglob("*.woff")}
    return sum(
        len(gzip.compress(path.read_bytes()) if path.suffix in COMPRESSED else path.read_bytes())
        for path in paths
    )


@built
def test_no_page_is_heavy() -> None:
    weights = {str(page): transferred(HTML / page) for page in chromium.PAGES}
    assert weights["book/intro.html"] < LANDING
    assert {page: weight for page, weight in weights.items() if weight >= PAGE} == {}


@built
def test_every_figure_and_table_of_a_page_can_be_downloaded() -> None:
    for path in chromium.PAGES:
        page = BeautifulSoup((HTML / path).read_text(encoding="utf-8"), "html.parser")
        for block in page.select("article figure"):
            kinds = [Path(str(a["href"])).suffix for a in block.select(".downloads a")]
            assert kinds == [".svg", ".pdf"], f"{path}: {block.get('id')}"
        for block in page.select("article .table-block"):
            (link,) = after(block).select("a")
            assert (HTML / path.parent / str(link["href"])).is_file(), f"{path}: {block.get('id')}"


def after(block: Tag) -> Tag:
    """Return the links below a table, which follow it or the output that holds it alone."""
    place = block if block.find_next_sibling() else block.parent
    found = place.find_next_sibling() if place else None
    assert isinstance(found, Tag)
    assert "downloads" in found["class"]
    return found


@built
def test_the_archive_holds_every_file_that_is_offered() -> None:
    with zipfile.ZipFile(DOWNLOADS / archive.ARCHIVE) as packed:
        assert packed.testzip() is None
        names = set(packed.namelist())
    files = {f.relative_to(DOWNLOADS).as_posix() for f in DOWNLOADS.rglob("*") if f.is_file()}
    assert files - names == {archive.ARCHIVE}
    runs = {"Makefile", "README.md", "requirements.lock", "_toc.yml", "book/intro.md",
            "analysis_lib/__main__.py", "tests/test_review.py", "data/review.toml"}  # fmt: skip
    assert runs <= names
