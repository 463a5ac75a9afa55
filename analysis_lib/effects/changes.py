"""Two groups, each measured before and after: changes compared, or finals adjusted for baseline."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice, check_values
from analysis_lib.effects.columns import EffectSizes, Labels, checked, effect_sizes
from analysis_lib.effects.means import standardized_mean_change

METHODS = ("Morris", "simple", "Becker")


class _Group(NamedTuple):
    n: FloatArray
    mean_pre: FloatArray
    sd_pre: FloatArray
    mean_post: FloatArray
    sd_post: FloatArray


def standardized_change_difference(
    n1: npt.ArrayLike,
    mean_pre1: npt.ArrayLike,
    sd_pre1: npt.ArrayLike,
    mean_post1: npt.ArrayLike,
    sd_post1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean_pre2: npt.ArrayLike,
    sd_pre2: npt.ArrayLike,
    mean_post2: npt.ArrayLike,
    sd_post2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    method: str = "Morris",
    labels: Labels = None,
) -> EffectSizes:
    r"""Difference of two groups' changes in standard deviations before treatment.

    Parameters
    ----------
    n1, mean_pre1, sd_pre1, mean_post1, sd_post1 : array_like, shape (k,)
        Size, mean and SD before and after, of the first groups.
    n2, mean_pre2, sd_pre2, mean_post2, sd_post2 : array_like, shape (k,)
        The same of the second groups.
    correlation : array_like, shape (k,) or a single number
        Correlation between before and after.
    method : {"Morris", "simple", "Becker"}, default "Morris"
        Both groups in units of their pooled SD before, with Morris' variance or with a simple
        large-sample one; or each in its own, the difference of two `standardized_mean_change`.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"SMD"``: comparable with one of final scores, since the unit is an SD of
        scores and not of changes.

    Raises
    ------
    ReviewError
        As `mean_change`; for Morris' variance with fewer than five people in all.

    Notes
    -----
    :math:`d = c\,\frac{(m_{11}-m_{01})-(m_{12}-m_{02})}{s}`, :math:`c = 1-3/(4(N-2)-1)`, s pooled
    before. Morris: :math:`2c^2(1-r)\frac{N}{n_1n_2}\frac{N-2}{N-4}
    \left(1+\frac{d^2}{2(1-r)N/(n_1n_2)}\right)-d^2`; simple:
    :math:`2(1-r)(1/n_1+1/n_2)+d^2/(2N)`.

    References
    ----------
    Morris SB (2008). Estimating effect sizes from pretest-posttest-control group designs.
    Organizational Research Methods 11:364-386.
    Becker BJ (1988). British Journal of Mathematical and Statistical Psychology 41:257-278.

    Examples
    --------
    >>> trial = standardized_change_difference(
    ...     20, 50, 10, 42, 11, 21, 49.5, 9.6, 47, 10.4, 0.6)
    >>> print(f"{trial.effect[0]:.3f}, variance {trial.variance[0]:.3f}")
    -0.551, variance 0.083
    """
    check_choice("method", method, METHODS)
    if method == "Becker":
        first = standardized_mean_change(
            n1, mean_pre1, sd_pre1, mean_post1, sd_post1, correlation, labels=labels
        )
        second = standardized_mean_change(
            n2, mean_pre2, sd_pre2, mean_post2, sd_post2, correlation, labels=labels
        )
        effect, variance = first.effect - second.effect, first.variance + second.variance
        return effect_sizes(effect, variance, "SMD", method, first.labels)
    one, two, r, names = _groups(
        (n1, mean_pre1, sd_pre1, mean_post1, sd_post1),
        (n2, mean_pre2, sd_pre2, mean_post2, sd_post2),
        correlation,
        labels,
    )
    people = one.n + two.n
    check_values("n1 + n2", people, names, people > 4, "5 or more")
    pooled = ((one.n - 1) * one.sd_pre**2 + (two.n - 1) * two.sd_pre**2) / (people - 2)
    factor = 1 - 3 / (4 * (people - 2) - 1)
    change = (one.mean_post - one.mean_pre) - (two.mean_post - two.mean_pre)
    d = factor * change / np.sqrt(pooled)
    share = 1 / one.n + 1 / two.n
    if method == "simple":
        variance = 2 * (1 - r) * share + d**2 / (2 * people)
    else:
        spread = 1 + d**2 / (2 * (1 - r) * share)
        bias = (people - 2) / (people - 4)
        variance = 2 * factor**2 * (1 - r) * share * bias * spread - d**2
    return effect_sizes(d, variance, "SMD", method, names)


def ancova_difference(
    n1: npt.ArrayLike,
    mean_pre1: npt.ArrayLike,
    sd_pre1: npt.ArrayLike,
    mean_post1: npt.ArrayLike,
    sd_post1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean_pre2: npt.ArrayLike,
    sd_pre2: npt.ArrayLike,
    mean_post2: npt.ArrayLike,
    sd_post2: npt.ArrayLike,
    correlation: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> EffectSizes:
    r"""Mean difference adjusted for baseline, rebuilt from the groups' summaries.

    Parameters
    ----------
    n1, mean_pre1, sd_pre1, mean_post1, sd_post1, n2, mean_pre2, sd_pre2, mean_post2, sd_post2
        As for `standardized_change_difference`.
    correlation, labels
        As for `standardized_change_difference`.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"MD"``: exactly what the analysis of covariance of data with these moments
        gives.

    Raises
    ------
    ReviewError
        As `mean_change`.

    Notes
    -----
    With sums of squares within the groups, :math:`b=S_{xy}/S_{xx}`,
    :math:`y=(m_{11}-m_{12})-b(m_{01}-m_{02})` and
    :math:`v=\frac{S_{yy}-bS_{xy}}{N-3}\left(\frac1{n_1}+\frac1{n_2}+
    \frac{(m_{01}-m_{02})^2}{S_{xx}}\right)`.

    References
    ----------
    Cochrane Handbook, section 10.5.2. Riley RD and others (2013). Meta-analysis of randomised
    trials with a continuous outcome according to baseline imbalance and availability of individual
    participant data. Statistics in Medicine 32:2747-2766.

    Examples
    --------
    >>> trial = ancova_difference(20, 50, 10, 42, 11, 21, 49.5, 9.6, 47, 10.4, 0.6)
    >>> print(f"{trial.effect[0]:.2f}, SE {trial.se[0]:.2f}")
    -5.33, SE 2.71
    """
    one, two, r, names = _groups(
        (n1, mean_pre1, sd_pre1, mean_post1, sd_post1),
        (n2, mean_pre2, sd_pre2, mean_post2, sd_post2),
        correlation,
        labels,
    )
    inside = (one.n - 1, two.n - 1)
    sxx = inside[0] * one.sd_pre**2 + inside[1] * two.sd_pre**2
    sxy = r * (inside[0] * one.sd_pre * one.sd_post + inside[1] * two.sd_pre * two.sd_post)
    syy = inside[0] * one.sd_post**2 + inside[1] * two.sd_post**2
    slope, imbalance = sxy / sxx, one.mean_pre - two.mean_pre
    effect = one.mean_post - two.mean_post - slope * imbalance
    residual = (syy - slope * sxy) / (one.n + two.n - 3)
    variance = residual * (1 / one.n + 1 / two.n + imbalance**2 / sxx)
    return effect_sizes(effect, variance, "MD", "adjusted for baseline", names)


def _groups(
    first: tuple[npt.ArrayLike, ...],
    second: tuple[npt.ArrayLike, ...],
    correlation: npt.ArrayLike,
    labels: Labels,
) -> tuple[_Group, _Group, FloatArray, tuple[str, ...]]:
    parts = ("n", "mean_pre", "sd_pre", "mean_post", "sd_post")
    columns = {
        f"{part}{place}": values
        for place, group in ((1, first), (2, second))
        for part, values in zip(parts, group, strict=True)
    }
    (*values, r), names = checked(labels, **columns, correlation=correlation)
    return _Group(*values[:5]), _Group(*values[5:]), r, names
