"""Any estimate with its standard error, its interval or its exact p value: an effect to be pooled.

What a report has adjusted or modelled (a hazard ratio, an adjusted odds ratio, a difference from an
analysis of covariance) comes as one number with a measure of its precision.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    as_items,
    check_finite,
    check_lengths,
    check_positive,
    check_values,
    columns_of,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.quantiles import two_sided_quantile, upper_quantile
from analysis_lib.effects.columns import EffectSizes, Labels, effect_sizes


class _Given(NamedTuple):
    """The columns of a report, NaN where a row does not state a number."""

    estimate: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray
    df: FloatArray
    level: FloatArray


def generic_effect(
    estimate: npt.ArrayLike,
    *,
    se: npt.ArrayLike | None = None,
    ci: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    p_value: npt.ArrayLike | None = None,
    level: npt.ArrayLike = 0.95,
    df: npt.ArrayLike | None = None,
    log: bool = False,
    measure: str = "generic",
    labels: Labels = None,
) -> EffectSizes:
    r"""Effects from estimates whose precision is stated in one of three ways.

    Parameters
    ----------
    estimate : array_like of shape (k,)
        The estimates.
    se : array_like of shape (k,), optional
        Standard errors; of the logarithms where ``log`` is True.
    ci : (array_like, array_like), optional
        Lower and upper confidence limits.
    p_value : array_like of shape (k,), optional
        Exact two-sided p values of no effect. A bound such as "p < 0.05" is not a p value.
    level : float or array_like of shape (k,)
        Level of the confidence intervals.
    df : array_like of shape (k,), optional
        Degrees of freedom of the t distribution that an interval or a p value was made with; NaN
        or absent for the normal distribution.
    log : bool
        Estimates and limits are ratios: their logarithms are taken.
    measure : str
        What is estimated, such as ``"HR"``; it is kept in the result.
    labels : sequence of shape (k,), optional
        Names of the trials.

    Returns
    -------
    EffectSizes
        Effects, logarithms where ``log`` is True, and their squared standard errors.

    Raises
    ------
    ReviewError
        For an estimate without any statement of precision, a standard error that is not positive,
        an interval that does not hold its estimate, a ratio that is not positive, a p value that
        leaves the standard error open (0 or 1, or an estimate of no effect), or a level outside 0
        to 1. The message names the trial and the value.

    Notes
    -----
    A number may be absent (NaN) in some rows; each row uses the first that it states of standard
    error, interval and p value. With the two-sided quantile q of the normal distribution, or of t,
    ``se = (high - low) / 2q``, on the log scale for ratios, and ``se = |estimate| / q(1 - p)``.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, sections 6.3.1 and 6.3.2.

    Examples
    --------
    >>> trial = generic_effect(0.72, ci=(0.55, 0.94), log=True, measure="HR")
    >>> print(f"{trial.effect[0]:.3f}, SE {trial.se[0]:.3f}")
    -0.329, SE 0.137
    """
    given, names = _columns(estimate, se, ci, p_value, df, level, labels)
    if log:
        given = _logarithms(given, names)
    check_finite("estimate", given.estimate, names)
    errors = _standard_errors(given, names)
    return effect_sizes(given.estimate.copy(), errors**2, measure, "as reported", names)


def hazard_ratio_from_logrank(
    o_minus_e: npt.ArrayLike, variance: npt.ArrayLike, *, labels: Labels = None
) -> EffectSizes:
    r"""Logarithm of the hazard ratio from a log-rank test's O - E and its variance V.

    Parameters
    ----------
    o_minus_e : array_like of shape (k,)
        Observed minus expected events of the first arms.
    variance : array_like of shape (k,)
        Variances of O - E.
    labels : sequence of shape (k,), optional
        Names of the trials.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"HR"``: :math:`(O-E)/V` with variance :math:`1/V`.

    Raises
    ------
    ReviewError
        For a variance that is not positive.

    References
    ----------
    Yusuf S and others (1985). Progress in Cardiovascular Diseases 27:335-371.
    Cochrane Handbook, section 6.8.2.

    Examples
    --------
    >>> trial = hazard_ratio_from_logrank(-4.2, 10.5)
    >>> print(f"{trial.effect[0]:.2f}, SE {trial.se[0]:.3f}")
    -0.40, SE 0.309
    """
    (difference, v), names = columns_of(labels, o_minus_e=o_minus_e, v=variance)
    check_finite("o_minus_e", difference, names)
    check_positive("v", v, names)
    return effect_sizes(difference / v, 1 / v, "HR", "log-rank O - E and V", names)


def _columns(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike | None,
    ci: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    p_value: npt.ArrayLike | None,
    df: npt.ArrayLike | None,
    level: npt.ArrayLike,
    labels: Labels,
) -> tuple[_Given, tuple[str, ...]]:
    """Return all columns at the length of the estimates; a single number stands for every row."""
    if ci is not None and len(as_items("ci", ci)) != 2:
        raise ReviewError("ci: lower and upper limits, two columns")
    low, high = (None, None) if ci is None else ci
    y = as_floats("estimate", estimate)
    if not len(y):
        raise ReviewError("estimate: no trials")
    stated = {"se": se, "low": low, "high": high, "p_value": p_value, "df": df, "level": level}
    columns = {}
    for name, values in stated.items():
        stated_values = np.nan if values is None else values
        column = as_floats(name, stated_values)
        columns[name] = column if np.ndim(stated_values) else np.full(len(y), column[0])
    check_lengths(estimate=y, **columns)
    return _Given(y, **columns), study_labels(labels, len(y))


def _logarithms(given: _Given, names: tuple[str, ...]) -> _Given:
    for name in ("estimate", "low", "high"):
        ratio = getattr(given, name)
        stated = ~np.isnan(ratio) if name != "estimate" else np.ones(len(ratio), dtype=bool)
        positive = np.isfinite(ratio) & (ratio > 0)
        check_values(f"{name} of a ratio", ratio, names, ~stated | positive, "greater than zero")
    logs = {name: np.log(getattr(given, name)) for name in ("estimate", "low", "high")}
    return given._replace(**logs)


def _standard_errors(given: _Given, names: tuple[str, ...]) -> FloatArray:
    """Return the standard error of each row, from the first number that it states."""
    y, low, high, p = given.estimate, given.low, given.high, given.p_value
    by_se, half_ci = ~np.isnan(given.se), np.isnan(low) != np.isnan(high)
    by_ci = ~by_se & ~np.isnan(low) & ~np.isnan(high)
    by_p = ~by_se & ~by_ci & ~np.isnan(p)
    check_values("ci", np.where(np.isnan(low), high, low), names, ~half_ci, "both limits or none")
    known = by_se | by_ci | by_p
    check_values("estimate", y, names, known, "given with a standard error, interval or p value")
    good = np.isfinite(given.se) & (given.se > 0)
    check_values("se", given.se, names, ~by_se | good, "finite and greater than zero")
    check_values("low", low, names, ~by_ci | (low <= y), "at most the estimate")
    check_values("high", high, names, ~by_ci | (high >= y), "at least the estimate")
    width = high - low
    wide = np.isfinite(width) & (width > 0)
    check_values("high - low", width, names, ~by_ci | wide, "finite and greater than zero")
    check_values("p_value", p, names, ~by_p | ((p > 0) & (p < 1)), "strictly between 0 and 1")
    check_values("estimate", y, names, ~by_p | (y != 0), "not zero where only a p value is given")
    df = np.where(np.isnan(given.df), np.inf, given.df)
    check_values("df", df, names, df > 0, "greater than zero")
    level = given.level
    check_values("level", level, names, (level > 0) & (level < 1), "between 0 and 1")
    by_width = width / (2 * two_sided_quantile(level, df))
    by_chance = np.abs(y) / upper_quantile(p / 2, df)
    return np.select([by_se, by_ci], [given.se, by_width], by_chance)
