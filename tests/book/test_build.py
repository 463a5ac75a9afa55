"""Does the book stop at bad data, and never publish a stale number?

A small book is built in a copy of the project: the same library, data and settings, one notebook
and one page. Each test changes what a reader of the book might change, and builds again. The first
builds are the command as a reader types it; the others are forked from a Python that has imported.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from places import ROOT
from warm_python import Forked, WarmPython

from analysis_lib.book.engine import running

COPIED = ("analysis_lib", "book/references.bib", "data", "_config.yml", "requirements.lock")
BUILD = ("-m", "analysis_lib", "build")
JUPYTER_BOOK = (
    *("-c", "from jupyter_book.cli.main import main; main()"),
    *("build", ".", "-W", "-n", "--keep-going"),
)
TOC = """\
format: jb-book
root: book/intro
chapters:
  - file: notebooks/00_small
"""
INTRO = """\
# A small book

Elsewhere: {glue:text}`../notebooks/00_small.ipynb::small-estimate:.2f`.

```{review-figure} fig-flow
```

```{review-table} results
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

Estimate <data value='small-estimate:.2f'>of another day</data>, in words
<data value='small-words:s'></data>, constant {glue:text}`small-constant:d`.
"""
SAY = """

def say(words: str) -> None:
    print("new library:", words, flush=True)
"""
FIGURE = 'show_figure(plots.prisma(review.selection), "fig-flow")'


@dataclass(frozen=True, slots=True)
class Built:
    """What a build said, and how it ended."""

    code: int
    said: str


@dataclass(slots=True)
class Book:
    """A copy of the project with a small book in it."""

    root: Path
    warm: WarmPython | None = None

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / "00_small.ipynb"

    def start(self, *command: str) -> subprocess.Popen[str] | Forked:
        """Begin a command in the copy, and return at once."""
        if self.warm:
            return self.warm.start(*(command or BUILD), cwd=self.root)
        return subprocess.Popen(
            [sys.executable, *(command or BUILD)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def warm_up(self) -> None:
        """Fork what follows from a Python that has imported the library as it is now."""
        self.cool_down()
        self.warm = WarmPython(self.root)

    def cool_down(self) -> None:
        if self.warm:
            self.warm.close()
        self.warm = None

    def build(self, *command: str) -> Built:
        process = self.start(*command)
        said, _ = process.communicate()
        return Built(process.returncode, said)

    def must_build(self) -> Built:
        built = self.build()
        assert built.code == 0, built.said
        assert "open _build/html/index.html" in built.said
        return built

    def add_to_library(self, module: str, code: str) -> None:
        with (self.root / "analysis_lib" / module).open("a", encoding="utf-8") as end:
            end.write(code)

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
        """Change a cell of the row whose first cell is ``key``, and its quotation if it has one."""
        file = self.root / "data" / f"{table}.csv"
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))
        row = next(row for row in rows if row[0] == key)
        place, old = rows[0].index(column), row[rows[0].index(column)]
        if "words" in rows[0]:  # the loader compares a number with the words that print it
            row[rows[0].index("words")] = row[rows[0].index("words")].replace(old, value)
        row[place] = value
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


def keep_rows(table: Path, *beginnings: str) -> None:
    """Keep the rows that begin so."""
    head, *rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if row.startswith(beginnings)]
    table.write_text("".join([head, *kept]), encoding="utf-8")


def small_copy(root: Path) -> Book:
    root /= "a book, naïve & more"
    root.mkdir()
    (root / "book").mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    # Every build audits all that the review prints.
    keep_rows(root / "data" / "published.csv", "pain-")
    keep_rows(root / "data" / "claims.csv")
    (root / "_toc.yml").write_text(TOC)
    (root / "book" / "intro.md").write_text(INTRO)
    (root / "notebooks").mkdir()
    book = Book(root)
    book.write_notebook()
    return book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Return a book that is built, with a label that is hard to print."""
    copy = small_copy(tmp_path_factory.mktemp("book"))
    copy.set_cell("selection", "records_screened", "label", 'Records # "screened": all')
    copy.set_cell("trials", "aasa-2015", "label", "Aasa & `Co` *2015*")
    copy.must_build()
    copy.warm_up()
    yield copy
    copy.cool_down()


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
    assert not (copy.root / "_build" / "html").exists()


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


def test_numbers_in_the_prose_are_those_that_were_just_computed(book: Book) -> None:
    told = "Estimate -0.52, in words −0.52 (−0.92 to −0.08), constant 41."
    assert told in book.text("notebooks/00_small")
    ran = (book.root / "_build" / "ran" / "notebooks" / "00_small.ipynb").read_text("utf-8")
    assert "<data value='small-estimate:.2f'>-0.52</data>" in ran


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
    assert "pages: nothing changed" in again.said
    assert book.written() == before


# The changes stay: the next build has nothing but its own change as a reason to run anything.


def test_a_changed_cell_of_the_data_reaches_every_page(book: Book) -> None:
    book.set_cell("published", "pain-ETP", "estimate", "-0.57")
    assert "notebooks: 1 to run" in book.must_build().said
    assert "Elsewhere: -0.57." in book.text("book/intro")
    assert "Estimate -0.57, in words " in book.text("notebooks/00_small")


def test_a_changed_library_module_reaches_the_page(book: Book) -> None:
    book.add_to_library("base/formatting.py", '\nMINUS = "minus "\n')
    book.warm_up()
    assert "notebooks: 1 to run" in book.must_build().said
    assert "(minus 0.92 to minus 0.08)" in book.text("notebooks/00_small")


def test_a_changed_notebook_reaches_the_page(book: Book) -> None:
    book.write_notebook(CODE.replace("41", "42"))
    assert "notebooks: 1 to run" in book.must_build().said
    assert "constant 42" in book.text("notebooks/00_small")


def test_a_changed_word_of_a_notebook_reaches_the_page_and_nothing_runs(book: Book) -> None:
    notebook = nbformat.read(book.notebook, as_version=4)
    notebook.cells[0].source = notebook.cells[0].source.replace(", constant", ", the constant")
    nbformat.write(notebook, book.notebook)
    assert "notebooks: 0 to run" in book.must_build().said
    text = book.text("notebooks/00_small")
    assert re.search(r"Estimate -0\.5\d, in words ", text)
    assert re.search(r"the constant 4\d", text)


def test_a_figure_that_has_another_name_now_is_not_shown_under_the_old_one(book: Book) -> None:
    before = book.written()
    with book.keeping("notebooks/00_small.ipynb"):
        notebook = nbformat.read(book.notebook, as_version=4)
        notebook.cells[2].source = FIGURE.replace("fig-flow", "fig-stream")
        nbformat.write(notebook, book.notebook)
        built = book.build()
    assert built.code == 1
    assert "no notebook of the book shows a figure fig-flow" in built.said
    assert book.written() == before


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


def test_what_is_offered_is_what_the_pages_show(book: Book) -> None:
    offered = book.root / "_build" / "html" / "downloads"
    table = (book.root / "data" / "published.csv").read_bytes()
    assert (offered / "data" / "published.csv").read_bytes() == table
    notebook = nbformat.read(offered / "notebooks" / "00_small.ipynb", as_version=4)
    assert "-0.57" in str(notebook.cells[1].outputs)
    with zipfile.ZipFile(offered / "book.zip") as archive:
        assert archive.read("data/published.csv") == table
        assert archive.testzip() is None
    assert (offered / "figures" / "fig-flow.pdf").read_bytes().startswith(b"%PDF")
    assert (offered / "tables" / "intro-result-status.csv").is_file()


@pytest.mark.parametrize("content", ["", "{}", "[1", '{"metadata": 3}'])
def test_a_kept_notebook_that_is_broken_counts_as_none(content: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.ipynb"
    kept.write_text(content)
    assert running.computed_from(kept) is None
    assert running.computed_from(tmp_path / "none.ipynb") is None


def test_a_broken_stamp_and_a_broken_notebook_mean_build_again(book: Book) -> None:
    (book.root / "_build" / "html" / ".fingerprint").write_text("")
    (book.root / "_build" / "ran" / "notebooks" / "00_small.ipynb").write_text('{"cells": [')
    assert "notebooks: 1 to run" in book.must_build().said
    assert "Estimate -0.57" in book.text("notebooks/00_small")


def pages_of(book: Book) -> dict[Path, str]:
    """Return every page, without the digest of a style sheet that Sphinx adds once it is there."""
    digest = re.compile(r"(/mystnb\.\w+\.css)\?v=\w+")
    return {page: digest.sub(r"\1", page.read_text(encoding="utf-8")) for page in book.written()}


def test_jupyter_book_gives_the_same_pages_and_none_that_is_stale(book: Book) -> None:
    before = pages_of(book)
    built = book.build(*JUPYTER_BOOK)
    assert built.code == 0, built.said
    assert pages_of(book) == before
    with book.keeping("data/published.csv"):
        book.set_cell("published", "pain-ETP", "estimate", "-0.58")
        built = book.build(*JUPYTER_BOOK)
        assert built.code == 0, built.said
        assert "Elsewhere: -0.58." in book.text("book/intro")
        assert "Estimate -0.58" in book.text("notebooks/00_small")
    book.must_build()
    assert "Elsewhere: -0.57." in book.text("book/intro")


def said_until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a process says until it says these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"never said {words!r}:\n{said}")


WAIT = (
    'import time\nfrom pathlib import Path\nwhile not Path("go").exists():\n    time.sleep(0.05)\n'
)


def test_one_build_at_a_time_and_giving_up_ends_in_one_line(book: Book) -> None:
    before = book.written()
    with book.keeping("notebooks/00_small.ipynb"):
        book.write_notebook(WAIT + CODE)
        process = book.start()
        said_until(process, "notebooks: 1 to run")
        second = book.build()
        assert second.code == 1
        assert second.said.splitlines()[-1].endswith(
            "this book is being built already; wait for it"
        )
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
        assert process.returncode == 130
        assert said.strip() == "Stopped: what was there before is as it was."
        assert book.written() == before


def test_a_watched_book_is_made_again_and_its_pages_hear_of_it(book: Book) -> None:
    def intro() -> BeautifulSoup:
        with urllib.request.urlopen(f"{address}book/intro.html") as page:
            return BeautifulSoup(page.read(), "html.parser")

    def told(page: BeautifulSoup) -> str:
        return " ".join(page.get_text().split())

    process = book.start(*BUILD, "--watch", "--port", "0")
    with book.keeping("data/published.csv"):
        try:
            (address,) = re.findall(r"http://\S+/", said_until(process, "Ctrl+C ends it"))
            said_until(process, "open ")
            before = intro()
            news = str(before.select("script[data-news]")[0]["data-news"]).removeprefix("/")
            with urllib.request.urlopen(f"{address}{news}") as waiting:
                book.set_cell("published", "pain-ETP", "estimate", "broken")
                assert "'broken' is not a number" in said_until(process, "Nothing was built.")
                book.set_cell("published", "pain-ETP", "estimate", "-0.56")
                assert waiting.readline() == b"data: new\n"
            said_until(process, "open ")
            assert "Elsewhere: -0.56." in told(intro())
            assert "Elsewhere: -0.56." not in told(before)
            with book.keeping("analysis_lib/book/build.py"):
                book.add_to_library("book/build.py", SAY)
                said_until(process, "new library: done")
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_killed_build_leaves_the_book_whole_and_the_next_one_right(book: Book) -> None:
    before = book.written()
    with book.keeping("data/published.csv"):
        book.set_cell("published", "pain-ETP", "estimate", "-0.59")
        for moment in ("notebooks: 1 to run", "ran 00_small"):
            process = book.start()
            said_until(process, moment)
            process.kill()
            process.communicate()
            assert book.written() == before
        book.must_build()
        assert "Elsewhere: -0.59." in book.text("book/intro")
    book.must_build()


def test_a_swap_that_was_cut_off_is_mended(book: Book) -> None:
    html = book.root / "_build" / "html"
    html.rename(html.with_name("before"))
    assert "nothing changed" in book.must_build().said
    assert html.is_dir()


def test_data_that_change_meanwhile_are_told(book: Book) -> None:
    before = book.written()
    with book.keeping("notebooks/00_small.ipynb"), book.keeping("data/published.csv"):
        book.write_notebook(WAIT + CODE)
        process = book.start()
        said_until(process, "notebooks: 1 to run")
        book.set_cell("published", "pain-ETP", "estimate", "-0.50")
        (book.root / "notebooks" / "go").touch()
        said, _ = process.communicate()
        (book.root / "notebooks" / "go").unlink()
    assert process.returncode == 1
    assert "published.csv" in said
    assert "changed while the book was made: build it again" in said
    assert book.written() == before


def test_a_folder_that_is_no_review_is_told(book: Book, tmp_path: Path) -> None:
    built = book.build(*BUILD, str(tmp_path))
    assert (built.code, built.said.count("\n")) == (1, 1)
    assert "_config.yml: the file is missing" in built.said
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(book.root / name, tmp_path)
    built = book.build(*BUILD, str(tmp_path))
    assert built.code == 1
    assert "no folder of that name with a review.toml" in built.said
    assert "Traceback" not in built.said
    assert not (tmp_path / "_build" / "html").exists()


def test_a_folder_that_cannot_be_written_is_told(book: Book, tmp_path: Path) -> None:
    for part in ("data", "book", "notebooks"):
        shutil.copytree(book.root / part, tmp_path / part)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(book.root / name, tmp_path)
    (tmp_path / "_build").touch()  # whoever runs the tests as root may write everywhere
    built = book.build(*BUILD, str(tmp_path))
    assert built.code == 1
    assert "_build: cannot be written" in built.said
    assert "Traceback" not in built.said
