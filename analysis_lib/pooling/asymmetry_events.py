"""Tests of funnel asymmetry whose measure of imprecision does not depend on the effect itself.

The standard error of a ratio, or of a standardized mean difference, moves with the effect, so that
Egger's test can find a lean where there is none. The tests here use the margins of the tables, or
the sizes of the arms.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    check_choice,
    check_effects,
    check_values,
    columns_of,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import Labels
from analysis_lib.effects.events import (
    AddToN,
    Cells,
    added,
    checked_cells,
    log_odds_ratios,
    log_risk_ratios,
    parted,
    peto_scores,
    risk_differences,
    tells_nothing,
)
from analysis_lib.pooling.asymmetry import EggerTest, lean_of_line

EVENT_MEASURES = ("OR", "RR", "RD")


def harbord_test(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    measure: str = "OR",
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Harbord's test: Egger's line through score statistics.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        As for `pool_events`; trials without information are left out.
    measure : {"OR", "RR"}
        Odds ratio, for which it was proposed, or risk ratio.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Confidence level of the intervals.

    Returns
    -------
    EggerTest
        ``intercept`` is the intercept of Z over the root of V on the root of V.

    Raises
    ------
    ReviewError
        As `pool_events` and `egger_test`.

    Notes
    -----
    With Z and V the efficient score and its variance where the ratio is 1 (for OR Peto's O - E and
    V; for RR :math:`Z=(aN-En_1)/(N-E)` and :math:`V=n_1n_2E/(N(N-E))` with :math:`E=a+c`), Z/V is
    regressed on :math:`1/\sqrt V` with weights V. R's meta 8.4 has another V for RR, which is
    right only where the arms are of one size.

    References
    ----------
    Harbord RM, Egger M, Sterne JAC (2006). A modified test for small-study effects in meta-analyses
    of controlled trials with binary endpoints. Statistics in Medicine 25:3443-3457.

    Examples
    --------
    >>> test = harbord_test([4, 6, 3, 62], [123, 306, 231, 13598],
    ...                     [11, 29, 11, 248], [139, 303, 220, 12867])
    >>> print(f"{test.intercept:.2f}, p {test.p_value:.2f}")
    0.27, p 0.62
    """
    check_choice("measure", measure, ("OR", "RR"))
    cells = _informative(events1, n1, events2, n2, "OR", labels)
    a, b, c, d = cells
    if measure == "OR":
        z, v = peto_scores(cells)
    else:
        n, events, arm = a + b + c + d, a + c, a + b
        z = (a * n - events * arm) / (n - events)
        v = arm * (c + d) * events / (n * (n - events))
    return lean_of_line(
        z / v, 1 / np.sqrt(v), 1 / v, level, told=f"Harbord: {measure}", imprecision="sizes"
    )


def peters_test(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    measure: str = "OR",
    correction: float = 0.5,
    add_to_n: AddToN = "once",
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Peters' test: effects on the inverse of the trials' sizes.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        As for `pool_events`; trials that tell nothing of a ratio are left out.
    measure : {"OR", "RR", "RD"}
        The effect.
    correction, add_to_n
        As for `risk_ratio`, for trials with an empty cell; the defaults are those of R's meta.
    labels, level
        As for `harbord_test`.

    Returns
    -------
    EggerTest
        ``intercept`` is the coefficient of 1/N.

    Raises
    ------
    ReviewError
        As `pool_events` and `egger_test`.

    Notes
    -----
    Weights :math:`1/(1/(a+c)+1/(b+d))`, of events and non-events in both arms.

    References
    ----------
    Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L (2006). Comparison of two methods to detect
    publication bias in meta-analysis. JAMA 295:676-680.

    Examples
    --------
    >>> test = peters_test([4, 6, 3, 62], [123, 306, 231, 13598],
    ...                    [11, 29, 11, 248], [139, 303, 220, 12867])
    >>> print(f"p {test.p_value:.2f}")
    p 0.55
    """
    cells, effect, _ = _effects(events1, n1, events2, n2, measure, correction, add_to_n, labels)
    a, b, c, d = cells
    with np.errstate(divide="ignore"):  # a trial without events has no weight, which is told
        spread = 1 / (a + c) + 1 / (b + d)
    _check_margins(spread, measure)
    return lean_of_line(
        effect, 1 / (a + b + c + d), spread, level, told=f"Peters: {measure}", imprecision="sizes"
    )


def deeks_test(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    measure: str = "OR",
    correction: float = 0.5,
    add_to_n: AddToN = "once",
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Deeks' test: effects on the root of the inverse effective sample size.

    Parameters
    ----------
    events1, n1, events2, n2, measure, correction, add_to_n, labels, level
        As for `peters_test`.

    Returns
    -------
    EggerTest
        ``intercept`` is the coefficient of :math:`1/\sqrt{ESS}`.

    Raises
    ------
    ReviewError
        As `peters_test`.

    Notes
    -----
    :math:`ESS=4n_1n_2/(n_1+n_2)`, which is the weight as well.

    References
    ----------
    Deeks JJ, Macaskill P, Irwig L (2005). The performance of tests of publication bias and other
    sample size effects in systematic reviews of diagnostic test accuracy was assessed. Journal of
    Clinical Epidemiology 58:882-893.

    Examples
    --------
    >>> test = deeks_test([4, 6, 3, 62], [123, 306, 231, 13598],
    ...                   [11, 29, 11, 248], [139, 303, 220, 12867])
    >>> print(f"p {test.p_value:.2f}")
    p 0.70
    """
    cells, effect, _ = _effects(events1, n1, events2, n2, measure, correction, add_to_n, labels)
    a, b, c, d = cells
    inverse = 1 / (4 * (a + b) * (c + d) / (a + b + c + d))
    return lean_of_line(
        effect,
        np.sqrt(inverse),
        inverse,
        level,
        told=f"Deeks: {measure}",
        imprecision="sizes",
    )


def macaskill_test(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    measure: str = "OR",
    weights: str = "margins",
    correction: float = 0.5,
    add_to_n: AddToN = "once",
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Macaskill's test: effects on the trials' sizes.

    Parameters
    ----------
    events1, n1, events2, n2, measure, correction, add_to_n, labels, level
        As for `peters_test`.
    weights : {"margins", "variance"}
        As in the paper and as in `peters_test`, or inverse variances, as in R's meta.

    Returns
    -------
    EggerTest
        ``intercept`` is the coefficient of N: negative where small trials have larger effects.

    Raises
    ------
    ReviewError
        As `peters_test`.

    References
    ----------
    Macaskill P, Walter SD, Irwig L (2001). A comparison of methods to detect publication bias in
    meta-analysis. Statistics in Medicine 20:641-654.

    Examples
    --------
    >>> test = macaskill_test([4, 6, 3, 62], [123, 306, 231, 13598],
    ...                       [11, 29, 11, 248], [139, 303, 220, 12867])
    >>> print(f"p {test.p_value:.2f}")
    p 0.93
    """
    check_choice("weights", weights, ("margins", "variance"))
    cells, effect, variance = _effects(
        events1, n1, events2, n2, measure, correction, add_to_n, labels
    )
    a, b, c, d = cells
    spread = variance
    if weights == "margins":
        spread = 1 / (a + c) + 1 / (b + d)
        _check_margins(spread, measure)
    return lean_of_line(
        effect, a + b + c + d, spread, level, told=f"Macaskill: {measure}", imprecision="sizes"
    )


def pustejovsky_test(
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    effect: npt.ArrayLike,
    *,
    variance: npt.ArrayLike | None = None,
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Pustejovsky and Rodgers' test for standardized mean differences.

    Parameters
    ----------
    n1, n2 : array_like, shape (k,)
        Sizes of the arms.
    effect : array_like, shape (k,)
        Standardized mean differences.
    variance : array_like, shape (k,), optional
        Sampling variances, for weights :math:`1/v_i` as in R's meta. Without them the weights are
        the modified ones, which depend on the sizes alone.
    labels, level
        As for `harbord_test`.

    Returns
    -------
    EggerTest
        ``intercept`` is the coefficient of :math:`W=\sqrt{1/n_1+1/n_2}`.

    Raises
    ------
    ReviewError
        For sizes that are not positive, and as `egger_test`.

    Notes
    -----
    Effects are regressed on W, the part of their standard error that does not depend on them, with
    weights :math:`1/W^2`.

    References
    ----------
    Pustejovsky JE, Rodgers MA (2019). Testing for funnel plot asymmetry of standardized mean
    differences. Research Synthesis Methods 10:57-71.

    Examples
    --------
    >>> test = pustejovsky_test([12, 30, 8, 55], [14, 28, 9, 50], [-0.5, -0.1, -0.9, -0.1])
    >>> print(f"{test.intercept:.2f}, p {test.p_value:.2f}")
    -2.48, p 0.06
    """
    (y, first, second), names = columns_of(labels, effect=effect, n1=n1, n2=n2)
    for name, size in (("n1", first), ("n2", second)):
        check_values(name, size, names, np.isfinite(size) & (size > 0), "greater than zero")
    spread = 1 / first + 1 / second
    y, v, _ = check_effects(y, spread if variance is None else variance, names)
    weights = "1/W^2" if variance is None else "1/v"
    told = f"Pustejovsky and Rodgers: weights {weights}"
    return lean_of_line(y, np.sqrt(spread), v, level, told=told, imprecision="sizes")


def _informative(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    measure: str,
    labels: Labels,
) -> Cells:
    """Return the cells of the trials that tell something."""
    cells, names = checked_cells(events1, n1, events2, n2, labels)
    return parted(cells, names, tells_nothing(cells, measure))[0]


def _effects(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    measure: str,
    correction: float,
    add_to_n: AddToN,
    labels: Labels,
) -> tuple[Cells, FloatArray, FloatArray]:
    check_choice("measure", measure, EVENT_MEASURES)
    cells = _informative(events1, n1, events2, n2, measure, labels)
    add = added(cells, correction)
    if measure == "OR":
        return cells, *log_odds_ratios(cells, add)
    if measure == "RR":
        return cells, *log_risk_ratios(cells, add, add_to_n)
    return cells, *risk_differences(cells, add)


def _check_margins(spread: FloatArray, measure: str) -> None:
    if not np.isfinite(spread).all():
        raise ReviewError(f"{measure}: a trial with no event at all has no weight in this test")
