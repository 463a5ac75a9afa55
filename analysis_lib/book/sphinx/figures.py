"""Figures and tables of notebooks on the page: number, caption, alt text, name, files to take.

The words and the data of an output travel in its metadata (`analysis_lib.book.page`). They enter
the page as text: nothing in them is taken for markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

from analysis_lib.book.sphinx.downloads import Downloads
from analysis_lib.book.sphinx.tables import for_screens

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PIXELS_A_POINT = 96 / 72
WIDTH = re.compile(r'<svg[^>]*?\bwidth="([\d.]+)pt"')
#: The widths, in pixels, from which the style sheet shows a figure in its own size. Pages keep the
#: rules that they use (`analysis_lib.book.engine.styles`).
STEPS = tuple(range(300, 1300, 10))
SHEET = "figures.css"
RULE = """@container figure (max-width: {below}px) {{
  .fits-{step} > img.roomy {{ display: none; }}
  .bd-article .fits-{step} > img.stacked {{ display: block; }}
}}
"""


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
            narrow = None
            if words.get("narrow"):
                (narrow,) = renderer.render_image(replace(data, content=words["narrow"]))
            figure = figure_of(image, words, data.string, narrow)
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


def figure_of(
    image: nodes.image, words: Mapping[str, Any], svg: str, narrow: nodes.image | None = None
) -> nodes.figure:
    """Return a figure: its image, its caption, and links to the figure as files.

    Where there is a drawing for a narrow column, the style sheet shows the one that the column has
    room for.
    """
    images = [image] if narrow is None else [image, narrow]
    for one in images:
        one["alt"] = words["alt"]
        one["loading"] = "lazy"  # the one that is not shown is not sent
    room = needed_width(svg)
    if narrow is not None:
        image["classes"].append("roomy")
        narrow["classes"].append("stacked")
    caption = nodes.caption(words["caption"], words["caption"])
    files = {"svg": svg, "pdf": words.get("pdf", "")}
    legend = nodes.legend("", Downloads(kind="figure", name=words["name"], files=files))
    return nodes.figure("", *images, caption, legend, classes=[room])


def needed_width(svg: str) -> str:
    """Return the class of a figure by the width that it has in its own size, in steps.

    Examples
    --------
    >>> needed_width('<svg width="360pt" height="200pt">')
    'fits-480'
    """
    found = WIDTH.search(svg)
    pixels = float(found.group(1)) * PIXELS_A_POINT if found else 0.0
    return f"fits-{next((step for step in STEPS if pixels <= step), STEPS[-1])}"


def table_of(html: str, name: str, csv: str) -> list[nodes.Element]:
    """Return a table that came as HTML, with a link to it as a file."""
    table = nodes.raw("", for_screens(str(html)), format="html", classes=["output", "text_html"])
    return [table, Downloads(kind="table", name=name, files={"csv": csv})]


def write_rules(app: Sphinx) -> None:
    """Write the rules by which a column shows the drawing that it has room for."""
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    rules = (RULE.format(step=step, below=step - 0.02) for step in STEPS)
    (folder / SHEET).write_text("".join(rules), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the style sheet of figures."""
    app.connect("builder-inited", write_rules, priority=600)  # the folder has been cleared
    app.add_css_file(SHEET)
