"""Each subgroup of studies pooled, and the test of whether the subgroups differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, fdtrc

from analysis_lib.base.checks import FloatArray, check_effects
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import degrees, number, p_value, percent, plural
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.results import Result
from analysis_lib.pooling.methods import MethodNames, Methods
from analysis_lib.pooling.pooled_effect import Interval, PooledEffect, pool, pool_given_tau2
from analysis_lib.pooling.regression import (
    RegressionModel,
    indicators,
    members_of,
    meta_regression,
)
from analysis_lib.pooling.tau2 import between_variance, q_profile


@dataclass(frozen=True, slots=True, eq=False)
class SubgroupAnalysis(Result):
    """The result of ``subgroup_analysis``.

    Attributes
    ----------
    fits : dict of str to PooledEffect
        One pooled effect a subgroup, in order of first appearance.
    overall : PooledEffect
        All studies together.
    q_between : float or None
        Weighted squares of the subgroup means about their own mean; None where the standard error
        of a subgroup is zero.
    df : int
        Number of subgroups minus one.
    statistic, df1, df2, p_value : float or None
        Test that all subgroups share one mean effect. With Wald intervals ``q_between``,
        chi-squared on ``df1`` degrees of freedom (``df2`` is None); with Hartung-Knapp (or
        Kenward-Roger) ones F on ``df1`` and ``df2``. None where there is no test; see ``note``.
    note : str or None
        A sentence that says why there is no test.
    common_tau2 : bool
        Whether the subgroups share one tau2.
    tau2, tau2_ci : float and tuple of float, or None
        The shared tau2 with its Q-profile interval; None when each subgroup has its own.
    """

    fits: dict[str, PooledEffect]
    overall: PooledEffect
    q_between: float | None
    df: int
    statistic: float | None
    df1: int
    df2: float | None
    p_value: float | None
    note: str | None
    common_tau2: bool
    tau2: float | None
    tau2_ci: Interval | None

    @property
    def q_within(self) -> float:
        """Sum of Cochran's Q over the subgroups."""
        return sum(fit.q for fit in self.fits.values())

    @property
    def q_within_df(self) -> int:
        """Degrees of freedom of ``q_within``."""
        return sum(fit.q_df for fit in self.fits.values())

    @property
    def q_within_p_value(self) -> float | None:
        """P value of ``q_within``; None when every subgroup is a single study."""
        return float(chdtrc(self.q_within_df, self.q_within)) if self.q_within_df else None

    has_header = True

    def title(self) -> str:
        """Say how many subgroups there are, and whether they differ."""
        return f"{plural(len(self.fits), 'subgroup')}; {self.note or self.test_words()}"

    def test_words(self) -> str:
        """Say the test between the subgroups: its statistic, degrees of freedom and p value."""
        if self.df2 is None:
            return f"Q = {number(self.statistic)} (df = {self.df1}, {p_value(self.p_value)})"
        told = f"df = {self.df1} and {degrees(self.df2)}, {p_value(self.p_value)}"
        return f"F = {number(self.statistic)} ({told})"

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row a subgroup, as words."""
        fits = {**self.fits, "all": self.overall}
        cells = [
            (name, str(fit.k), estimate_text(fit.estimate, fit.ci, 4), percent(fit.i2, 1))
            for name, fit in fits.items()
        ]
        level = percent(self.overall.level)
        return [("subgroup", "studies", f"estimate ({level} CI)", "I2"), *cells]

    def to_frame(self) -> pd.DataFrame:
        """Return the results of the subgroups, unrounded, one row each."""
        return pd.DataFrame(
            [{"subgroup": name, **fit.numbers()} for name, fit in self.fits.items()]
        )


def subgroup_analysis(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    groups: Sequence[object],
    *,
    labels: Sequence[object] | None = None,
    common_tau2: bool = False,
    **methods: Unpack[MethodNames],
) -> SubgroupAnalysis:
    """Pool each subgroup and test whether the subgroups differ.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Effects and sampling variances.
    groups : sequence of shape (k,)
        The subgroup of each study.
    labels : sequence of shape (k,), optional
        Names of the studies.
    common_tau2 : bool
        Let all subgroups share one tau2, estimated from the spread within them (advisable when
        subgroups are small), instead of one each.
    **methods
        As in ``pool``; see `Methods`.

    Returns
    -------
    SubgroupAnalysis
        The subgroups' pooled effects and the test between them.

    Raises
    ------
    ReviewError
        For input that ``pool`` refuses, a study without a group, fewer than two groups, or a
        shared tau2 without two studies in any group or with Kenward-Roger intervals.

    Notes
    -----
    ``q_between = sum((m - M)**2 / SE**2)`` over subgroup means m with their standard errors, M
    being their mean weighted by ``1 / SE**2``; the standard errors are those of ``ci_method``. A
    subgroup with one study keeps the Wald interval; its variance is its own sampling variance,
    to which a shared tau2 is added.

    Hartung-Knapp standard errors rest on few degrees of freedom, and chi-squared would find
    differences where there are none (with two groups of two in a fifth of the reviews). With a
    shared tau2 the test is the F test of the meta-regression on the groups (Knapp and Hartung
    2003), on k - G degrees of freedom. With a tau2 each it is that of Welch and James: with
    ``w = 1 / SE**2``, ``W = sum(w)`` and d the degrees of freedom of each SE,
    ``L = sum((1 - w / W)**2 / d)`` and ``F = (Q / (G - 1)) / (1 + 2 (G - 2) L / (G**2 - 1))`` on
    ``(G**2 - 1) / (3 L)`` degrees of freedom. A group of one study has no d, and then there is no
    such test.

    References
    ----------
    Borenstein M, Hedges LV, Higgins JPT, Rothstein HR (2009). Introduction to Meta-Analysis,
    chapter 19. Cochrane Handbook, chapter 10.11.3.
    Welch BL (1951). On the comparison of several mean values: an alternative approach. Biometrika
    38:330-336.
    James GS (1951). The comparison of several groups of observations when the ratios of the
    population variances are unknown. Biometrika 38:324-329.

    Examples
    --------
    >>> result = subgroup_analysis([0.1, 0.2, 0.8, 0.9], [0.02] * 4, ["home", "home", "gym", "gym"])
    >>> round(result.fits["gym"].estimate, 2), round(result.q_between, 1)
    (0.85, 24.5)
    """
    chosen = Methods.named(methods)
    y, v, names = check_effects(effect, variance, labels)
    members = members_of(groups, names)
    if common_tau2 and chosen.ci_method == "KR":
        raise ReviewError("common_tau2: Kenward and Roger's intervals need a tau2 of each subgroup")
    tau2, tau2_ci = (None, None)
    if common_tau2:
        tau2, tau2_ci = _shared_tau2(y, v, members, chosen)
    fits = {}
    for group, rows in members.items():
        inside = tuple(names[row] for row in rows)
        if tau2 is None:
            fits[group] = pool(y[rows], v[rows], labels=inside, **chosen)
        else:
            studies = (y[rows], v[rows], inside)
            fits[group] = pool_given_tau2(studies, tau2, chosen, shared_tau2=True)
    means = np.array([[fit.estimate] for fit in fits.values()])
    errors = np.array([[fit.se] for fit in fits.values()])
    dfs = [[np.nan if fit.df is None else fit.df] for fit in fits.values()]
    note = None if chosen.ci_method == "wald" else _no_test(fits, common_tau2=common_tau2)
    q, statistic, df2, p = (
        None if np.isnan(value[0]) else float(value[0])
        for value in between(means, errors, None if chosen.ci_method == "wald" else dfs)
    )
    if common_tau2 and chosen.ci_method != "wald" and note is None:
        grouped = indicators("group", [str(group) for group in groups])
        regression = meta_regression(y, v, grouped, labels=names, **chosen)
        statistic, df2, p = regression.q_m, regression.q_m_df[1], regression.q_m_p_value
    return SubgroupAnalysis(
        fits=fits,
        overall=pool(y, v, labels=names, **chosen),
        q_between=q,
        df=len(fits) - 1,
        statistic=statistic,
        df1=len(fits) - 1,
        df2=df2,
        p_value=p,
        note=note,
        common_tau2=common_tau2,
        tau2=tau2,
        tau2_ci=tau2_ci,
    )


def subgroups_of(fits: dict[str, PooledEffect], overall: PooledEffect) -> SubgroupAnalysis:
    """Return the comparison of subgroups that were pooled by themselves.

    Normal intervals are compared by chi-squared, those of Student's t as Welch and James do.

    Parameters
    ----------
    fits, overall
        The pooled effect of each subgroup, such as of `analysis_lib.pool_events`, and of all.
    """
    means, errors = (
        np.array([[getattr(fit, name)] for fit in fits.values()]) for name in ("estimate", "se")
    )
    degrees = [[fit.df] for fit in fits.values() if fit.df is not None]
    by_t = np.array(degrees) if len(degrees) == len(fits) else None
    q, statistic, df2, p = (float(value[0]) for value in between(means, errors, by_t))
    return SubgroupAnalysis(
        fits=fits,
        overall=overall,
        q_between=q,
        df=len(fits) - 1,
        statistic=statistic,
        df1=len(fits) - 1,
        df2=None if by_t is None else df2,
        p_value=p,
        note=None,
        common_tau2=False,
        tau2=None,
        tau2_ci=None,
    )


def _shared_tau2(
    y: FloatArray, v: FloatArray, members: Mapping[str, list[int]], methods: Methods
) -> tuple[float, Interval]:
    """Return tau2 of the model with one mean a subgroup, and its Q-profile interval."""
    if len(members) == len(y):
        raise ReviewError("common_tau2: no group has two studies, nothing tells of the spread")
    design = np.zeros((len(y), len(members)))
    for column, rows in enumerate(members.values()):
        design[rows, column] = 1.0
    model = RegressionModel(y, v, design)
    low, high = q_profile(model, methods.level)
    tau2 = between_variance(methods.tau2_method, model)
    return tau2 * model.unit, (low * model.unit, high * model.unit)


def between(
    means: FloatArray, errors: FloatArray, degrees: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Test subgroup means: Q, statistic, second degrees of freedom and p, for many data sets.

    The first axis runs over the subgroups. Without ``degrees`` of the standard errors the test is
    chi-squared, with them Welch and James'. NaN where a standard error is zero or has none.
    """
    groups = len(means)
    usable = (errors > 0).all(axis=0)
    weights = np.where(usable, errors, 1.0) ** -2.0
    total = weights.sum(axis=0)
    q = (weights * (means - (weights * means).sum(axis=0) / total) ** 2).sum(axis=0)
    if degrees is None:
        p, df2, statistic = chdtrc(groups - 1, q), np.full_like(q, np.nan), q
    else:
        spread = ((1 - weights / total) ** 2 / np.asarray(degrees, dtype=float)).sum(axis=0)
        statistic = q / (groups - 1) / (1 + 2 * (groups - 2) / (groups**2 - 1) * spread)
        df2 = (groups**2 - 1) / (3 * spread)
        p = fdtrc(groups - 1, df2, statistic)
    q, statistic, df2, p = (np.where(usable, x, np.nan) for x in (q, statistic, df2, p))
    return q, statistic, df2, p


def _no_test(fits: Mapping[str, PooledEffect], *, common_tau2: bool) -> str | None:
    """Say why there is no test between subgroups whose standard errors are Hartung and Knapp's."""
    equal = [name for name, fit in fits.items() if fit.se == 0]
    if equal:
        return (
            f"No test between subgroups: equal effects make the {fits[equal[0]].ci_method} "
            f"standard error of {', '.join(equal)} zero."
        )
    single = [name for name, fit in fits.items() if fit.k == 1]
    if single and not common_tau2:
        return (
            f"No test between subgroups: {', '.join(single)} has one study, whose spread is not "
            "known; one common spread, common_tau2, would take it from the others."
        )
    return None
