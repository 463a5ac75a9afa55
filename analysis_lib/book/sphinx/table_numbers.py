"""Number every table of the book, in the order of reading, as Sphinx numbers the figures.

Sphinx sees the tables that a page writes as a directive; those that a notebook or a snippet brings
as HTML it does not. Both get their numbers here, so that they count in one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docutils import nodes
from markupsafe import Markup
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CAPTION = "<caption>"
KEY = "html-tables"
TABLES = "review_tables"  # where Sphinx keeps what is known of a page


def mark(app: Sphinx, document: nodes.document) -> None:
    """Note the tables of a page; a piece of HTML that holds some gets a name, which it keeps."""
    page = app.env.docname
    found: list[tuple[str | tuple[str, ...], int]] = []
    for table in document.findall():
        if isinstance(table, nodes.raw) and (count := table.astext().count(CAPTION)):
            table[KEY] = f"{page} {len(found)}"
            found.append((table[KEY], count))
        elif isinstance(table, nodes.table):
            found.append((tuple(table["ids"]), 1))
    app.env.metadata[page][TABLES] = found


def number(app: Sphinx, env: BuildEnvironment) -> None:
    """Count the tables of all pages, its own and the others."""
    env.first_table_numbers = {}  # type: ignore[attr-defined]
    count = 0
    for page in pages_in_order(env, env.config.root_doc):
        counted = env.toc_fignumbers.get(page, {}).get("table", {})
        for name, tables in env.metadata[page][TABLES]:
            if isinstance(name, str):
                env.first_table_numbers[name] = count + 1  # type: ignore[attr-defined]
                count += tables
            elif counted.keys() & set(name):
                count += 1
                counted |= {one: (count,) for one in name if one in counted}


def pages_in_order(env: BuildEnvironment, page: str) -> Iterator[str]:
    """Yield a page and those below it, as the table of contents lists them."""
    yield page
    for below in env.toctree_includes.get(page, []):
        yield from pages_in_order(env, below)


class NumberTables(SphinxPostTransform):
    """Write its number before the caption of each table that came as HTML."""

    default_priority = 800
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Write the numbers of one page."""
        for raw in self.document.findall(nodes.raw):
            if raw.get(KEY) in self.env.first_table_numbers:  # type: ignore[attr-defined]
                first = self.env.first_table_numbers[raw[KEY]]  # type: ignore[attr-defined]
                html = self.numbered(raw.astext(), first)
                raw.children = []
                raw.append(nodes.Text(html))

    def numbered(self, text: str, first: int) -> str:
        """Return HTML whose captions begin with their numbers."""
        label = self.config.numfig_format["table"]
        numbers = iter(range(first, first + text.count(CAPTION)))

        def with_number(_: re.Match[str]) -> str:
            begun = Markup('<caption><span class="caption-number">{} </span>')
            return begun.format(label % next(numbers))

        return re.sub(CAPTION, with_number, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the three steps: mark, count, write."""
    app.connect("doctree-read", mark)
    app.connect("env-check-consistency", number)  # Sphinx has counted its own before
    app.add_post_transform(NumberTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
