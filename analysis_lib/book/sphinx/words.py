"""The words of a review on its pages: text and nothing else, whatever signs they hold.

A page says them by a role: ``{review}`title` ``, and in its place ``authors``, ``question``,
``registration``, ``experimental``, ``comparator``, ``news``, ``verdict``, ``harms`` or
``searched``. MyST's substitutions (``{{ }}``) would say them too, but they are Jinja templates,
which can run any program, and parse what they give as MyST again; they are switched off for every
page.
"""

from __future__ import annotations

import calendar
import datetime
import html
import re
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from docutils import nodes
from markupsafe import Markup, escape
from sphinx import search
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxRole

from analysis_lib.base.formatting import listing
from analysis_lib.book.sections import answers, found
from analysis_lib.book.sections.tables import NO_VERSION
from analysis_lib.book.sphinx.making import making
from analysis_lib.book.sphinx.tables import NO_BREAK

if TYPE_CHECKING:
    from docutils.nodes import Node, system_message
    from sphinx.application import Sphinx
    from sphinx.config import Config

    from analysis_lib.review.model import Review

UNNAMED = ("My Jupyter Book", "")  # titles of books that do not say theirs
CITE_PAGE = "book/cite"
#: Extensions of MyST that make more of a text than it says: a program, a link.
REFUSED = {"substitution", "linkify"}
#: What the templates of Sphinx and of the theme are given as text and may write as HTML.
TEXTS = {"author", "copyright", "docstitle", "pagetitle", "project", "root_title", "shorttitle"}
#: What a line must not break: a symbol and its number, which may be glued in after it, and a date.
WHOLE = re.compile(
    r"(?<!\w)(?:[pQkn]|df|[Iτχ]²) (?:[=<>≤≥]|&[lg]t;) (?=[−\d]|$)"
    rf"|\b\d{{1,2}} (?:{'|'.join(calendar.month_name[1:])}) \d{{4}}\b"
)


class ReviewWord(SphinxRole):
    """Put a word of ``review.toml`` in its place, as text."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return the text; a name that is none of the review's is a warning."""
        known = self.config.review_words
        if self.text not in known:
            told = f"review: one of {', '.join(known) or 'nothing, without review_folder'}"
            problem = self.inliner.reporter.warning(told, line=self.lineno)
            return [], [problem]
        word = nodes.Text(known[self.text])
        keep_as_written(word)
        return [word], []


def keep_as_written(node: nodes.Node) -> None:
    """Keep the quotation marks and hyphens of all texts of a node as they are."""
    for text in node.findall(nodes.Text):
        text.support_smartquotes = False


class AsWritten(SphinxTransform):
    """Keep quotation marks and hyphens of what a notebook shows as they stand in the data."""

    default_priority = 190  # before headings leave their outputs

    def apply(self, **_: Any) -> None:
        """Mark every text of an output, and every one that is glued into the prose."""
        for node in self.document.findall(nodes.Element):
            is_output = node.get("nb_element") == "cell_code_output"
            if is_output or "pasted-text" in node.get("classes", ()):
                keep_as_written(node)


def held_together(text: str) -> str:
    """Return a text in which no line breaks within a symbol with its number, or within a date.

    Examples
    --------
    >>> held_together("Egger's test has p = 0.03 on 12 May 2025.").count(NO_BREAK)
    4
    """
    return WHOLE.sub(lambda found: found[0].replace(" ", NO_BREAK), text)


def hold_together(app: Sphinx, document: nodes.document, page: str) -> None:
    """Keep numbers with their symbols, and dates, on one line; not in code and formulas."""
    for text in list(document.findall(nodes.Text)):
        told, parent = str(text), text.parent
        if isinstance(parent, (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block)):
            continue
        if isinstance(parent, nodes.raw) and "table-block" not in told:
            continue
        if (held := held_together(told)) != told:
            parent.replace(text, nodes.Text(held))


class SearchIndex(search.IndexBuilder):
    """An index whose headings are text for the script that reads it, which takes them for HTML."""

    def load(self, stream: IO[str], format: Any) -> None:
        """Read an index, with its entries, which Sphinx leaves out; in memory headings are text."""
        frozen = (self.formats[format] if isinstance(format, str) else format).load(stream)
        super().load(stream, SimpleNamespace(load=lambda _: frozen))
        for entry, places in frozen["indexentries"].items():
            for number, anchor, is_main in places:
                known = self._index_entries.setdefault(frozen["docnames"][number], [])
                known.append((entry, anchor, "main" if is_main else ""))
        self._all_titles = {
            page: [(html.unescape(title), anchor) for title, anchor in titles]
            for page, titles in self._all_titles.items()
        }

    def freeze(self) -> dict[str, Any]:
        """Return what is written, with headings escaped."""
        self._index_entries = dict(sorted(self._index_entries.items()))
        frozen = super().freeze()
        frozen["alltitles"] = {
            html.escape(title): places for title, places in frozen["alltitles"].items()
        }
        for terms in ("terms", "titleterms"):  # an index that was read keeps words of no page
            frozen[terms] = {word: pages for word, pages in frozen[terms].items() if pages != []}
        return frozen


def refuse_extensions(app: Sphinx, config: Config) -> None:
    """Switch off what must not be on, whatever the settings say."""
    config.myst_enable_extensions = set(config.myst_enable_extensions) - REFUSED


def read_words(app: Sphinx, config: Config) -> None:
    """Take what pages can say from the review; so its title, if the settings give the book none."""
    info, recent = making(app).review.info, making(app).news
    config.review_words = {
        "title": info.title,
        "authors": listing(info.authors),
        "question": info.question,
        "registration": info.registration,
        "experimental": info.experimental,
        "comparator": info.comparator,
        "news": recent.summary if recent else NO_VERSION,
        "verdict": _verdict(making(app).review),
        "harms": answers.harms(making(app).review),
        "searched": found.searched(making(app).review, datetime.date.today()),
    }
    if config.html_title in UNNAMED:
        config.html_title = config.project = info.title
        config.author = config.review_words["authors"]


def _verdict(review: Review) -> str:
    """Return the answer, and beside it which of its trials are in doubt."""
    return " ".join(filter(None, (answers.verdict(review), found.doubts(review))))


def lead_to_citing(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """End each page with a link to how to cite it, if the book says so."""
    if CITE_PAGE in app.env.found_docs:
        link = Markup('<p><a href="{}">Cite this book</a></p>').format(context["pathto"](CITE_PAGE))
        context["theme_extra_footer"] = f"{context.get('theme_extra_footer', '')}{link}"


def escape_settings(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Let the templates of a theme show titles and names as text; not all of them escape."""
    for name in TEXTS & context.keys():
        context[name] = escape(context[name] or "")


def setup(app: Sphinx) -> None:
    """Register everything with Sphinx."""
    search.IndexBuilder = SearchIndex  # type: ignore[misc]  # Sphinx has no setting for it
    app.add_config_value("review_words", {}, "env", dict)
    app.add_role("review", ReviewWord())
    app.add_transform(AsWritten)
    app.connect("doctree-resolved", hold_together)
    app.connect("config-inited", refuse_extensions)
    app.connect("config-inited", read_words, priority=600)  # the review is loaded before
    app.connect("html-page-context", lead_to_citing)
    app.connect("html-page-context", escape_settings, priority=900)  # after the theme's own
