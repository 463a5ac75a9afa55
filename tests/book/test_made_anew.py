"""Is a page that is kept from the making before never a stale one?

After each of a row of edits, the book that was made from what was there before is, byte for byte,
the book that is made from nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from test_build import CODE, TOC, Book, small_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("build")]

SECOND = """\
# A second page

(here)=
## A heading

{index}`Some words` of this page.

Words about heterogeneity, see {ref}`here` and {cite:t}`page2021`. {download}`a.txt`

![A drawing](drawing.svg)

```{glossary}
wobble
  What a cup does.
```

```{review-table} flow.csv
:caption: A table that is stored
```
"""
THIRD = """\
# A third page

{index}`some Words` of another page, which are in a wobble.

![Another drawing of this name](more/drawing.svg)

{doc}`second`, {ref}`here`, {numref}`fig-flow` and
{glue:text}`../notebooks/00_small.ipynb::small-constant:d` trials, of which
{glue:text}`../notebooks/01_risk.ipynb::risk-low:d` are low.

```{include} part.txt
```

```{bibliography}
```
"""
CHAPTERS = """\
  - file: book/second
  - file: book/third
  - file: notebooks/01_risk
  - file: book/fifth
"""
RISK = """\
import analysis_lib as al
from analysis_lib.book.page import publish
from analysis_lib.book.sections import chapters

review = al.load_review("data")
chapters.show_risk_of_bias(review)
publish({"low": int((review.risk_of_bias["judgement"] == "low").sum())}, prefix="risk")
"""
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="{}"/></svg>'


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Return a book of a few pages that lean on each other."""
    copy = small_copy(tmp_path_factory.mktemp("anew"))
    write(copy, "_toc.yml", TOC + CHAPTERS)
    write(copy, "book/second.md", SECOND)
    write(copy, "book/third.md", THIRD)
    write(copy, "book/part.txt", "A part of a page.")
    write(copy, "book/a.txt", "A file.")
    write(copy, "book/flow.csv", "stage,count\nfound,9\n")
    write(copy, "book/drawing.svg", DRAWING.format(1))
    (copy.root / "book" / "more").mkdir()
    write(copy, "book/more/drawing.svg", DRAWING.format(3))
    write(copy, "book/fifth.md", "# A page of prose\n\nIt says nothing of the review.\n")
    cells = [
        nbformat.v4.new_markdown_cell(
            "# Risk of bias\n\nLow: {glue:text}`risk-low:d`.", id="prose"
        ),
        nbformat.v4.new_code_cell(RISK, id="code"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), copy.root / "notebooks" / "01_risk.ipynb")
    copy.must_build()
    copy.warm_up()
    yield copy
    copy.cool_down()


def write(book: Book, path: str, text: str) -> None:
    (book.root / path).write_text(text, encoding="utf-8")


def replace(book: Book, path: str, old: str, new: str) -> None:
    file = book.root / path
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new), encoding="utf-8")


def rewrite_prose(book: Book, old: str, new: str) -> None:
    notebook = nbformat.read(book.notebook, as_version=4)
    assert old in notebook.cells[0].source
    notebook.cells[0].source = notebook.cells[0].source.replace(old, new)
    nbformat.write(notebook, book.notebook)


def rename_figure(book: Book) -> None:
    notebook = nbformat.read(book.notebook, as_version=4)
    notebook.cells[2].source = notebook.cells[2].source.replace("fig-flow", "fig-stream")
    nbformat.write(notebook, book.notebook)
    replace(book, "book/intro.md", "fig-flow", "fig-stream")
    replace(book, "book/third.md", "fig-flow", "fig-stream")


def add_page(book: Book) -> None:
    write(book, "book/fourth.md", "# A fourth page\n")
    third = "  - file: book/third\n"
    replace(book, "_toc.yml", third, third + "  - file: book/fourth\n")


def remove_page(book: Book) -> None:
    (book.root / "book" / "fourth.md").unlink()
    replace(book, "_toc.yml", "  - file: book/fourth\n", "")


def swap_pages(book: Book) -> None:
    write(book, "_toc.yml", TOC + "".join(reversed(CHAPTERS.splitlines(keepends=True))))


def change_library(book: Book) -> None:
    book.cool_down()  # the one that has imported the library does not see it
    replace(book, "analysis_lib/base/formatting.py", 'MINUS = "−"', 'MINUS = "minus "')


#: What is edited, how, and whether the pages of before may be used.
EDITS: tuple[tuple[str, Callable[[Book], None]], ...] = (
    ("a word", lambda b: replace(b, "book/second.md", "Words about", "Lines on")),
    ("a word of a notebook", lambda b: rewrite_prose(b, "in words", "spelt out")),
    ("a line more before a citation", lambda b: replace(
        b, "book/second.md", "{index}`Some", "One line.\n\n{index}`Some"
    )),
    ("an entry of the index", lambda b: replace(b, "book/second.md", "`Some words`", "`Any word`")),
    ("a definition", lambda b: replace(b, "book/second.md", "a cup does", "a spoon does")),
    ("an image", lambda b: write(b, "book/drawing.svg", DRAWING.format(2))),
    ("an image and a file fewer", lambda b: write(
        b, "book/second.md", SECOND.partition("![")[0].replace("{download}`a.txt`", "")
    )),
    ("a title", lambda b: replace(b, "book/second.md", "# A second page", "# Another title")),
    ("a heading", lambda b: replace(b, "book/second.md", "## A heading", "## Its heading")),
    ("a work cited no more", lambda b: replace(b, "book/second.md", " and {cite:t}`page2021`", "")),
    ("a stored table", lambda b: write(b, "book/flow.csv", "stage,count\nfound,8\n")),
    ("a part of a page", lambda b: write(b, "book/part.txt", "Another part.")),
    ("a number on another page", lambda b: b.write_notebook(CODE.replace("41", "42"))),
    ("a figure of another name", rename_figure),
    ("a cell", lambda b: b.set_cell("published", "pain-ETP", "estimate", "-0.57")),
    ("a note", lambda b: b.set_cell("published", "pain-ETP", "note", "Another note.")),
    ("a judgement", lambda b: b.set_cell("risk_of_bias", "aasa-2015", "judgement", "low")),
    ("a search", lambda b: b.set_cell("searches", "2024-10", "searchers", "NN")),
    ("a name", lambda b: b.set_cell("trials", "aasa-2015", "label", "Another name")),
    ("a key", lambda b: replace(b, "data/review.toml", 'title = "', 'title = "Now: ')),
    ("an entry", lambda b: replace(b, "book/references.bib", "{PRISMA", "{The PRISMA")),
    ("a page more", add_page),
    ("a page less", remove_page),
    ("the order of pages", swap_pages),
    ("a style sheet", lambda b: replace(b, "analysis_lib/book/static/book.css", "}", "} ")),
    ("the library", change_library),
)  # fmt: skip


def tree(book: Book) -> dict[str, bytes]:
    """Return every file of the pages."""
    html = book.root / "_build" / "html"
    return {str(f.relative_to(html)): f.read_bytes() for f in html.rglob("*") if f.is_file()}


def from_nothing(book: Book) -> dict[str, bytes]:
    """Return what a build without anything from before gives; what was there is there again."""
    here, aside = book.root / "_build", book.root / ".aside"
    here.rename(aside)
    try:
        book.must_build()
        return tree(book)
    finally:
        shutil.rmtree(here)
        aside.rename(here)


@pytest.mark.parametrize(("what", "edit"), EDITS, ids=[what for what, _ in EDITS])
def test_a_book_made_from_what_was_there_is_the_one_made_from_nothing(
    what: str, edit: Callable[[Book], None], book: Book
) -> None:
    before = tree(book)
    edit(book)
    book.must_build()
    now, wanted = tree(book), from_nothing(book)
    assert now.keys() == wanted.keys()
    assert [name for name in now if now[name] != wanted[name]] == []
    assert now != before


def written(book: Book) -> dict[str, int]:
    """Return when each page that is kept was written."""
    kept = book.root / "_build" / "kept" / "html"
    pages = (page for page in kept.rglob("*.html") if page.parent.name in ("book", "notebooks"))
    return {page.stem: page.stat().st_mtime_ns for page in pages}


@pytest.mark.parametrize(
    ("edit", "pages"),
    [
        (lambda b: replace(b, "book/third.md", "trials,", "studies,"), {"third"}),
        # The notebook that asks for the table, and a page that takes a number of it.
        (
            lambda b: b.set_cell("risk_of_bias", "aasa-2015", "judgement", "high"),
            {"third", "01_risk"},
        ),
        (lambda b: b.set_cell("searches", "2024-10", "note", "Another."), set()),
        (
            lambda b: b.set_cell("published", "pain-ETP", "note", "Yet another."),
            {"third", "00_small"},
        ),
    ],
    ids=["a word", "a judgement", "a search", "a note"],
)
def test_only_the_pages_that_an_edit_concerns_are_read_and_written(
    edit: Callable[[Book], None], pages: set[str], book: Book
) -> None:
    before = written(book)
    edit(book)
    book.must_build()
    # The first page shows the review, and the second one does until an edit takes its table out.
    changed = {name for name, moment in written(book).items() if before[name] != moment}
    assert changed - {"second"} == {"intro", *pages}


def forget_environment(kept: Path) -> None:
    (kept / "doctrees" / "environment.pickle").unlink()


def cut_page(kept: Path) -> None:
    (kept / "html" / "book" / "second.html").write_text("<p>", encoding="utf-8")


def break_state(kept: Path) -> None:
    (kept / "state.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [forget_environment, cut_page, break_state, shutil.rmtree])
def test_what_was_kept_and_is_not_whole_is_not_used(
    damage: Callable[[Path], None], book: Book
) -> None:
    before = tree(book)
    damage(book.root / "_build" / "kept")
    (book.root / "_build" / "html" / ".fingerprint").unlink()
    book.must_build()
    assert tree(book) == before


def test_a_making_that_fails_leaves_nothing_of_itself(book: Book) -> None:
    before = tree(book)
    with book.keeping("book/third.md"):
        replace(book, "book/third.md", "{doc}`second`", "{doc}`nowhere`")
        for _ in range(2):  # what is wrong is told again as long as it is
            built = book.build()
            assert built.code == 1
            assert "nowhere" in built.said
            assert tree(book) == before
    book.must_build()
    assert tree(book) == before
