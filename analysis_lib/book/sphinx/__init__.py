"""What Sphinx needs to know of a book of reviews; it loads this as an extension.

Nothing else imports it. Each module beside this one says what it adds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from myst_nb.core.render import load_mime_renders
from sphinx.errors import ConfigError

from analysis_lib.book.sphinx.figures import NumberedFigure
from analysis_lib.book.sphinx.formulas import block_formula, inline_formula
from analysis_lib.book.sphinx.headings import OutputSections

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

STATIC = Path(__file__).parent.parent / "static"
STYLES = ("review.css", "book.css", "answers.css")
PARTS = (
    "making",
    "numbers",
    "words",
    "texts",
    "inserts",
    "keeping",
    "downloads",
    "figures",
    "sharing",
    "launching",
    "glossary",
    "reference_style",
    "table_numbers",
)


def add_looks(app: Sphinx, config: Config) -> None:
    """Put styles, script and sign of the book beside those of the theme."""
    config.html_static_path.append(str(STATIC))
    config.html_favicon = config.html_favicon or str(STATIC / "favicon.svg")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register everything with Sphinx."""
    if NumberedFigure not in load_mime_renders():
        raise ConfigError(
            "the figures of this book would have no number: install the library again, with "
            "python -m pip install --no-deps --no-build-isolation -e . in its folder"
        )
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    app.connect("config-inited", add_looks)
    for style in STYLES:
        app.add_css_file(style)
    app.add_css_file("print.css", media="print")
    app.add_js_file("book.js")
    # Before anything is drawn: what only a script can open again is folded away only with scripts.
    app.add_js_file(None, body="document.documentElement.classList.add('has-script');", priority=1)
    app.add_transform(OutputSections)
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline_formula, None), block_renderers=(block_formula, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
