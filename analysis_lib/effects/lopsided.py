"""Whether an estimate stands in the middle of its interval, as far as rounding can tell.

An interval of the form estimate ± quantile × SE is symmetric: of a difference as it stands, of a
ratio as a logarithm. One that is not was mistyped, is of another estimate, or was computed in
another way (exactly, by the bootstrap, from a posterior).
"""

from __future__ import annotations

import math

#: Of half the interval: exact and profile intervals may well be that uneven.
TOLERATED = 0.15
MOST_DECIMALS = 12  # more are no digits that somebody printed


def off_centre(estimate: float, low: float, high: float, *, log: bool) -> float | None:
    """Return the middle of an interval in which the estimate does not stand, beyond rounding.

    Parameters
    ----------
    estimate, low, high
        As printed; each may be half a unit of the last digit from what was computed.
    log
        Whether they are of a ratio, whose logarithm has a symmetric interval.

    Returns
    -------
    float or None
        On the scale of the numbers; ``None`` where the estimate may be in the middle.

    Examples
    --------
    >>> off_centre(0.5, 0.25, 1.0, log=True) is None
    True
    >>> round(off_centre(2, 1.0, 3.0, log=True), 2)
    1.73
    """
    # Zeros at the end are lost in a number; ratios are printed with a decimal at least.
    unit = 0.5 * 10.0 ** -max(int(log), *map(_decimals, (estimate, low, high)))
    if not low < high or (log and low - unit <= 0):
        return None

    def scale(number: float) -> float:
        return math.log(number) if log else number

    middle = (scale(low) + scale(high)) / 2
    slack = (scale(low + unit) + scale(high + unit) - scale(low - unit) - scale(high - unit)) / 4
    slack += (
        (scale(estimate + unit) - scale(max(estimate - unit, unit * unit))) / 2 if log else unit
    )
    far = abs(scale(estimate) - middle) - slack
    if far <= TOLERATED * (scale(high) - scale(low)) / 2:
        return None
    return math.exp(middle) if log else middle


def uneven_words(numbers: str, middle: float) -> str:
    """Return the warning of an estimate that is not in the middle of its interval."""
    return (
        f"{numbers}: the estimate is not in the middle of its interval ({middle:.3g}), beyond "
        "rounding. See whether a number is mistyped, or of another analysis"
    )


def _decimals(number: float) -> int:
    digits = f"{number:.{MOST_DECIMALS}f}".rstrip("0")
    return len(digits.partition(".")[2])
