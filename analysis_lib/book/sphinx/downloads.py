"""Links to each figure as SVG and PDF and to each table as CSV, and the files behind them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from markupsafe import Markup

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

FOLDER = "downloads"
UNSAFE_IN_A_NAME = re.compile(r"[^\w-]+")


class Downloads(nodes.General, nodes.Element):
    """The files of one figure or table; ``files`` has their contents by ending, PDF in base 64."""


def name_files(app: Sphinx, document: nodes.document) -> None:
    """Give each table of a page a name that no other page has."""
    page = app.env.docname.rpartition("/")[2]
    unnamed = 0
    written: list[str] = []
    for node in document.findall(Downloads):
        name = UNSAFE_IN_A_NAME.sub("-", node["name"])
        if node["kind"] == "table":
            unnamed += not name
            name = name or str(unnamed)
            name = name if name.startswith(page) else f"{page}-{name}"
        node["file"] = name
        endings = (ending for ending, content in node["files"].items() if content)
        written += [f"{node['kind']}s/{name}.{ending}" for ending in endings]
    app.env.metadata[app.env.docname]["review_files"] = written


def write_files(app: Sphinx, document: nodes.document, page: str) -> None:
    """Write the files that a page links to."""
    if app.builder.name != "html":
        return
    for node in document.findall(Downloads):
        folder = Path(app.outdir) / FOLDER / f"{node['kind']}s"
        folder.mkdir(parents=True, exist_ok=True)
        for ending, content in node["files"].items():
            if content:
                data = base64.b64decode(content) if ending == "pdf" else content.encode()
                (folder / f"{node['file']}.{ending}").write_bytes(data)


def up(page: str) -> str:
    """Return the way from a page to the top of the book.

    Examples
    --------
    >>> up("book/intro")
    '../'
    """
    return "../" * page.count("/")


def visit(self: HTML5Translator, node: Downloads) -> None:
    """Write the links; a single page has no files beside it."""
    if self.builder.name == "html":
        place = f"{up(self.builder.current_docname)}{FOLDER}/{node['kind']}s/{node['file']}"
        link = Markup('<a href="{}.{}" download>{}</a>')
        links = Markup(", ").join(
            link.format(place, ending, ending.upper())
            for ending, content in node["files"].items()
            if content
        )
        line = Markup('<p class="downloads">Download this {}: {}</p>\n')
        self.body.append(line.format(node["kind"], links))
    raise nodes.SkipNode


def skip(self: nodes.NodeVisitor, node: Downloads) -> None:
    """Leave the links out of what is not HTML."""
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the node and the two steps: name, write."""
    app.add_node(Downloads, html=(visit, None), latex=(skip, None), text=(skip, None))
    app.connect("doctree-read", name_files)
    app.connect("doctree-resolved", write_files)
