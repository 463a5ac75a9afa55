"""One group, or one sample: proportions, rates, means and correlations, ready to be pooled.

Most are pooled on another scale, on which their sampling distribution is closer to normal;
`back_transformed` leads back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    as_number,
    check_choice,
    check_level,
    check_not_negative,
    check_positive,
    check_values,
    columns_of,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.quantiles import two_sided_quantile
from analysis_lib.effects.columns import EffectSizes, Labels, checked, effect_sizes

PROPORTION_TRANSFORMS: Final = ("logit", "log", "freeman-tukey", "arcsine", "none")
RATE_TRANSFORMS: Final = ("log", "freeman-tukey", "sqrt", "none")
INTERVALS: Final = (
    "clopper-pearson", "wilson", "wilson-corrected", "agresti-coull", "simple", "simple-corrected",
)  # fmt: skip


def proportion(
    events: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    transform: str = "logit",
    correction: float = 0.5,
    labels: Labels = None,
) -> EffectSizes:
    r"""Proportion of people with an event, on the scale on which it is pooled.

    Parameters
    ----------
    events, n : array_like of shape (k,)
        People with the event, and people in all.
    transform : {"logit", "log", "freeman-tukey", "arcsine", "none"}
        The scale. The double arcsine of Freeman and Tukey needs no correction, but its way back
        depends on one number of people for all groups and can mislead where their sizes differ
        widely (Schwarzer 2019); the logit has no such trouble.
    correction : float
        Added to events, and to people without, of a group where nobody or everybody had the event,
        for the variance of ``"none"`` and for ``"logit"`` and ``"log"``.
    labels : sequence of shape (k,), optional
        Names of the groups.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"proportion, logit"`` and so on.

    Raises
    ------
    ReviewError
        For events above n, or an unknown transform.

    Notes
    -----
    With x of n: logit :math:`\ln\frac{x}{n-x}`, variance :math:`1/x+1/(n-x)`; log
    :math:`\ln(x/n)`, :math:`1/x-1/n`; Freeman-Tukey
    :math:`\frac12(\arcsin\sqrt{x/(n+1)}+\arcsin\sqrt{(x+1)/(n+1)})`, :math:`1/(4n+2)`; arcsine
    :math:`\arcsin\sqrt{x/n}`, :math:`1/(4n)`; none :math:`x/n`, :math:`x(n-x)/n^3`.

    References
    ----------
    Freeman MF, Tukey JW (1950). Annals of Mathematical Statistics 21:607-611.
    Schwarzer G, Chemaitelly H, Abu-Raddad LJ, Rücker G (2019). Seriously misleading results using
    inverse of Freeman-Tukey double arcsine transformation. Research Synthesis Methods 10:476-483.

    Examples
    --------
    >>> group = proportion([3, 12], [31, 40])
    >>> group.effect.round(2)
    array([-2.23, -0.85])
    """
    check_choice("transform", transform, PROPORTION_TRANSFORMS)
    x, people, names = _counts(events, n, labels)
    add = np.where((x == 0) | (x == people), as_number("correction", correction), 0.0)
    if transform == "logit":
        effect = np.log((x + add) / (people - x + add))
        variance = 1 / (x + add) + 1 / (people - x + add)
    elif transform == "log":
        to_events = np.where(x == people, 0.0, add)  # as R's meta: else the variance would be zero
        effect = np.log((x + add) / (people + add))
        variance = 1 / (x + to_events) - 1 / (people + add)
    elif transform == "freeman-tukey":
        low, high = x / (people + 1), (x + 1) / (people + 1)
        effect = (np.arcsin(np.sqrt(low)) + np.arcsin(np.sqrt(high))) / 2
        variance = 1 / (4 * people + 2)
    elif transform == "arcsine":
        effect, variance = np.arcsin(np.sqrt(x / people)), 1 / (4 * people)
    else:
        effect = x / people
        variance = (x + add) * (people - x + add) / (people + 2 * add) ** 3
    return effect_sizes(effect, variance, f"proportion, {transform}", transform, names)


def rate(
    events: npt.ArrayLike,
    time: npt.ArrayLike,
    *,
    transform: str = "log",
    correction: float = 0.5,
    labels: Labels = None,
) -> EffectSizes:
    r"""Incidence rate of a group, on the scale on which it is pooled.

    Parameters
    ----------
    events, time : array_like of shape (k,)
        Events and person-time.
    transform : {"log", "freeman-tukey", "sqrt", "none"}
        The scale.
    correction : float
        Stands for the events of a group without any, for ``"log"`` and ``"none"``.
    labels : sequence of shape (k,), optional
        Names of the groups.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"rate, log"`` and so on.

    Raises
    ------
    ReviewError
        For negative events, person-time that is not positive, or an unknown transform.

    Notes
    -----
    With x events in t: log :math:`\ln(x/t)`, variance :math:`1/x`; Freeman-Tukey
    :math:`\frac12(\sqrt{x/t}+\sqrt{(x+1)/t})` and square root :math:`\sqrt{x/t}`, both
    :math:`1/(4t)`; none :math:`x/t`, :math:`x/t^2`.

    References
    ----------
    Freeman MF, Tukey JW (1950). Annals of Mathematical Statistics 21:607-611.

    Examples
    --------
    >>> rate([4, 11], [210, 455]).effect.round(2)
    array([-3.96, -3.72])
    """
    check_choice("transform", transform, RATE_TRANSFORMS)
    (x, t), names = columns_of(labels, events=events, time=time)
    check_not_negative("events", x, names)
    check_positive("time", t, names)
    corrected = np.where(x == 0, as_number("correction", correction), x)
    if transform == "log":
        effect, variance = np.log(corrected / t), 1 / corrected
    elif transform == "none":
        effect, variance = corrected / t, corrected / t**2
    elif transform == "sqrt":
        effect, variance = np.sqrt(x / t), 1 / (4 * t)
    else:
        effect, variance = (np.sqrt(x / t) + np.sqrt((x + 1) / t)) / 2, 1 / (4 * t)
    return effect_sizes(effect, variance, f"rate, {transform}", transform, names)


def single_mean(
    n: npt.ArrayLike,
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    *,
    log: bool = False,
    labels: Labels = None,
) -> EffectSizes:
    r"""Mean of a group, or its logarithm where scores cannot be negative.

    Parameters
    ----------
    n, mean, sd : array_like of shape (k,)
        Size, mean and SD of each group.
    log : bool
        Take the logarithm of the mean.
    labels : sequence of shape (k,), optional
        Names of the groups.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"mean"`` or ``"mean, log"``.

    Raises
    ------
    ReviewError
        For an SD that is not positive, or a mean whose logarithm there is not.

    Notes
    -----
    Variance :math:`s^2/n`, of the logarithm :math:`s^2/(n m^2)`.

    References
    ----------
    Cochrane Handbook, section 6.5.1.

    Examples
    --------
    >>> single_mean(25, 4.2, 2.0).se.round(2)
    array([0.4])
    """
    (sizes, means, sds), names = checked(labels, n=n, mean=mean, sd=sd)
    if not log:
        return effect_sizes(means, sds**2 / sizes, "mean", "mean", names)
    check_values("mean", means, names, means > 0, "greater than zero to have a logarithm")
    variance = sds**2 / (sizes * means**2)
    return effect_sizes(np.log(means), variance, "mean, log", "log", names)


def correlation(
    r: npt.ArrayLike, n: npt.ArrayLike, *, transform: str = "z", labels: Labels = None
) -> EffectSizes:
    r"""Correlation, as Fisher's z or as it is.

    Parameters
    ----------
    r, n : array_like of shape (k,)
        Correlations, strictly between -1 and 1, and sizes of the samples, 4 or more.
    transform : {"z", "none"}
        Fisher's z, whose variance does not depend on r, or r itself.
    labels : sequence of shape (k,), optional
        Names of the samples.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"correlation, z"`` or ``"correlation, none"``.

    Raises
    ------
    ReviewError
        For a correlation outside (-1, 1), a sample below 4, or an unknown transform.

    Notes
    -----
    :math:`z=\operatorname{artanh} r` with variance :math:`1/(n-3)`; r with
    :math:`(1-r^2)^2/(n-1)`.

    References
    ----------
    Fisher RA (1921). On the "probable error" of a coefficient of correlation. Metron 1:3-32.

    Examples
    --------
    >>> sample = correlation(0.31, 40)
    >>> print(f"{sample.effect[0]:.3f}, SE {sample.se[0]:.3f}")
    0.321, SE 0.164
    """
    check_choice("transform", transform, ("z", "none"))
    (sizes, rs), names = checked(labels, n=n, correlation=r)
    check_values("n", sizes, names, sizes >= 4, "at least 4 for a correlation")
    if transform == "z":
        effect, variance = np.arctanh(rs), 1 / (sizes - 3)
    else:
        effect, variance = rs, (1 - rs**2) ** 2 / (sizes - 1)
    return effect_sizes(effect, variance, f"correlation, {transform}", transform, names)


def back_transformed(
    values: npt.ArrayLike, measure: str, *, size: float | None = None
) -> FloatArray:
    r"""Pooled values, or limits, of one group as readers know them.

    Parameters
    ----------
    values : array_like
        What was pooled.
    measure : str
        The ``measure`` of the effects: ``"proportion, logit"``, ``"rate, log"`` ...
    size : float, optional
        For Freeman and Tukey's transform: the harmonic mean of the groups' people or person-time,
        as R's meta and metafor take it.

    Returns
    -------
    ndarray
        Proportions, rates, means or correlations.

    Raises
    ------
    ReviewError
        For an unknown measure, or Freeman and Tukey's without a size.

    References
    ----------
    Miller JJ (1978). The inverse of the Freeman-Tukey double arcsine transformation. The American
    Statistician 32:138.

    Examples
    --------
    >>> back_transformed([0.0, -1.0], "proportion, logit").round(3)
    array([0.5  , 0.269])
    """
    check_choice("measure", measure, tuple(_BACK))
    array = as_floats("values", values)
    if "freeman-tukey" not in measure:
        return _BACK[measure](array, np.nan)
    if size is None or not size > 0:
        raise ReviewError(f"size: {measure} needs the harmonic mean of the groups' sizes")
    return _BACK[measure](array, size)


def harmonic_mean(sizes: npt.ArrayLike) -> float:
    """Return the harmonic mean, the one size that stands for all in Freeman and Tukey's inverse.

    Examples
    --------
    >>> harmonic_mean([10, 40])
    16.0
    """
    return float(1 / np.mean(1 / as_floats("sizes", sizes)))


def proportion_interval(
    events: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    method: str = "clopper-pearson",
    level: float = 0.95,
    labels: Labels = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Confidence limits of a group's own proportion.

    Parameters
    ----------
    events, n : array_like of shape (k,)
        As for `proportion`.
    method : str
        ``"clopper-pearson"`` (exact), ``"wilson"``, ``"agresti-coull"`` or ``"simple"``; Wilson's
        and the simple one also with a continuity correction: ``"wilson-corrected"``,
        ``"simple-corrected"``.
    level : float
        Confidence level.
    labels : sequence of shape (k,), optional
        Names of the groups.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper limits, between 0 and 1.

    Raises
    ------
    ReviewError
        For events above n, an unknown method or a level outside 0 to 1.

    References
    ----------
    Newcombe RG (1998). Two-sided confidence intervals for the single proportion: comparison of
    seven methods. Statistics in Medicine 17:857-872.
    Agresti A, Coull BA (1998). The American Statistician 52:119-126.

    Examples
    --------
    >>> low, high = proportion_interval(3, 31)
    >>> print(f"{low[0]:.3f} to {high[0]:.3f}")
    0.020 to 0.258
    """
    check_choice("method", method, INTERVALS)
    check_level(level)
    x, people, _ = _counts(events, n, labels)
    z = float(two_sided_quantile(level))
    share = x / people
    if method == "clopper-pearson":
        tail = (1 - level) / 2
        with np.errstate(invalid="ignore"):
            low = np.where(x == 0, 0.0, special.betaincinv(x, people - x + 1, tail))
            high = np.where(x == people, 1.0, special.betaincinv(x + 1, people - x, 1 - tail))
    elif method.startswith("simple"):
        half = z * np.sqrt(share * (1 - share) / people)
        half = half + (0.5 / people if "corrected" in method else 0.0)
        low, high = share - half, share + half
    elif method == "wilson-corrected":
        low, high = _wilson_corrected(x, people, z)
    else:
        centre = (x + z**2 / 2) / (people + z**2)
        inside = share * (1 - share) + z**2 / (4 * people)
        if method == "agresti-coull":
            half = z * np.sqrt(centre * (1 - centre) / (people + z**2))
        else:
            half = z * np.sqrt(inside * people) / (people + z**2)
        low, high = centre - half, centre + half
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _wilson_corrected(x: FloatArray, n: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    share, others = x / n, 1 - x / n
    below = np.sqrt(np.maximum(0.0, z**2 - 2 - 1 / n + 4 * share * (n * others + 1)))
    above = np.sqrt(np.maximum(0.0, z**2 + 2 - 1 / n + 4 * share * (n * others - 1)))
    low = (2 * x + z**2 - 1 - z * below) / (2 * (n + z**2))
    high = (2 * x + z**2 + 1 + z * above) / (2 * (n + z**2))
    return np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high)


def _counts(
    events: npt.ArrayLike, n: npt.ArrayLike, labels: Labels
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    (x, people), names = columns_of(labels, events=events, n=n)
    check_values("n", people, names, np.isfinite(people) & (people > 0), "greater than zero")
    check_not_negative("events", x, names)
    check_values("events", x, names, x <= people, "at most n")
    return x, people, names


def _from_double_arcsine(values: FloatArray, n: float) -> FloatArray:
    """Return Miller's inverse; beyond what n people can show it is 0 or 1."""
    least = np.arcsin(np.sqrt(1 / (n + 1))) / 2
    most = (np.arcsin(np.sqrt(n / (n + 1))) + np.pi / 2) / 2
    inside = np.clip(values, least, most)
    sine = np.sin(2 * inside)
    under_root = np.maximum(0.0, 1 - (sine + (sine - 1 / sine) / n) ** 2)
    share = (1 - np.sign(np.cos(2 * inside)) * np.sqrt(under_root)) / 2
    return np.where(values <= least, 0.0, np.where(values >= most, 1.0, share))


def _from_double_root(values: FloatArray, time: float) -> FloatArray:
    """Return the inverse of Freeman and Tukey's square roots; below one event's it is 0."""
    least = np.sqrt(1 / time) / 2
    inside = np.maximum(values, least)
    return np.where(values <= least, 0.0, (inside - 1 / (4 * inside * time)) ** 2)


_BACK: Final[dict[str, Callable[[FloatArray, float], FloatArray]]] = {
    "proportion, logit": lambda x, _: special.expit(x),
    "proportion, log": lambda x, _: np.exp(x),
    "proportion, freeman-tukey": _from_double_arcsine,
    "proportion, arcsine": lambda x, _: np.sin(np.clip(x, 0.0, np.pi / 2)) ** 2,
    "proportion, none": lambda x, _: x,
    "rate, log": lambda x, _: np.exp(x),
    "rate, freeman-tukey": _from_double_root,
    "rate, sqrt": lambda x, _: np.maximum(x, 0.0) ** 2,
    "rate, none": lambda x, _: x,
    "mean": lambda x, _: x,
    "mean, log": lambda x, _: np.exp(x),
    "correlation, z": lambda x, _: np.tanh(x),
    "correlation, none": lambda x, _: x,
}
