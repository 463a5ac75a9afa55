"""Common effects of events that no trial's own effect enters: Mantel-Haenszel, Peto, Cochran.

Each function takes the trials' counts and returns a `Combined`: the estimate (a logarithm for
ratios), its variance, and the weight of each trial.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis_lib.base.checks import FloatArray
from analysis_lib.effects.events import Cells
from analysis_lib.effects.rates import Rates


class Combined(NamedTuple):
    """An estimate, its variance, and the weights that the trials had in it."""

    estimate: float
    variance: float
    weights: FloatArray


def odds_ratio(cells: Cells) -> Combined:
    r"""Mantel and Haenszel's odds ratio, with the variance of Robins, Breslow and Greenland.

    Notes
    -----
    With cells a, b, c, d of N people, :math:`R=\sum ad/N`, :math:`S=\sum bc/N`,
    :math:`P=(a+d)/N` and :math:`Q=(b+c)/N`, the logarithm of :math:`R/S` has the variance
    :math:`\sum PR_i/2R^2 + \sum(PS_i+QR_i)/2RS + \sum QS_i/2S^2`.

    References
    ----------
    Robins J, Breslow N, Greenland S (1986). Estimators of the Mantel-Haenszel variance consistent
    in both sparse data and large-strata limiting models. Biometrics 42:311-323.
    """
    a, b, c, d = cells
    n = a + b + c + d
    r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    top, bottom = r.sum(), s.sum()
    variance = (
        (p * r).sum() / top**2 + (p * s + q * r).sum() / (top * bottom) + (q * s).sum() / bottom**2
    ) / 2
    return Combined(math.log(top / bottom), float(variance), s)


def risk_ratio(cells: Cells) -> Combined:
    r"""Mantel and Haenszel's risk ratio, with the variance of Greenland and Robins.

    Notes
    -----
    :math:`R=\sum a n_2/N`, :math:`S=\sum c n_1/N`; the logarithm of :math:`R/S` has the variance
    :math:`\sum (n_1 n_2(a+c) - acN)/N^2 / (RS)`.

    References
    ----------
    Greenland S, Robins JM (1985). Estimation of a common effect parameter from sparse follow-up
    data. Biometrics 41:55-68.
    """
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    n = n1 + n2
    top, weights = (a * n2 / n).sum(), c * n1 / n
    bottom = weights.sum()
    variance = ((n1 * n2 * (a + c) - a * c * n) / n**2).sum() / (top * bottom)
    return Combined(math.log(top / bottom), float(variance), weights)


def risk_difference(cells: Cells, effect: FloatArray, variance_method: str) -> Combined:
    r"""Mantel and Haenszel's risk difference: the trials' differences weighted by n1 n2 / N.

    Notes
    -----
    The variance of Sato holds for many small trials and for few large ones; that of Greenland and
    Robins, :math:`\sum w^2(ab/n_1^3+cd/n_2^3)/(\sum w)^2`, is RevMan's and that of R's meta.

    References
    ----------
    Sato T, Greenland S, Robins JM (1989). On the variance estimator for the Mantel-Haenszel risk
    difference. Biometrics 45:1323-1324.
    Greenland S, Robins JM (1985). Biometrics 41:55-68.
    """
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    n = n1 + n2
    weights = n1 * n2 / n
    estimate = float(weights @ effect / weights.sum())
    if variance_method == "Sato":
        one, two = n1 / n, n2 / n
        slope = (c * one**2 - a * two**2 + one * two * (n2 - n1) / 2).sum()
        level = (a * d / n + c * b / n).sum() / 2
        spread = estimate * slope + level
    else:
        spread = (weights**2 * (a * b / n1**3 + c * d / n2**3)).sum()
    return Combined(estimate, float(spread / weights.sum() ** 2), weights)


def rate_ratio(rates: Rates) -> Combined:
    r"""Mantel and Haenszel's ratio of incidence rates.

    Notes
    -----
    :math:`R=\sum x_1t_2/T`, :math:`S=\sum x_2t_1/T`; the logarithm of :math:`R/S` has the variance
    :math:`\sum t_1t_2(x_1+x_2)/T^2/(RS)`.

    References
    ----------
    Rothman KJ, Greenland S, Lash TL (2008). Modern Epidemiology, 3rd edition, chapter 15.
    """
    events1, time1, events2, time2 = rates
    total = time1 + time2
    top, weights = (events1 * time2 / total).sum(), events2 * time1 / total
    bottom = weights.sum()
    spread = (time1 * time2 * (events1 + events2) / total**2).sum()
    return Combined(math.log(top / bottom), float(spread / (top * bottom)), weights)


def rate_difference(rates: Rates, effect: FloatArray) -> Combined:
    r"""Mantel and Haenszel's difference of incidence rates, with weights t1 t2 / T.

    References
    ----------
    Rothman KJ, Greenland S, Lash TL (2008). Modern Epidemiology, 3rd edition, chapter 15.
    """
    events1, time1, events2, time2 = rates
    weights = time1 * time2 / (time1 + time2)
    estimate = weights @ effect / weights.sum()
    spread = (weights**2 * (events1 / time1**2 + events2 / time2**2)).sum()
    return Combined(float(estimate), float(spread / weights.sum() ** 2), weights)


def cochran_rate_ratio(rates: Rates, effect: FloatArray) -> Combined:
    r"""Cochran's ratio of rates: log ratios weighted by the events expected at the second arms'.

    Notes
    -----
    Weights :math:`x_2 t_1/t_2`; variance :math:`1/\sum x_1 + 1/\sum x_2`. As
    ``metainc(method="Cochran")`` of R's meta.

    References
    ----------
    Bayne-Jones S and others (1964). Smoking and Health: report of the Advisory Committee to the
    Surgeon General, chapter 8.
    """
    weights = rates.events2 * rates.time1 / rates.time2
    variance = 1 / rates.events1.sum() + 1 / rates.events2.sum()
    return Combined(float(weights @ effect / weights.sum()), float(variance), weights)
