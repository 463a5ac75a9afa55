"""The SD that a report does not print, from what it does print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice, check_level, check_values
from analysis_lib.base.quantiles import two_sided_quantile, upper_quantile
from analysis_lib.effects.columns import Column, Labels, as_given, checked


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
    (errors, sizes), _ = checked(labels, se=se, n=n)
    return as_given(errors * np.sqrt(sizes), se, n)


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
    (lows, highs, sizes), names = checked(labels, low=low, high=high, n=n)
    half = _half_width(lows, highs, names)
    quantile = _quantile(level, sizes - 1, distribution)
    return as_given(np.sqrt(sizes) * half / quantile, low, high, n)


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
    (errors, sizes1, sizes2), _ = checked(labels, se=se, n1=n1, n2=n2)
    return as_given(errors / np.sqrt(1 / sizes1 + 1 / sizes2), se, n1, n2)


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
    (lows, highs, sizes1, sizes2), names = checked(labels, low=low, high=high, n1=n1, n2=n2)
    quantile = _quantile(level, sizes1 + sizes2 - 2, distribution)
    se = _half_width(lows, highs, names) / quantile
    return as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), low, high, n1, n2)


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
    (differences, statistics, sizes1, sizes2), _ = checked(
        labels, difference=difference, t=t, n1=n1, n2=n2
    )
    se = np.abs(differences / statistics)
    return as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), difference, t, n1, n2)


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
    (differences, chances, sizes1, sizes2), _ = checked(
        labels, difference=difference, p=p, n1=n1, n2=n2
    )
    statistics = upper_quantile(chances / 2, sizes1 + sizes2 - 2)
    se = np.abs(differences) / statistics
    return as_given(se / np.sqrt(1 / sizes1 + 1 / sizes2), difference, p, n1, n2)


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
    (before, after, r), _ = checked(labels, sd_pre=sd_pre, sd_post=sd_post, correlation=correlation)
    return as_given(np.sqrt(variance_of_change(before, after, r)), sd_pre, sd_post, correlation)


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
    (before, after, change), names = checked(
        labels, sd_pre=sd_pre, sd_post=sd_post, sd_change=sd_change
    )
    r = (before**2 + after**2 - change**2) / (2 * before * after)
    check_values(
        "correlation implied by the three SDs", r, names, np.abs(r) <= 1, "between -1 and 1"
    )
    return as_given(r, sd_pre, sd_post, sd_change)


def variance_of_change(before: FloatArray, after: FloatArray, r: FloatArray) -> FloatArray:
    """Return the variance of the differences between two measurements that correlate."""
    # The textbook sum s0^2 + s1^2 - 2 r s0 s1, written without its cancellation at r near 1.
    return (before - after) ** 2 + 2 * (1 - r) * before * after


def _quantile(level: float, degrees: FloatArray, distribution: str) -> FloatArray:
    check_level(level)
    check_choice("distribution", distribution, ("t", "normal"))
    return two_sided_quantile(level, degrees if distribution == "t" else np.inf)


def _half_width(low: FloatArray, high: FloatArray, names: Sequence[str]) -> FloatArray:
    width = high - low
    check_values("high - low", width, names, width > 0, "greater than zero")
    return width / 2
