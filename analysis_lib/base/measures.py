"""Which effects are ratios, and how a pooled number becomes the one that readers know.

A ratio is pooled as its natural logarithm, so that 0.5 and 2 lie equally far from no difference.
Every result therefore holds logarithms for the measures in ``RATIO_MEASURES``; tables, plots and
sentences show the ratio. Differences are shown as they are pooled.
"""

from __future__ import annotations

import math
from typing import Final

from analysis_lib.base.errors import ReviewError

#: Measures of a difference between means, in the unit of the outcome or in standard deviations.
MEASURES: Final = ("MD", "SMD")
#: Measures of what people have or have not, computed from events.
BINARY_MEASURES: Final = ("RR", "OR", "RD")
#: Measures of any means by arm: a ratio of them needs a scale with a true zero.
MEAN_MEASURES: Final = (*MEASURES, "ROM")
#: Measures of how often something happens in a time, computed from events and person-time.
RATE_MEASURES: Final = ("IRR", "IRD")
#: Ratios that results by arm do not give here; they are known as an effect with its precision.
GENERIC_MEASURES: Final = ("HR",)
MEASURE_WORDS: Final = {
    "MD": "mean difference",
    "SMD": "standardised mean difference",
    "RR": "risk ratio",
    "OR": "odds ratio",
    "RD": "risk difference",
    "HR": "hazard ratio",
    "IRR": "incidence rate ratio",
    "IRD": "incidence rate difference",
    "ROM": "ratio of means",
}
#: Pooled as natural logarithms, shown as ratios; the rate of one group is shown as itself.
RATIO_MEASURES: Final = frozenset({"RR", "OR", "HR", "IRR", "ROM", "rate"})
#: Effects on events: a measure of how often they happen is compared.
EVENT_MEASURES: Final = frozenset({*BINARY_MEASURES, *RATE_MEASURES, "HR"})

#: What is measured of one group, and the scale on which it is pooled.
GROUP_MEASURES: Final = {
    "proportion": "logit of the proportion",
    "rate": "natural logarithm of the rate",
    "mean": "",
    "correlation": "Fisher z transform of the correlation",
}

Interval = tuple[float, float]


def no_difference(measure: str) -> float:
    """Return what a measure shows when nothing differs: 1 for a ratio, 0 for a difference.

    What is measured of one group differs from nothing: NaN, but for a correlation, which is 0.
    """
    if measure in GROUP_MEASURES and measure != "correlation":
        return math.nan
    return shown(0.0, measure)


def rate_unit(unit: str) -> str:
    """Return the unit of a difference of rates: events in one unit of person-time.

    Parameters
    ----------
    unit
        The unit of time, in the plural, as the table of outcomes has it; or the whole unit.

    Examples
    --------
    >>> rate_unit("person-years"), rate_unit("100 person-years"), rate_unit("events per week")
    ('per person-year', 'per 100 person-years', 'events per week')
    >>> rate_unit("")
    'per unit of person-time'
    """
    if not unit or unit == "person-time":
        return "per unit of person-time"
    if "per " in unit:
        return unit
    return f"per {unit if unit[0].isdigit() else unit.removesuffix('s')}"


def scale_words(measure: str) -> str:
    """Return the scale on which a measure is pooled, where it is another than the one shown.

    Examples
    --------
    >>> scale_words("OR"), scale_words("proportion"), scale_words("MD")
    ('natural logarithm of the odds ratio', 'logit of the proportion', '')
    """
    if measure in RATIO_MEASURES and measure not in GROUP_MEASURES:
        return f"natural logarithm of the {MEASURE_WORDS[measure]}"
    return GROUP_MEASURES.get(measure, "")


def shown(value: float, measure: str) -> float:
    """Return a pooled number as readers see it: a ratio is turned back from its logarithm.

    Parameters
    ----------
    value
        An effect, or the end of an interval, on the scale on which it is pooled.
    measure
        For example ``"RR"``; measures that are not in ``RATIO_MEASURES`` are not changed.

    Returns
    -------
    float

    Examples
    --------
    >>> print(f"{shown(-0.2877, 'RR'):.2f} {shown(-0.2877, 'MD'):.2f}")
    0.75 -0.29
    """
    if measure == "proportion":
        return (1 + math.tanh(value / 2)) / 2
    if measure == "correlation":
        return math.tanh(value)
    if measure not in RATIO_MEASURES:
        return float(value)
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def shown_interval(limits: Interval, measure: str) -> Interval:
    """Return both ends of an interval as readers see them."""
    return shown(limits[0], measure), shown(limits[1], measure)


def pooled(value: float, measure: str) -> float:
    """Return a number that readers see on the scale on which it is pooled: undo `shown`.

    Parameters
    ----------
    value
        For example a printed risk ratio. One that is printed as 0.00 has no finite logarithm and
        becomes minus infinity; so do the ends of what a proportion or a correlation can be.
    measure
        As for `shown`.

    Returns
    -------
    float

    Raises
    ------
    ReviewError
        For a ratio below zero, or a proportion or correlation beyond what it can be.
    """
    if measure in ("proportion", "correlation"):
        least = 0 if measure == "proportion" else -1
        if not least <= value <= 1:
            raise ReviewError(f"{measure}: must lie between {least} and 1, got {value}")
        if value in (least, 1):
            return math.inf if value == 1 else -math.inf
        return math.log(value / (1 - value)) if least == 0 else math.atanh(value)
    if measure not in RATIO_MEASURES:
        return float(value)
    if value < 0:
        raise ReviewError(f"{measure}: a ratio cannot be negative, got {value}")
    return math.log(value) if value else -math.inf


def margin(mid: float, measure: str) -> float:
    """Return a minimal important difference as a distance from no difference, as pooled.

    Parameters
    ----------
    mid
        For a difference: in its unit, greater than zero. For a ratio: a ratio other than 1; 0.8
        and 1.25 say the same, because an effect of 0.8 is one of 1.25 seen from the other arm.
    measure
        As for `shown`.

    Returns
    -------
    float
        ``mid`` itself, or the size of its logarithm. Effects whose pooled number lies within so
        much of zero are smaller than the minimal important difference.

    Raises
    ------
    ReviewError
        If ``mid`` is not greater than zero, or is a ratio of 1.

    Examples
    --------
    >>> margin(1.5, "MD"), round(margin(0.8, "RR"), 4), round(margin(1.25, "RR"), 4)
    (1.5, 0.2231, 0.2231)
    """
    if not 0 < mid < math.inf:
        raise ReviewError(f"mid must be greater than zero, got {mid}")
    if measure in RATIO_MEASURES and mid == 1:
        raise ReviewError(f"mid: {measure} = 1 is no difference; give a ratio such as 0.8 or 1.25")
    if measure in RATIO_MEASURES:
        mid = min(mid, 1 / mid)  # 0.8 and 1.25 give the very same number
    return abs(pooled(mid, measure))


def band(mid: float, measure: str) -> Interval:
    """Return the ends of the range in which effects are too small to matter, as readers see them.

    Examples
    --------
    >>> band(1.5, "MD"), band(1.25, "RR") == band(0.8, "RR")
    ((-1.5, 1.5), True)
    >>> print("{:.2f} to {:.2f}".format(*band(0.8, "RR")))
    0.80 to 1.25
    """
    half = margin(mid, measure)
    return shown_interval((-half, half), measure)
