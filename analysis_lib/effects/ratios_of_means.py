"""Ratios of means and of spread, for scales with a true zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import check_values
from analysis_lib.effects.columns import EffectSizes, Labels, checked, effect_sizes


def ratio_of_means(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    correct: bool = False,
    labels: Labels = None,
) -> EffectSizes:
    r"""Logarithm of the ratio of the means of two arms, first over second.

    Parameters
    ----------
    n1, mean1, sd1, n2, mean2, sd2 : array_like, shape (k,)
        As for `mean_difference`; both means have one sign.
    correct : bool, default False
        Take off the small-sample bias, as R's metafor does unless told otherwise (R's meta does
        not).
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"ROM"``; effects are natural logarithms.

    Raises
    ------
    ReviewError
        As `mean_difference`, and for means whose ratio has no logarithm.

    Notes
    -----
    With :math:`c_i = s_i^2/(n_i m_i^2)`: :math:`y = \ln(m_1/m_2)`, :math:`v = c_1+c_2`; the
    correction adds :math:`(c_1-c_2)/2`.

    References
    ----------
    Friedrich JO, Adhikari NKJ, Beyene J (2008). The ratio of means method as an alternative to mean
    differences for analyzing continuous outcome variables in meta-analysis. BMC Medical Research
    Methodology 8:32.
    Lajeunesse MJ (2015). Bias and correction for the log response ratio in ecological
    meta-analysis. Ecology 96:2056-2063.

    Examples
    --------
    >>> trial = ratio_of_means(25, 4.2, 2.0, 25, 5.0, 2.0)
    >>> print(f"{np.exp(trial.effect[0]):.2f}")
    0.84
    """
    (n1, mean1, sd1, n2, mean2, sd2), names = checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    ratio = np.divide(mean1, mean2, out=np.full_like(mean1, np.nan), where=mean2 != 0)
    check_values("mean1 / mean2", ratio, names, ratio > 0, "greater than zero")
    first, second = sd1**2 / (n1 * mean1**2), sd2**2 / (n2 * mean2**2)
    effect = np.log(ratio) + (first - second) / 2 * correct
    return effect_sizes(effect, first + second, "ROM", "log ratio", names)


def variability_ratio(
    n1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    mean1: npt.ArrayLike | None = None,
    mean2: npt.ArrayLike | None = None,
    labels: Labels = None,
) -> EffectSizes:
    r"""Logarithm of the ratio of the SDs of two arms or, with means, of their SDs per mean.

    Parameters
    ----------
    n1, sd1, n2, sd2 : array_like, shape (k,)
        Sizes and SDs.
    mean1, mean2 : array_like, shape (k,), optional
        Means, of one sign; given both, coefficients of variation are compared.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"VR"`` or ``"CVR"``; effects are natural logarithms.

    Raises
    ------
    ReviewError
        As `ratio_of_means`.

    Notes
    -----
    :math:`\ln(s_1/s_2)+\frac1{2(n_1-1)}-\frac1{2(n_2-1)}` with variance
    :math:`\frac1{2(n_1-1)}+\frac1{2(n_2-1)}`, less the corrected log ratio of means, and with its
    variance added, for coefficients of variation.

    References
    ----------
    Nakagawa S and others (2015). Meta-analysis of variation: ecological and evolutionary
    applications and beyond. Methods in Ecology and Evolution 6:143-152.

    Examples
    --------
    >>> print(f"{variability_ratio(25, 2.0, 25, 4.0).effect[0]:.3f}")
    -0.693
    """
    (n1, sd1, n2, sd2), names = checked(labels, n1=n1, sd1=sd1, n2=n2, sd2=sd2)
    first, second = 1 / (2 * (n1 - 1)), 1 / (2 * (n2 - 1))
    effect, variance = np.log(sd1 / sd2) + first - second, first + second
    if mean1 is None or mean2 is None:
        return effect_sizes(effect, variance, "VR", "log ratio", names)
    means = ratio_of_means(n1, mean1, sd1, n2, mean2, sd2, correct=True, labels=names)
    return effect_sizes(effect - means.effect, variance + means.variance, "CVR", "log ratio", names)
