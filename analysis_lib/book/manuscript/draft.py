"""A manuscript while it is written: what is shown one after the other, with its numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import matplotlib.pyplot as plt

from analysis_lib import plots
from analysis_lib.book.manuscript import blocks
from analysis_lib.book.manuscript.blocks import Node, Nodes
from analysis_lib.book.page import Figure, Prose, Question, Shown, Table, collected
from analysis_lib.review.model import Review

DOTS_PER_INCH: Final = 300
CM_PER_INCH: Final = 2.54
WIDTH, HEIGHT = 16.0, 21.0  # cm, of a page between its margins, less a caption
LOWEST: Final = 4  # headings that a result brings stand below those of the manuscript


class Draft:
    """A manuscript that is being written.

    Attributes
    ----------
    review
        What it is about.
    blocks
        What is written already.
    open
        Names of the headings below which people have to write something.
    """

    def __init__(self, review: Review, figures: Path, works: Collection[str]) -> None:
        self.review = review
        self.blocks: Nodes = []
        self.open: list[str] = []
        self.titles: dict[str, str] = {}
        self._figures = figures
        self._works = works
        self._counts = {"figure": 0, "table": 0}
        self._above: list[str] = []

    @property
    def here(self) -> str:
        """The name of the heading below which the next words stand."""
        return self._above[-1]

    def head(self, level: int, title: str, name: str) -> None:
        """Begin a section."""
        self._above = [*self._above[: level - 1], name]
        self.titles[name] = ": ".join([*(self.titles[n] for n in self._above[:-1][-1:]), title])
        self.blocks.append(blocks.heading(level, title, name, len(self.titles)))

    def write(self, told: Prose, *cited: str) -> None:
        """Write paragraphs; what is cited stands at their end."""
        found = blocks.of_prose(told)
        known = [key for key in cited if key in self._works]
        if known:
            blocks.cite(found[-1], known)
        self.blocks += found

    def ask(self, what: str) -> None:
        """Mark what only people can write."""
        self.open += [name for name in self._above if name not in self.open]
        self.blocks.append(blocks.paragraph(blocks.marked(f"[To be written: {what}]")))

    def _settle(self, question: Question) -> None:
        """Mark what the book asks of those who keep the review."""
        self.open += [name for name in self._above if name not in self.open]
        for found in blocks.of_prose(question):
            told = [*blocks.text("[To be settled: "), *found["c"], *blocks.text("]")]
            self.blocks.append(blocks.paragraph(blocks.on_yellow(told)))

    def add(self, *nodes: Node) -> None:
        """Write what is made already."""
        self.blocks += nodes

    def show(self, section: Callable[..., Any], *arguments: Any) -> None:
        """Write what a section of the book shows."""
        with collected() as shown:
            section(self.review, *arguments)
        for one in shown:
            self._write_shown(one)

    def show_or_ask(self, table: str, section: Callable[..., Any], what: str) -> None:
        """Write what a section shows of a table of the review; of one without rows, ask for it."""
        if getattr(self.review, table).empty:
            self.ask(what)
        else:
            self.show(section)

    def table(self, table: Table) -> None:
        """Write a table, if it has rows."""
        if len(table.frame):
            self._counts["table"] += 1
            self.blocks += blocks.of_table(self._counts["table"], table)

    def figure(self, figure: Figure) -> None:
        """Save a plot as a picture, and show it."""
        self._counts["figure"] += 1
        number = self._counts["figure"]
        file = self._figures / f"figure-{number:02}.png"
        plots.save_figure(figure.ax, file, dpi=DOTS_PER_INCH)
        caption, alt = plots.caption(figure.ax), plots.alt_text(figure.ax)
        plt.close(plots.figure_of(figure.ax))
        wide, high = _size(file)
        width = wide * min(1.0, WIDTH / wide, HEIGHT / high)
        place = f"{self._figures.name}/{file.name}"
        self.blocks.append(blocks.figure(number, caption, alt, place, width))

    def _write_shown(self, shown: Shown) -> None:
        if isinstance(shown, Question):
            self._settle(shown)
        elif isinstance(shown, Prose):
            self.blocks += _below(blocks.of_prose(shown))
        elif isinstance(shown, Figure):
            self.figure(shown)
        elif isinstance(shown, Table):
            self.table(shown)
        else:
            raise TypeError(f"{type(shown).__name__}: a manuscript has no form for it")


def _size(png: Path) -> tuple[float, float]:
    """Return the width and height of a picture in cm, from its first bytes."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width / DOTS_PER_INCH * CM_PER_INCH, height / DOTS_PER_INCH * CM_PER_INCH


def _below(found: Nodes) -> Nodes:
    return [{**one, "c": [LOWEST, *one["c"][1:]]} if one["t"] == "Header" else one for one in found]
