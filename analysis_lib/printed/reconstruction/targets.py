"""The printed numbers of a meta-analysis as intervals, and the ones that contradict the others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtri, stdtrit

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.intervals import Interval, printed_text, read_printed

QUANTITIES = (
    "estimate",
    "ci_low",
    "ci_high",
    "p_value",
    "pi_low",
    "pi_high",
    "tau2",
    "i2",
)
# Contradictions give up a number computed from others before the number it was computed from.
# The two prediction limits come from one calculation and stand or fall together.
DERIVED_FIRST = (
    ("pi_low", "pi_high"),
    ("p_value",),
    ("ci_low",),
    ("ci_high",),
    ("tau2",),
    ("estimate",),
)
Z95 = float(ndtri(0.975))  # all confidence intervals of the review are 95 % normal intervals


def rounded(printed: str, *, per_cent: bool = False) -> Interval:
    """Return the values that round to a printed decimal number.

    Parameters
    ----------
    printed : str
        The number with its digits kept: ``"-0.40"`` is known ten times better than ``"-0.4"``.
    per_cent : bool
        The number is a percentage; the interval is returned as a fraction.

    Returns
    -------
    Interval
        Half a unit of the last printed place either side.

    Raises
    ------
    ReviewError
        When the text is not a plain decimal number.

    Examples
    --------
    >>> rounded("0.5")
    Interval(low=0.45, high=0.55)
    """
    found = read_printed(printed_text(printed) or "", "printed number")
    return Interval(found.low / 100, found.high / 100) if per_cent else found


@dataclass(frozen=True, slots=True)
class FitTargets:
    """What is printed about one pooled result, each number as an interval.

    Parameters
    ----------
    name : str
        What the result is called in tables.
    left_out : tuple of int
        Positions of the comparisons that this result leaves out; empty for the main result.
    estimate, ci_low, ci_high, p_value, pi_low, pi_high, tau2, i2 : Interval, optional
        Printed numbers; ``None`` where nothing is printed. ``i2`` is a fraction, from Q.
    set_aside : tuple of str
        Names of printed numbers that contradict the others and are not aimed at.
    """

    name: str
    left_out: tuple[int, ...] = ()
    estimate: Interval | None = None
    ci_low: Interval | None = None
    ci_high: Interval | None = None
    p_value: Interval | None = None
    pi_low: Interval | None = None
    pi_high: Interval | None = None
    tau2: Interval | None = None
    i2: Interval | None = None
    set_aside: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, name: str, printed: Mapping[str, Interval], *, left_out: tuple[int, ...] = ()
    ) -> FitTargets:
        """Build from a mapping of `QUANTITIES` to intervals.

        Raises
        ------
        ReviewError
            When a name is not one of `QUANTITIES`.
        """
        if unknown := set(printed) - set(QUANTITIES):
            raise ReviewError(f"{name}: not a printed number: {', '.join(sorted(unknown))}")
        known: dict[str, Any] = dict(printed)
        return cls(name, left_out, **known)

    def aims(self) -> dict[str, Interval]:
        """Return the numbers to agree with: printed, and not set aside."""
        return {
            name: interval
            for name in QUANTITIES
            if name not in self.set_aside and (interval := getattr(self, name)) is not None
        }


@dataclass(frozen=True, slots=True)
class BetweenTarget:
    """A printed test for subgroup differences with a separate tau2 in every subgroup.

    Parameters
    ----------
    name : str
        What the test is called in tables.
    groups : tuple of tuple of int
        Positions of the comparisons in each subgroup.
    q_between : Interval
        The printed statistic.
    """

    name: str
    groups: tuple[tuple[int, ...], ...]
    q_between: Interval


@dataclass(frozen=True, slots=True)
class Targets:
    """Everything printed about one meta-analysis.

    Parameters
    ----------
    fits : tuple of FitTargets
        The main result and the results after leaving comparisons out.
    between : tuple of BetweenTarget
        Subgroup tests.
    """

    fits: tuple[FitTargets, ...]
    between: tuple[BetweenTarget, ...] = ()


def unit_of(target: Interval) -> float:
    """Return half the width, the unit in which a distance from the interval is counted."""
    return (target.high - target.low) / 2 if np.isfinite(target.high) else 1.0


def distance(value: float, low: float, high: float) -> float:
    """Return the signed distance of a value from an interval, zero inside."""
    return value - float(np.clip(value, low, high))


def critical_z(p_value: Interval) -> Interval:
    """Return the absolute z statistics that have a two-sided p inside the interval."""
    low = -float(ndtri(min(p_value.high, 1.0) / 2))
    high = -float(ndtri(p_value.low / 2)) if p_value.low > 0 else np.inf
    return Interval(low, high)


def _summary(mean: float, se: float, tau2: float, k: int) -> dict[str, float]:
    """Return the printed numbers that follow from a pooled mean, its SE and tau2 alone."""
    values = {
        "estimate": mean,
        "ci_low": mean - Z95 * se,
        "ci_high": mean + Z95 * se,
        "p_value": abs(mean) / se,
        "tau2": tau2,
    }
    if k > 2:
        half = float(stdtrit(k - 2, 0.975)) * float(np.hypot(se, np.sqrt(tau2)))
        values |= {"pi_low": mean - half, "pi_high": mean + half}
    return values


def _agree(aims: Mapping[str, Interval], k: int) -> bool:
    """Say whether one mean, SE and tau2 can have produced all these printed numbers.

    The SE cannot fall below ``sqrt(tau2 / k)``, its value for studies of infinite size.
    """
    known = {
        name: critical_z(interval) if name == "p_value" else interval
        for name, interval in aims.items()
    }
    tau2 = known.get("tau2")
    anchors = [known[name].middle for name in ("estimate", "ci_low", "ci_high") if name in known]
    spread = (
        max(anchors) - min(anchors) if len(anchors) > 1 else abs(anchors[0]) if anchors else 1.0
    )

    def misses(x: FloatArray) -> FloatArray:
        mean, se = float(x[0]), float(np.exp(x[1]))
        between = float(x[2]) ** 2
        found = _summary(mean, se, between, k)
        values = [
            distance(found[name], interval.low, interval.high) / unit_of(interval)
            for name, interval in known.items()
        ]
        return np.array([*values, min(0.0, np.log(k * se**2 / between) if between else 0.0), 0.0])

    start_tau = np.sqrt(max(tau2.middle, 0.0)) if tau2 else spread
    starts = itertools.product(anchors or [0.0], (spread / 4, spread / 2))
    return any(
        np.abs(
            least_squares(misses, [mean, np.log(max(se, 1e-6)), start_tau], xtol=1e-12).fun
        ).max()
        < 1e-6
        for mean, se in starts
    )


def set_aside_contradictions(targets: FitTargets, k: int) -> FitTargets:
    """Set aside the fewest printed numbers that leave the others in agreement.

    A pooled mean, its standard error and tau2 determine the confidence limits, the p value and
    the prediction limits. Seven printed numbers thus have three degrees of freedom between them,
    and a misprint shows. The smallest set of numbers whose removal lets one mean, SE and tau2
    account for all others, each within its rounding, is set aside. Among sets of equal size the
    one with numbers that are computed from others goes first (`DERIVED_FIRST`).

    Parameters
    ----------
    targets : FitTargets
        Printed numbers of one pooled result.
    k : int
        Number of comparisons in that result.

    Returns
    -------
    FitTargets
        The same numbers, with ``set_aside`` filled in.

    Notes
    -----
    Confidence interval: estimate ± 1.96 SE. Prediction interval: estimate ± t(k-2)
    sqrt(tau2 + SE²) . Always SE² >= tau2 / k, because every weight is below 1 / tau2.
    I² depends on the studies themselves and cannot be judged here.

    References
    ----------
    Higgins JPT, Thompson SG, Spiegelhalter DJ (2009). A re-evaluation of random-effects
    meta-analysis. J R Stat Soc A 172:137-159.

    Examples
    --------
    >>> printed = FitTargets(
    ...     "main",
    ...     estimate=rounded("-0.52"),
    ...     ci_low=rounded("-0.92"),
    ...     ci_high=rounded("-0.08"),
    ...     p_value=rounded("0.022"),
    ... )
    >>> set_aside_contradictions(printed, k=9).set_aside
    ('ci_low',)
    """
    aims = replace(targets, set_aside=()).aims()
    # With two comparisons or fewer the t quantile has no degrees of freedom: no such interval.
    impossible = tuple(name for name in DERIVED_FIRST[0] if name in aims and k <= 2)
    units = [
        unit
        for names in DERIVED_FIRST
        if (unit := tuple(n for n in names if n in aims and n not in impossible))
    ]
    for size in range(len(units) + 1):
        for combination in itertools.combinations(units, size):
            dropped = tuple(itertools.chain.from_iterable(combination))
            kept = {n: aims[n] for unit in units for n in unit if n not in dropped}
            if _agree(kept, k):
                return replace(targets, set_aside=impossible + dropped)
    raise ReviewError(f"{targets.name}: no printed number can be used")  # pragma: no cover
