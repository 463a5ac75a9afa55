"""How a result shows itself: lines of text when printed, a small table in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Result:
    """A result that says itself in a title and a few rows of words.

    A class that takes part writes ``title``, ``rows`` (the first of them a header where
    ``has_header``) and ``to_frame``, which holds the numbers unrounded.
    """

    __slots__ = ()
    has_header = False

    def title(self) -> str:
        """Say in one line what was done."""
        raise NotImplementedError

    def rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the small table, as words."""
        raise NotImplementedError

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers, unrounded, as a table."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n".join([self.title(), *("  ".join(row) for row in self.rows())])

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows; every word is escaped."""
        head, body = self.rows()[: self.has_header], self.rows()[self.has_header :]
        lines = [f"<caption>{escape(self.title())}</caption>"]
        lines += [_row(cells, "col") for cells in head]
        lines += [_row(cells, "row") for cells in body]
        return f"<table>{''.join(lines)}</table>"


def _row(cells: tuple[str, ...], scope: str) -> str:
    """Return a row of which the first cell, or every one of a header, is a heading."""
    headings = len(cells) if scope == "col" else 1
    marked = [f'<th scope="{scope}">{escape(cell)}</th>' for cell in cells[:headings]]
    marked += [f"<td>{escape(cell)}</td>" for cell in cells[headings:]]
    return f"<tr>{''.join(marked)}</tr>"
