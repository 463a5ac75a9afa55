"""The axis that effects stand on: linear for differences, logarithmic for ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import (
    EVENT_MEASURES,
    MEASURE_WORDS,
    RATIO_MEASURES,
    shown,
    shown_interval,
)
from analysis_lib.plots.look import SMALL, figure_of
from analysis_lib.plots.text import NumberFormatter, text_size

MOST_TICKS = 8
GAP = 0.1  # inches between the numbers of two ticks, at least
#: What the ticks of a decade may be, the most familiar first.
IN_A_DECADE = ((1, 2, 5), (1, 3))
HALVED_AND_DOUBLED = ("0.125", "0.25", "0.5", "1", "2", "4", "8")
STEPS = (10, 20, 25, 50)
#: The largest logarithm of a ratio on an axis, which cannot hold every number; more is an arrow.
FARTHEST = 200.0
#: Axes of more decades than these have room for powers of ten only.
MANY_DECADES = 5


def shown_values(values: FloatArray, measure: str) -> FloatArray:
    """Return pooled numbers as readers see them, where they stand on the axis."""
    return np.array([shown(value, measure) for value in values])


def set_effect_scale(ax: Axes, measure: str) -> None:
    """Make the horizontal axis logarithmic if the measure is a ratio."""
    if measure in RATIO_MEASURES:
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())


def set_effect_axis(ax: Axes, measure: str, low: float, high: float) -> None:
    """Give an Axes the scale of a measure, and its ends as readers see them."""
    if measure in RATIO_MEASURES and not 0 < low < high < math.inf:
        raise ReviewError(
            f"an axis of {measure} must run from above 0 to a finite end, not from {low:g} to "
            f"{high:g}; effects are given as natural logarithms, limits as ratios"
        )
    set_effect_scale(ax, measure)
    ax.set_xlim(low, high)


def set_pooled_axis(ax: Axes, measure: str, low: float, high: float) -> None:
    """Give an Axes the scale of a measure, and its ends as effects are pooled."""
    if measure in RATIO_MEASURES:
        low, high = max(low, -FARTHEST), min(high, FARTHEST)
    set_effect_axis(ax, measure, *shown_interval((low, high), measure))


def set_effect_ticks(ax: Axes, measure: str) -> None:
    """Put round numbers on the axis of effects, whose limits must be final."""
    if measure not in RATIO_MEASURES:
        ax.xaxis.set_major_formatter(NumberFormatter())
        return
    ticks = ratio_ticks(*ax.get_xlim(), ax.get_window_extent().width / figure_of(ax).dpi)
    ax.set_xticks(ticks, [fmt.tick(value) for value in ticks])


def axis_words(measure: str, unit: str, *, before: str = "") -> str:
    """Return what the axis of effects measures, in words; a ratio has no unit.

    Examples
    --------
    >>> axis_words("RR", ""), axis_words("MD", "points"), axis_words("RD", "", before="Pooled ")
    ('Risk ratio (log scale)', 'MD (points)', 'Pooled risk difference')
    """
    note = "log scale" if measure in RATIO_MEASURES else unit
    text = before + (MEASURE_WORDS[measure] if measure in EVENT_MEASURES else measure)
    return text[:1].upper() + text[1:] + (f" ({note})" if note else "")


def ratio_ticks(low: float, high: float, width: float) -> list[float]:
    """Return round numbers for a logarithmic axis: two to eight, and 1 where the axis holds it.

    Parameters
    ----------
    low, high
        Ends of the axis.
    width
        Its length in inches. The numbers stand free of one another; only where that would leave
        fewer than two ticks may they stand closer.

    Returns
    -------
    list of float

    Notes
    -----
    Tried in turn: 1, 2, 5 in each decade; 1, 3; 1 halved and doubled; equal steps, for short
    axes; powers of ten, for long ones. The first with three ticks is taken, otherwise the one
    with most.

    Examples
    --------
    >>> ratio_ticks(0.08, 12, 4.0)
    [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    >>> ratio_ticks(0.001, 900, 3.0), ratio_ticks(0.7, 1.3, 3.0)
    ([0.001, 0.01, 0.1, 1.0, 10.0, 100.0], [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3])
    """
    best: list[float] = []
    span = math.log(high) - math.log(low)
    for inches in (width, math.inf):
        for ticks in _families(low, high):
            if len(ticks) <= MOST_TICKS and _stand_free(ticks, inches / span):
                if len(ticks) > 2:
                    return ticks
                best = max(best, ticks, key=len)
        if len(best) == 2:
            break
    return best


def _families(low: float, high: float) -> Iterator[list[float]]:
    """Yield the sets of ticks between two ends, those first that are tried first."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first <= MANY_DECADES:
        for digits in IN_A_DECADE:
            yield _between(low, high, (f"{d}e{e}" for e in range(first, last + 1) for d in digits))
        yield _between(low, high, HALVED_AND_DOUBLED)
        yield from _equal_steps(low, high)
    for every in range(1, last - first + 1):
        powers = range(math.floor(first / every) * every, last + 1, every)
        yield _between(low, high, (f"1e{power}" for power in powers))


def _equal_steps(low: float, high: float) -> Iterator[list[float]]:
    """Yield multiples of ever larger round steps."""
    finest = math.floor(math.log10((high - low) / MOST_TICKS)) - 1
    for power in range(finest, finest + 3):
        for step in STEPS:
            size = step * 10.0**power
            multiples = range(math.floor(low / size), math.ceil(high / size) + 1)
            yield _between(low, high, (f"{n * step}e{power}" for n in multiples))


def _between(low: float, high: float, texts: Iterable[str]) -> list[float]:
    """Return the numbers between two ends; their texts are read, so that 0.3 is 0.3."""
    return [value for value in map(float, texts) if low <= value <= high]


def _stand_free(ticks: list[float], inches: float) -> bool:
    """Say whether the numbers of ticks stand free, where a factor of e takes so many inches."""
    widths = [text_size(fmt.tick(value), size=SMALL)[0] for value in ticks]
    return all(
        inches * math.log(right / left) >= (one + other) / 2 + GAP
        for (left, one), (right, other) in pairwise(zip(ticks, widths, strict=True))
    )
