"""The one error a reader of this library has to know, and the words that name a wrong cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import ParamSpec, TypeVar

LONGEST_SHOWN = 80  # characters of a value in a message
MOST_PROBLEMS = 20  # lines of one error; who mends these sees the next
MOST_COUNTED = 1000  # so many problems that the file is another than it seems

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


def did_you_mean(word: object, choices: Sequence[str]) -> str:
    """Return the question after the choice that a word is close to; nothing if none is.

    Examples
    --------
    >>> did_you_mean("cuont", ["label", "count"])
    " (did you mean 'count'?)"
    """
    if not isinstance(word, str):
        return ""
    by_letters = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), by_letters, n=1)
    return f" (did you mean {by_letters[close[0]]!r}?)" if close else ""


def stop(problems: Iterable[object], where: str) -> None:
    """Raise one error for all problems, if there are any: their number, and the first of them.

    Examples
    --------
    >>> stop([Problem("arms.csv", "a value is missing", 4, "n")], "in the review's data")
    Traceback (most recent call last):
    analysis_lib.base.errors.ReviewError: 1 problem in the review's data:
    - arms.csv, row 4, column n: a value is missing
    """
    if not (lines := list(dict.fromkeys(map(str, islice(problems, MOST_COUNTED))))):
        return
    or_more = " or more" if len(lines) == MOST_COUNTED else ""
    head = f"{len(lines):,}{or_more} problem{'' if len(lines) == 1 else 's'} {where}"
    more = f"; the first {MOST_PROBLEMS}" if len(lines) > MOST_PROBLEMS else ""
    told = "\n".join(f"- {line}" for line in lines[:MOST_PROBLEMS])
    raise ReviewError(f"{head}{more}:\n{told}")
