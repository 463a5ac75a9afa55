"""The one place where numbers become text: tables, plots and prose print the same digits.

Nothing here computes. Numbers come in unrounded, and an absent value (``None`` or NaN) becomes
words, never a zero. Minus signs are the true minus (U+2212), intervals are written with "to"
because a dash between two negative numbers cannot be read.

Effects come in as they are pooled, with their measure: what is a logarithm there is a ratio here.
"""

from __future__ import annotations

import math
import re

from analysis_lib.base.measures import RATIO_MEASURES, Interval, band, shown

MINUS = "−"
EN_DASH = "–"
NOT_ESTIMABLE = "not estimable"
INFINITY = "∞"
NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
COUNT_TOLERANCE = 0.05  # counts print one decimal; what would print as .0 is whole
#: Decimals of an effect; a difference of risks has one more, since 5 in 1000 may matter.
DIGITS = 2
RISK_DIGITS, RISK_TAU2_DIGITS = 3, 4
SMALL_MEASURES = ("RD", "IRD", "proportion", "rate")
#: What XML, and so SVG, cannot hold: control characters and what is no character.
NO_TEXT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


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


def ratio(value: float | None, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return a ratio with two decimals, and with other digits where two would say nothing.

    Parameters
    ----------
    value
        The ratio itself, not its logarithm.
    absent
        What to print when there is no number.

    Returns
    -------
    str
        Below 0.01 there are three decimals, from 100 none. What lies beyond 0.001 or 1000 is
        only said to do so: no set of trials knows such a number better than that.

    Examples
    --------
    >>> [ratio(value) for value in (0.4896, 0.0042, 0.0003, 12.5, 340.2, 1e9)]
    ['0.49', '0.004', '<0.001', '12.50', '340', '>1000']
    """
    if value is None or math.isnan(value):
        return absent
    if value < 0.001:
        return "<0.001"
    if value > 1000:
        return ">1000"
    return number(value, 3 if value < 0.01 else 0 if value >= 100 else 2)


def effect(value: float | None, measure: str, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return an effect as its measure is read: a pooled logarithm is printed as a ratio.

    Parameters
    ----------
    value
        The effect on the scale on which it is pooled.
    measure
        For example ``"MD"``, ``"RR"`` or ``"RD"``.
    absent
        What to print when there is no number.

    Examples
    --------
    >>> effect(-0.7145, "RR"), effect(-0.7145, "MD"), effect(-0.0071, "RD")
    ('0.49', '−0.71', '−0.007')
    """
    if value is None or math.isnan(value):
        return absent
    if measure in RATIO_MEASURES and measure not in SMALL_MEASURES:
        return ratio(shown(value, measure))
    return number(shown(value, measure), RISK_DIGITS if measure in SMALL_MEASURES else DIGITS)


def effect_interval(limits: Interval | None, measure: str, *, absent: str = NOT_ESTIMABLE) -> str:
    """Return the two ends of an interval of effects, given on the scale of pooling.

    Examples
    --------
    >>> effect_interval((-1.0669, -0.3622), "RR")
    '0.34 to 0.70'
    """
    if limits is None or any(is_absent(limit) for limit in limits):
        return absent
    return f"{effect(limits[0], measure)} to {effect(limits[1], measure)}"


def effect_estimate(
    value: float | None, limits: Interval | None, measure: str, *, absent: str = NOT_ESTIMABLE
) -> str:
    """Return an effect with its interval, both given on the scale of pooling.

    Examples
    --------
    >>> effect_estimate(-0.7145, (-1.0669, -0.3622), "RR")
    '0.49 (0.34 to 0.70)'
    """
    if is_absent(value):
        return absent
    return f"{effect(value, measure)} ({effect_interval(limits, measure)})"


def tau2_digits(measure: str) -> int:
    """Return how many decimals a between-study variance has; differences of risks are small.

    Examples
    --------
    >>> number(0.3132, tau2_digits("RR")), number(0.0013, tau2_digits("RD"))
    ('0.31', '0.0013')
    """
    return RISK_TAU2_DIGITS if measure in SMALL_MEASURES else DIGITS


def mid_band(mid: float, measure: str) -> str:
    """Return the range of effects that are too small to matter: ``±1.5``, ``0.80 to 1.25``.

    Parameters
    ----------
    mid, measure
        As for `analysis_lib.base.measures.margin`.

    Examples
    --------
    >>> mid_band(1.5, "MD"), mid_band(0.8, "OR"), mid_band(1.5, "OR")
    ('±1.5', '0.80 to 1.25', '0.67 to 1.50')
    """
    if measure not in RATIO_MEASURES:
        return f"±{threshold(mid)}"
    low, high = band(mid, measure)
    return f"{ratio(low)} to {ratio(high)}"


def tick(value: float) -> str:
    """Return a round number beside an axis of ratios, with no digit more than it needs.

    Examples
    --------
    >>> [tick(value) for value in (0.05, 0.5, 1.0, 10.0, 100000.0, 1e-6)]
    ['0.05', '0.5', '1', '10', '10⁵', '10⁻⁶']
    """
    text = f"{value:.6g}"
    power = math.log10(value)
    if abs(power) > 4 and math.isclose(power, round(power)):
        return "10" + str(round(power)).translate(SUPERSCRIPTS)
    return text


def degrees(df: float) -> str:
    """Return degrees of freedom: whole ones without decimals, others with one.

    Examples
    --------
    >>> degrees(9), degrees(8.3099)
    ('9', '8.3')
    """
    return number(df, 1).removesuffix(".0")


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


def inside_sentence(label: str) -> str:
    """Return a label as it stands within a sentence: ``pain``, but ``ADHD symptoms``.

    Its first word keeps its capital where that is more than the start of a label: where other
    capitals or digits follow, or where it is a letter by itself.

    Examples
    --------
    >>> [inside_sentence(label) for label in ("Pain", "ADHD total", "QoL", "T score", "A fall")]
    ['pain', 'ADHD total', 'QoL', 'T score', 'a fall']
    """
    word = label.split(" ", 1)[0].strip(",;:()").replace("-", "")
    is_plain = word == "A" or (len(word) > 1 and word.isalpha() and word[1:].islower())
    return label[:1].lower() + label[1:] if is_plain else label


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
    return capitalised(trimmed) + ending


def capitalised(label: str) -> str:
    """Return a label with a capital first letter, and all others as they are.

    Examples
    --------
    >>> capitalised("overall"), capitalised("ADHD hi")
    ('Overall', 'ADHD hi')
    """
    return label[:1].upper() + label[1:]


def printable(text: str) -> str:
    r"""Return the text with a sign of its own, U+FFFD, for what cannot be printed.

    Examples
    --------
    >>> printable("bell\x07")
    'bell�'
    """
    return NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
