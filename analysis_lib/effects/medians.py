"""Mean and SD of an arm whose report prints its median instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray, check_choice, check_values
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.arms import MeanSD
from analysis_lib.effects.columns import Column, Labels, as_given, checked


def mean_sd_from_median(
    n: npt.ArrayLike,
    median: npt.ArrayLike,
    *,
    q1: npt.ArrayLike | None = None,
    q3: npt.ArrayLike | None = None,
    minimum: npt.ArrayLike | None = None,
    maximum: npt.ArrayLike | None = None,
    method: Literal["Luo", "Wan"] = "Luo",
    sd_method: Literal["Wan", "Shi"] = "Wan",
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
        Which paper the mean follows.
    sd_method : {"Wan", "Shi"}, default "Wan"
        Which paper the SD follows; they differ where quartiles and range are both known.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        Estimates that take the scores as a sample of a normal distribution. `skewness_of_median`
        says where they are not, and then neither estimate is good.

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

    One call uses one row of the table for all its trials. Where all are known, Shi's SD is
    :math:`(b-a)/\theta_1+(q_3-q_1)/\theta_2` with
    :math:`\theta_1=(2+0.14n^{0.6})\,\Phi^{-1}((n-0.375)/(n+0.25))` and
    :math:`\theta_2=(2+2/(0.07n^{0.6}))\,\Phi^{-1}((0.75n-0.125)/(n+0.25))`.

    References
    ----------
    Wan X, Wang W, Liu J, Tong T (2014). Estimating the sample mean and standard deviation from
    the sample size, median, range and/or interquartile range. BMC Medical Research Methodology
    14:135.

    Luo D, Wan X, Liu J, Tong T (2018). Optimally estimating the sample mean from the sample size,
    median, mid-range, and/or mid-quartile range. Statistical Methods in Medical Research
    27:1785-1805.

    Shi J and others (2020). Optimally estimating the sample standard deviation from the five-number
    summary. Research Synthesis Methods 11:641-654.

    Examples
    --------
    >>> arm = mean_sd_from_median(20, 10, q1=8, q3=13)
    >>> print(f"mean {arm.mean:.3f}, SD {arm.sd:.3f}")
    mean 10.360, SD 3.989
    """
    check_choice("method", method, ("Luo", "Wan"))
    check_choice("sd_method", sd_method, ("Wan", "Shi"))
    given, known, _ = _summary(n, median, q1, q3, minimum, maximum, labels)
    mean = _mean_luo(known) if method == "Luo" else _mean_wan(known)
    sd = _sd_shi(known) if sd_method == "Shi" else _sd_wan(known)
    return MeanSD(mean=as_given(mean, *given), sd=as_given(sd, *given))


@dataclass(frozen=True, slots=True, eq=False)
class Skewness:
    """Whether the summary of an arm (or of each of a column) looks like a normal sample's.

    Attributes
    ----------
    statistic, critical : ndarray, shape (k,), or float
        How far the median lies from the middle, and how far it may in 5 % of normal samples.
    skewed : ndarray of bool, shape (k,), or bool
        Whether it lies farther: then a mean and an SD say little, and the trial is better left out
        or pooled as it is.
    """

    statistic: Column
    critical: Column
    skewed: npt.NDArray[np.bool_] | np.bool_


def skewness_of_median(
    n: npt.ArrayLike,
    median: npt.ArrayLike,
    *,
    q1: npt.ArrayLike | None = None,
    q3: npt.ArrayLike | None = None,
    minimum: npt.ArrayLike | None = None,
    maximum: npt.ArrayLike | None = None,
    labels: Labels = None,
) -> Skewness:
    r"""Test from its median and quartiles, range, or both, whether an arm's scores are skewed.

    Parameters
    ----------
    n, median, q1, q3, minimum, maximum, labels
        As for `mean_sd_from_median`.

    Returns
    -------
    Skewness
        The statistic, its critical value at 5 %, and whether the former is above the latter.

    Raises
    ------
    ReviewError
        As `mean_sd_from_median`.

    Notes
    -----
    With minimum a, quartiles q1 and q3, median m and maximum b: ``|a + b - 2m| / (b - a)`` against
    ``1/ln(n + 9) + 2.5/(n + 1)``; ``|q1 + q3 - 2m| / (q3 - q1)`` against
    ``2.65/sqrt(n) - 6/n**2``; with all of them the larger of ``2.65 ln(0.6 n)/sqrt(n)`` times the
    first and of the second, against ``3/sqrt(n) - 40/n**3``.

    References
    ----------
    Shi J and others (2023). Detecting the skewness of data from the five-number summary and its
    application in meta-analysis. Statistical Methods in Medical Research 32:1338-1360.

    Examples
    --------
    >>> bool(skewness_of_median(60, 6, minimum=1, maximum=15).skewed)
    True
    """
    given, known, _ = _summary(n, median, q1, q3, minimum, maximum, labels)
    size, middle, parts = known["n"], known["median"], []
    if "minimum" in known:
        low, high = known["minimum"], known["maximum"]
        parts.append(np.abs(low + high - 2 * middle) / (high - low))
    if "q1" in known:
        low, high = known["q1"], known["q3"]
        parts.append(np.abs(low + high - 2 * middle) / (high - low))
    if len(parts) == 2:
        # the factor is below zero for two people alone, where no skewness can be seen
        parts[0] = parts[0] * np.maximum(0.0, 2.65 * np.log(0.6 * size) / np.sqrt(size))
        critical = 3 / np.sqrt(size) - 40 / size**3
    elif "q1" in known:
        critical = 2.65 / np.sqrt(size) - 6 / size**2
    else:
        critical = 1 / np.log(size + 9) + 2.5 / (size + 1)
    statistic = np.asarray(np.max(parts, axis=0), dtype=float)
    skewed = statistic > critical
    many = any(np.ndim(values) > 0 for values in given)
    return Skewness(
        as_given(statistic, *given),
        as_given(critical, *given),
        skewed if many else np.bool_(skewed[0]),
    )


def _summary(
    n: npt.ArrayLike,
    median: npt.ArrayLike,
    q1: npt.ArrayLike | None,
    q3: npt.ArrayLike | None,
    minimum: npt.ArrayLike | None,
    maximum: npt.ArrayLike | None,
    labels: Labels,
) -> tuple[list[npt.ArrayLike], dict[str, FloatArray], tuple[str, ...]]:
    """Return what was given, the checked columns by name, and the names of the arms."""
    quartiles = _pair("q1", q1, "q3", q3)
    extremes = _pair("minimum", minimum, "maximum", maximum)
    if not quartiles and not extremes:
        raise ReviewError("give q1 and q3, or minimum and maximum, or all four")
    given: dict[str, npt.ArrayLike] = {"n": n, "median": median, **quartiles, **extremes}
    columns, names = checked(labels, **given)
    known = dict(zip(given, columns, strict=True))
    _check_order(known, names)
    return list(given.values()), known, names


def _sd_shi(known: dict[str, FloatArray]) -> FloatArray:
    if "minimum" not in known or "q1" not in known:
        return _sd_wan(known)
    n = known["n"]
    extremes = (2 + 0.14 * n**0.6) * special.ndtri((n - 0.375) / (n + 0.25))
    middle = (2 + 2 / (0.07 * n**0.6)) * special.ndtri((0.75 * n - 0.125) / (n + 0.25))
    spread = (known["maximum"] - known["minimum"]) / extremes
    return np.asarray(spread + (known["q3"] - known["q1"]) / middle, dtype=float)


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
