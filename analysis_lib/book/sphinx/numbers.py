"""Numbers in the prose of notebooks are glued, whatever text stands in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis_lib.book.numbers import as_roles

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def put_roles(app: Sphinx, page: str, source: list[str]) -> None:
    """Let Sphinx read a role where a notebook shows a number."""
    if app.env.doc2path(page).endswith(".ipynb"):
        source[0] = as_roles(source[0])


def setup(app: Sphinx) -> None:
    """Read the source after the notebook that has run took its place."""
    app.connect("source-read", put_roles, priority=600)
