"""Does a page of a new book show figures, formulas and titles whole, and ask no other host?

A new review is filled with one trial and built by jupyter-book; its notebook shows given outputs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from properties import examples
from sphinx.errors import ConfigError

from analysis_lib import plots
from analysis_lib.__main__ import main
from analysis_lib.book import page as book
from analysis_lib.book import sphinx as sphinx_book
from analysis_lib.book.sphinx import inserts, making

Output: TypeAlias = tuple[dict[str, str], dict[str, Any]]

TITLE = 'Do weights & *bands* `help` "much", if n < 3? {{ no }}'
CAPTION = "Aasa & `Co` *2015*: <i>p</i> < 0.05, $x$."
END = "reported,the sheet,"
TOC = """\
format: jb-book
root: book/intro
chapters:
  - file: notebooks/stored
  - file: book/page
"""
PAGE = """\
# A page

See {numref}`fig-two`. Formula $\\tau^2$, and

$$ \\hat\\theta = \\frac{\\sum w_i y_i}{\\sum w_i} $$ (mean)

Equation {eq}`mean`, for {review}`experimental` against {review}`comparator`: {review}`question`
"""
#: MyST with all that a book may switch on.
MYST = create_md_parser(
    MdParserConfig(
        enable_extensions={
            "amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath",
            "fieldlist", "html_admonition", "html_image", "strikethrough", "tasklist",
        }
    ),
    RendererHTML,
)  # fmt: skip
# The names of vocabularies look like addresses; nothing is fetched from them.
VOCABULARY = re.compile(r"https?://(?:www\.w3\.org/[\w/.#-]+|schema\.org(?=\"))")


@dataclass(frozen=True, slots=True)
class Built:
    """A review, and what its build said."""

    folder: Path
    code: int
    said: str

    def page(self, name: str) -> BeautifulSoup:
        path = self.folder / "_build" / "html" / f"{name}.html"
        return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def build(folder: Path) -> Built:
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["--warningiserror", "--nitpick", "--keep-going"]
    result = subprocess.run(
        [jupyter_book, "build", folder, *options], capture_output=True, text=True, check=False
    )
    return Built(folder, result.returncode, result.stdout + result.stderr)


def new(folder: Path) -> Path:
    """Write a review with one result, and replace its notebooks by one that shows given outputs."""
    assert main(["new", str(folder)]) == 0
    data = folder / "data"
    for table, row in {
        "outcomes": f"pain,Pain,primary,MD,points,VAS,yes,,,,,{END}",
        "follow_ups": f"end,End,At the end,{END}",
    }.items():
        with (data / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.write(row + "\n")
    sheet = folder / "sheet.csv"
    sheet.write_text("Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,4,2,35,5,2\n")
    assert main(f"import {sheet} --to {folder} --outcome pain --time end".split()) == 0
    toml = (data / "review.toml").read_text(encoding="utf-8")
    title = TITLE.replace('"', '\\"')
    toml = toml.replace('"The title of the review"', f'"{title}"')
    (data / "review.toml").write_text(toml, encoding="utf-8")
    (folder / "_toc.yml").write_text(TOC)
    intro = folder / "book" / "intro.md"  # its links lead to pages that are not among the contents
    lines = intro.read_text(encoding="utf-8").splitlines(keepends=True)
    intro.write_text("".join(line for line in lines if "{doc}" not in line), encoding="utf-8")
    (folder / "book" / "page.md").write_text(PAGE)
    begin = nbformat.v4.new_markdown_cell("# Stored\n\n## Outcomes")
    early = showing(
        heading("Early"), figure("one"), a_table(), figure("two", narrow=True), figure(None)
    )
    last = showing(a_table(), heading("Pain"), figure("three"), heading("Sleep"))
    notebook = nbformat.v4.new_notebook(cells=[begin, early, last])
    nbformat.write(notebook, folder / "notebooks" / "stored.ipynb")
    return folder


def showing(*outputs: Output) -> nbformat.NotebookNode:
    """Return a cell that shows outputs, each with its metadata."""
    lines = [f"publish_display_data({data!r}, {metadata!r})" for data, metadata in outputs]
    source = "\n".join(["from IPython.display import publish_display_data", *lines])
    return nbformat.v4.new_code_cell(source)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{}pt" height="9pt"><g id="{}"/></svg>'


def figure(name: str | None, *, narrow: bool = False) -> Output:
    words = {"name": f"fig-{name}", "alt": f"What {name} shows.", "caption": CAPTION}
    words |= {"narrow": SVG.format(216, name)} if narrow else {}
    metadata = {"figure": words} if name else {}
    return {"image/svg+xml": SVG.format(500, name), "text/plain": "<SVG>"}, metadata


def heading(words: str) -> Output:
    return {"text/markdown": f"### {words}", "text/plain": "<Markdown>"}, {}


def a_table() -> Output:
    html = '<table class="review"><caption>Between</caption></table>'
    return {"text/html": html, "text/plain": "<HTML>"}, {}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = build(new(tmp_path_factory.mktemp("new") / "review"))
    assert made.code == 0, made.said
    return made


def text(tag: Tag | None) -> str:
    """Return what is read, with straight quotation marks."""
    assert tag is not None
    return " ".join(tag.get_text().replace("\u201c", '"').replace("\u201d", '"').split())


def test_every_figure_of_a_cell_has_its_own_number_caption_and_description(built: Built) -> None:
    page = built.page("notebooks/stored")
    figures = page.select("figure[id]")
    names = ["one", "two", "three"]
    assert [f["id"] for f in figures] == [f"fig-{name}" for name in names]
    assert all("fits-670" in f["class"] for f in figures)  # 500 points are 667 pixels
    drawings = [[img.get("class", []) for img in f.select("img")] for f in figures]
    assert drawings == [[[]], [["roomy"], ["stacked"]], [[]]]
    for number, (name, shown) in enumerate(zip(names, figures, strict=True), start=1):
        assert {img["alt"] for img in shown.select("img")} == {f"What {name} shows."}
        # The theme ends a caption with a link to it.
        assert text(shown.select_one("figcaption p")).rstrip("#") == f"Fig. {number} {CAPTION}"


def test_the_order_of_the_outputs_is_kept_and_a_plain_image_stays_one(built: Built) -> None:
    output = built.page("notebooks/stored").select_one("div.cell_output")
    assert output is not None
    kinds = [tag.name for tag in output.find_all(["figure", "table", "img"])]
    assert kinds == ["figure", "img", "table", "figure", "img", "img", "img"]


def test_the_headings_that_the_last_cell_shows_are_sections_of_the_page(built: Built) -> None:
    page = built.page("notebooks/stored")
    (outer,) = page.select("section#outcomes")
    inner = outer.find_all("section", recursive=False)
    assert [(s["id"], text(s.find("h3")).rstrip("#")) for s in inner] == [
        ("pain", "Pain"),
        ("sleep", "Sleep"),
    ]
    assert [f["id"] for f in inner[0].select("figure")] == ["fig-three"]
    assert not inner[1].select("div")
    contents = [a.get_text(strip=True) for a in page.select("nav.page-toc a")]
    assert contents == ["Outcomes", "Pain", "Sleep"]
    # A heading with more to come after its cell cannot be a section: it would end too early.
    assert text(page.select_one("h3.rubric")) == "Early"


def test_a_figure_is_referred_to_by_name(built: Built) -> None:
    article = built.page("book/page").select_one("article")
    assert "See Fig. 2 ." in text(article) or "See Fig. 2." in text(article)


def test_formulas_are_mathml_and_have_numbers(built: Built) -> None:
    page = built.page("book/page")
    assert len(page.select("article math")) == 2
    assert text(page.select_one("span.eqno")).startswith("(1)")
    assert not page.select("script[src*=athjax], script[src*=athJax]")


def test_the_title_stands_in_review_toml_alone_and_is_shown_as_it_stands(built: Built) -> None:
    intro = built.page("book/intro")
    assert text(intro.select_one("h1")).rstrip("#") == TITLE
    assert TITLE in text(intro.select_one("title"))
    assert TITLE in text(intro.select_one("nav"))
    assert "First Author and Second Author" in text(intro.select_one("footer.bd-footer-content"))
    words = "for the intervention against the comparator: What does the review ask?"
    assert words in text(built.page("book/page").select_one("article"))
    for file in built.folder.rglob("*"):
        if file.suffix in {".md", ".yml", ".bib", ".ipynb"} and "_build" not in file.parts:
            assert "weights" not in file.read_text(encoding="utf-8"), file


def test_no_page_names_another_host(built: Built) -> None:
    pages = [*(built.folder / "_build" / "html").rglob("*.html")]
    assert len(pages) > 4
    for page in pages:
        html = VOCABULARY.sub("", page.read_text(encoding="utf-8"))
        assert re.findall(r"https?://[^\s\"'<]+|[\"'(]//[a-z][^\s\"']*", html) == [], page.name


def test_the_style_of_the_review_follows_that_of_the_theme(built: Built) -> None:
    sheets = [str(link["href"]) for link in built.page("book/page").select("link[rel=stylesheet]")]
    names = [sheet.partition("?")[0].rpartition("/")[2] for sheet in sheets]
    assert names.index("review.css") > names.index("sphinx-book-theme.css")
    copied = built.folder / "_build" / "html" / "_static" / "review.css"
    assert "table.review" in copied.read_text(encoding="utf-8")


def read(folder: Path) -> None:
    """Do what the build does before anything else."""
    app = SimpleNamespace(srcdir=folder)
    config = SimpleNamespace(review_folder="data", review_inputs=[], review_ignores=[])
    making.Making(app, config)  # type: ignore[arg-type]  # all that it looks at


def test_wrong_data_stop_the_build_with_the_words_of_check(tmp_path: Path) -> None:
    folder = new(tmp_path / "review")
    arms = folder / "data" / "arm_results.csv"
    arms.write_text(arms.read_text(encoding="utf-8").replace(",35,", ",many,", 1))
    told = r"row 2, column n: 'many' is not a whole number\nNothing was built\."
    with pytest.raises(ConfigError, match=told):
        read(folder)


def test_a_title_cannot_bring_a_script(tmp_path: Path) -> None:
    folder = new(tmp_path / "review")
    toml = folder / "data" / "review.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("Do weights", "<script>x</script>"))
    with pytest.raises(ConfigError, match=r"review\.toml, key title: .* holds HTML or script"):
        read(folder)


def test_a_library_without_its_entry_point_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphinx_book, "load_mime_renders", list)
    with pytest.raises(ConfigError, match="install the library again"):
        sphinx_book.setup(None)  # type: ignore[arg-type]  # it is not asked for anything


def test_the_words_of_show_figure_are_those_the_book_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(book, "display", lambda thing, **options: shown.append(options))
    book.show_figure(plots.statement("Nothing."), "fig-none")
    plt.close("all")
    expected = figure("none")[1]["figure"]
    assert shown[0]["metadata"]["figure"].keys() == expected.keys()


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))))
@examples(200)
def test_words_stay_themselves_in_markdown(words: str) -> None:
    for parser in (MarkdownIt("commonmark").enable("table"), MYST):
        shown = BeautifulSoup(parser.render(book.as_markdown(words)), "html.parser")
        assert [tag.name for tag in shown.find_all()] == ["p"] * bool(words.split())
        assert shown.get_text().strip() == " ".join(words.split())


def test_nobody_else_imports_sphinx() -> None:
    code = (
        "import sys, analysis_lib, analysis_lib.book.sections.chapters; "
        "print(*({'sphinx', 'docutils', 'myst_nb'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_what_the_explorer_looks_up_is_computed_again_when_a_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = iter(["first", "second", "third", "fourth"])
    monkeypatch.setattr(inserts.explorer, "script", lambda review: next(scripts))
    kept = tmp_path / inserts.EXPLORER_DATA

    def computed(digest: str, tables: str = "") -> str:
        sources = SimpleNamespace(common=digest, told=tables)
        made: Any = SimpleNamespace(store=tmp_path, review=None, sources=sources)
        inserts.keep_explorer_data(made)
        return kept.read_text()

    assert [computed("a"), computed("a"), computed("b")] == ["first", "first", "second"]
    kept.unlink()
    assert computed("b") == "third"
    assert [computed("b", "table"), computed("b", "table")] == ["fourth", "fourth"]
