"""What Sphinx needs to know of a book of reviews: figures, headings, formulas, style, one title.

Sphinx loads it as an extension, ``analysis_lib.book.sphinx``; nothing else imports it. With
``review_folder`` in the settings, the title, the authors and the question come from the
``review.toml`` of that folder, and the pages can say them; see `analysis_lib.book.sphinx.words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from math_core import LatexToMathML
from myst_nb.core.render import MimeData, NbElementRenderer, load_mime_renders
from sphinx.errors import ConfigError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing
from analysis_lib.book.sphinx import words
from analysis_lib.review.model import load_review

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent.parent / "static"
STYLE = "review.css"


# -- Figures --------------------------------------------------------------------------------------


class NumberedFigure:
    """Turn an output of ``show_figure`` into a figure with number, caption, alt text and name.

    The words of a figure are computed together with it and travel in the metadata of its output.
    myst-nb finds this class by its entry point, group ``myst_nb.mime_renderers``.
    """

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Return the figure, or ``None`` for what is none, which is then shown as ever."""
        words = data.output_metadata.get("figure")
        if inline or words is None or not data.mime_type.startswith("image/"):
            return None
        (image,) = renderer.render_image(data)
        image["alt"] = words["alt"]
        caption = nodes.caption(words["caption"], words["caption"])
        figure = nodes.figure("", image, caption, classes=[words["width"]])
        figure["names"].append(nodes.fully_normalize_name(words["name"]))
        document = renderer.renderer.document
        for node in (figure, caption):
            node.source, node.line = document["source"], data.line
        document.note_explicit_target(figure, figure)
        return [figure]


# -- Headings -------------------------------------------------------------------------------------


class OutputSections(SphinxTransform):
    """Turn the headings that a cell shows into sections, so that the page's contents list them.

    Without it they look like headings and nobody finds them. A cell that something other than a
    section follows is left as it is: that would have to be part of the last section.
    """

    default_priority = 200  # once the page is whole, and before anything collects its sections

    def apply(self, **_: Any) -> None:
        """Change the page in place."""
        for output in list(self.document.findall(_is_output)):
            cell = output.parent
            after = cell.parent[cell.parent.index(cell) + 1 :]
            if all(isinstance(node, nodes.section) for node in after):
                self._lift(cell, output)

    def _lift(self, cell: nodes.Element, output: nodes.Element) -> None:
        place = cell.parent.index(cell) + 1
        sections: list[nodes.section] = []
        for part in list(output):
            rubric = next(part.findall(nodes.rubric), None)
            if rubric is not None:
                title = nodes.title(rubric.rawsource, "", *rubric.children)
                shown = nodes.container(nb_element="cell_code_output", classes=output["classes"])
                rest = nodes.container(nb_element="cell_code", classes=["cell"])
                rest += shown
                sections.append(
                    nodes.section("", title, rest, ids=rubric["ids"], names=rubric["names"])
                )
                for name in rubric["ids"]:
                    self.document.ids[name] = sections[-1]
                output.remove(part)
            elif sections:
                output.remove(part)
                sections[-1][1][0] += part
        for section in sections:
            if not section[1][0].children:
                section.remove(section[1])
        cell.parent[place:place] = sections


def _is_output(node: nodes.Node) -> bool:
    is_container = isinstance(node, nodes.container)
    return is_container and node.get("nb_element") == "cell_code_output"


# -- Formulas -------------------------------------------------------------------------------------


def mathml(node: nodes.Element, *, block: bool) -> str:
    """Return a formula as MathML; one that is not understood is a warning."""
    try:
        formula = LatexToMathML().convert_with_local_state(node.astext(), displaystyle=block)
    except Exception as error:  # whatever the converter raises belongs to this formula
        LOG.warning("formula not understood: %s", error, location=node)
        return ""
    return str(formula)


def inline_formula(self: HTML5Translator, node: nodes.Element) -> None:
    """Write a formula within a sentence."""
    self.body.append(f'<span class="math">{mathml(node, block=False)}</span>')
    raise nodes.SkipNode


def block_formula(self: HTML5Translator, node: nodes.Element) -> None:
    """Write a formula on a line of its own, with its number."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(mathml(node, block=True) + "</div>\n")
    raise nodes.SkipNode


# -- The review's own words -----------------------------------------------------------------------


def read_review(app: Sphinx, config: Config) -> None:
    """Take title and authors from the review, and let the pages say its words."""
    if not config.review_folder:
        return
    try:
        info = load_review(Path(app.srcdir) / config.review_folder).info
    except ReviewError as error:
        raise ConfigError(f"{error}\nNothing was built.") from None
    config.html_title = config.project = info.title
    config.author = listing(info.authors)
    config.review_words = {
        "title": info.title,
        "authors": config.author,
        "question": info.question,
        "registration": info.registration,
        "experimental": info.experimental,
        "comparator": info.comparator,
    }


def add_style(app: Sphinx) -> None:
    """Put the style sheet beside those of the theme."""
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register everything with Sphinx."""
    if NumberedFigure not in load_mime_renders():
        raise ConfigError(
            "the figures of this book would have no number: install the library again, with "
            "python -m pip install --no-deps --no-build-isolation -e . in its folder"
        )
    app.add_config_value("review_folder", "", "env", str)
    words.setup(app)
    app.connect("config-inited", read_review)
    app.connect("builder-inited", add_style)
    app.add_css_file(STYLE)
    app.add_transform(OutputSections)
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline_formula, None), block_renderers=(block_formula, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
