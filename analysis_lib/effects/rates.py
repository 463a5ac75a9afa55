"""Events over person-time in two arms: ratio and difference of incidence rates.

Ratios are returned as natural logarithms. Person-time may be in any unit, the same in both arms of
all trials; a difference is per that unit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    check_not_negative,
    check_positive,
    columns_of,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import EffectSizes, Labels, effect_sizes
from analysis_lib.effects.events import added


class Rates(NamedTuple):
    """Events and person-time of the first and of the second arms."""

    events1: FloatArray
    time1: FloatArray
    events2: FloatArray
    time2: FloatArray


def checked_rates(
    events1: npt.ArrayLike,
    time1: npt.ArrayLike,
    events2: npt.ArrayLike,
    time2: npt.ArrayLike,
    labels: Labels,
) -> tuple[Rates, tuple[str, ...]]:
    """Return the columns, of one length, and the names; events may be zero, time may not."""
    columns, names = columns_of(
        labels, events1=events1, time1=time1, events2=events2, time2=time2
    )  # fmt: skip
    if not names:
        raise ReviewError("events1: no trials")
    for name, values in zip(Rates._fields, columns, strict=True):
        check = check_positive if name.startswith("time") else check_not_negative
        check(name, values, names)
    return Rates(*columns), names


def log_rate_ratios(rates: Rates, add: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log rate ratios with variance 1/x1 + 1/x2; not finite where there is no event."""
    events1, events2 = rates.events1 + add, rates.events2 + add
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.log(events1 / rates.time1) - np.log(events2 / rates.time2)
        return effect, 1 / events1 + 1 / events2


def rate_differences(
    rates: Rates, add: FloatArray, *, shrink: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return differences of rates with variance x1/t1^2 + x2/t2^2; the correction enters that."""
    events1, events2 = rates.events1 + add, rates.events2 + add
    variance = events1 / rates.time1**2 + events2 / rates.time2**2
    if not shrink:
        events1, events2 = rates.events1, rates.events2
    return events1 / rates.time1 - events2 / rates.time2, variance


def rate_ratio(
    events1: npt.ArrayLike,
    time1: npt.ArrayLike,
    events2: npt.ArrayLike,
    time2: npt.ArrayLike,
    *,
    correction: float = 0.5,
    labels: Labels = None,
) -> EffectSizes:
    """Logarithm of the ratio of two incidence rates, first arm over second.

    Parameters
    ----------
    events1, time1, events2, time2 : array_like, shape (k,)
        Events and person-time; time in any unit.
    correction : float
        Added to the events of both arms where one has none.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"IRR"``; the variance is 1/x1 + 1/x2.

    Raises
    ------
    ReviewError
        For negative events, or person-time that is not positive.

    References
    ----------
    Cochrane Handbook, sections 6.7.1 and 10.4.

    Examples
    --------
    >>> trial = rate_ratio(9, 413, 19, 398)
    >>> print(f"{np.exp(trial.effect[0]):.2f}, SE {trial.se[0]:.2f}")
    0.46, SE 0.40
    """
    rates, names = checked_rates(events1, time1, events2, time2, labels)
    effect, variance = log_rate_ratios(rates, added((rates.events1, rates.events2), correction))
    return effect_sizes(effect, variance, "IRR", "log ratio", names)


def rate_difference(
    events1: npt.ArrayLike,
    time1: npt.ArrayLike,
    events2: npt.ArrayLike,
    time2: npt.ArrayLike,
    *,
    correction: float = 0.5,
    labels: Labels = None,
) -> EffectSizes:
    """Difference of two incidence rates, first arm minus second, per unit of person-time.

    Parameters
    ----------
    events1, time1, events2, time2, labels
        As for `rate_ratio`; all times in one unit.
    correction : float
        Added to the events of both arms where one has none, for the variance alone.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"IRD"``; the variance is x1/t1^2 + x2/t2^2.

    Raises
    ------
    ReviewError
        As `rate_ratio`.

    References
    ----------
    Cochrane Handbook, section 6.7.1.

    Examples
    --------
    >>> print(f"{rate_difference(9, 413, 19, 398).effect[0]:.4f}")
    -0.0259
    """
    rates, names = checked_rates(events1, time1, events2, time2, labels)
    effect, variance = rate_differences(rates, added((rates.events1, rates.events2), correction))
    return effect_sizes(effect, variance, "IRD", "difference", names)
