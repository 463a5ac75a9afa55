"""Tests on the counts of several trials: of no association, and of one odds ratio for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import number, p_value
from analysis_lib.base.results import Result
from analysis_lib.effects.events import Cells, checked_cells
from analysis_lib.pooling.mantel_haenszel import odds_ratio


@dataclass(frozen=True, slots=True)
class ChiSquared(Result):
    """A chi-squared test.

    Attributes
    ----------
    method : str
        Which test it is.
    statistic : float
        Chi-squared.
    df : int
        Its degrees of freedom.
    p_value : float
        P value.
    """

    method: str
    statistic: float
    df: int
    p_value: float

    def title(self) -> str:
        """Say which test it is."""
        return self.method

    def rows(self) -> list[tuple[str, ...]]:
        """Return the test as words."""
        told = f"{number(self.statistic)} on {self.df} df, {p_value(self.p_value)}"
        return [("chi-squared", told)]

    def to_frame(self) -> pd.DataFrame:
        """Return the test, unrounded, as a table of one row."""
        return pd.DataFrame([{n: getattr(self, n) for n in ("statistic", "df", "p_value")}])


def cochran_mantel_haenszel(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    continuity: bool = False,
    labels: Sequence[object] | None = None,
) -> ChiSquared:
    r"""Test of no association over all trials.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        As for `pool_events`.
    continuity : bool
        Move the difference towards zero by a half.
    labels : sequence of shape (k,), optional
        Names of the trials.

    Returns
    -------
    ChiSquared
        On one degree of freedom.

    Raises
    ------
    ReviewError
        For impossible counts, or trials without any information.

    Notes
    -----
    :math:`(|\sum(a - E)| - h)^2 / \sum V` with E and V of Peto's method and h of a half or 0.

    References
    ----------
    Mantel N, Haenszel W (1959). Statistical aspects of the analysis of data from retrospective
    studies of disease. Journal of the National Cancer Institute 22:719-748.

    Examples
    --------
    >>> test = cochran_mantel_haenszel([4, 6], [123, 306], [11, 29], [139, 303])
    >>> round(test.statistic, 2)
    18.14
    """
    cells, _ = checked_cells(events1, n1, events2, n2, labels)
    a, b, c, d = cells
    n = a + b + c + d
    expected = (a + b) * (a + c) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (a + b) * (c + d) * (a + c) * (b + d) / (n**2 * (n - 1))
    variance = float(spread.sum())
    if not variance > 0:
        raise ReviewError("no trial tells anything: nobody, or everybody, had the event")
    away = max(0.0, abs(float((a - expected).sum())) - continuity / 2)
    statistic = away**2 / variance
    return ChiSquared("Cochran-Mantel-Haenszel test", statistic, 1, float(chdtrc(1, statistic)))


def breslow_day(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    tarone: bool = True,
    labels: Sequence[object] | None = None,
) -> ChiSquared:
    r"""Test that one odds ratio holds in all trials.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        As for `pool_events`.
    tarone : bool
        With Tarone's correction, without which the statistic is not quite chi-squared.
    labels : sequence of shape (k,), optional
        Names of the trials.

    Returns
    -------
    ChiSquared
        On as many degrees of freedom as there are trials with information, minus one.

    Raises
    ------
    ReviewError
        For impossible counts, fewer than two trials with information, or an odds ratio of zero
        or infinity.

    Notes
    -----
    With A the events that the first arm of a trial would have under the Mantel-Haenszel odds ratio
    and the trial's margins, and v the variance of such a table, :math:`\sum(a-A)^2/v`; Tarone
    takes :math:`(\sum(a-A))^2/\sum v` off.

    References
    ----------
    Breslow NE, Day NE (1980). Statistical Methods in Cancer Research I. IARC.
    Tarone RE (1985). On heterogeneity tests based on efficient scores. Biometrika 72:91-95.

    Examples
    --------
    >>> test = breslow_day([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    >>> test.df, round(test.statistic, 2)
    (2, 0.95)
    """
    cells, _ = checked_cells(events1, n1, events2, n2, labels)
    a, b, c, d = cells
    telling = ((a + c) > 0) & ((b + d) > 0)
    a, b, c, d = (cell[telling] for cell in cells)
    if len(a) < 2:
        raise ReviewError("fewer than two trials tell anything of an odds ratio")
    if not ((a * d).any() and (b * c).any()):
        raise ReviewError("the odds ratio of all trials is zero or infinite")
    expected = _expected((a, b, c, d), float(np.exp(odds_ratio((a, b, c, d)).estimate)))
    others = (expected, a + b - expected, a + c - expected, d - a + expected)
    variance = 1 / np.sum([1 / cell for cell in others], axis=0)
    statistic = float(((a - expected) ** 2 / variance).sum())
    if tarone:
        statistic -= float((a - expected).sum() ** 2 / variance.sum())
    name = "Breslow-Day test" + ", with Tarone's correction" * tarone
    return ChiSquared(name, statistic, len(a) - 1, float(chdtrc(len(a) - 1, statistic)))


def _expected(cells: Cells, odds: float) -> FloatArray:
    """Return the events of the first arm at which each trial, its margins kept, has the odds ratio.

    They solve ``x (n2 - m + x) = odds (n1 - x)(m - x)`` with m events in all.
    """
    a, b, c, d = cells
    n1, n2, m = a + b, c + d, a + c
    if odds == 1:
        return np.asarray(n1 * m / (n1 + n2))
    linear = n2 - m + odds * (n1 + m)
    root = np.sqrt(linear**2 - 4 * (odds - 1) * odds * n1 * m)
    return np.asarray(2 * odds * n1 * m / (linear + root))
