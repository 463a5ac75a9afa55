"""The one place where numbers become text: tables, plots and prose print the same digits.

Nothing here computes. Numbers come in unrounded, and an absent value (``None`` or NaN) becomes
words, never a zero. Minus signs are the true minus (U+2212), intervals are written with "to"
because a dash between two negative numbers cannot be read.
"""

from __future__ import annotations

import math

MINUS = "−"
EN_DASH = "–"
NOT_ESTIMABLE = "not estimable"
INFINITY = "∞"
NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
COUNT_TOLERANCE = 0.05  # counts print one decimal; what would print as .0 is whole

Interval = tuple[float, float]


def is_absent(value: float | None) -> bool:
    """Say whether a number is absent: ``None`` or NaN."""
    return value is None or math.isnan(value)


def number(value: float | None, digits: int = 2, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return a number with a fixed count of decimals and a true minus sign.

    Parameters
    ----------
    value
        The number; ``None`` or NaN means that there is none.
    digits
        Decimals to print.
    absent
        What to print when there is no number.

    Returns
    -------
    str
        For example ``−0.50``. A value that rounds to zero carries no sign.

    Examples
    --------
    >>> number(-0.4963), number(-0.001), number(None)
    ('−0.50', '0.00', 'not estimable')
    """
    if value is None or math.isnan(value):
        return absent
    if math.isinf(value):
        return INFINITY if value > 0 else MINUS + INFINITY
    text = f"{abs(value):.{digits}f}"
    is_zero = not text.strip("0.")
    return text if is_zero or value > 0 else MINUS + text


def count(value: float | None, *, absent: str = "not stated") -> str:
    """Return a count; four digits stand together, longer numbers get thin spaces.

    A shared comparison group that was split in two can leave half a participant, which is shown.

    Examples
    --------
    >>> count(778), count(1710), count(6.5), count(None)
    ('778', '1710', '6.5', 'not stated')
    """
    if value is None or math.isnan(value):
        return absent
    if abs(value - round(value)) > COUNT_TOLERANCE:
        return number(value, 1)
    whole = round(value)
    grouped = f"{abs(whole):,}".replace(",", "\u2009") if abs(whole) >= 10_000 else str(abs(whole))
    return MINUS + grouped if whole < 0 else grouped


def interval(limits: Interval | None, digits: int = 2, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return the two ends of an interval: ``−0.92 to −0.08``.

    Examples
    --------
    >>> interval((-0.92, -0.08))
    '−0.92 to −0.08'
    """
    if limits is None or any(is_absent(limit) for limit in limits):
        return absent
    return f"{number(limits[0], digits)} to {number(limits[1], digits)}"


def estimate(
    value: float | None,
    limits: Interval | None,
    digits: int = 2,
    *,
    absent: str = NOT_ESTIMABLE,
) -> str:
    """Return an estimate with its interval: ``−0.50 (−0.92 to −0.08)``.

    Examples
    --------
    >>> estimate(-0.5, (-0.92, -0.08))
    '−0.50 (−0.92 to −0.08)'
    """
    if is_absent(value):
        return absent
    return f"{number(value, digits)} ({interval(limits, digits)})"


def percent(fraction: float | None, digits: int = 0, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return a fraction as per cent: 0.673 becomes ``67%``.

    Examples
    --------
    >>> percent(0.673), percent(0.673, 1)
    ('67%', '67.3%')
    """
    if fraction is None or math.isnan(fraction):
        return absent
    return f"{number(100 * fraction, digits)}%"


def p_value(p: float | None, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return ``p = 0.02`` or ``p < 0.001``.

    Two decimals above 0.10, three below it, so that 0.049 and 0.051 stay apart; a value that
    would be rounded to 1 is written ``p > 0.99``.

    Examples
    --------
    >>> p_value(0.38), p_value(0.0223), p_value(0.00001)
    ('p = 0.38', 'p = 0.022', 'p < 0.001')
    """
    if is_absent(p):
        return absent if absent == "" else f"p {absent}"
    return f"p {_p_relation(p)}"


def p_cell(p: float | None, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return a p value for a table column that is already headed p: ``0.022`` or ``<0.001``.

    Examples
    --------
    >>> p_cell(0.0223), p_cell(0.0001)
    ('0.022', '<0.001')
    """
    if is_absent(p):
        return absent
    relation, value = _p_relation(p).split()
    return value if relation == "=" else relation + value


def _p_relation(p: float | None) -> str:
    if p is None:
        raise TypeError("an absent p value has no relation")
    if p < 0.001:
        return "< 0.001"
    if p > 0.99:
        return "> 0.99"
    return f"= {number(p, 2 if p >= 0.1 else 3)}"


def plural(n: int, singular: str, plural_form: str | None = None, *, spelled: bool = False) -> str:
    """Return a count with its noun: ``1 trial``, ``2 trials``.

    Parameters
    ----------
    n
        How many.
    singular, plural_form
        The noun; the plural takes an s when it is not given.
    spelled
        Write numbers up to twelve as words, as running text does.

    Examples
    --------
    >>> plural(1, "trial"), plural(7, "study", "studies"), plural(9, "trial", spelled=True)
    ('1 trial', '7 studies', 'nine trials')
    """
    noun = singular if n == 1 else (plural_form or f"{singular}s")
    word = NUMBER_WORDS[n] if spelled and n < len(NUMBER_WORDS) else count(n)
    return f"{word} {noun}"


def threshold(value: float, *, least: int = 0) -> str:
    """Return a number that was set, not estimated, with the digits that it needs.

    Parameters
    ----------
    value
        For example a minimal important difference.
    least
        Decimals to print even when they are zero.

    Examples
    --------
    >>> threshold(2.0), threshold(2.0, least=1), threshold(0.25)
    ('2', '2.0', '0.25')
    """
    needed = next((d for d in range(least, 4) if math.isclose(round(value, d), value)), 4)
    return number(value, max(needed, least))


def listing(items: list[str] | tuple[str, ...]) -> str:
    """Return items as a reader would say them: ``a``, ``a and b``, ``a, b and c``.

    Examples
    --------
    >>> listing(["Aasa", "Cai", "Kell"])
    'Aasa, Cai and Kell'
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(text: str) -> str:
    """Return the text with a capital first letter and a full stop.

    Examples
    --------
    >>> sentence("no studies to show")
    'No studies to show.'
    """
    trimmed = text.strip()
    if not trimmed:
        return ""
    ending = "" if trimmed[-1] in ".!?" else "."
    return trimmed[0].upper() + trimmed[1:] + ending
