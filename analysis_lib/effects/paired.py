"""The same people twice: cross-over trials, and events in matched pairs.

An effect is the first treatment minus (or over) the second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    check_choice,
    check_not_negative,
    check_values,
    columns_of,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import EffectSizes, Labels, checked, effect_sizes
from analysis_lib.effects.conversions import variance_of_change
from analysis_lib.effects.events import check_computable
from analysis_lib.effects.means import small_sample_correction

UNITS = ("average", "first", "change")
VARIANCES = ("Elbourne", "LS", "LS2", "UB", "unequal")
PAIRED_MEASURES = ("RR", "OR", "RD", "conditional OR", "Peto OR")


def crossover_difference(
    n: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> EffectSizes:
    r"""Mean difference between two treatments of the same people.

    Parameters
    ----------
    n : array_like, shape (k,)
        People who had both treatments.
    mean1, sd1, mean2, sd2 : array_like, shape (k,)
        Means and SDs under the first and the second treatment.
    correlation : array_like, shape (k,) or a single number
        Correlation within people; `correlation_from_sds` finds it where the SD of the differences
        is printed.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"MD"``; the variance is :math:`(s_1^2+s_2^2-2rs_1s_2)/n`.

    Raises
    ------
    ReviewError
        As `mean_change`.

    References
    ----------
    Cochrane Handbook, section 23.2.7.

    Examples
    --------
    >>> trial = crossover_difference(12, 7.2, 2.1, 8.9, 2.4, 0.5)
    >>> print(f"{trial.effect[0]:.1f}, SE {trial.se[0]:.3f}")
    -1.7, SE 0.654
    """
    (n, mean1, sd1, mean2, sd2, r), names = _columns(n, mean1, sd1, mean2, sd2, correlation, labels)
    variance = variance_of_change(sd1, sd2, r) / n
    return effect_sizes(mean1 - mean2, variance, "MD", "paired", names)


def crossover_smd(
    n: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    unit: str = "average",
    variance_method: str | None = None,
    labels: Labels = None,
) -> EffectSizes:
    r"""Standardized mean difference between two treatments of the same people.

    Parameters
    ----------
    n, mean1, sd1, mean2, sd2, correlation, labels
        As for `crossover_difference`.
    unit : {"average", "first", "change"}, default "average"
        The SD that is the unit: the root of both treatments' mean variance, comparable with an SMD
        between groups; the first treatment's; that of the differences within people, which is
        another scale.
    variance_method : {"Elbourne", "LS", "LS2", "UB", "unequal"}, optional
        For ``"average"``: ``"Elbourne"`` (the default), without small-sample correction, as in the
        Cochrane Handbook; ``"LS"`` with it (SMCRP of R's metafor), or ``"unequal"`` where the SDs
        differ (SMCRPH). For ``"first"`` ``"LS"`` (SMCR), ``"LS2"`` or ``"unequal"`` (SMCRH); for
        ``"change"`` ``"LS"`` (SMCC), ``"LS2"`` or ``"UB"``.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"SMD"``, or ``"SMCC"`` in units of the differences.

    Raises
    ------
    ReviewError
        As `crossover_difference`, and for options that do not go together.

    Notes
    -----
    Elbourne: :math:`d=(m_1-m_2)/\sqrt{(s_1^2+s_2^2)/2}` with variance
    :math:`(1/n+d^2/2n)\,2(1-r)`.

    References
    ----------
    Elbourne DR and others (2002). Meta-analyses involving cross-over trials: methodological issues.
    International Journal of Epidemiology 31:140-149. Cochrane Handbook, section 23.2.7.2.
    Cousineau D (2020). Approximating the distribution of Cohen's d_p in within-subject designs. The
    Quantitative Methods for Psychology 16:418-421.
    Bonett DG (2008). Confidence intervals for standardized linear contrasts of means. Psychological
    Methods 13:99-109.

    Examples
    --------
    >>> trial = crossover_smd(12, 7.2, 2.1, 8.9, 2.4, 0.5)
    >>> print(f"{trial.effect[0]:.3f}, SE {trial.se[0]:.3f}")
    -0.754, SE 0.327
    """
    check_choice("unit", unit, UNITS)
    method = variance_method or ("Elbourne" if unit == "average" else "LS")
    check_choice("variance_method", method, VARIANCES)
    (n, mean1, sd1, mean2, sd2, r), names = _columns(n, mean1, sd1, mean2, sd2, correlation, labels)
    check_values("n", n, names, n >= 3, "at least 3 to standardize a difference")
    between = variance_of_change(sd1, sd2, r)
    scale = {"first": sd1, "change": np.sqrt(between)}.get(unit, np.sqrt((sd1**2 + sd2**2) / 2))
    d, share = (mean1 - mean2) / scale, between / scale**2
    paired = np.ones_like(n) if unit == "change" else 2 * (1 - r)
    if (unit, method) == ("average", "Elbourne"):
        return effect_sizes(d, (1 / n + d**2 / (2 * n)) * paired, "SMD", method, names)
    degrees = 2 * (n - 1) / (1 + r**2) if unit == "average" else n - 1
    g = small_sample_correction(degrees) * d
    variances = {
        ("average", "LS"): paired / n + (1 + r**2) * g**2 / (4 * n),
        ("average", "unequal"): share / (n - 1)
        + g**2 * (sd1**4 + sd2**4 + 2 * (r * sd1 * sd2) ** 2) / (8 * scale**4 * (n - 1)),
        ("first", "LS"): paired / n + g**2 / (2 * n),
        ("first", "LS2"): small_sample_correction(n - 1) ** 2 * (paired / n + d**2 / (2 * n)),
        ("first", "unequal"): share / (n - 1) + g**2 / (2 * (n - 1)),
        ("change", "LS"): paired / n + g**2 / (2 * n),
        ("change", "LS2"): small_sample_correction(n - 1) ** 2 * (paired / n + d**2 / (2 * n)),
        ("change", "UB"): paired / n
        + (1 - (n - 3) / ((n - 1) * small_sample_correction(n - 1) ** 2)) * g**2,
    }
    if (unit, method) not in variances:
        fitting = [name for of, name in variances if of == unit]
        raise ReviewError(f"variance_method: {method} does not go with unit {unit}; {fitting} do")
    measure = "SMCC" if unit == "change" else "SMD"
    return effect_sizes(g, variances[unit, method], measure, method, names)


def crossover_ratio_of_means(
    n: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> EffectSizes:
    r"""Logarithm of the ratio of the means of two treatments of the same people.

    Parameters
    ----------
    n, mean1, sd1, mean2, sd2, correlation, labels
        As for `crossover_difference`; both means have one sign.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"ROM"``, with the small-sample correction of `ratio_of_means`.

    Raises
    ------
    ReviewError
        As `crossover_difference`, and for means whose ratio has no logarithm.

    References
    ----------
    Lajeunesse MJ (2011). On the meta-analysis of response ratios for studies with correlated and
    multi-group designs. Ecology 92:2049-2055.

    Examples
    --------
    >>> print(f"{crossover_ratio_of_means(12, 7.2, 2.1, 8.9, 2.4, 0.5).effect[0]:.3f}")
    -0.211
    """
    (n, mean1, sd1, mean2, sd2, r), names = _columns(n, mean1, sd1, mean2, sd2, correlation, labels)
    check_values("mean1 * mean2", mean1 * mean2, names, mean1 * mean2 > 0, "greater than zero")
    first, second = sd1 / mean1, sd2 / mean2
    effect = np.log(mean1 / mean2) + (first**2 - second**2) / (2 * n)
    return effect_sizes(effect, variance_of_change(first, second, r) / n, "ROM", "paired", names)


def paired_events(
    both: npt.ArrayLike,
    only_first: npt.ArrayLike,
    only_second: npt.ArrayLike,
    neither: npt.ArrayLike,
    *,
    measure: str = "OR",
    labels: Labels = None,
) -> EffectSizes:
    r"""Effect of two treatments of the same people, or of matched pairs, on an event.

    Parameters
    ----------
    both, only_first, only_second, neither : array_like, shape (k,)
        Pairs with the event under both treatments, under the first or the second alone, under
        neither.
    measure : {"RR", "OR", "RD", "conditional OR", "Peto OR"}
        Marginal ratios and difference, comparable with those between groups; the odds ratio within
        pairs, from those that differ; Peto's.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` as asked for, the odds ratios all ``"OR"``; ratios are natural logarithms.

    Raises
    ------
    ReviewError
        For negative counts, or counts from which the effect cannot be computed.

    References
    ----------
    Elbourne DR and others (2002). International Journal of Epidemiology 31:140-149.
    Zou GY (2007). One relative risk versus two odds ratios: implications for meta-analyses
    involving paired and unpaired binary data. Clinical Trials 4:25-31.
    Curtin F, Elbourne D, Altman DG (2002). Meta-analysis combining parallel and cross-over clinical
    trials. II: Binary outcomes. Statistics in Medicine 21:2145-2159.

    Examples
    --------
    >>> print(f"{paired_events(12, 8, 3, 27).effect[0]:.3f}")
    0.442
    """
    check_choice("measure", measure, PAIRED_MEASURES)
    given = {
        "both": both, "only_first": only_first, "only_second": only_second, "neither": neither
    }  # fmt: skip
    cells, names = columns_of(labels, **given)
    for name, cell in zip(given, cells, strict=True):
        check_not_negative(name, cell, names)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect, variance = _of_pairs(cells, measure)
    check_computable(measure, effect, variance, names)
    return effect_sizes(effect, variance, measure.split()[-1], f"paired, {measure}", names)


def _of_pairs(cells: list[FloatArray], measure: str) -> tuple[FloatArray, FloatArray]:
    a, b, c, d = cells
    n = a + b + c + d
    if measure == "RD":
        return (b - c) / n, ((b + c) / n - ((b - c) / n) ** 2) / n
    if measure == "RR":
        return np.log((a + b) / (a + c)), (b + c) / ((a + b) * (a + c))
    if measure == "conditional OR":
        return np.log(b / c), 1 / b + 1 / c
    if measure == "Peto OR":
        return 2 * (b - c) / (b + c), 4 / (b + c)
    first, second = (a + b) * (c + d) / n, (a + c) * (b + d) / n  # n p (1 - p) of each treatment
    covariance = (a * d - b * c) / n
    variance = 1 / first + 1 / second - 2 * covariance / (first * second)
    return np.log((a + b) / (c + d)) - np.log((a + c) / (b + d)), variance


def _columns(
    n: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    labels: Labels,
) -> tuple[list[FloatArray], tuple[str, ...]]:
    return checked(labels, n=n, mean1=mean1, sd1=sd1, mean2=mean2, sd2=sd2, correlation=correlation)
