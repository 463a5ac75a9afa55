"""Means and SDs of two arms, or of one group before and after, to an effect and its variance.

An effect is always first minus second, or after minus before. On a scale where lower is better,
a negative effect therefore favours the first arm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray, check_choice, check_values
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import EffectSizes, Labels, checked, effect_sizes
from analysis_lib.effects.conversions import variance_of_change

VarianceMethod: TypeAlias = Literal["LS", "UB"]


def mean_difference(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    pooled_sd: bool = False,
    labels: Labels = None,
) -> EffectSizes:
    r"""Difference between the means of two independent arms, first minus second.

    Parameters
    ----------
    n1, mean1, sd1 : array_like, shape (k,)
        Sizes, means and SDs of the first arms; means and SDs in the unit of the scale.
    n2, mean2, sd2 : array_like, shape (k,)
        The same of the second arms.
    pooled_sd : bool, default False
        False: each arm keeps its own SD. True: both arms share one SD, the pooled one.
    labels : sequence, optional
        Trial labels, used in error messages and in the result.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"MD"``.

    Raises
    ------
    ReviewError
        For a size below 2, an SD that is not positive, a value that is not finite, or columns of
        unequal length. The message names the trial and the value.

    Notes
    -----
    With :math:`s_p^2 = ((n_1-1)s_1^2 + (n_2-1)s_2^2) / (n_1+n_2-2)`,

    .. math:: y = m_1 - m_2, \qquad
        v = \frac{s_1^2}{n_1} + \frac{s_2^2}{n_2}
        \quad\text{or}\quad v = s_p^2\left(\frac{1}{n_1}+\frac{1}{n_2}\right).

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, chapters 6 and 10.

    Examples
    --------
    >>> trial = mean_difference(25, 4.2, 2.0, 25, 5.0, 2.0)
    >>> print(f"{trial.effect[0]:.2f}, SE {trial.se[0]:.3f}")
    -0.80, SE 0.566
    """
    (n1, mean1, sd1, n2, mean2, sd2), names = checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    if pooled_sd:
        variance = _pooled_variance(n1, sd1, n2, sd2) * (1 / n1 + 1 / n2)
    else:
        variance = sd1**2 / n1 + sd2**2 / n2
    method = "pooled SD" if pooled_sd else "separate SDs"
    return effect_sizes(mean1 - mean2, variance, "MD", method, names)


def standardized_mean_difference(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    variance_method: str = "LS",
    correction: str = "exact",
    unit: str = "pooled",
    labels: Labels = None,
) -> EffectSizes:
    r"""Hedges' g: the mean difference in pooled SDs, corrected exactly for small samples.

    Parameters
    ----------
    n1, mean1, sd1 : array_like, shape (k,)
        Sizes, means and SDs of the first arms.
    n2, mean2, sd2 : array_like, shape (k,)
        The same of the second arms.
    variance_method : {"LS", "UB", "LS2", "meta", "unequal"}, default "LS"
        ``"LS"``: the large-sample variance, the default of R's metafor. ``"UB"``: the unbiased
        one, which R's meta uses. ``"LS2"``: another large-sample one. ``"meta"``: that of R's meta
        without exact formulas, and of RevMan. ``"unequal"``: of Glass' delta where the SDs of the
        arms differ. They differ little unless the arms are very small.
    correction : {"exact", "approximate", "none"}, default "exact"
        The factor J that takes the small-sample bias away: exactly, by RevMan's approximation
        :math:`1-3/(4m-1)`, or not at all (Cohen's d).
    unit : {"pooled", "average", "first", "second"}, default "pooled"
        The SD that is the unit: both arms' pooled, the root of their mean variance (where they
        differ), or one arm's (Glass' delta, usually the comparator's).
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"SMD"``; effects are in standard deviations.

    Raises
    ------
    ReviewError
        As `mean_difference`, and for an unknown `variance_method`.

    Notes
    -----
    With :math:`m = n_1+n_2-2` and :math:`d = (m_1-m_2)/s_p`,

    .. math:: g = J(m)\,d, \qquad
        J(m) = \frac{\Gamma(m/2)}{\sqrt{m/2}\;\Gamma((m-1)/2)},

    .. math:: v_{LS} = \frac{1}{n_1}+\frac{1}{n_2}+\frac{g^2}{2(n_1+n_2)}, \qquad
        v_{UB} = \frac{1}{n_1}+\frac{1}{n_2}+\left(1-\frac{m-2}{m\,J(m)^2}\right)g^2 .

    References
    ----------
    Hedges LV (1981). Distribution theory for Glass's estimator of effect size and related
    estimators. Journal of Educational Statistics 6:107-128.

    Hedges LV (1982). Estimation of effect size from a series of independent experiments.
    Psychological Bulletin 92:490-499.

    Hedges LV (1983). A random effects model for effect sizes. Psychological Bulletin 93:388-395.

    Examples
    --------
    >>> trial = standardized_mean_difference(12, 10, 3, 14, 12, 4)
    >>> print(f"{trial.effect[0]:.4f}, variance {trial.variance[0]:.4f}")
    -0.5415, variance 0.1604
    """
    (n1, mean1, sd1, n2, mean2, sd2), names = checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    check_choice("correction", correction, tuple(_CORRECTIONS))
    check_choice("unit", unit, ("pooled", "average", "first", "second"))
    sizes, sds = (n1, n2), (sd1, sd2)
    degrees = {"first": n1 - 1, "second": n2 - 1}.get(unit, n1 + n2 - 2)
    units = {"first": sd1, "second": sd2, "average": np.sqrt((sd1**2 + sd2**2) / 2)}
    scale = units.get(unit, np.sqrt(_pooled_variance(n1, sd1, n2, sd2)))
    d = (mean1 - mean2) / scale
    if correction != "none":
        check_values("n", degrees + 1, names, degrees > 1, "at least 3 in the arm of the unit")
    effect = _CORRECTIONS[correction](degrees) * d
    variance = _variance_of_smd(d, effect, sizes, sds, degrees, unit, variance_method)
    return effect_sizes(effect, variance, "SMD", variance_method, names)


def _variance_of_smd(
    d: FloatArray,
    effect: FloatArray,
    sizes: tuple[FloatArray, FloatArray],
    sds: tuple[FloatArray, FloatArray],
    degrees: FloatArray,
    unit: str,
    method: str,
) -> FloatArray:
    """Return the sampling variance of a standardized mean difference, by unit and method."""
    (n1, n2), (sd1, sd2) = sizes, sds
    check_choice("variance_method", method, _SMD_VARIANCES[unit])
    arms = 1 / n1 + 1 / n2
    if unit == "average":
        lost = 1 if method == "LS" else 0
        scale2 = (sd1**2 + sd2**2) / 2
        spread = (sd1**4 / (n1 - lost) + sd2**4 / (n2 - lost)) / (8 * scale2**2)
        return (sd1**2 / (n1 - lost) + sd2**2 / (n2 - lost)) / scale2 + spread * effect**2
    n, own = {"first": (n1, sd1), "second": (n2, sd2)}.get(unit, (n1 + n2, sd1))
    if method == "unequal":
        others = (sd1 / own) ** 2 / (n1 - 1) + (sd2 / own) ** 2 / (n2 - 1)
        return np.asarray(others + effect**2 / (2 * (n - 1)))
    if method == "meta":
        return np.asarray(arms + effect**2 / (2 * (n - (3.94 if unit == "pooled" else 1))))
    if method == "LS2":
        return np.asarray(small_sample_correction(degrees) ** 2 * (arms + d**2 / (2 * n)))
    if method == "UB":  # of the corrected g, whatever is reported
        g = small_sample_correction(degrees) * d
        return arms + _spread_of_g(g, n, degrees, method)
    return arms + _spread_of_g(effect, n, degrees, method)


def mean_change(
    n: npt.ArrayLike,
    mean_pre: npt.ArrayLike,
    sd_pre: npt.ArrayLike,
    mean_post: npt.ArrayLike,
    sd_post: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> EffectSizes:
    r"""Mean change within one group, after minus before, in the unit of the scale.

    Parameters
    ----------
    n : array_like, shape (k,)
        Number measured both before and after.
    mean_pre, sd_pre, mean_post, sd_post : array_like, shape (k,)
        Means and SDs before and after.
    correlation : array_like, shape (k,) or a single number
        Correlation between the two measurements, strictly between -1 and 1.
    labels : sequence, optional
        Group labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"MC"``; the variance is ``sd_of_change(...)**2 / n``.

    Raises
    ------
    ReviewError
        As `mean_difference`, and for a correlation outside (-1, 1).

    References
    ----------
    Cochrane Handbook, section 6.5.2.8.

    Examples
    --------
    >>> group = mean_change(10, 7.0, 2.38, 6.5, 2.21, 0.68)
    >>> print(f"{group.effect[0]:.1f}, SE {group.se[0]:.3f}")
    -0.5, SE 0.583
    """
    (n, mean_pre, sd_pre, mean_post, sd_post, correlation), names = checked(
        labels,
        n=n,
        mean_pre=mean_pre,
        sd_pre=sd_pre,
        mean_post=mean_post,
        sd_post=sd_post,
        correlation=correlation,
    )
    variance = variance_of_change(sd_pre, sd_post, correlation) / n
    return effect_sizes(mean_post - mean_pre, variance, "MC", "SD of change", names)


def standardized_mean_change(
    n: npt.ArrayLike,
    mean_pre: npt.ArrayLike,
    sd_pre: npt.ArrayLike,
    mean_post: npt.ArrayLike,
    sd_post: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    standardizer: Literal["pre", "change"] = "pre",
    variance_method: VarianceMethod = "LS",
    labels: Labels = None,
) -> EffectSizes:
    r"""Change within one group in standard deviations, corrected exactly for small samples.

    Parameters
    ----------
    n : array_like, shape (k,)
        Number measured both before and after; at least 3.
    mean_pre, sd_pre, mean_post, sd_post : array_like, shape (k,)
        Means and SDs before and after.
    correlation : array_like, shape (k,) or a single number
        Correlation between the two measurements, strictly between -1 and 1.
    standardizer : {"pre", "change"}, default "pre"
        The SD that is the unit: of the raw scores before (``"SMCR"``, comparable with an SMD
        between groups), or of the changes (``"SMCC"``).
    variance_method : {"LS", "UB"}, default "LS"
        As in `standardized_mean_difference`.
    labels : sequence, optional
        Group labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"SMCR"`` or ``"SMCC"``.

    Raises
    ------
    ReviewError
        As `mean_change`, for n below 3 (below 5 where r is corrected), and for unknown options.

    Notes
    -----
    With :math:`J` of `standardized_mean_difference` and :math:`m = n-1`,

    .. math:: g = J(m)\,\frac{m_{post}-m_{pre}}{s}, \qquad
        v_{LS} = \frac{c}{n}+\frac{g^2}{2n}, \qquad
        v_{UB} = \frac{c}{n}+\left(1-\frac{m-2}{m\,J(m)^2}\right)g^2,

    with :math:`c = 2(1-r)` when :math:`s` is the SD before, and :math:`c = 1` when it is the SD
    of the changes. The SD after plays no part when the SD before is the unit. With ``"UB"`` and
    the SD before, r is taken as estimated from the same n people and replaced by its unbiased
    estimate :math:`r\,{}_2F_1(1/2, 1/2; (n-2)/2; 1-r^2)`, as in R's metafor.

    References
    ----------
    Becker BJ (1988). Synthesizing standardized mean-change measures. British Journal of
    Mathematical and Statistical Psychology 41:257-278.

    Gibbons RD, Hedeker DR, Davis JM (1993). Estimation of effect size from a series of
    experiments involving paired comparisons. Journal of Educational Statistics 18:271-279.

    Olkin I, Pratt JW (1958). Unbiased estimation of certain correlation coefficients. Annals of
    Mathematical Statistics 29:201-211.

    Examples
    --------
    >>> group = standardized_mean_change(20, 30, 8, 22, 8, 0.6)
    >>> print(f"{group.effect[0]:.3f}, variance {group.variance[0]:.3f}")
    -0.960, variance 0.063
    """
    (n, mean_pre, sd_pre, mean_post, sd_post, correlation), names = checked(
        labels,
        n=n,
        mean_pre=mean_pre,
        sd_pre=sd_pre,
        mean_post=mean_post,
        sd_post=sd_post,
        correlation=correlation,
    )
    check_values("n", n, names, n >= 3, "at least 3 to standardize a change")
    check_choice("variance_method", variance_method, get_args(VarianceMethod))
    if standardizer == "pre":
        if variance_method == "UB":
            check_values("n", n, names, n >= 5, "at least 5 to correct a correlation")
            correlation = _unbiased_correlation(correlation, n)
        measure, unit, share = "SMCR", sd_pre, 2 * (1 - correlation)
    elif standardizer == "change":
        unit = np.sqrt(variance_of_change(sd_pre, sd_post, correlation))
        measure, share = "SMCC", np.ones_like(n)
    else:
        raise ReviewError(f"standardizer: 'pre' or 'change', not {standardizer!r}")
    g = small_sample_correction(n - 1) * (mean_post - mean_pre) / unit
    variance = share / n + _spread_of_g(g, n, n - 1, variance_method)
    return effect_sizes(g, variance, measure, variance_method, names)


def small_sample_correction(degrees: FloatArray) -> FloatArray:
    r"""Hedges' exact factor that removes the bias of a standardized mean difference.

    Parameters
    ----------
    degrees : ndarray
        Degrees of freedom m of the SD that is the unit; greater than 1.

    Returns
    -------
    ndarray
        :math:`J(m) = \Gamma(m/2) / (\sqrt{m/2}\,\Gamma((m-1)/2))`, between 0 and 1.

    References
    ----------
    Hedges LV (1981). Journal of Educational Statistics 6:107-128.

    Examples
    --------
    >>> print(f"{small_sample_correction(np.array([20.0]))[0]:.4f}")
    0.9619
    """
    # Gamma(m/2) / Gamma((m-1)/2) through the beta function: the difference of two log gamma
    # values loses digits as m grows.
    return np.sqrt(2 * np.pi / degrees) / special.beta((degrees - 1) / 2, 0.5)


_CORRECTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "exact": small_sample_correction,
    "approximate": lambda degrees: 1 - 3 / (4 * degrees - 1),
    "none": np.ones_like,
}
#: The formulas that there are for each unit.
_SMD_VARIANCES = {
    "pooled": ("LS", "UB", "LS2", "meta"),
    "average": ("LS", "LS2"),
    "first": ("LS", "meta", "unequal"),
    "second": ("LS", "meta", "unequal"),
}


def _pooled_variance(
    n1: FloatArray, sd1: FloatArray, n2: FloatArray, sd2: FloatArray
) -> FloatArray:
    return ((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2)


def _unbiased_correlation(r: FloatArray, n: FloatArray) -> FloatArray:
    return np.asarray(r * special.hyp2f1(0.5, 0.5, (n - 2) / 2, 1 - r**2), dtype=float)


def _spread_of_g(
    g: FloatArray, n: FloatArray, degrees: FloatArray, variance_method: str
) -> FloatArray:
    """Return the part of the sampling variance of g that grows with g itself."""
    if variance_method == "LS":
        return g**2 / (2 * n)
    factor = small_sample_correction(degrees) ** 2
    return (1 - (degrees - 2) / (degrees * factor)) * g**2
