"""A printed number is a set: every value that would have been rounded to these digits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import pandas as pd

from analysis_lib.base.errors import ReviewError

# Interval ends such as 0.475 have no exact binary form; this is far above the error of a few
# floating-point operations and far below the last digit of any printed number.
FLOAT_ERROR = 1e-9

LONGEST_NUMBER = 40  # characters; a printed figure is far shorter
FURTHEST = 300  # powers of ten from one; what is beyond has no room in a float


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``low`` to ``high``, which may be infinite."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Say whether a number lies inside, ends included."""
        slack = FLOAT_ERROR * max(1.0, abs(value))
        return self.low - slack <= value <= self.high + slack

    def overlaps(self, other: Interval) -> bool:
        """Say whether one number can lie in both."""
        return self.low <= other.high + FLOAT_ERROR and other.low <= self.high + FLOAT_ERROR

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def scaled(self, factor: float) -> Interval:
        """Multiply by a number."""
        ends = (self.low * factor, self.high * factor)
        return Interval(min(ends), max(ends))

    def log(self) -> Interval:
        """Take logarithms; what is not positive has the limit minus infinity."""
        return Interval(*(math.log(x) if x > 0 else -math.inf for x in (self.low, self.high)))

    def clipped(self, low: float, high: float = math.inf) -> Interval:
        """Keep the part between two bounds."""
        return Interval(min(max(self.low, low), high), min(max(self.high, low), high))

    def meet(self, other: Interval | None) -> Interval:
        """Return what two printings of the same number allow together.

        Raises
        ------
        ReviewError
            When no value is printed as both.
        """
        if other is None:
            return self
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low > high:
            raise ReviewError(f"two printings of one number: {low:g} is above {high:g}")
        return Interval(low, high)

    @property
    def middle(self) -> float:
        """Middle of the interval, for a rounded number the number itself."""
        return (self.low + self.high) / 2


def printed_text(value: object) -> str | None:
    """Return a table cell as the text of a number; ``None`` for an empty cell.

    A float is written with the digits of its ``repr``; the ``.0`` of a whole float is dropped,
    since a table reader adds it to every whole number of a column.
    """
    if value is None or value is pd.NA or value != value:  # a NaN differs from itself
        return None
    text = str(value).strip().replace("\N{MINUS SIGN}", "-").removesuffix("%").strip()
    if isinstance(value, float):
        text = text.removesuffix(".0")
    return text or None


def read_printed(text: str, where: str, *, exact: bool = False, cut_off: bool = False) -> Interval:
    """Return every value that is printed as ``text``.

    Parameters
    ----------
    text
        The figure, such as ``-0.40``.
    where
        What to name in an error: row and column.
    exact
        True for a count, which is not rounded.
    cut_off
        True to allow also that further digits were cut off instead of rounded.

    Raises
    ------
    ReviewError
        If the text is not a finite number.

    Notes
    -----
    With the last digit standing for the unit u, the value lies within u / 2 of the figure; if
    digits may have been cut off, up to u further from zero.

    Examples
    --------
    >>> read_printed("-0.40", "here")
    Interval(low=-0.405, high=-0.395)
    """
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > FURTHEST:
        raise ReviewError(f"{where}: {text[:LONGEST_NUMBER]!r} is not a number")
    if exact:
        return Interval(float(number), float(number))
    # In decimals, so that no binary dust comes to the ends.
    unit = Decimal(1).scaleb(int(number.as_tuple().exponent))
    below = unit if cut_off and number <= 0 else unit / 2
    above = unit if cut_off and number >= 0 else unit / 2
    return Interval(float(number - below), float(number + above))


# How readily each slip of one character happens, first the readiest.
SLIPS = ("sign", "zero left out", "digit changed", "digit left out", "digit added")


def one_character_corrections(text: str) -> Iterator[tuple[int, str]]:
    """Yield every figure that one slip turns into ``text``, with the place of the slip in SLIPS.

    Examples
    --------
    >>> ("sign", "-0.22") in [(SLIPS[i], t) for i, t in one_character_corrections("0.22")]
    True
    >>> (1, "0.0687") in one_character_corrections("0.687")
    True
    """
    digits = text.lstrip("-+")
    if not digits.replace(".", "", 1).isdecimal():
        return  # 1e-05 is the print of a program, not of a journal
    sign = text[: len(text) - len(digits)]
    seen = {float(text)}
    flipped = digits if sign == "-" else "-" + digits
    for place, candidate in ((0, flipped), *_digit_slips(sign, digits)):
        if _well_formed(candidate) and float(candidate) not in seen:
            seen.add(float(candidate))
            yield place, candidate


def _digit_slips(sign: str, digits: str) -> Iterator[tuple[int, str]]:
    spots = range(len(digits) + 1)
    yield from ((1, f"{sign}{digits[:i]}0{digits[i:]}") for i in spots)
    for i, old in enumerate(digits):
        if old != ".":
            yield from ((2, f"{sign}{digits[:i]}{new}{digits[i + 1 :]}") for new in "0123456789")
    # A digit lost after the point would have left fewer decimals than its neighbours have.
    whole = range((digits + ".").index(".") + 1)
    yield from ((3, f"{sign}{digits[:i]}{new}{digits[i:]}") for i in whole for new in "123456789")
    yield from (
        (4, f"{sign}{digits[:i]}{digits[i + 1 :]}") for i, c in enumerate(digits) if c != "."
    )


def _well_formed(text: str) -> bool:
    whole, _, _ = text.lstrip("-+").partition(".")
    return whole.isdigit() and (len(whole) == 1 or whole[0] != "0") and not text.endswith(".")
