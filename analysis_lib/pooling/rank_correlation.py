"""Rank tests of funnel asymmetry: whether effects go with their imprecision, on any curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import Labels
from analysis_lib.effects.events import checked_cells, tells_nothing
from analysis_lib.pooling.asymmetry import FEWEST_STUDIES, FunnelResult, enough_effects
from analysis_lib.pooling.events import pool_events
from analysis_lib.pooling.pooled_effect import lower_tail

#: Below this size, and without ties, the distribution of Kendall's score is counted exactly.
EXACT_BELOW = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BeggTest(FunnelResult):
    """Result of `begg_test`.

    Attributes
    ----------
    tau : float
        Kendall's tau-b.
    score, score_se : float
        Kendall's score (pairs in the same order minus pairs in opposite order) and its standard
        error under independence, ties accounted for.
    p_value : float
        Two-sided.
    exact : bool
        Whether the p value was counted or comes from the normal approximation.
    method : str
        What was computed.
    """

    tau: float
    score: float
    score_se: float
    p_value: float
    exact: bool
    method: str = "Begg and Mazumdar: rank correlation"

    def title(self) -> str:
        """Say which test it is."""
        return self.method

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        return {"tau": self.tau, "p_value": self.p_value}


def begg_test(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Labels = None,
    exact: bool | None = None,
) -> BeggTest:
    r"""Begg and Mazumdar's rank correlation of effects with their variances.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    exact : bool, optional
        True: count the p value; False: normal approximation. By default it is counted for k
        below 50 without ties.

    Returns
    -------
    BeggTest
        With Kendall's tau-b and its p value.

    Raises
    ------
    ReviewError
        For k below 3, when all variances or all effects are equal (there is nothing to rank),
        ``exact=True`` with ties, and invalid effects or variances.

    Notes
    -----
    Each effect is compared with the common-effect mean,

    .. math:: z_i = \frac{y_i - \hat\mu}{\sqrt{v_i - 1/\sum_j w_j}}, \qquad w_j = 1/v_j,

    and ranked against :math:`v_i`. Its power is lower than that of Egger's test (Cochrane Handbook
    5.1, section 10.4.3.1). R's ``metabias`` always uses the normal
    approximation; ``ranktest`` of metafor chooses as we do.

    References
    ----------
    Begg CB, Mazumdar M (1994). Operating characteristics of a rank correlation test for
    publication bias. Biometrics 50:1088-1101.

    Kendall MG (1970). Rank Correlation Methods. 4th edition, Griffin.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> test = begg_test(effect, variance)
    >>> print(f"tau {test.tau:.2f}, p {test.p_value:.3f}")
    tau 0.33, p 0.216
    """
    y, v, _ = enough_effects(effect, variance, labels)
    return _rank_test(_standardized_deviates(y, v), v, exact, "Begg and Mazumdar: rank correlation")


def schwarzer_test(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    labels: Labels = None,
    exact: bool | None = False,
) -> BeggTest:
    r"""Rank correlation of events with their information, for odds ratios of sparse tables.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        As for `pool_events`; trials in which nobody or everybody had the event are left out.
    labels : sequence, optional
        Study labels.
    exact : bool, optional
        As for `begg_test`; the normal approximation by default, as in R's meta.

    Returns
    -------
    BeggTest
        Positive: the less a trial tells, the larger its odds ratio.

    Raises
    ------
    ReviewError
        As `begg_test` and `pool_events`.

    Notes
    -----
    The events of the first arm, less their mean and over their SD under the Mantel-Haenszel odds
    ratio and the trial's margins (a noncentral hypergeometric distribution), are ranked against
    the inverse of that variance.

    References
    ----------
    Schwarzer G, Antes G, Schumacher M (2007). A test for publication bias in meta-analysis with
    sparse binary data. Statistics in Medicine 26:721-733.

    Examples
    --------
    >>> test = schwarzer_test([4, 6, 3, 62], [123, 306, 231, 13598],
    ...                       [11, 29, 11, 248], [139, 303, 220, 12867])
    >>> test.score, round(test.p_value, 2)
    (4.0, 0.17)
    """
    from scipy.stats import nchypergeom_fisher  # slow to import, and only needed here

    cells, names = checked_cells(events1, n1, events2, n2, labels)
    a, b, c, d = (cell[~tells_nothing(cells, "OR")] for cell in cells)
    if len(a) < FEWEST_STUDIES:
        raise ReviewError(f"k = {len(a)} of {len(names)}: {FEWEST_STUDIES} or more must tell")
    odds = math.exp(pool_events(a, a + b, c, c + d).estimate)
    table = nchypergeom_fisher(a + b + c + d, a + c, a + b, odds)
    information = np.asarray(table.var())
    deviates = (a - table.mean()) / np.sqrt(information)
    return _rank_test(deviates, 1 / information, exact, "Schwarzer: rank correlation of counts")


def _rank_test(deviates: FloatArray, v: FloatArray, exact: bool | None, method: str) -> BeggTest:
    k = len(v)
    ties_z, ties_v = _tie_sizes(deviates), _tie_sizes(v)
    for what, ties in (("variances", ties_v), ("effects", ties_z)):
        if len(ties) == 1:
            raise ReviewError(f"all {what} are equal: nothing to rank")
    score = _kendall_score(deviates, v)
    score_se = _kendall_se(k, ties_z, ties_v)
    tied = bool(ties_z.max() > 1 or ties_v.max() > 1)
    if exact and tied:
        raise ReviewError("exact: the p value cannot be counted with ties; leave exact out")
    count = (k < EXACT_BELOW and not tied) if exact is None else exact
    return BeggTest(
        k=k,
        tau=_tau_b(score, k, ties_z, ties_v),
        score=score,
        score_se=score_se,
        p_value=_kendall_exact_p(score, k) if count else _normal_p(score, score_se),
        exact=count,
        method=method,
    )


def _standardized_deviates(y: FloatArray, v: FloatArray) -> FloatArray:
    """Return the deviates of Begg's test.

    Both ``y - mu`` and ``v - 1/sum(w)`` are written as sums over the *other* studies: as
    differences they lose their digits when one study outweighs the rest. Sums run along rows,
    so that equal studies get exactly equal deviates and count as tied.
    """
    share = (1 / v) / np.sum(1 / v)
    others = np.tile(share, (len(v), 1))
    np.fill_diagonal(others, 0.0)
    away = ((y[:, None] - y[None, :]) * others).sum(axis=1)
    return np.asarray(away / np.sqrt(v * _sorted_row_sums(others)))


def _sorted_row_sums(values: FloatArray) -> FloatArray:
    """Sum each row in order of size, so that rows with the same numbers have the same sum."""
    return np.asarray(np.sort(values, axis=1).sum(axis=1))


def _tie_sizes(values: FloatArray) -> npt.NDArray[np.int64]:
    return np.unique(values, return_counts=True)[1]


def _kendall_score(a: FloatArray, b: FloatArray) -> float:
    signs = np.sign(a[:, None] - a[None, :]) * np.sign(b[:, None] - b[None, :])
    return float(np.triu(signs, 1).sum())


def _pairs(ties: npt.NDArray[np.int64]) -> float:
    return float(np.sum(ties * (ties - 1)) / 2)


def _tau_b(
    score: float, k: int, ties_a: npt.NDArray[np.int64], ties_b: npt.NDArray[np.int64]
) -> float:
    pairs = k * (k - 1) / 2
    return float(score / np.sqrt((pairs - _pairs(ties_a)) * (pairs - _pairs(ties_b))))


def _kendall_se(k: int, ties_a: npt.NDArray[np.int64], ties_b: npt.NDArray[np.int64]) -> float:
    """Return the SE of Kendall's score under independence, with ties (Kendall 1970)."""

    def moments(t: npt.NDArray[np.int64]) -> tuple[float, float, float]:
        return (
            float(np.sum(t * (t - 1) * (2 * t + 5))),
            float(np.sum(t * (t - 1))),
            float(np.sum(t * (t - 1) * (t - 2))),
        )

    all_studies = moments(np.array([k]))
    a, b = moments(ties_a), moments(ties_b)
    variance = (
        (all_studies[0] - a[0] - b[0]) / 18
        + a[1] * b[1] / (2 * all_studies[1])
        + a[2] * b[2] / (9 * all_studies[2])
    )
    return float(np.sqrt(variance))


def _normal_p(score: float, score_se: float) -> float:
    return 2 * lower_tail(-abs(score) / score_se, df=None)


def _kendall_exact_p(score: float, k: int) -> float:
    """Count the rankings of k untied studies whose score is at least as far from zero.

    The number of pairs out of order is a sum of independent uniform numbers 0 .. i - 1, one for
    each i up to k; its distribution is built by adding them in turn.
    """
    chance = np.ones(1)
    for i in range(2, k + 1):
        chance = np.convolve(chance, np.full(i, 1 / i))
    disordered = round((k * (k - 1) / 2 - abs(score)) / 2)
    return float(min(1.0, 2 * chance[: disordered + 1].sum()))
