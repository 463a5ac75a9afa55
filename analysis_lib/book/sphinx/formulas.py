"""Formulas as MathML, which browsers draw without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from math_core import LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)


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
