"""What a page can insert by name: figures of notebooks, tables, the explorer, how to cite.

Each is a directive that builds nodes. No text of the data is ever taken for source.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import nbformat
import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine import archive, checklist, citing
from analysis_lib.book.engine.running import DIGEST, write_if_new, write_whole
from analysis_lib.book.engine.sources import files_below
from analysis_lib.book.page import Table
from analysis_lib.book.sections import explorer
from analysis_lib.book.sections.answers import AnswerTable
from analysis_lib.book.sections.tables import TABLES
from analysis_lib.book.sphinx.downloads import up
from analysis_lib.book.sphinx.figures import figure_of, table_of
from analysis_lib.book.sphinx.making import RAN, Making, in_order, making, wait_for_notebooks
from analysis_lib.book.sphinx.words import keep_as_written
from analysis_lib.book.templates import render

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

EXPLORER_DATA = "explorer-data.js"
SHOWS = "review_shows"  # what is known of a page that a directive shows anything on


def gather(app: Sphinx, env: BuildEnvironment) -> None:
    """Write the figures of all notebooks where pages find them, and note what each page shows."""
    made = making(app)
    folder = made.store / "figures"
    found: dict[Path, str] = {}
    for page in in_order(app):
        kept = made.store / f"{page}.ipynb"
        cells = nbformat.read(kept, as_version=4).cells if kept.is_file() else []
        made.shown[page] = checklist.calls_in(cells)
        for output in (output for cell in cells for output in cell.get("outputs", [])):
            if words := output.get("metadata", {}).get("figure"):
                figure, narrow = folder / words["name"], folder / f"{words['name']}.narrow.svg"
                found[figure.with_suffix(".svg")] = output["data"]["image/svg+xml"]
                found[figure.with_suffix(".json")] = json.dumps(words)
                found.pop(narrow, None)
                if "narrow" in words:
                    found[narrow] = words["narrow"]
    for file in set(files_below(folder)) - found.keys():  # one may have another name now
        file.unlink()
    for file, text in found.items():
        write_if_new(file, text)


class Insert(SphinxDirective):
    """A directive that shows something of the review."""

    required_arguments = 1
    final_argument_whitespace = True
    #: Whether it shows what notebooks show, for which these must have run.
    of_notebooks: ClassVar[bool] = False

    @property
    def made(self) -> Making:
        """The making that the page belongs to."""
        return making(self.env.app)

    def run(self) -> list[nodes.Node]:
        """Return the nodes, or say in the page's line what there is none of."""
        self.env.metadata[self.env.docname][SHOWS] = True
        if self.of_notebooks:
            wait_for_notebooks(self.env.app)
        try:
            found = self.shown()
        except ReviewError as error:
            raise self.error(str(error)) from None
        for node in found:
            keep_as_written(node)
        return found

    def shown(self) -> list[nodes.Node]:
        """Return what is shown."""
        raise NotImplementedError


class FigureInsert(Insert):
    """``{review-figure} NAME``: a figure of a notebook, with a number of its own."""

    of_notebooks = True

    def shown(self) -> list[nodes.Node]:
        """Return the figure."""
        return [figure_named(self.made, self.arguments[0])]


def figure_named(made: Making, name: str) -> nodes.figure:
    """Return a figure that a notebook shows."""
    file = made.store / "figures" / f"{name}.svg"
    if not file.is_file():
        raise ReviewError(f"no notebook of the book shows a figure {name}")
    words = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    narrow = file.with_name(f"{name}.narrow.svg")
    images = [
        nodes.image(uri=f"/{one.relative_to(made.folder).as_posix()}")
        for one in (file, narrow)
        if one.is_file()
    ]
    return figure_of(images[0], words, file.read_text(encoding="utf-8"), *images[1:])


class TableInsert(Insert):
    """``{review-table} NAME``: a table of the review, or ``PATH.csv``: one that is stored."""

    option_spec: ClassVar[dict[str, Any]] = {
        "caption": directives.unchanged_required,
        "name": directives.unchanged_required,
        "group": directives.unchanged_required,
        "numeric": directives.unchanged_required,
    }

    def shown(self) -> list[nodes.Node]:
        """Return the table, or the sentence that stands in its place."""
        name = self.arguments[0]
        if name.endswith(".csv"):
            found: Table | AnswerTable | str = self.stored(name)
        elif name in TABLES:
            found = TABLES[name](self.made.review)
        else:
            raise ReviewError(f"no table {name}; there are {', '.join(TABLES)}, and files.csv")
        if isinstance(found, str):
            return [nodes.paragraph(found, found)]
        return [*table_of(found.html(), found.name, found.csv())]

    def stored(self, path: str) -> Table:
        """Return a table that a command has written beside the pages."""
        _, file = self.env.relfn2path(path, self.env.docname)
        try:
            frame = pd.read_csv(file, dtype="str", keep_default_na=False)
        except (OSError, ValueError) as error:
            raise ReviewError(f"{path}: cannot be read ({error})") from None
        told = self.options
        numeric = [name.strip() for name in told.get("numeric", "").split(",") if name.strip()]
        caption = told.get("caption", path)
        return Table(frame, caption, told.get("name", ""), "", numeric, told.get("group"))


class ExplorerInsert(Insert):
    """``{review-explorer}``: every way to pool the review, to be chosen by the reader."""

    required_arguments = 0

    def shown(self) -> list[nodes.Node]:
        """Return the form, the tables that say the same without a script, and a picture."""
        made = self.made
        keep_explorer_data(made)
        self.env.note_dependency(str(made.store / EXPLORER_DATA))
        form = explorer.form(made.review, f"{up(self.env.docname)}_static")
        return [nodes.raw("", str(form), format="html")]


def keep_explorer_data(made: Making) -> None:
    """Compute what the explorer looks up, unless it was computed from the same files before."""
    kept, origin = made.store / EXPLORER_DATA, made.store / f"{EXPLORER_DATA}.{DIGEST}"
    wanted = made.sources.common + made.sources.told
    if kept.is_file() and origin.is_file() and origin.read_text() == wanted:
        return
    origin.unlink(missing_ok=True)
    write_whole(kept, explorer.script(made.review))
    write_whole(origin, wanted)


class CitationInsert(Insert):
    """``{review-cite} book`` or ``review``: how to cite it, in words and as BibTeX."""

    def shown(self) -> list[nodes.Node]:
        """Return the two forms."""
        if self.arguments[0] == "review":
            told = citing.cite_review(self.made.review)
        else:
            own = self.config.html_title != self.made.review.info.title
            names = (self.config.html_title, self.config.author) if own else ("", "")
            told = citing.cite_book(self.made.review, *names)
        words = nodes.paragraph("", told.before)
        words += [nodes.emphasis(told.title, told.title), nodes.Text(told.after)]
        return [words, nodes.literal_block(told.bibtex, told.bibtex, language="bibtex")]


class DownloadsInsert(Insert):
    """``{review-downloads}``: everything that a reader can take along."""

    required_arguments = 0

    def shown(self) -> list[nodes.Node]:
        """Return the list of links."""
        made = self.made
        pages = sorted(self.env.found_docs)
        notebooks = [page for page in pages if self.env.doc2path(page).endswith(".ipynb")]
        data = [file.relative_to(made.folder).as_posix() for file in made.data_files]
        files = [*data, *(f"{page}.ipynb" for page in notebooks)]
        base = f"{up(self.env.docname)}{archive.FOLDER}"
        html = render("downloads.html", base=base, archive=archive.ARCHIVE, files=files)
        return [nodes.raw("", str(html), format="html")]


class ChecklistInsert(Insert):
    """``{review-checklist} SECTION``: the items of PRISMA 2020, and where the book reports each.

    A line ``ITEM: words`` below it says it in other words, which may be Markdown.
    """

    has_content = True
    of_notebooks = True

    def shown(self) -> list[nodes.Node]:
        """Return the table."""
        section = self.arguments[0]
        if section not in checklist.CAPTIONS:
            raise ReviewError(f"no section {section}; there are {', '.join(checklist.CAPTIONS)}")
        own = dict(line.split(": ", 1) for line in self.content if ": " in line)
        found = checklist.answers(self.made.review, section, self.made.shown)
        if unknown := own.keys() - {answer.item for answer in found}:
            raise ReviewError(f"{', '.join(sorted(unknown))}: no such item in {section}")
        head = self.row("Item", "What it asks for", "Where")
        body = [
            self.row(
                answer.item,
                answer.asks,
                self.markdown(own[answer.item]) if answer.item in own else self.where(answer),
            )
            for answer in found
        ]
        return [self.table(section, head, body)]

    def table(self, section: str, head: nodes.row, body: list[nodes.row]) -> nodes.table:
        """Return a table with its caption and its name."""
        columns = [nodes.colspec(colwidth=width) for width in (10, 40, 50)]
        group = nodes.tgroup("", *columns, nodes.thead("", head), nodes.tbody("", *body), cols=3)
        caption = checklist.CAPTIONS[section]
        table = nodes.table("", nodes.title("", caption), group, classes=["colwidths-given"])
        table["names"].append(f"tab-prisma-{section}")
        self.state.document.note_explicit_target(table, table)
        return table

    def row(self, *cells: str | list[nodes.Node]) -> nodes.row:
        """Return a row of text or of nodes."""
        inner = [[nodes.Text(cell)] if isinstance(cell, str) else cell for cell in cells]
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in inner))

    def where(self, answer: checklist.Answer) -> list[nodes.Node]:
        """Return links to the pages, and the words."""
        found: list[nodes.Node] = []
        for page in answer.pages:
            link = addnodes.pending_xref(
                "",
                nodes.inline("", page),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{page}",
                refdoc=self.env.docname,
                refexplicit=False,
            )
            found += [nodes.Text(", "), link] if found else [link]
        words = f", {answer.words}" if found and answer.words else answer.words
        return [*found, nodes.Text(words)]

    def markdown(self, words: str) -> list[nodes.Node]:
        """Return a line of Markdown that stands on the page."""
        parsed, messages = self.state.inline_text(words, self.lineno)
        return [*parsed, *messages]


def setup(app: Sphinx) -> None:
    """Register the directives."""
    app.add_directive("review-figure", FigureInsert)
    app.add_directive("review-table", TableInsert)
    app.add_directive("review-explorer", ExplorerInsert)
    app.add_directive("review-cite", CitationInsert)
    app.add_directive("review-checklist", ChecklistInsert)
    app.add_directive("review-downloads", DownloadsInsert)
    app.connect(RAN, gather)
