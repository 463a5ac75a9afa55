"""Means and SDs of two arms, or of one group before and after, to an effect and its variance.

An effect is always first minus second, or after minus before. On a scale where lower is better,
a negative effect therefore favours the first arm.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray, check_values
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
    (n1, mean1, sd1, n2, mean2, sd2), names = checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    d = (mean1 - mean2) / np.sqrt(_pooled_variance(n1, sd1, n2, sd2))
    degrees = n1 + n2 - 2
    g = small_sample_correction(degrees) * d
    variance = 1 / n1 + 1 / n2 + _spread_of_g(g, n1 + n2, degrees, variance_method)
    return effect_sizes(g, variance, "SMD", variance_method, names)


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
    if variance_method == "UB":
        factor = small_sample_correction(degrees) ** 2
        return (1 - (degrees - 2) / (degrees * factor)) * g**2
    raise ReviewError(f"variance_method: 'LS' or 'UB', not {variance_method!r}")
