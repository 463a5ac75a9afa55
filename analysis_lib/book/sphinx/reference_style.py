"""The list of references as a reader looks through it: by family name, no numbers needed.

Pages cite by author and year, so the list is sorted by author and year and ``book.css`` hides the
numbers. It is the plain style of BibTeX with family names first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class FamilyNameFirst(PlainStyle):
    """Plain style, sorted and written by family name."""

    default_name_style = "lastfirst"


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the style known under the name that the page of references gives."""
    register_plugin("pybtex.style.formatting", "family_name_first", FamilyNameFirst)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
