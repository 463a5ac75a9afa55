"""From what a trial prints to an effect and its sampling variance.

Three kinds of functions, all of which take one number or one column a trial:

- effect measures (``mean_difference``, ``standardized_mean_difference``, ``mean_change``,
  ``standardized_mean_change``) give an `EffectSizes`, ready to be pooled;
- conversions (``sd_from_se``, ``sd_from_ci``, ``mean_sd_from_median`` ...) find the mean and the
  SD that a report does not print;
- preparations (``combine_arms``, ``split_comparator``, ``rescale``, ``change_unit``) bring the
  arms of a trial into the shape that the comparison needs.

An effect is always first minus second, or after minus before. On a scale where lower is better,
a negative effect therefore favours the first arm.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_lengths,
    check_level,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError

#: A column of results, or a single number when every input was a single number.
Column: TypeAlias = FloatArray | np.float64
Labels: TypeAlias = Sequence[object] | None
VarianceMethod: TypeAlias = Literal["LS", "UB"]

FEWEST_TO_COMPARE = 3


@dataclass(frozen=True, slots=True, eq=False)
class EffectSizes:
    """Effects of several trials with their sampling variances.

    Attributes
    ----------
    effect : ndarray, shape (k,)
        One effect a trial, in the unit that `measure` names.
    variance : ndarray, shape (k,)
        Sampling variances, in that unit squared.
    measure : str
        ``"MD"`` mean difference, ``"SMD"`` standardized mean difference, ``"MC"`` mean change,
        ``"SMCR"`` or ``"SMCC"`` standardized mean change.
    method : str
        How the variance was computed.
    labels : tuple of str
        One label a trial.
    """

    effect: FloatArray
    variance: FloatArray
    measure: str
    method: str
    labels: tuple[str, ...]

    @property
    def se(self) -> FloatArray:
        """Standard errors, the square roots of the variances."""
        return np.sqrt(self.variance)

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Return the lower and the upper limits of the trials' own normal intervals."""
        margin = _two_sided_z(level) * self.se
        return self.effect - margin, self.effect + margin


@dataclass(frozen=True, slots=True, eq=False)
class MeanSD:
    """A mean and a standard deviation (of one trial arm, or a column of each)."""

    mean: Column
    sd: Column


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """Size, mean and standard deviation of a trial arm (or a column of each)."""

    n: Column
    mean: Column
    sd: Column


class LooksLikeStandardError(UserWarning):
    """A printed SD that may be a standard error; the paper should be read again."""


@dataclass(frozen=True, slots=True)
class SuspectSD:
    """One SD that fits the other trials better when it is read as a standard error.

    Attributes
    ----------
    label : str
        The arm.
    n, sd : float
        Its size and its SD as printed.
    others_median : float
        The median SD of all other arms on the scale.
    sd_if_se : float
        ``sd * sqrt(n)``: the SD, if the printed number were a standard error.
    """

    label: str
    n: float
    sd: float
    others_median: float
    sd_if_se: float


# --- effect measures -----------------------------------------------------------------------------


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
    (n1, mean1, sd1, n2, mean2, sd2), names = _checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    if pooled_sd:
        variance = _pooled_variance(n1, sd1, n2, sd2) * (1 / n1 + 1 / n2)
    else:
        variance = sd1**2 / n1 + sd2**2 / n2
    method = "pooled SD" if pooled_sd else "separate SDs"
    return _effect_sizes(mean1 - mean2, variance, "MD", method, names)


def standardized_mean_difference(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    variance_method: VarianceMethod = "LS",
    labels: Labels = None,
) -> EffectSizes:
    r"""Hedges' g: the mean difference in pooled SDs, corrected exactly for small samples.

    Parameters
    ----------
    n1, mean1, sd1 : array_like, shape (k,)
        Sizes, means and SDs of the first arms.
    n2, mean2, sd2 : array_like, shape (k,)
        The same of the second arms.
    variance_method : {"LS", "UB"}, default "LS"
        ``"LS"``: the large-sample variance, the default of R's metafor. ``"UB"``: the unbiased
        one, which R's meta uses. They differ little unless the arms are very small.
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
    (n1, mean1, sd1, n2, mean2, sd2), names = _checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    d = (mean1 - mean2) / np.sqrt(_pooled_variance(n1, sd1, n2, sd2))
    degrees = n1 + n2 - 2
    g = small_sample_correction(degrees) * d
    variance = 1 / n1 + 1 / n2 + _spread_of_g(g, n1 + n2, degrees, variance_method)
    return _effect_sizes(g, variance, "SMD", variance_method, names)


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
    (n, mean_pre, sd_pre, mean_post, sd_post, correlation), names = _checked(
        labels,
        n=n,
        mean_pre=mean_pre,
        sd_pre=sd_pre,
        mean_post=mean_post,
        sd_post=sd_post,
        correlation=correlation,
    )
    variance = _variance_of_change(sd_pre, sd_post, correlation) / n
    return _effect_sizes(mean_post - mean_pre, variance, "MC", "SD of change", names)


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
    (n, mean_pre, sd_pre, mean_post, sd_post, correlation), names = _checked(
        labels,
        n=n,
        mean_pre=mean_pre,
        sd_pre=sd_pre,
        mean_post=mean_post,
        sd_post=sd_post,
        correlation=correlation,
    )
    check_values("n", n, names, n >= 3, "at least 3 to standardize a change")
    if standardizer == "pre":
        if variance_method == "UB":
            check_values("n", n, names, n >= 5, "at least 5 to correct a correlation")
            correlation = _unbiased_correlation(correlation, n)
        measure, unit, share = "SMCR", sd_pre, 2 * (1 - correlation)
    elif standardizer == "change":
        unit = np.sqrt(_variance_of_change(sd_pre, sd_post, correlation))
        measure, share = "SMCC", np.ones_like(n)
    else:
        raise ReviewError(f"standardizer: 'pre' or 'change', not {standardizer!r}")
    g = small_sample_correction(n - 1) * (mean_post - mean_pre) / unit
    variance = share / n + _spread_of_g(g, n, n - 1, variance_method)
    return _effect_sizes(g, variance, measure, variance_method, names)


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


# --- from printed statistics to the SD -----------------------------------------------------------


def sd_from_se(se: npt.ArrayLike, n: npt.ArrayLike, *, labels: Labels = None) -> Column:
    r"""SD of one arm from the standard error of its mean: :math:`s = SE\sqrt{n}`.

    Parameters
    ----------
    se : array_like, shape (k,)
        Standard error of the arm's mean.
    n : array_like, shape (k,)
        Size of the arm.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD, in the unit of the standard error.

    Raises
    ------
    ReviewError
        For a standard error that is not positive or a size below 2.

    References
    ----------
    Cochrane Handbook, section 6.5.2.2.

    Examples
    --------
    >>> print(sd_from_se(0.5, 16))
    2.0
    """
    (errors, sizes), _ = _checked(labels, se=se, n=n)
    return _as_given(errors * np.sqrt(sizes), se, n)


def sd_from_ci(
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    level: float = 0.95,
    distribution: Literal["t", "normal"] = "t",
    labels: Labels = None,
) -> Column:
    r"""SD of one arm from the confidence interval of its mean.

    Parameters
    ----------
    low, high : array_like, shape (k,)
        Limits of the interval.
    n : array_like, shape (k,)
        Size of the arm.
    level : float, default 0.95
        Confidence level.
    distribution : {"t", "normal"}, default "t"
        What the interval was made with: t on n - 1 degrees of freedom (right for small arms and
        hardly different for large ones), or the normal distribution (3.92 for 95 %).
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD.

    Raises
    ------
    ReviewError
        When a lower limit is not below its upper limit, for a size below 2, or a level outside
        (0, 1).

    Notes
    -----
    :math:`s = \sqrt{n}\,(u-l) / (2q)` with the two-sided quantile :math:`q`.

    References
    ----------
    Cochrane Handbook, section 6.5.2.2.

    Examples
    --------
    >>> print(f"{sd_from_ci(30.0, 34.2, 100, distribution='normal'):.2f}")
    10.71
    """
    (lows, highs, sizes), names = _checked(labels, low=low, high=high, n=n)
    half = _half_width(lows, highs, names)
    quantile = _two_sided_quantile(level, sizes - 1, distribution)
    return _as_given(np.sqrt(sizes) * half / quantile, low, high, n)


def sd_from_difference_se(
    se: npt.ArrayLike, n1: npt.ArrayLike, n2: npt.ArrayLike, *, labels: Labels = None
) -> Column:
    r"""SD common to two arms from the standard error of their mean difference.

    Parameters
    ----------
    se : array_like, shape (k,)
        Standard error of the difference between two independent arms.
    n1, n2 : array_like, shape (k,)
        Sizes of the arms.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD that both arms are taken to share.

    Raises
    ------
    ReviewError
        For a standard error that is not positive or a size below 2.

    Notes
    -----
    :math:`s = SE / \sqrt{1/n_1 + 1/n_2}`. Do not use it for an adjusted difference: the result is
    then the SD that remains after adjustment, smaller than the SD of the scores.

    References
    ----------
    Cochrane Handbook, section 6.5.2.3.

    Examples
    --------
    >>> print(f"{sd_from_difference_se(1.37, 25, 22):.2f}")
    4.69
    """
    (errors, sizes1, sizes2), _ = _checked(labels, se=se, n1=n1, n2=n2)
    return _as_given(errors / np.sqrt(1 / sizes1 + 1 / sizes2), se, n1, n2)


def sd_from_difference_ci(
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    level: float = 0.95,
    distribution: Literal["t", "normal"] = "t",
    labels: Labels = None,
) -> Column:
    r"""SD common to two arms from the confidence interval of their mean difference.

    Parameters
    ----------
    low, high : array_like, shape (k,)
        Limits of the interval.
    n1, n2 : array_like, shape (k,)
        Sizes of the arms.
    level : float, default 0.95
        Confidence level.
    distribution : {"t", "normal"}, default "t"
        What the interval was made with; t has n1 + n2 - 2 degrees of freedom.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD that both arms are taken to share.

    Raises
    ------
    ReviewError
        As `sd_from_ci`.

    References
    ----------
    Cochrane Handbook, section 6.5.2.3.

    Examples
    --------
    >>> print(f"{sd_from_difference_ci(1.04, 6.56, 25, 22):.2f}")
    4.69
    """
    (lows, highs, sizes1, sizes2), names = _checked(labels, low=low, high=high, n1=n1, n2=n2)
    quantile = _two_sided_quantile(level, sizes1 + sizes2 - 2, distribution)
    se = _half_width(lows, highs, names) / quantile
    return _as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), low, high, n1, n2)


def sd_from_t(
    difference: npt.ArrayLike,
    t: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Column:
    r"""SD common to two arms from their mean difference and its t statistic.

    Parameters
    ----------
    difference : array_like, shape (k,)
        Mean difference, not zero.
    t : array_like, shape (k,)
        The t statistic of the unpaired test, not zero; its sign is not used.
    n1, n2 : array_like, shape (k,)
        Sizes of the arms.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD that both arms are taken to share.

    Raises
    ------
    ReviewError
        For a difference or a t of zero, which leave the SD undetermined, or a size below 2.

    Notes
    -----
    :math:`SE = |d / t|`, then as `sd_from_difference_se`.

    References
    ----------
    Cochrane Handbook, section 6.5.2.3.

    Examples
    --------
    >>> print(f"{sd_from_t(3.8, 2.78, 25, 22):.2f}")
    4.68
    """
    (differences, statistics, sizes1, sizes2), _ = _checked(
        labels, difference=difference, t=t, n1=n1, n2=n2
    )
    se = np.abs(differences / statistics)
    return _as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), difference, t, n1, n2)


def sd_from_p(
    difference: npt.ArrayLike,
    p: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Column:
    r"""SD common to two arms from their mean difference and its exact two-sided p value.

    Parameters
    ----------
    difference : array_like, shape (k,)
        Mean difference, not zero.
    p : array_like, shape (k,)
        Two-sided p value of the unpaired t test, strictly between 0 and 1. A bound such as
        "p < 0.05" is not a p value.
    n1, n2 : array_like, shape (k,)
        Sizes of the arms.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    ndarray, shape (k,), or float
        The SD that both arms are taken to share.

    Raises
    ------
    ReviewError
        For a difference of zero, a p outside (0, 1), or a size below 2.

    Notes
    -----
    t is the two-sided quantile of p on n1 + n2 - 2 degrees of freedom, then as `sd_from_t`.

    References
    ----------
    Cochrane Handbook, section 6.5.2.3, whose worked example this is.

    Examples
    --------
    >>> print(f"{sd_from_p(3.8, 0.008, 25, 22):.2f}")
    4.68
    """
    (differences, chances, sizes1, sizes2), _ = _checked(
        labels, difference=difference, p=p, n1=n1, n2=n2
    )
    # The lower tail keeps the digits of a tiny p; 1 - p/2 would round them away.
    statistics = -special.stdtrit(sizes1 + sizes2 - 2, chances / 2)
    se = np.abs(differences) / statistics
    return _as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), difference, p, n1, n2)


def sd_of_change(
    sd_pre: npt.ArrayLike,
    sd_post: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Column:
    r"""SD of the changes from the SDs before and after and their correlation.

    Parameters
    ----------
    sd_pre, sd_post : array_like, shape (k,)
        SDs before and after.
    correlation : array_like, shape (k,) or a single number
        Correlation between the two measurements, strictly between -1 and 1.
    labels : sequence, optional
        Group labels.

    Returns
    -------
    ndarray, shape (k,), or float
        :math:`\sqrt{s_0^2 + s_1^2 - 2 r s_0 s_1}`.

    Raises
    ------
    ReviewError
        For an SD that is not positive or a correlation outside (-1, 1).

    References
    ----------
    Cochrane Handbook, section 6.5.2.8.

    Examples
    --------
    >>> print(f"{sd_of_change(2.38, 2.21, 0.68):.4f}")
    1.8426
    """
    (before, after, r), _ = _checked(
        labels, sd_pre=sd_pre, sd_post=sd_post, correlation=correlation
    )
    return _as_given(np.sqrt(_variance_of_change(before, after, r)), sd_pre, sd_post, correlation)


def correlation_from_sds(
    sd_pre: npt.ArrayLike,
    sd_post: npt.ArrayLike,
    sd_change: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Column:
    r"""Correlation between before and after from three printed SDs.

    Parameters
    ----------
    sd_pre, sd_post, sd_change : array_like, shape (k,)
        SDs before, after and of the changes.
    labels : sequence, optional
        Group labels.

    Returns
    -------
    ndarray, shape (k,), or float
        :math:`(s_0^2 + s_1^2 - s_c^2) / (2 s_0 s_1)`.

    Raises
    ------
    ReviewError
        For an SD that is not positive, or SDs that no correlation between -1 and 1 can bring
        together: then at least one of the three is not what it is said to be.

    References
    ----------
    Cochrane Handbook, section 6.5.2.8.

    Examples
    --------
    >>> print(f"{correlation_from_sds(2.38, 2.21, 2.0):.2f}")
    0.62
    """
    (before, after, change), names = _checked(
        labels, sd_pre=sd_pre, sd_post=sd_post, sd_change=sd_change
    )
    r = (before**2 + after**2 - change**2) / (2 * before * after)
    check_values(
        "correlation implied by the three SDs", r, names, np.abs(r) <= 1, "between -1 and 1"
    )
    return _as_given(r, sd_pre, sd_post, sd_change)


def mean_sd_from_median(
    n: npt.ArrayLike,
    median: npt.ArrayLike,
    *,
    q1: npt.ArrayLike | None = None,
    q3: npt.ArrayLike | None = None,
    minimum: npt.ArrayLike | None = None,
    maximum: npt.ArrayLike | None = None,
    method: Literal["Luo", "Wan"] = "Luo",
    labels: Labels = None,
) -> MeanSD:
    r"""Mean and SD of one arm from its median and its quartiles, its range, or both.

    Parameters
    ----------
    n, median : array_like, shape (k,)
        Size and median of the arm.
    q1, q3 : array_like, shape (k,), optional
        Lower and upper quartile; both or neither.
    minimum, maximum : array_like, shape (k,), optional
        Smallest and largest value; both or neither.
    method : {"Luo", "Wan"}, default "Luo"
        Which paper the mean follows. The SD follows Wan (2014) in both.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        Estimates that take the scores as a sample of a normal distribution. A median far from
        the middle of its quartiles says that they are not, and then neither estimate is good.

    Raises
    ------
    ReviewError
        When neither pair is given or only half of one, when the values are out of order or all
        equal, for a size below 2, or an unknown method.

    Notes
    -----
    With minimum a, quartiles q1 and q3, median m and maximum b, and the normal quantile function
    :math:`\Phi^{-1}`, let :math:`\xi = 2\,\Phi^{-1}((n-0.375)/(n+0.25))` and
    :math:`\eta = 2\,\Phi^{-1}((0.75n-0.125)/(n+0.25))`.

    ======= ===================== ============================== ================================
    known   SD (Wan)              mean (Wan)                     mean (Luo)
    ======= ===================== ============================== ================================
    a, b    (b-a)/ξ               (a+2m+b)/4                     w(a+b)/2 + (1-w)m,
                                                                 w = 4/(4+n^0.75)
    q1, q3  (q3-q1)/η             (q1+m+q3)/3                    w(q1+q3)/2 + (1-w)m,
                                                                 w = 0.7+0.39/n
    all     half of the sum of    (a+2q1+2m+2q3+b)/8             w(a+b)/2 + w'(q1+q3)/2
            the two above                                        + (1-w-w')m,
                                                                 w = 2.2/(2.2+n^0.75),
                                                                 w' = 0.7-0.72/n^0.55
    ======= ===================== ============================== ================================

    One call uses one row of the table for all its trials.

    References
    ----------
    Wan X, Wang W, Liu J, Tong T (2014). Estimating the sample mean and standard deviation from
    the sample size, median, range and/or interquartile range. BMC Medical Research Methodology
    14:135.

    Luo D, Wan X, Liu J, Tong T (2018). Optimally estimating the sample mean from the sample size,
    median, mid-range, and/or mid-quartile range. Statistical Methods in Medical Research
    27:1785-1805.

    Examples
    --------
    >>> arm = mean_sd_from_median(20, 10, q1=8, q3=13)
    >>> print(f"mean {arm.mean:.3f}, SD {arm.sd:.3f}")
    mean 10.360, SD 3.989
    """
    quartiles = _pair("q1", q1, "q3", q3)
    extremes = _pair("minimum", minimum, "maximum", maximum)
    if not quartiles and not extremes:
        raise ReviewError("give q1 and q3, or minimum and maximum, or all four")
    if method not in ("Luo", "Wan"):
        raise ReviewError(f"method: 'Luo' or 'Wan', not {method!r}")
    given: dict[str, npt.ArrayLike] = {"n": n, "median": median, **quartiles, **extremes}
    columns, names = _checked(labels, **given)
    known = dict(zip(given, columns, strict=True))
    _check_order(known, names)
    mean = _mean_luo(known) if method == "Luo" else _mean_wan(known)
    return MeanSD(
        mean=_as_given(mean, *given.values()), sd=_as_given(_sd_wan(known), *given.values())
    )


def warn_if_sd_looks_like_se(
    n: npt.ArrayLike, sd: npt.ArrayLike, *, labels: Labels = None
) -> tuple[SuspectSD, ...]:
    r"""Warn of SDs that would fit the other trials better as standard errors.

    Parameters
    ----------
    n, sd : array_like, shape (k,)
        Sizes and printed SDs of all arms (three or more) on the same scale.
    labels : sequence, optional
        Arm labels, such as "Smith 2011, experimental".

    Returns
    -------
    tuple of SuspectSD
        One finding a suspect arm; empty when there is none.

    Warns
    -----
    LooksLikeStandardError
        Once, naming all suspect arms.

    Raises
    ------
    ReviewError
        For fewer than three arms (no median of others to compare with), an SD that is not
        positive, or a size below 2.

    Notes
    -----
    The rule. Let M be the median SD of all *other* arms. A standard error is smaller than its SD
    by the factor :math:`\sqrt n`. The printed value s is suspect when, on the scale of ratios,
    :math:`s\sqrt n` lies nearer to M than s itself does:

    .. math:: |\log(s\sqrt n / M)| < |\log(s / M)|,

    which is the same as :math:`s < M / n^{1/4}`. No constant is tuned.

    Its limits. It asks a question and does not answer it: only the paper tells. An arm whose
    scores truly vary little is named as well, the more easily the smaller n is (at n = 16 an SD
    below half the median is enough). It is blind when half of the arms or more are wrong,
    because the median is then wrong too.

    References
    ----------
    Kadlec D, Sainani KL, Nimphius S (2023). With great power comes great responsibility: common
    errors in meta-analyses and meta-regressions in strength and conditioning research. Sports
    Medicine 53:313-325. They found the mistake in 9 of 20 much cited meta-analyses, mostly by
    standardized differences greater than 3. The rule above is this library's own.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", LooksLikeStandardError)
    ...     found = warn_if_sd_looks_like_se([25, 30, 28, 36], [2.1, 1.9, 0.4, 2.4])
    >>> print([(one.label, round(one.sd_if_se, 1)) for one in found])
    [('study 3', 2.1)]
    """
    (sizes, spreads), names = _checked(labels, n=n, sd=sd)
    if len(names) < FEWEST_TO_COMPARE:
        raise ReviewError(f"sd: {FEWEST_TO_COMPARE} arms or more to compare, got {len(names)}")
    others = np.array([np.median(np.delete(spreads, i)) for i in range(len(names))])
    found = tuple(
        _suspect(names[i], float(sizes[i]), float(spreads[i]), float(others[i]))
        for i in np.flatnonzero(spreads < others / sizes**0.25)
    )
    if found:
        told = ", ".join(
            f"{one.label}: SD {one.sd:g}, the others' median {one.others_median:g}, "
            f"as an SE it means SD {one.sd_if_se:.3g}"
            for one in found
        )
        warnings.warn(
            f"SDs that may be standard errors ({told})", LooksLikeStandardError, stacklevel=2
        )
    return found


# --- arms and scales -----------------------------------------------------------------------------


def combine_arms(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Arm:
    r"""Two arms of a trial as if they had been one.

    Parameters
    ----------
    n1, mean1, sd1, n2, mean2, sd2 : array_like, shape (k,)
        Sizes, means and SDs of the two arms. For a third arm, combine its numbers with the
        result; the order does not matter.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    Arm
        Exactly the size, the mean and the SD of all their participants together.

    Raises
    ------
    ReviewError
        As `mean_difference`.

    Notes
    -----
    .. math:: n = n_1+n_2, \quad m = \frac{n_1 m_1+n_2 m_2}{n}, \quad
        (n-1)s^2 = (n_1-1)s_1^2+(n_2-1)s_2^2+\frac{n_1 n_2}{n}(m_1-m_2)^2 .

    References
    ----------
    Cochrane Handbook, section 6.5.2.10.

    Examples
    --------
    >>> arm = combine_arms(25, 60, 10, 35, 52, 12)
    >>> print(f"n {arm.n:.0f}, mean {arm.mean:.2f}, SD {arm.sd:.2f}")
    n 60, mean 55.33, SD 11.81
    """
    given = (n1, mean1, sd1, n2, mean2, sd2)
    (n1, mean1, sd1, n2, mean2, sd2), _ = _checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    n = n1 + n2
    # From the first mean towards the second, so that equal means stay exactly equal.
    mean = mean1 + (mean2 - mean1) * (n2 / n)
    within = (n1 - 1) * sd1**2 + (n2 - 1) * sd2**2
    between = n1 * n2 / n * (mean1 - mean2) ** 2
    sd = np.sqrt((within + between) / (n - 1))
    return Arm(n=_as_given(n, *given), mean=_as_given(mean, *given), sd=_as_given(sd, *given))


def split_comparator(
    n: npt.ArrayLike,
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    shares: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Arm:
    """Give each of several comparisons its share of one comparator arm.

    A comparator that meets two intervention arms of its trial would otherwise be counted twice.
    Its size is divided evenly; mean and SD stay as they are. The share need not be a whole
    number: 25 people in two comparisons count as 12.5 in each, and are not rounded.

    Parameters
    ----------
    n, mean, sd : array_like, shape (k,)
        The comparator arm as printed.
    shares : array_like, shape (k,)
        Number of comparisons that share it; a whole number, 1 or more.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    Arm
        One share.

    Raises
    ------
    ReviewError
        As `mean_difference`; also when a share would be smaller than 2.

    Notes
    -----
    The shares have the same mean, so that the comparisons remain correlated: splitting removes
    the double counting only in part. Combining the intervention arms (`combine_arms`) removes
    it wholly.

    References
    ----------
    Cochrane Handbook, section 23.3.4 (16.5.4 in version 5.1).

    Examples
    --------
    >>> arm = split_comparator(25, 4.8, 2.1, 2)
    >>> print(arm.n, arm.mean, arm.sd)
    12.5 4.8 2.1
    """
    (sizes, means, sds, parts), names = _checked(labels, n=n, mean=mean, sd=sd, shares=shares)
    share = sizes / parts
    check_values("n of one share", share, names, share >= 2, "at least 2")
    given = (n, mean, sd, shares)
    return Arm(n=_as_given(share, *given), mean=_as_given(means, *given), sd=_as_given(sds, *given))


def rescale(
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    *,
    source: tuple[float, float],
    target: tuple[float, float],
    reverse: bool = False,
    labels: Labels = None,
) -> MeanSD:
    r"""Mean and SD of scores on one scale as if measured on another.

    Parameters
    ----------
    mean, sd : array_like, shape (k,)
        Mean and SD of the scores (not of changes; see `change_unit`).
    source, target : (float, float)
        Lowest and highest possible score of the scale used and of the scale wanted.
    reverse : bool, default False
        True when a high score is good on one scale and bad on the other.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        On the target scale.

    Raises
    ------
    ReviewError
        For a scale whose lowest score is not below its highest, a mean outside the source scale,
        or an SD that is not positive.

    Notes
    -----
    A straight line takes source (a, b) to target (A, B); with :math:`f = (B-A)/(b-a)`,

    .. math:: m' = A + f(m-a) \quad\text{or, reversed,}\quad m' = B - f(m-a),
        \qquad s' = f s .

    That both scales measure the same thing is the reader's judgement, not a computation.

    Examples
    --------
    >>> pain = rescale(42.0, 21.0, source=(0, 100), target=(0, 10))
    >>> print(f"{pain.mean:.1f} ({pain.sd:.1f})")
    4.2 (2.1)
    """
    (means, sds), names = _checked(labels, mean=mean, sd=sd)
    low, high = _scale("source", source)
    new_low, new_high = _scale("target", target)
    inside = (means >= low) & (means <= high)
    check_values("mean", means, names, inside, f"inside the scale from {low:g} to {high:g}")
    factor = (new_high - new_low) / (high - low)
    moved = factor * (means - low)
    new_mean = new_high - moved if reverse else new_low + moved
    return MeanSD(mean=_as_given(new_mean, mean, sd), sd=_as_given(factor * sds, mean, sd))


def change_unit(
    mean: npt.ArrayLike, sd: npt.ArrayLike, factor: npt.ArrayLike, *, labels: Labels = None
) -> MeanSD:
    """Mean and SD in another unit: both multiplied by a factor.

    Parameters
    ----------
    mean, sd : array_like, shape (k,)
        Mean and SD, of scores or of changes.
    factor : array_like, shape (k,) or a single number
        How many new units make one old unit: 1/60 from seconds to minutes. A negative factor
        also turns the direction, as a change on a reversed scale needs.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        ``factor * mean`` and ``abs(factor) * sd``.

    Raises
    ------
    ReviewError
        For a factor of zero, an SD that is not positive, or a value that is not finite.

    Examples
    --------
    >>> hold = change_unit(90.0, 30.0, 1 / 60)
    >>> print(f"{hold.mean:.1f} ({hold.sd:.1f}) minutes")
    1.5 (0.5) minutes
    """
    (means, sds, factors), _ = _checked(labels, mean=mean, sd=sd, factor=factor)
    given = (mean, sd, factor)
    return MeanSD(
        mean=_as_given(factors * means, *given), sd=_as_given(np.abs(factors) * sds, *given)
    )


# --- what the functions above share --------------------------------------------------------------

_Rule: TypeAlias = tuple[Callable[[FloatArray], npt.NDArray[np.bool_]], str]
_FINITE: _Rule = (np.isfinite, "finite")
_POSITIVE: _Rule = (lambda x: np.isfinite(x) & (x > 0), "finite and greater than zero")
_NOT_ZERO: _Rule = (lambda x: np.isfinite(x) & (x != 0), "finite and not zero")

#: What each kind of column has to be; the kind is the name up to an underscore or a digit.
_RULES: dict[str, _Rule] = {
    "n": (lambda x: np.isfinite(x) & (x >= 2), "finite and at least 2"),
    "mean": _FINITE,
    "low": _FINITE,
    "high": _FINITE,
    "median": _FINITE,
    "q": _FINITE,
    "minimum": _FINITE,
    "maximum": _FINITE,
    "sd": _POSITIVE,
    "se": _POSITIVE,
    "difference": _NOT_ZERO,
    "t": _NOT_ZERO,
    "factor": _NOT_ZERO,
    "p": (lambda x: (x > 0) & (x < 1), "strictly between 0 and 1"),
    "correlation": (lambda x: np.abs(x) < 1, "strictly between -1 and 1"),
    "shares": (lambda x: (x >= 1) & (x == np.floor(x)) & np.isfinite(x), "a whole number from 1"),
}


def _checked(labels: Labels, **given: npt.ArrayLike) -> tuple[list[FloatArray], tuple[str, ...]]:
    """Return the columns, all of one length and each obeying the rule of its kind.

    A single number stands for every row.
    """
    columns = {name: as_floats(name, values) for name, values in given.items()}
    listed = {name: column for name, column in columns.items() if np.ndim(given[name]) > 0}
    k = check_lengths(**listed) if listed else 1
    names = study_labels(labels, k)
    full = {name: col if name in listed else np.full(k, col[0]) for name, col in columns.items()}
    for name, column in full.items():
        valid, rule = _RULES[name.split("_")[0].rstrip("0123456789")]
        check_values(name, column, names, valid(column), rule)
    return list(full.values()), names


def _as_given(result: FloatArray, *given: npt.ArrayLike) -> Column:
    """Return a single number when every input was one."""
    return result if any(np.ndim(values) > 0 for values in given) else np.float64(result[0])


def _effect_sizes(
    effect: FloatArray, variance: FloatArray, measure: str, method: str, names: tuple[str, ...]
) -> EffectSizes:
    effect.flags.writeable = variance.flags.writeable = False
    return EffectSizes(effect, variance, measure, method, names)


def _pooled_variance(
    n1: FloatArray, sd1: FloatArray, n2: FloatArray, sd2: FloatArray
) -> FloatArray:
    return ((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2)


def _variance_of_change(before: FloatArray, after: FloatArray, r: FloatArray) -> FloatArray:
    # The textbook sum s0^2 + s1^2 - 2 r s0 s1, written without its cancellation at r near 1.
    return (before - after) ** 2 + 2 * (1 - r) * before * after


def _unbiased_correlation(r: FloatArray, n: FloatArray) -> FloatArray:
    return np.asarray(r * special.hyp2f1(0.5, 0.5, (n - 2) / 2, 1 - r**2), dtype=float)


def _spread_of_g(
    g: FloatArray, n: FloatArray, degrees: FloatArray, variance_method: str
) -> FloatArray:
    """Return the part of the sampling variance of g that grows with g itself."""
    if variance_method == "LS":
        return g**2 / (2 * n)
    if variance_method == "UB":
        factor = small_sample_correction(degrees) ** 2
        return (1 - (degrees - 2) / (degrees * factor)) * g**2
    raise ReviewError(f"variance_method: 'LS' or 'UB', not {variance_method!r}")


def _two_sided_z(level: float) -> float:
    check_level(level)
    return float(-special.ndtri((1 - level) / 2))


def _two_sided_quantile(level: float, degrees: FloatArray, distribution: str) -> FloatArray:
    check_level(level)
    if distribution == "t":
        return np.asarray(-special.stdtrit(degrees, (1 - level) / 2), dtype=float)
    if distribution == "normal":
        return np.full_like(degrees, _two_sided_z(level))
    raise ReviewError(f"distribution: 't' or 'normal', not {distribution!r}")


def _half_width(low: FloatArray, high: FloatArray, names: Sequence[str]) -> FloatArray:
    width = high - low
    check_values("high - low", width, names, width > 0, "greater than zero")
    return width / 2


def _suspect(label: str, n: float, sd: float, others_median: float) -> SuspectSD:
    return SuspectSD(label, n, sd, others_median, sd_if_se=sd * n**0.5)


def _scale(name: str, limits: tuple[float, float]) -> tuple[float, float]:
    low, high = float(limits[0]), float(limits[1])
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ReviewError(f"{name}: lowest and highest possible score, not {limits}")
    return low, high


def _pair(
    first: str, low: npt.ArrayLike | None, second: str, high: npt.ArrayLike | None
) -> dict[str, npt.ArrayLike]:
    if low is None and high is None:
        return {}
    if low is None or high is None:
        raise ReviewError(f"give {first} and {second} together, or neither")
    return {first: low, second: high}


def _check_order(known: dict[str, FloatArray], names: Sequence[str]) -> None:
    order = [name for name in ("minimum", "q1", "median", "q3", "maximum") if name in known]
    for lower, upper in pairwise(order):
        gap = known[upper] - known[lower]
        check_values(f"{upper} - {lower}", gap, names, gap >= 0, "zero or more")
    for lower, upper in (("minimum", "maximum"), ("q1", "q3")):
        if lower in known:
            spread = known[upper] - known[lower]
            check_values(f"{upper} - {lower}", spread, names, spread > 0, "greater than zero")


def _sd_wan(known: dict[str, FloatArray]) -> FloatArray:
    n = known["n"]
    estimates: list[FloatArray] = []
    if "minimum" in known:
        widths_in_sd = 2 * special.ndtri((n - 0.375) / (n + 0.25))
        estimates.append((known["maximum"] - known["minimum"]) / widths_in_sd)
    if "q1" in known:
        widths_in_sd = 2 * special.ndtri((0.75 * n - 0.125) / (n + 0.25))
        estimates.append((known["q3"] - known["q1"]) / widths_in_sd)
    return np.asarray(np.mean(estimates, axis=0), dtype=float)


def _mean_wan(known: dict[str, FloatArray]) -> FloatArray:
    median = known["median"]
    if "q1" not in known:
        return (known["minimum"] + 2 * median + known["maximum"]) / 4
    if "minimum" not in known:
        return (known["q1"] + median + known["q3"]) / 3
    inner = 2 * (known["q1"] + median + known["q3"])
    return (known["minimum"] + inner + known["maximum"]) / 8


def _mean_luo(known: dict[str, FloatArray]) -> FloatArray:
    n, median = known["n"], known["median"]
    both = "q1" in known and "minimum" in known
    mean = median.copy()
    if "minimum" in known:
        scale = 2.2 if both else 4.0
        middle = (known["minimum"] + known["maximum"]) / 2
        mean += scale / (scale + n**0.75) * (middle - median)
    if "q1" in known:
        weight = 0.7 - 0.72 / n**0.55 if both else 0.7 + 0.39 / n
        mean += weight * ((known["q1"] + known["q3"]) / 2 - median)
    return mean
