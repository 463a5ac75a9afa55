"""Pieces of HTML with gaps; whatever fills a gap is escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_ENVIRONMENT = Environment(
    loader=PackageLoader("analysis_lib.book", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, /, **gaps: object) -> Markup:
    """Return a template with its gaps filled."""
    filled = _ENVIRONMENT.get_template(name).render(gaps)
    return Markup(filled)  # noqa: S704  # whatever fills a gap was escaped
