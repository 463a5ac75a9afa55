"""Can a word from the data do anything on a page but be read?

A catalogue of texts that try to run, include, link or style (`hostile`) stands in every column of
text of every table, and in `review.toml`, past the loader: what it refuses has to be safe as well.
Every section shows it, and a book is built from that: nothing ran, nothing was copied, no other
host is asked, the markup is that of the same book with harmless words, and the words are there.
"""

from __future__ import annotations

import copy
import csv
import dataclasses
import functools
import io
import json
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import hostile
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from hostile import HOST, Column
from markdown_it import MarkdownIt
from places import ROOT

import analysis_lib as al
from analysis_lib.base.formatting import printable
from analysis_lib.base.unsafe import danger, restored
from analysis_lib.book import build, writing
from analysis_lib.book.engine.running import DIGEST, METADATA, Execution, write_whole
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.page import anchor, table_csv
from analysis_lib.book.sections import explorer
from analysis_lib.book.sphinx import making
from analysis_lib.conclusions.versions import add_version
from analysis_lib.review.model import Review

SECRET = "the contents of a file that is none of the review's"
BETWEEN = " ~ "
COLUMNS = list(hostile.text_columns())
#: Those that take any words.
FREE = [c for c in COLUMNS if c.is_free and (c.table, c.name) not in hostile.NAMES]
INFO = Column("review.toml", "", is_free=True)
MARKDOWN = (MarkdownIt("commonmark"), MarkdownIt("gfm-like"))
INTRO = """\
# {review}`title`

{review}`authors`, {review}`question`, {review}`registration`, {review}`experimental`,
{review}`comparator`
"""
#: What both kinds of books have beside their notebooks.
PAGES = (
    "explorer", "whats_new", "methods", "glossary", "data", "prisma_checklist", "bibliography",
    "cite",
)  # fmt: skip
TOC = "\n".join(
    ["format: jb-book", "root: book/intro", "chapters:"]
    + [f"  - file: notebooks/{name}" for name in ("plain", "hostile")]
    + [f"  - file: book/{name}" for name in PAGES]
)
TEMPLATE = ROOT / "analysis_lib" / "importing" / "template"


class Attack(NamedTuple):
    """The texts that try, and the files that tell whether one of them succeeded."""

    canary: Path
    secret: Path
    texts: list[str]

    def word(self, column: Column, row: int, name: str = "") -> str:
        """Return all texts in one, begun with another one in each column; the last word is ours."""
        place = [*COLUMNS, INFO].index(column)
        first = (place + len(name)) % len(self.texts)
        sign = f"c{place}r{row}{name.replace('_', '').replace(' ', '')}end"
        return BETWEEN.join([*self.texts[first:], *self.texts[:first], sign])

    def passing(self, name: str) -> str:
        """Return all texts that the loader lets through in one; the last word is ours."""
        return BETWEEN.join([*(x for x in self.texts if not danger(x)), f"c0r0{name}end"])


class Shown(NamedTuple):
    """A review, and the outputs of every section."""

    review: Review
    outputs: dict[str, list[Any]]


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Attack:
    folder = tmp_path_factory.mktemp("attack")
    (folder / "secret.txt").write_text(SECRET)
    canary, secret = folder / "canary", folder / "secret.txt"
    kinds = hostile.catalogue(canary, secret)
    return Attack(canary, secret, [text for kind in kinds.values() for text in kind])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile.write_review(tmp_path_factory.mktemp("hostile") / "review")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Shown:
    return show(al.load_review(folder / "data"))


@pytest.fixture(scope="module")
def shown(attack: Attack, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = hostile.write_review(
        tmp_path_factory.mktemp("shown") / "review", decided_by=attack.passing("decided")
    )
    review = hostile.poisoned(al.load_review(folder / "data"), attack.word)
    return show(hostile.with_info(review, lambda name: attack.word(INFO, 0, name)))


def show(review: Review) -> Shown:
    """Run every section; texts are measured by their letters, for speed."""
    found = {}
    with hostile.measured_in_letters():
        for name, section in hostile.sections(review):
            with hostile.collected() as outputs:
                section()
            found[name] = outputs
    return Shown(review, found)


def outputs(shown: Shown, mime: str) -> Iterator[tuple[str, Any]]:
    for section, found in shown.outputs.items():
        for output in found:
            if mime in output["data"]:
                yield section, output


def read(words: str) -> str:
    """Return words as a reader compares them: without regard to spaces and capitals."""
    return " ".join(words.split()).casefold()


def words_of(tag: Tag) -> str:
    for line_break in tag.find_all("br"):
        line_break.replace_with("\n")
    for line in tag.select("span.line"):
        line.append("\n")
    return tag.get_text()


def markup(soup: Tag) -> list[tuple[str, ...]]:
    """Return the tags with the names of their attributes; lines may be broken anywhere."""
    tags = soup.find_all(
        lambda tag: tag.name != "br" and not {"glossary-term", "line"} & {*tag.get("class", ())}
    )
    return [(tag.name, *sorted(tag.attrs)) for tag in tags]


#: The words of a review as `read` has them, by their last one, which no other has.
Words = dict[str, str]
SIGN = re.compile(r"\bc\d+r\d+\w*end\b")


def assert_whole(text: str, words: Words) -> None:
    """Check that wherever a text has the end of a word, the whole of the word stands before it."""
    text = read(text)
    for sign in SIGN.finditer(text):
        whole = words[sign[0]]
        before = text[max(0, sign.end() - len(whole)) : sign.end()]
        assert before == whole, f"{sign[0]}: {before!r} is not {whole!r}"


@pytest.fixture(scope="module")
def words(shown: Shown, attack: Attack) -> Words:
    """Return every hostile word that stands in the review."""
    cells: list[object] = [attack.passing(name) for name in ("decided", "status", "note")]
    cells += [
        cell
        for column in COLUMNS
        for cell in getattr(shown.review, column.table)[column.name].tolist()
    ]
    for value in hostile.info_texts(shown.review.info).values():
        cells += [value] if isinstance(value, str) else value
    found = [read(str(cell)) for cell in cells if str(cell).endswith("end")]
    return {word.rpartition(BETWEEN)[2]: word for word in found}


# -- What the loader lets through -----------------------------------------------------------------


@pytest.fixture(scope="module")
def columns() -> pd.DataFrame:
    return hostile.table_of_columns()


def in_table(columns: list[Column]) -> list[str]:
    return [f"{column.table}.csv: {column.name}" for column in columns]


def test_the_table_beside_the_benchmarks_is_that_of_today() -> None:
    page = (ROOT / "benchmarks" / "hostile.md").read_text(encoding="utf-8")
    assert page == hostile.markdown(), "python tests/hostile.py writes it"


def test_every_column_of_text_is_told_of_and_holds_a_hostile_word(
    columns: pd.DataFrame, shown: Shown
) -> None:
    assert set(in_table(COLUMNS)) <= set(columns.index)
    for column in FREE:
        cells = getattr(shown.review, column.table)[column.name]
        assert len(cells), column
        hostile_cells = cells.str.contains(HOST, regex=False)
        if column[:2] == ("instruments", "means"):  # of a level it is one of a few words
            hostile_cells |= shown.review.instruments["part"] == "level"
        assert hostile_cells.all(), column


@pytest.mark.parametrize("kind", ["Jinja", "roles", "directives", "HTML", "images", "formulas"])
def test_keys_and_choices_are_no_place_for_other_words(columns: pd.DataFrame, kind: str) -> None:
    fixed = in_table([column for column in COLUMNS if column not in FREE])
    assert set(columns.loc[fixed, kind]) == {hostile.REFUSED}


@pytest.mark.parametrize(("table", "name"), sorted(hostile.NAMES))
def test_a_name_of_nothing_in_the_review_is_refused(tmp_path: Path, table: str, name: str) -> None:
    """In every such column the words of the catalogue that pass as cells stop when compared."""
    word = "{{x}} `a`_ $b$"

    def change(of: str, column: str, row: int) -> str:
        return word if (of, column, row) == (table, name, 0) else ""

    folder = hostile.write_review(tmp_path / "review", change)
    with pytest.raises(al.ReviewError) as caught:
        al.load_review(folder / "data")
    told = [line for line in str(caught.value).splitlines() if word in line]
    assert any(line.startswith(f"- {table}.csv, row 2, column {name}: ") for line in told)


def test_formulas_and_control_characters_are_refused_everywhere(columns: pd.DataFrame) -> None:
    assert set(columns["formulas"]) == {hostile.REFUSED}
    free = in_table(FREE)
    # The other four are marks that scripts need, and spaces of another kind.
    assert set(columns.loc[free, "unseen signs"].str.extract(r"refused (\d)")[0]) == {"3"}


def test_what_people_write_passes() -> None:
    refused = hostile.refused_cells(hostile.ORDINARY)
    names = [(f"{column.table}.csv", column.name) for column in FREE]
    told = {hostile.ORDINARY[n] for name in names for n in refused[name]}
    # A spreadsheet takes the one for a formula; the other may be a tag with a space in it.
    assert told == {"@home", "50 < x > 30"}


# -- What sections show ---------------------------------------------------------------------------


def test_every_section_shows_the_same_things_of_hostile_words(plain: Shown, shown: Shown) -> None:
    assert {k: len(v) for k, v in shown.outputs.items()} == {
        k: len(v) for k, v in plain.outputs.items()
    }
    assert sum(map(len, shown.outputs.values())) > 40


def test_most_columns_are_seen(shown: Shown, words: Words) -> None:
    seen = read(json.dumps([o["data"] for _, o in outputs(shown, "text/plain")]))
    assert sum(sign in seen for sign in words) > 30
    for column in (("moderators", "label"), ("moderators", "unit"), ("trials", "setting")):
        place = COLUMNS.index(Column(*column, is_free=True))
        assert re.search(rf"\bc{place}r\dend\b", seen), column
    assert "c0r0decidedend" in seen


def test_tables_hold_words_and_no_markup_of_theirs(
    plain: Shown, shown: Shown, words: Words
) -> None:
    pairs = zip(outputs(plain, "text/html"), outputs(shown, "text/html"), strict=True)
    for (section, harmless), (_, output) in pairs:
        soups = [BeautifulSoup(o["data"]["text/html"], "html.parser") for o in (harmless, output)]
        assert markup(soups[0]) == markup(soups[1]), section
        assert_whole(words_of(soups[1]), words)


@pytest.mark.parametrize("parser", MARKDOWN)
def test_paragraphs_hold_words_and_no_markup_of_theirs(
    plain: Shown, shown: Shown, words: Words, parser: MarkdownIt
) -> None:
    pairs = zip(outputs(plain, "text/markdown"), outputs(shown, "text/markdown"), strict=True)
    for (section, harmless), (_, output) in pairs:
        pages = [parser.render(o["data"]["text/markdown"]) for o in (harmless, output)]
        soups = [BeautifulSoup(page, "html.parser") for page in pages]
        assert markup(soups[0]) == markup(soups[1]), section
        assert_whole(words_of(soups[1]), words)


def test_figures_hold_words_and_no_markup_of_theirs(
    plain: Shown, shown: Shown, words: Words
) -> None:
    usual = {
        (element.tag, name)
        for _, output in outputs(plain, "image/svg+xml")
        for element in ElementTree.fromstring(output["data"]["image/svg+xml"]).iter()
        for name in element.attrib
    }
    for section, output in outputs(shown, "image/svg+xml"):
        drawn = ElementTree.fromstring(output["data"]["image/svg+xml"])
        parts = {(element.tag, name) for element in drawn.iter() for name in element.attrib}
        assert parts <= usual, section
        for element in drawn.iter():
            for name, value in element.attrib.items():
                here = value.startswith(("#", "data:image/png;base64,"))
                assert here or not name.endswith("href"), section
        texts = [element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert_whole(" ".join(texts), {sign: printable(word) for sign, word in words.items()})


def test_captions_alt_texts_and_names_of_figures(shown: Shown, words: Words) -> None:
    for _, output in outputs(shown, "image/svg+xml"):
        told = output["metadata"]["figure"]
        assert told["name"] == anchor(told["name"])
        assert re.fullmatch(r"fig-[a-z0-9_-]+", told["name"])
        assert_whole(told["alt"], words)
        assert_whole(told["caption"], words)


# -- The explorer ---------------------------------------------------------------------------------


def test_the_explorer_has_words_in_its_choices_and_in_its_data(
    plain: Shown, shown: Shown, words: Words
) -> None:
    tables = (explorer.results_table, explorer.comparisons_table)
    for part in (explorer.form, *(lambda review, t=t: t(review).html() for t in tables)):
        soups = [BeautifulSoup(part(s.review), "html.parser") for s in (plain, shown)]
        assert markup(soups[0]) == markup(soups[1])
        assert_whole(words_of(soups[1]), words)
    script = explorer.script(shown.review)
    assert script.isascii()
    assert "<" not in script
    assert len(script.splitlines()) == 1
    data = script.removeprefix("const EXPLORER = ").rstrip("\n;")
    assert json.loads(data) == json.loads(json.dumps(explorer.states(shown.review)))


# -- Files to take along ---------------------------------------------------------------------------


def assert_harmless(text: str) -> None:
    """Check that no cell of a CSV file is one that a spreadsheet would run."""
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not re.match(r"\s*[=@＝＠]|\s*[+＋－-](?!\s*[\d.]+%?$)", cell), cell


def test_no_cell_of_a_table_is_a_formula(attack: Attack) -> None:
    text = table_csv(pd.DataFrame({word: [word] for word in attack.texts}))
    assert_harmless(text)
    for row in csv.reader(io.StringIO(text)):
        assert [restored(cell) for cell in row] == attack.texts


# -- A book ---------------------------------------------------------------------------------------


class Book(NamedTuple):
    """The pages of a book that was built from hostile words."""

    kind: str
    html: Path

    def page(self, name: str) -> BeautifulSoup:
        text = (self.html / f"{name}.html").read_text(encoding="utf-8")
        return BeautifulSoup(text, "html.parser")

    def article(self, name: str) -> Tag:
        article = self.page(name).select_one("article")
        assert article is not None
        return article


@pytest.fixture(scope="module", params=["new", "own"])
def book(
    request: pytest.FixtureRequest,
    plain: Shown,
    shown: Shown,
    attack: Attack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Book:
    """Build a book of each kind: what ``new`` writes, and what this repository has.

    The build finds the hostile review where it loads one, and two notebooks that have run: what
    sections show of harmless words, and of hostile ones.
    """
    folder = tmp_path_factory.mktemp("book") / "review"
    hostile.write_review(folder)
    shutil.copytree(TEMPLATE / "book", folder / "book", dirs_exist_ok=True)
    shutil.copy(TEMPLATE / "_config.yml", folder)
    if request.param == "own":
        shutil.copy(ROOT / "_config.yml", folder)
        for page in PAGES:
            shutil.copy(ROOT / "book" / f"{page}.md", folder / "book")
        shutil.copytree(ROOT / "book" / "tables", folder / "book" / "tables")
    (folder / "book" / "references.bib").write_text(bibliography(), encoding="utf-8")
    (folder / "book" / "intro.md").write_text(INTRO, encoding="utf-8")
    (folder / "_toc.yml").write_text(TOC, encoding="utf-8")
    (folder / "data" / "x' onfocus='evil()' y=\"<b id=evil>.csv").write_text("a,b\n")
    status, note = attack.passing("status"), attack.passing("note")
    add_version(folder / "data", "1.0", "2026-01-01", basis="computed", status=status, note=note)
    ran = {"plain": notebook(plain, "-plain"), "hostile": notebook(shown)}
    for name, told in ran.items():
        nbformat.write(told, folder / "notebooks" / f"{name}.ipynb")

    def run_stale(
        sources: Sources, notebooks: dict[str, Path], store: Path, tables: object
    ) -> Execution:
        for name, path in notebooks.items():
            write_whole(store / name, path.read_text(encoding="utf-8"))
        return Execution([], sources, lambda *_: None)

    review = dataclasses.replace(shown.review, path=folder / "data")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # those of others
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        for module in (build, making):
            patch.setattr(module, "load_review", lambda path: review)
        patch.setattr(making, "run_stale", run_stale)
        if request.param == "own":  # whose pages lead to notebooks that are not here
            patch.setattr(writing, "Sphinx", functools.partial(lenient, writing.Sphinx))
        build.build(folder)
    return Book(request.param, folder / "_build" / "html")


def lenient(sphinx: Any, **settings: Any) -> Any:
    """Start Sphinx so that a warning is no error."""
    return sphinx(**{**settings, "warningiserror": False, "warning": io.StringIO()})


def bibliography() -> str:
    """Return the works of both kinds of books, and a hostile one."""
    own = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    return f"""{own}
@article{{this-review,
  author = {{Evil <b id=evil>x</b>, A. and *B* `C`}},
  title = {{<script src=https://{HOST}/x.js></script> ![x](https://{HOST}/x.png) |a| `b`_ $x$}},
  journal = {{<img src=//{HOST}/x.png onerror=evil()> :ref:`c` {{download}}`d`}},
  year = {{2020}},
}}
"""


def notebook(shown: Shown, ending: str = "") -> Any:
    """Return a notebook that has run: what sections showed, and a word that is glued into prose.

    Names of figures get an ending: no two pages of a book may have one name.
    """
    prefix = "application/papermill.record/"
    glued = nbformat.v4.new_output(
        "display_data",
        data={f"{prefix}text/plain": repr(shown.review.info.question)},
        metadata={"scrapbook": {"name": "told", "mime_prefix": prefix}},
    )
    cells = [
        nbformat.v4.new_markdown_cell("# Shown\n\nGlued: {glue:text}`told`."),
        nbformat.v4.new_code_cell("glue()", outputs=[glued], execution_count=1),
    ]
    for section, found in shown.outputs.items():
        named = copy.deepcopy(found)
        for output in named:
            if words := output["metadata"].get("figure"):
                words["name"] += f"-{section.replace('.', '-')}{ending}"
        cells.append(nbformat.v4.new_markdown_cell(f"## {section}"))
        cells.append(nbformat.v4.new_code_cell(section, outputs=named, execution_count=1))
    return nbformat.v4.new_notebook(cells=cells, metadata={**METADATA, DIGEST: ""})


def test_no_command_ran_and_no_file_was_copied(book: Book, attack: Attack) -> None:
    assert not attack.canary.exists()
    files = [file for file in book.html.rglob("*") if file.is_file()]
    assert len(files) > 100
    copies = [file for file in files if SECRET.encode() in file.read_bytes()]
    assert copies == []


def test_the_pages_have_the_markup_of_harmless_words(book: Book) -> None:
    plain, shown = (markup(book.article(f"notebooks/{name}")) for name in ("plain", "hostile"))
    assert plain == shown
    assert len(plain) > 1000


def test_the_pages_hold_the_words_as_they_stand(book: Book, words: Words) -> None:
    for page in sorted(book.html.rglob("*.html")):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article")
        if article is not None:
            for bibtex in article.select("pre"):  # which has spellings of its own
                bibtex.decompose()
            assert_whole(words_of(article), words)
        for tag in soup.select("[alt], [title], [aria-label], [content]"):
            for name in ("alt", "title", "aria-label", "content"):
                assert_whole(str(tag.get(name, "")), words)
    for name in ("title", "authors 0", "question", "registration", "experimental", "comparator"):
        assert f"{read(name).replace(' ', '')}end" in read(book.article("book/intro").get_text())


def test_pages_that_show_data_show_the_words(book: Book) -> None:
    for name in ("explorer", "whats_new", "data", "prisma_checklist", "cite"):
        assert HOST in book.article(f"book/{name}").get_text(), name
    told = read(book.article("book/whats_new").get_text())
    assert "c0r0statusend" in told
    assert "c0r0noteend" in told


ADDRESSES = {"href", "src", "srcset", "action", "formaction", "data", "poster", "xlink:href"}


def test_no_page_asks_another_host_or_runs_a_handler(book: Book) -> None:
    for page in book.html.rglob("*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for tag in soup.find_all(True):
            assert tag.name not in {"iframe", "object", "embed", "base", "frame"}, page.name
            for name, value in tag.attrs.items():
                told = f"{page.name}: <{tag.name} {name}={str(value)[:80]!r}>"
                if name == "href" and tag.name == "a":  # works of the bibliography have addresses
                    assert urlsplit(str(value)).scheme in {"", "https"}, told
                    assert HOST not in str(value), told
                elif name in ADDRESSES:
                    assert urlsplit(str(value))[:2] == ("", ""), told
                elif name.startswith("on") or name in {"style", "srcdoc"}:
                    assert "evil" not in str(value), told
        assert not soup.select("#evil, .evil"), page.name
        told = "script[type='application/ld+json']"  # data about the book, which nothing runs
        assert all(json.loads(part.get_text()) for part in soup.select(told)), page.name
        code = " ".join(part.get_text() for part in soup.select(f"script:not({told}), style"))
        assert HOST not in code, page.name


def test_the_tables_of_the_pages_run_nothing(book: Book) -> None:
    files = list((book.html / "downloads" / "tables").glob("*.csv"))
    assert len(files) > 5
    for file in files:
        assert re.fullmatch(r"[\w-]+\.csv", file.name)
        assert_harmless(file.read_text(encoding="utf-8"))


def test_the_search_index_has_no_markup_where_its_script_reads_html(book: Book) -> None:
    index = (book.html / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(index.removeprefix("Search.setIndex(").rstrip(")\n;"))
    assert any("&lt;script" in title for title in found["alltitles"])
    for title in (*found["alltitles"], *found["titles"]):
        assert not BeautifulSoup(title, "html.parser").find_all(), title[:200]
