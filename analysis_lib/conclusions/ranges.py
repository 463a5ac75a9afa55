"""Robustness over the ensemble: a median and the range of 95 % of the sets for every number.

Where study effects are reconstructed, a number that is computed from one set of them (a weight, a
Q, the pooled effect without a trial) has more digits than anybody knows. Here each is computed from
every set of the ensemble, and is told by what the sets have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.specifications import CI_CHOICES, PI_CHOICES, TAU2_CHOICES
from analysis_lib.conclusions.stability import ALPHA, STABLE, Draws, weights_in
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.leaving_out import baujat, influence
from analysis_lib.pooling.methods import Methods
from analysis_lib.pooling.subgroups import between

#: Where the range of 95 % of the sets begins and ends, with the median between.
QUANTILES = (0.5, 0.025, 0.975)
BoolArray = npt.NDArray[np.bool_]


def spread(values: FloatArray) -> FloatArray:
    """Return median, lower and upper end of the range over sets, one row each.

    Parameters
    ----------
    values : ndarray, shape (sets, ...)
        One number a set; what is absent in a set is left out.

    Examples
    --------
    >>> import numpy as np
    >>> spread(np.arange(201.0)).tolist()
    [100.0, 5.0, 195.0]
    """
    known = np.asarray(values, dtype=float)
    if np.isnan(known).all(axis=0).any():
        # numpy warns of a column without numbers; its median is absent
        filled = np.where(np.isnan(known).all(axis=0), 0.0, known)
        return np.where(np.isnan(known).all(axis=0), np.nan, np.nanquantile(filled, QUANTILES, 0))
    return np.asarray(np.nanquantile(known, QUANTILES, axis=0))


def told(ends: FloatArray, measure: str = "MD") -> str:
    """Return a median with its range as text; where the print fixes the number there is no range.

    Parameters
    ----------
    ends
        Median, lower and upper end, as they are pooled.
    measure
        How they are read.

    Examples
    --------
    >>> import numpy as np
    >>> told(np.array([-0.5, -0.61, -0.4])), told(np.array([0.0, -0.001, 0.002]))
    ('−0.50 (−0.61 to −0.40)', '0.00')
    """
    middle, low, high = (float(x) for x in ends)
    text = fmt.effect(middle, measure)
    if {fmt.effect(low, measure), fmt.effect(high, measure)} == {text}:
        return text
    return f"{text} ({fmt.effect_interval((low, high), measure)})"


def told_percent(ends: FloatArray) -> str:
    """Return a median with its range in per cent, as text.

    Examples
    --------
    >>> import numpy as np
    >>> told_percent(np.array([0.67, 0.55, 0.714])), told_percent(np.array([0.67, 0.67, 0.671]))
    ('67% (55% to 71%)', '67%')
    """
    text, low, high = (fmt.percent(float(x)) for x in ends)
    return text if {low, high} == {text} else f"{text} ({low} to {high})"


def ends_of(table: pd.DataFrame, name: str) -> FloatArray:
    """Return median, lower and upper end of a number in each row, shape (rows, 3)."""
    return table[[name, f"{name}_low", f"{name}_high"]].to_numpy(dtype=float)


def holds(share: float) -> bool | None:
    """Say whether a statement holds in nearly all sets, in nearly none, or in some (None).

    Examples
    --------
    >>> holds(0.97), holds(0.02), holds(0.6)
    (True, False, None)
    """
    if share >= STABLE:
        return True
    return False if 1 - share >= STABLE else None


def excludes(fit: PooledRows) -> float:
    """Return the share of sets whose confidence interval leaves out no difference."""
    return float(np.mean((fit.ci_low > 0) | (fit.ci_high < 0)))


def weight_by_level(found: Draws, levels: Sequence[str], methods: Methods) -> dict[str, FloatArray]:
    """Return how much of the weight the comparisons of each level have in each set.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    levels
        The level of each comparison, such as its risk of bias.
    methods
        How to pool.

    Returns
    -------
    dict
        The share of the weight by level, one number a set; `spread` tells what they have in common.
    """
    tau2 = pool_many(found.effect, found.variance, **methods).tau2
    shares = weights_in(found.variance, tau2)
    members = np.array(levels, dtype=object)
    return {level: shares[:, members == level].sum(axis=1) for level in dict.fromkeys(levels)}


def trials_left_out(found: Draws, names: Mapping[str, str], methods: Methods) -> pd.DataFrame:
    """Return the pooled result with all trials, and without each, over the ensemble.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    names
        The name of each trial.
    methods
        How to pool.

    Returns
    -------
    pandas.DataFrame
        One row a trial left out, the last one (``left_out`` is empty) with all: ``estimate``,
        ``ci_low``, ``ci_high``, ``tau2`` and ``i2``, each with ``..._low`` and ``..._high``; and
        ``excludes``, the share of sets whose interval leaves out no difference.
    """
    members = found.effects.table["trial"].to_numpy(dtype=object)
    trials = list(dict.fromkeys(members))
    masks = {names[trial]: members != trial for trial in trials if len(trials) > 1}
    masks[""] = np.ones(len(members), dtype=bool)
    rows = []
    for name, mask in masks.items():
        fit = pool_many(found.effect, found.variance, mask, **methods)
        numbers = [getattr(fit, column) for column in _POOLED]
        rows.append({"left_out": name, **_columns(_POOLED, numbers), "excludes": excludes(fit)})
    return pd.DataFrame(rows)


_POOLED = ("estimate", "ci_low", "ci_high", "tau2", "i2")


def _columns(names: Sequence[str], numbers: Sequence[FloatArray]) -> dict[str, float]:
    """Return median and ends of the range of each number under three names."""
    columns: dict[str, float] = {}
    for name, values in zip(names, numbers, strict=True):
        ends = spread(values)
        columns |= {name: ends[0], f"{name}_low": ends[1], f"{name}_high": ends[2]}
    return columns


def pulls(found: Draws, tau2_method: str) -> pd.DataFrame:
    """Return the coordinates of Baujat's plot over the ensemble.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    tau2_method
        The estimator of the variance between trials, for the influence. The contribution to Q is
        that of a common effect, as Baujat draws it.

    Returns
    -------
    pandas.DataFrame
        ``label``; ``q_contribution`` and ``influence``, each with ``..._low`` and ``..._high``.
    """

    def of(effect: FloatArray, variance: FloatArray) -> pd.DataFrame:
        table = baujat(effect, variance, tau2_method=tau2_method)
        common = baujat(effect, variance, tau2_method="FE")
        return table.assign(q_contribution=common["q_contribution"])

    return _by_comparison(found, of, ["q_contribution", "influence"])


DIAGNOSTICS = ["rstudent", "dffits", "cook_d", "cov_r", "tau2_del", "q_del", "hat"]


def diagnostics(found: Draws, tau2_method: str) -> pd.DataFrame:
    """Return `analysis_lib.influence` over the ensemble: each column of `DIAGNOSTICS` as a range.

    Parameters
    ----------
    found, tau2_method
        As for `pulls`.
    """
    return _by_comparison(
        found,
        lambda effect, variance: influence(effect, variance, tau2_method=tau2_method),
        DIAGNOSTICS,
    )


def _by_comparison(
    found: Draws, of: Callable[[FloatArray, FloatArray], pd.DataFrame], columns: list[str]
) -> pd.DataFrame:
    tables = [
        of(effect, variance)[columns].to_numpy(dtype=float)
        for effect, variance in zip(found.effect, found.variance, strict=True)
    ]
    ends = spread(np.array(tables))
    numbers: dict[str, object] = {"label": found.effects.labels}
    for place, name in enumerate(columns):
        for end, values in zip(("", "_low", "_high"), ends, strict=True):
            numbers[f"{name}{end}"] = values[:, place]
    return pd.DataFrame(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class SubsetsOfSets:
    """Every subset of the comparisons in every set: one number a subset and set in each array."""

    estimate: FloatArray
    i2: FloatArray
    with_it: BoolArray
    subsets: int
    sets: int


def subsets(found: Draws, highlight: str) -> SubsetsOfSets:
    """Pool every subset of two comparisons or more in every set of the ensemble.

    Parameters
    ----------
    found
        The ensemble of an analysis of at most ten comparisons or so: 2^k subsets are pooled.
    highlight
        The label of the comparison to tell the subsets apart by.
    """
    labels = found.effects.labels
    if highlight not in labels:
        raise ReviewError(f"no comparison {highlight!r} among {', '.join(labels)}")
    codes = np.arange(1, 2 ** len(labels))
    masks = (codes[:, None] >> np.arange(len(labels)) & 1).astype(bool)
    masks = masks[masks.sum(axis=1) > 1]
    fits = [
        pool_many(effect, variance, masks)
        for effect, variance in zip(found.effect, found.variance, strict=True)
    ]
    return SubsetsOfSets(
        estimate=np.concatenate([fit.estimate for fit in fits]),
        i2=np.concatenate([fit.i2 for fit in fits]),
        with_it=np.tile(masks[:, labels.index(highlight)], len(fits)),
        subsets=len(masks),
        sets=len(fits),
    )


@dataclass(frozen=True, slots=True)
class SubgroupRanges:
    """Subgroups over the ensemble: one row a level, and the share of sets in which they differ."""

    table: pd.DataFrame
    differ: float


def subgroups(found: Draws, groups: Sequence[str], methods: Methods) -> SubgroupRanges:
    """Pool each subgroup in every set, and test between them.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    groups
        The level of each comparison, two or more of them.
    methods
        How to pool; the variance between trials is one of each subgroup.

    Returns
    -------
    SubgroupRanges
        ``table`` has ``level``, ``k``, ``estimate`` with its range, and ``excludes`` as in
        `trials_left_out`; ``differ`` is the share of sets with p below 0.05 between subgroups.
    """
    levels = list(dict.fromkeys(groups))
    fits = [
        pool_many(found.effect, found.variance, [g == level for g in groups], **methods)
        for level in levels
    ]
    rows = [
        {
            "level": level,
            "k": int(fit.k[0]),
            **_columns(["estimate"], [fit.estimate]),
            "excludes": excludes(fit),
        }
        for level, fit in zip(levels, fits, strict=True)
    ]
    by_t = methods.ci_method != "wald"
    *_, p = between(
        np.array([fit.estimate for fit in fits]),
        np.array([fit.se for fit in fits]),
        np.array([fit.df for fit in fits]) if by_t else None,
    )
    return SubgroupRanges(pd.DataFrame(rows), float(np.mean(p < ALPHA)))


@dataclass(frozen=True, slots=True)
class SpecificationRanges:
    """Specifications over the ensemble.

    ``count`` of them; the ``estimates`` of all (2.5 and 97.5 % of specifications and sets); and
    the share of specifications whose confidence and prediction intervals leave out no difference
    (median, lower and upper end over sets; absent where there is no prediction interval).
    """

    count: int
    estimates: tuple[float, float]
    ci_excludes: FloatArray
    pi_excludes: FloatArray | None


def specification_ranges(found: Draws, exclusions: Sequence[Sequence[str]]) -> SpecificationRanges:
    """Pool every set under each combination of choices, as `specifications` does with one.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    exclusions
        Sets of trials to leave out, the empty one for none.
    """
    fits = list(_specified(found, exclusions))
    estimates = np.array([fit.estimate for fit in fits])
    low, high = np.quantile(estimates, QUANTILES[1:])
    ci = np.array([(fit.ci_low > 0) | (fit.ci_high < 0) for fit in fits])
    with_pi = [fit for fit in fits if np.isfinite(fit.pi_low).all()]
    pi = np.array([(fit.pi_low > 0) | (fit.pi_high < 0) for fit in with_pi])
    return SpecificationRanges(
        count=len(fits),
        estimates=(float(low), float(high)),
        ci_excludes=spread(ci.mean(axis=0)),
        pi_excludes=spread(pi.mean(axis=0)) if with_pi else None,
    )


def _specified(found: Draws, exclusions: Sequence[Sequence[str]]) -> Iterator[PooledRows]:
    trials = found.effects.table["trial"]
    for without in exclusions:
        mask = ~trials.isin(without).to_numpy()
        if not mask.any():
            continue
        for tau2_method, ci_method, pi_method in product(TAU2_CHOICES, CI_CHOICES, PI_CHOICES):
            if tau2_method == "FE" and pi_method != PI_CHOICES[0]:
                continue
            chosen = Methods(tau2_method=tau2_method, ci_method=ci_method, pi_method=pi_method)
            yield pool_many(found.effect, found.variance, mask, **chosen)
