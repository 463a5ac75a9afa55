"""The one error a reader of this library has to know, and the words that name a wrong cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

LONGEST_SHOWN = 80  # characters of a value in a message

P = ParamSpec("P")
T = TypeVar("T")


class ReviewError(ValueError):
    """Input that cannot be used, said so that it can be mended.

    The message names the study label and the value, or the file, the row, the column and the
    value. A table with several problems raises one error that lists them all.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook prints: the message, for whoever mends the data, and no more."""
        return [f"{type(self).__name__}: {self}"]


def attempt(compute: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T | ReviewError:
    """Return what a function computes, or the error that says why it cannot be computed.

    A page goes on where data allow no answer, and shows the error as a sentence in its place.

    Examples
    --------
    >>> from analysis_lib import pool
    >>> print(attempt(pool, [], []))
    effect: no studies to pool (k = 0)
    """
    try:
        return compute(*args, **options)
    except ReviewError as error:
        return error


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one cell, row or table."""

    file: str
    message: str
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = [self.file]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column}")
        return f"{', '.join(place)}: {self.message}"


def shown(value: object) -> str:
    """Return a value as a message shows it: in quotes, and cut when it is very long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
