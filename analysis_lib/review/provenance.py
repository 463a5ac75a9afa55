"""How rows and cells came to be known: a row is as well known as its weakest cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing

#: How a cell may be known less well than its row.
WEAKER_WORDS: Final = ("secondary", "inferred")


def weaker_cells(text: str, columns: Iterable[str]) -> dict[str, str]:
    """Return the cells of a row that are known less well than it, from its column ``weaker``.

    Parameters
    ----------
    text
        ``weeks: secondary; description: inferred``.
    columns
        The columns of the table.

    Returns
    -------
    dict
        Column, and ``secondary`` (from another document than the row's) or ``inferred``.

    Raises
    ------
    ReviewError
        For a column that is not there, or another word.

    Examples
    --------
    >>> weaker_cells("weeks: secondary; n: inferred", ["weeks", "n"])
    {'weeks': 'secondary', 'n': 'inferred'}
    """
    found = {}
    for part in text.split(";"):
        column, _, word = (piece.strip() for piece in part.partition(":"))
        if column not in columns:
            raise ReviewError(f"no column {column!r}")
        if word not in WEAKER_WORDS:
            raise ReviewError(f"{column}: must be {' or '.join(WEAKER_WORDS)}, got {word!r}")
        found[column] = word
    return found


def with_weaker_cells(table: pd.DataFrame) -> pd.Series:
    """Return which rows of a table hold cells that are known less well than the row."""
    if "weaker" not in table:
        return pd.Series(data=False, index=table.index)
    return table["weaker"].notna()


def cells_told(table: pd.DataFrame) -> str:
    """Return which columns of a table hold such cells, and how many: ``9 of weeks``."""
    if "weaker" not in table:
        return ""
    counts: dict[str, int] = {}
    for text in table["weaker"].dropna():
        for column in weaker_cells(str(text), table.columns):
            counts[column] = counts.get(column, 0) + 1
    return listing([f"{n} of {column}" for column, n in counts.items()])
