"""Events over person-time in two arms: ratio and difference of incidence rates.

Ratios are returned as natural logarithms. Person-time may be in any unit, the same in both arms of
all trials; a difference is per that unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_lengths,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError


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
    labels: Sequence[object] | None,
) -> tuple[Rates, tuple[str, ...]]:
    """Return the columns, of one length, and the names; events may be zero, time may not."""
    given = {"events1": events1, "time1": time1, "events2": events2, "time2": time2}
    columns = {name: as_floats(name, values) for name, values in given.items()}
    names = study_labels(labels, check_lengths(**columns))
    if not names:
        raise ReviewError("events1: no trials")
    for name, values in columns.items():
        if name.startswith("time"):
            valid, rule = values > 0, "finite and greater than zero"
        else:
            valid, rule = values >= 0, "finite and zero or more"
        check_values(name, values, names, np.isfinite(values) & valid, rule)
    return Rates(**columns), names


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
