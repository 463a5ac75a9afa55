"""Figures and tables of notebooks on the page: number, caption, alt text, name, files to take.

The words and the data of an output travel in its metadata (`analysis_lib.book.page`). They enter
the page as text: nothing in them is taken for markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

from analysis_lib.book.sphinx.downloads import Downloads


class NumberedFigure:
    """Turn an output of ``show_figure`` or ``show_table`` into a figure or table of the book.

    myst-nb finds this class by its entry point, group ``myst_nb.mime_renderers``.
    """

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Return figure or table, or ``None`` for what is neither, which is then shown as ever."""
        words = data.output_metadata.get("figure")
        if not inline and words is not None and data.mime_type.startswith("image/"):
            (image,) = renderer.render_image(data)
            figure = figure_of(image, words, data.string)
            figure["names"].append(nodes.fully_normalize_name(words["name"]))
            document = renderer.renderer.document
            for node in figure.findall(nodes.Element):
                node.source, node.line = document["source"], data.line
            document.note_explicit_target(figure, figure)
            return [figure]
        words = data.output_metadata.get("table")
        if not inline and words is not None and data.mime_type == "text/html":
            return table_of(data.string, words["name"], words["csv"])
        return None


def figure_of(image: nodes.image, words: Mapping[str, Any], svg: str) -> nodes.figure:
    """Return a figure: its image, its caption, and links to the figure as files."""
    image["alt"] = words["alt"]
    caption = nodes.caption(words["caption"], words["caption"])
    files = {"svg": svg, "pdf": words.get("pdf", "")}
    legend = nodes.legend("", Downloads(kind="figure", name=words["name"], files=files))
    return nodes.figure("", image, caption, legend, classes=[words["width"]])


def table_of(html: str, name: str, csv: str) -> list[nodes.Element]:
    """Return a table that came as HTML, with a link to it as a file."""
    table = nodes.raw("", str(html), format="html", classes=["output", "text_html"])
    return [table, Downloads(kind="table", name=name, files={"csv": csv})]
