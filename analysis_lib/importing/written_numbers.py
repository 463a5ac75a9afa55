"""Numbers as people write them: with marks of thousands, signs of many kinds, and footnotes."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from analysis_lib.base.errors import ReviewError, shown

#: Behind what a workbook calls a date, so that nobody takes it for what was typed.
DATE: Final = "(a date, says the workbook)"

WITH_POINT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
WITH_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)  # 1,234: decimals, or a thousand?
#: Marks of thousands that can be nothing else, and the decimals behind them.
THOUSANDS: Final = (
    re.compile(r"([+-]?[1-9]\d{0,2}(?:[ ']\d{3})+)(?:[.,](\d+))?", re.ASCII),
    re.compile(r"([+-]?[1-9]\d{0,2}(?:,\d{3}){2,})(?:\.(\d+))?", re.ASCII),
    re.compile(r"([+-]?[1-9]\d{0,2}(?:\.\d{3}){2,})(?:,(\d+))?", re.ASCII),
    re.compile(r"([+-]?[1-9]\d{0,2}(?:,\d{3})+)\.(\d+)", re.ASCII),
    re.compile(r"([+-]?[1-9]\d{0,2}(?:\.\d{3})+),(\d+)", re.ASCII),
)
#: Marks of a footnote behind a number.
FOOTNOTE = re.compile(r"(.*\d) *([*†‡§¶‖#⁰¹²³⁴-⁹ᵃ-ᶻ]+)")
SMALL = re.compile(r"[⁰¹²³⁴-⁹]")
LONGEST = 60  # characters of a number; no pattern is tried on a longer cell
MINUS: Final = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"
INVISIBLE: Final = "\u200b\u200e\u200f\u2060\ufeff\u00ad"
#: As one types them: every dash a minus, digits of full width, no sign that nobody sees.
TYPED: Final = str.maketrans(
    dict.fromkeys(MINUS, "-")
    | dict.fromkeys("\u2019\u02bc\u00b4", "'")
    | dict.fromkeys(INVISIBLE, "")
    | {sign: unicodedata.normalize("NFKC", sign) for sign in map(chr, range(0xFF0B, 0xFF1A))}
)


def without_footnote(text: str) -> str:
    """Return a cell without the mark of a footnote behind its number.

    Examples
    --------
    >>> without_footnote("12.3*"), without_footnote("10²"), without_footnote("a*")
    ('12.3', '10²', 'a*')
    """
    found = FOOTNOTE.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None or (found[1].endswith("10") and SMALL.match(found[2])):
        return text  # a small digit behind 10 is a power
    return found[1]


def parse_number(
    text: str, *, decimal_commas: bool | None = False, whole: bool = False
) -> float | None:
    """Return the number that a cell holds, ``None`` for an empty cell.

    Parameters
    ----------
    text
        The cell.
    decimal_commas
        Whether the other numbers of the file are written with decimal commas; ``None`` if they do
        not say.
    whole
        Whether it counts people, so that a mark before three digits parts thousands where it is
        not the decimal mark of the file.

    Raises
    ------
    ReviewError
        For what is no number, and for what may be two.

    Examples
    --------
    >>> parse_number("3,5"), parse_number("−2"), parse_number("1 234.5"), parse_number("")
    (3.5, -2.0, 1234.5, None)
    """
    cell = _typed(without_footnote(text))
    if not cell:
        return None
    foreign_marks = {True: ".", False: ",", None: ".,"}[decimal_commas]
    if GROUPED.fullmatch(cell) and any(mark in cell for mark in foreign_marks):
        without = cell.replace(",", "").replace(".", "")
        if not whole:
            raise ReviewError(
                f"{shown(text)} may be {cell.replace(',', '.')} or {without}; write it without "
                "the mark"
            )
        return float(without)
    for form in THOUSANDS:
        if found := form.fullmatch(cell) if len(cell) <= LONGEST else None:
            cell = re.sub("[ ',.]", "", found[1]) + (f".{found[2]}" if found[2] else "")
    if WITH_POINT.fullmatch(cell):
        return _finite(cell, text)
    if WITH_COMMA.fullmatch(cell):
        return _finite(cell.replace(",", "."), text)
    raise ReviewError(f"{shown(text)} is not a number{_what_to_do(cell)}")


def _typed(text: str) -> str:
    """Return a cell as one types it, without a space behind its sign."""
    return re.sub(r"^([+-]) ", r"\1", " ".join(text.translate(TYPED).split()))


def _what_to_do(cell: str) -> str:
    if cell.endswith(DATE):
        return ": the workbook took it for a date; format the cell as text and type it again"
    if cell.endswith("%") and WITH_POINT.fullmatch(cell[:-1].strip()):
        return " but a percentage; write the number itself"
    if cell[:1] in "<>~≈" or cell[:1].isdigit() or cell[1:2].isdigit():
        return " alone; write the number and nothing beside it, or leave the cell empty"
    return "; leave the cell empty if it is not known"


def _finite(cell: str, text: str) -> float:
    number = float(cell)
    if abs(number) == float("inf"):
        raise ReviewError(f"{shown(text)} is too large a number")
    return number
