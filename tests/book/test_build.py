"""Does the book stop at bad data, and never publish a stale number?

A small book is built in a copy of the project: the same tools, library, data and settings, one
notebook and one page. Each test changes what a reader of the book might change, and builds again.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from places import ROOT

pytestmark = pytest.mark.xdist_group("build")

COPIED = ("analysis_lib", "book", "data", "tools", "_config.yml", "requirements.lock")
TOC = """\
format: jb-book
root: book/intro
chapters:
  - file: notebooks/00_small
"""
INTRO = """\
# A small book

Elsewhere: {glue:text}`../notebooks/00_small.ipynb::small-estimate:.2f`.

```{include} figures/fig-flow.txt
```

```{include} generated/results.txt
```
"""
CODE = """\
import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base import formatting
from analysis_lib.book.page import publish, show_figure

review = al.load_review("data")
row = review.published.set_index("id").loc["pain-ETP"]
words = formatting.estimate(row["estimate"], (row["ci_low"], row["ci_high"]))
publish({"estimate": row["estimate"], "words": words, "constant": 41}, prefix="small")
"""
PROSE = """\
# The notebook

Estimate {glue:text}`small-estimate:.2f`, in words {glue:text}`small-words:s`, constant
{glue:text}`small-constant:d`.
"""
FIGURE = 'show_figure(plots.prisma(review.selection), "fig-flow")'


@dataclass(frozen=True, slots=True)
class Built:
    """What a build said, and how it ended."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Book:
    """A copy of the project with a small book in it."""

    root: Path

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / "00_small.ipynb"

    def build(self) -> Built:
        result = subprocess.run(
            [sys.executable, "tools/build_book.py"],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Built(result.returncode, result.stdout + result.stderr)

    def must_build(self) -> Built:
        built = self.build()
        assert built.code == 0, built.said
        assert "open _build/html/index.html" in built.said
        return built

    def page(self, name: str) -> BeautifulSoup:
        html = (self.root / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8")
        return BeautifulSoup(html, "html.parser")

    def text(self, name: str) -> str:
        article = self.page(name).find("article")
        assert article is not None
        return " ".join(article.get_text().split())

    def written(self) -> dict[Path, int]:
        pages = (self.root / "_build" / "html").rglob("*.html")
        return {page: page.stat().st_mtime_ns for page in pages}

    def set_cell(self, table: str, key: str, column: str, value: str) -> None:
        """Change a cell of the row whose first cell is ``key``."""
        file = self.root / "data" / f"{table}.csv"
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))
        row = next(row for row in rows if row[0] == key)
        row[rows[0].index(column)] = value
        with file.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows(rows)

    @contextmanager
    def keeping(self, path: str) -> Iterator[Path]:
        """Put a file back as it was, byte for byte."""
        file = self.root / path
        before = file.read_bytes()
        try:
            yield file
        finally:
            file.write_bytes(before)

    def write_notebook(self, code: str = CODE) -> None:
        cells = [
            nbformat.v4.new_markdown_cell(PROSE, id="prose"),
            nbformat.v4.new_code_cell(code, id="code"),
            nbformat.v4.new_code_cell(FIGURE, id="figure"),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.notebook)


def small_copy(root: Path) -> Book:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    (root / "_toc.yml").write_text(TOC)
    (root / "book" / "intro.md").write_text(INTRO)
    (root / "notebooks").mkdir()
    book = Book(root)
    book.write_notebook()
    return book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Return a book that is built, with a label that is hard to print."""
    copy = small_copy(tmp_path_factory.mktemp("book"))
    copy.set_cell("selection", "records_screened", "label", 'Records # "screened": all')
    copy.set_cell("trials", "aasa-2015", "label", "Aasa & `Co` *2015*")
    copy.must_build()
    return copy


def test_a_count_that_does_not_add_up_stops_the_book_before_anything_is_written(
    tmp_path: Path,
) -> None:
    copy = small_copy(tmp_path)
    copy.set_cell("selection", "records_databases", "count", "1610")
    built = copy.build()
    assert built.code == 1
    assert "selection.csv, row 2, column count: records_identified is 1710" in built.said
    assert "Nothing was built." in built.said
    assert "Traceback" not in built.said
    assert not (copy.root / "_build").exists()


def test_bad_data_leave_a_finished_book_alone(book: Book) -> None:
    before = book.written()
    with book.keeping("data/arms.csv"):
        book.set_cell("arms", "aasa-2015", "age_sd", "-10")
        built = book.build()
    assert built.code == 1
    assert "arms.csv, row 2, column age_sd: '-10' must be greater than 0" in built.said
    assert book.written() == before


def test_text_from_data_is_shown_as_it_stands(book: Book) -> None:
    assert "Aasa & `Co` *2015*" in book.text("book/intro")
    figure = book.page("book/intro").select_one("figure img")
    assert figure is not None
    assert 'records # "screened": all, 1155' in str(figure["alt"])
    assert "PRISMA 2020 flow diagram" in book.text("book/intro")


def test_the_same_figure_stands_numbered_in_its_notebook(book: Book) -> None:
    figure = book.page("notebooks/00_small").select_one("figure#fig-flow")
    assert figure is not None
    image = figure.find("img")
    assert image is not None
    assert 'records # "screened": all, 1155' in str(image["alt"])
    assert "PRISMA 2020 flow diagram" in figure.get_text()


def test_an_unchanged_book_is_not_built_again(book: Book) -> None:
    before = book.written()
    again = book.must_build()
    assert "notebooks: 0 to run, 1 up to date" in again.said
    assert "pages: nothing changed" in again.said
    assert book.written() == before


# The changes stay: the next build has nothing but its own change as a reason to run anything.


def test_a_changed_cell_of_the_data_reaches_every_page(book: Book) -> None:
    book.set_cell("published", "pain-ETP", "estimate", "-0.57")
    assert "notebooks: 1 to run" in book.must_build().said
    assert "Elsewhere: -0.57." in book.text("book/intro")
    assert "Estimate -0.57, in words " in book.text("notebooks/00_small")


def test_a_changed_library_module_reaches_the_page(book: Book) -> None:
    module = book.root / "analysis_lib" / "formatting.py"
    with module.open("a", encoding="utf-8") as end:
        end.write('\nMINUS = "minus "\n')
    assert "notebooks: 1 to run" in book.must_build().said
    assert "(minus 0.92 to minus 0.08)" in book.text("notebooks/00_small")


def test_a_changed_notebook_reaches_the_page(book: Book) -> None:
    book.write_notebook(CODE.replace("41", "42"))
    assert "notebooks: 1 to run" in book.must_build().said
    assert "constant 42" in book.text("notebooks/00_small")


def test_a_failing_notebook_is_named_and_runs_again(book: Book) -> None:
    before = book.written()
    with book.keeping("notebooks/00_small.ipynb"):
        book.write_notebook(CODE + "raise RuntimeError('no such number')\n")
        for _ in range(2):  # a run that broke off must not be taken for a finished one
            built = book.build()
            assert built.code == 1
            assert "00_small.ipynb: a cell failed" in built.said
            assert "no such number" in built.said
            assert book.written() == before
