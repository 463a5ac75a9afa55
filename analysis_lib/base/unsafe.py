"""What a spreadsheet or a browser would run, and how it is made harmless where it is written."""

from __future__ import annotations

import re
from typing import Final

# A spreadsheet takes for a formula what begins like this, wherever a space stands; a number with a
# sign and words behind it (-0.5 to 3) is none, unless it calls something.
FORMULA = re.compile(
    r"\s*(?:[=@＝＠].|[+\-＋－](?![\s\d.,∞]|$)|[+\-＋－].*(?:\||[A-Za-z]\())", re.DOTALL
)
# What is written is marked whenever it might be one: nobody is refused by that.
MIGHT_RUN = re.compile(r"\s*(?:[=@＝＠]|[+\-＋－](?!\s*[\d.,]*\s*%?\s*$))")
MARKUP = re.compile(r"<\s*[A-Za-z!/?]|&#|javascript:", re.IGNORECASE)
# The last two ranges turn the direction of writing, and so hide what a cell says.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
UNSAFE_TEXT: Final = ((MARKUP, "holds HTML or script"), (CONTROL, "holds a control character"))


def danger(cell: str) -> str | None:
    """Say what is unsafe in a cell; ``None`` if nothing is.

    Examples
    --------
    >>> danger("=1+1"), danger("-0.5 to 3")
    ('looks like a spreadsheet formula', None)
    """
    if FORMULA.match(cell):
        return "looks like a spreadsheet formula"
    return next((told for pattern, told in UNSAFE_TEXT if pattern.search(cell)), None)


def harmless(text: str) -> str:
    """Return text that no spreadsheet runs, whatever it begins with.

    `restored` takes the mark away again.

    Examples
    --------
    >>> harmless("=quality: a sample"), harmless("-0.5"), restored(harmless("-Omics"))
    ("'=quality: a sample", '-0.5', '-Omics')
    """
    return f"'{text}" if MIGHT_RUN.match(text) else text


def restored(cell: str) -> str:
    """Return the text that `harmless` marked."""
    return cell[1:] if cell.startswith("'") and MIGHT_RUN.match(cell[1:]) else cell
