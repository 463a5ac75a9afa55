"""Mean and SD of an arm whose report prints its median instead."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray, check_values
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.arms import MeanSD
from analysis_lib.effects.columns import Labels, as_given, checked


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
    columns, names = checked(labels, **given)
    known = dict(zip(given, columns, strict=True))
    _check_order(known, names)
    mean = _mean_luo(known) if method == "Luo" else _mean_wan(known)
    return MeanSD(
        mean=as_given(mean, *given.values()), sd=as_given(_sd_wan(known), *given.values())
    )


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
