"""Headings that a cell shows become sections, so that the page's contents list them."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform


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
