"""How much the pooled result depends on each study: leaving out, adding up, all subsets.

Every function refits the meta-analysis on parts of the studies, through
`analysis_lib.pool_many`, by the methods that `analysis_lib.pool` takes. The results are tables,
one row a study (or group, or subset). A NaN in a table means that a single study is left there,
which has no tau2, I2 or prediction interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_array,
    as_count,
    as_number,
    check_effects,
    check_executor,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.batch import WITHOUT_INTERVALS, PooledRows, pool_columns, pool_many
from analysis_lib.pooling.methods import MethodNames, Methods, NamesItsMethods
from analysis_lib.pooling.pooled_effect import PooledEffect, pool

BoolArray = npt.NDArray[np.bool_]

#: The review's rule: a study is influential if tau2 or I2 falls by this part or more without it.
SUBSTANTIAL_REDUCTION = 0.25
#: All subsets of 20 studies; beyond, as many subsets are drawn at random.
MOST_SUBSETS = 2**20
#: Subsets that one task of an executor fits: about 0.2 s of work.
SUBSETS_PER_TASK = 2**17


class Executor(Protocol):
    """What is needed of an executor: the ``map`` of `concurrent.futures.Executor`."""

    def map(self, fn: Any, /, *iterables: Any) -> Iterable[Any]:
        """Apply ``fn`` to each item, wherever that may be, and return the results in order."""


def leave_one_out(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    groups: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> pd.DataFrame:
    """Pool again without each study, or without each group of rows.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    groups : sequence of shape (k,), optional
        What is left out together, such as the trial to which several comparisons belong. Each
        row of the result is then a group, in order of first appearance.
    **methods
        As in `analysis_lib.pool`; see `Methods`.

    Returns
    -------
    DataFrame
        Columns ``left_out``, ``k`` (studies that remain), ``estimate``, ``se``, ``ci_low``,
        ``ci_high``, ``p_value``, ``tau2``, ``i2``, ``i2_tau2``, ``q``, ``q_p_value``, ``pi_low``,
        ``pi_high``. Fractions, not per cent.

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or if nothing would remain.

    References
    ----------
    Viechtbauer W, Cheung MW-L (2010). Outlier and influence diagnostics for meta-analysis.
    Research Synthesis Methods 1:112-125.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import leave_one_out
    >>> table = leave_one_out([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06], labels="ABCD")
    >>> table[["left_out", "estimate", "tau2"]].round(3)
      left_out  estimate   tau2
    0        A     0.622  0.027
    1        B     0.469  0.129
    2        C     0.313  0.004
    3        D     0.500  0.123
    """
    y, v, names = check_effects(effect, variance, labels)
    groups_by_row = study_labels(groups, len(y)) if groups is not None else names
    left_out = tuple(dict.fromkeys(groups_by_row)) if groups is not None else names
    if len(left_out) < 2:
        raise ReviewError(f"without {left_out[0]} no study remains")
    if groups is None:
        remains = ~np.eye(len(y), dtype=bool)
    else:
        remains = np.array([[row != group for row in groups_by_row] for group in left_out])
    return _table("left_out", left_out, pool_many(y, v, remains, **methods))


def influential(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    groups: Sequence[object] | None = None,
    reduction: float = SUBSTANTIAL_REDUCTION,
    meaningful_change: float | None = None,
    **methods: Unpack[MethodNames],
) -> pd.DataFrame:
    """Mark the studies that are influential, by a reading of the review's rule.

    A study (or group) is influential if without it (a) tau2 or I2 falls by a quarter or more, or
    (b) the pooled effect changes in a way that matters: it changes its sign, gains or loses
    significance or, if a size is given, moves by that much.

    Parameters
    ----------
    effect, variance, labels, groups
        As in `leave_one_out`.
    reduction : float
        The part of tau2 or I2 whose loss counts as substantial.
    meaningful_change : float, optional
        A change of the pooled effect that matters, in its units. The review names none.
    **methods
        As in `leave_one_out`; a result is significant if p is below 1 - ``level``.

    Returns
    -------
    DataFrame
        The table of `leave_one_out` with ``estimate_change``, ``tau2_reduction``,
        ``i2_reduction`` (parts of the full value; NaN where that is zero, or where one study
        remains), and the truth of each part of the rule: ``tau2_falls``, ``i2_falls``,
        ``sign_changes``, ``significance_changes``, ``effect_moves``, and of the rule,
        ``influential``.

    Raises
    ------
    ReviewError
        As `leave_one_out`.

    Notes
    -----
    I2 is the one computed from Q, as in R's meta, which the review used. The review speaks of a
    change in the direction or magnitude of the effect; its examples are of significance.

    References
    ----------
    Viechtbauer W, Cheung MW-L (2010). Research Synthesis Methods 1:112-125.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import influential
    >>> table = influential([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06], labels="ABCD")
    >>> table[["left_out", "tau2_falls", "i2_falls", "significance_changes", "influential"]]
      left_out  tau2_falls  i2_falls  significance_changes  influential
    0        A        True      True                 False         True
    1        B       False     False                  True         True
    2        C        True      True                 False         True
    3        D       False     False                 False        False
    """
    table = leave_one_out(effect, variance, labels=labels, groups=groups, **methods)
    full = pool(effect, variance, labels=labels, **methods)
    return marked(table, full, reduction=reduction, meaningful_change=meaningful_change)


def marked(
    table: pd.DataFrame,
    full: PooledEffect,
    *,
    reduction: float = SUBSTANTIAL_REDUCTION,
    meaningful_change: float | None = None,
) -> pd.DataFrame:
    """Apply the rule of `influential` to results without each study and that of all studies."""
    alpha = 1 - full.level
    change = table["estimate"] - full.estimate
    if meaningful_change is not None:
        meaningful_change = as_number("meaningful_change", meaningful_change)
    tau2_reduction = _reduction(full.tau2, table["tau2"])
    i2_reduction = _reduction(full.i2, table["i2"])
    table = table.assign(
        estimate_change=change,
        tau2_reduction=tau2_reduction,
        i2_reduction=i2_reduction,
        tau2_falls=tau2_reduction >= as_number("reduction", reduction),
        i2_falls=i2_reduction >= reduction,
        sign_changes=np.sign(table["estimate"]) != np.sign(full.estimate),
        significance_changes=(table["p_value"] < alpha) != (full.p_value < alpha),
        effect_moves=False if meaningful_change is None else change.abs() >= meaningful_change,
    )
    parts = ["tau2_falls", "i2_falls", "sign_changes", "significance_changes", "effect_moves"]
    return table.assign(influential=table[parts].any(axis=1))


def influence(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> pd.DataFrame:
    r"""Return the deletion diagnostics of each study.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    **methods
        As in `leave_one_out`.

    Returns
    -------
    DataFrame
        Columns ``label``, ``rstudent``, ``dffits``, ``dfbetas``, ``cook_d``, ``cov_r``,
        ``tau2_del``, ``q_del``, ``hat``, ``weight``. The last two are equal here (fractions).
        With two studies tau2 without one of them does not exist, and what needs it is NaN
        (unless the method is FE).

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or a single study.

    Notes
    -----
    A subscript (-i) marks what is estimated without study i; h is the share of its weight.

    - rstudent: ``(y - mu_(-i)) / sqrt(s_(-i) (v + tau2_(-i) + 1/sum w_(-i)))``
    - dffits: ``(mu - mu_(-i)) / sqrt(s_(-i) h (v + tau2_(-i)))``
    - dfbetas: ``(mu - mu_(-i)) / sqrt(s_(-i) / sum(1 / (v + tau2_(-i))))``, over all studies
    - Cook's distance: ``(mu - mu_(-i))^2 / se^2``
    - covariance ratio: ``se_(-i)^2 / se^2``

    ``s_(-i)`` is 1, or the factor by which Hartung and Knapp (or their ad hoc form) multiply the
    squared standard error. All as in R's metafor.

    References
    ----------
    Viechtbauer W, Cheung MW-L (2010). Outlier and influence diagnostics for meta-analysis.
    Research Synthesis Methods 1:112-125.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import influence
    >>> table = influence([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06], labels="ABCD")
    >>> table[["label", "rstudent", "cook_d", "hat"]].round(3)
      label  rstudent  cook_d    hat
    0     A    -1.715   0.686  0.265
    1     B     0.063   0.002  0.244
    2     C     2.373   0.889  0.265
    3     D    -0.205   0.017  0.226
    """
    y, v, names = check_effects(effect, variance, labels)
    full, deleted = _full_and_deleted(y, v, names, methods)
    tau2 = np.zeros(len(y)) if full.tau2_method == "FE" else deleted.tau2
    weights = 1 / (v + tau2[:, None])  # row i: the weights at tau2 without study i
    own = weights.diagonal()
    others = np.where(np.eye(len(y), dtype=bool), 0.0, weights).sum(axis=1)
    s = deleted.se**2 * others
    shift = full.estimate - deleted.estimate
    return pd.DataFrame(
        {
            "label": names,
            "rstudent": _ratio(y - deleted.estimate, np.sqrt(s * (1 / own + 1 / others))),
            "dffits": _ratio(shift, np.sqrt(s * full.weights / own)),
            "dfbetas": _ratio(shift, np.sqrt(s / (others + own))),
            "cook_d": _ratio(shift**2, np.full(len(y), full.se**2)),
            "cov_r": _ratio(deleted.se**2, np.full(len(y), full.se**2)),
            "tau2_del": tau2,
            "q_del": deleted.q,
            "hat": full.weights,
            "weight": full.weights,
        }
    )


def baujat(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> pd.DataFrame:
    """Return the two coordinates of each study in Baujat's plot.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    **methods
        As in `leave_one_out`. ``tau2_method="FE"`` is the plot of Baujat and of R's meta;
        other methods are metafor's extension.

    Returns
    -------
    DataFrame
        Columns ``label``, ``q_contribution`` (horizontal) and ``influence`` (vertical).

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or a single study.

    Notes
    -----
    Horizontal: ``(y - mu)^2 / (v + tau2)``, whose sum with tau2 = 0 is Q. Vertical:
    ``(mu - mu_(-i))^2 / se_(-i)^2``, the squared shift of the pooled effect without the study.

    References
    ----------
    Baujat B, Mahe C, Pignon J-P, Hill C (2002). A graphical method for exploring heterogeneity in
    meta-analyses. Statistics in Medicine 21:2641-2652.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import baujat
    >>> baujat([0.1, 0.5, 0.9], [0.04, 0.05, 0.04], labels="ABC", tau2_method="FE").round(3)
      label  q_contribution  influence
    0     A             4.0      2.222
    1     B             0.0      0.000
    2     C             4.0      2.222
    """
    y, v, names = check_effects(effect, variance, labels)
    full, deleted = _full_and_deleted(y, v, names, methods)
    shift = full.estimate - deleted.estimate
    return pd.DataFrame(
        {
            "label": names,
            "q_contribution": (y - full.estimate) ** 2 / (v + (full.tau2 or 0.0)),
            "influence": _ratio(shift**2, deleted.se**2),
        }
    )


def cumulative(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    order: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    labels: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> pd.DataFrame:
    """Pool the first study, the first two, and so on.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    order : sequence of shape (k,), optional
        What to sort the studies by, such as the year; ties keep the order given.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    **methods
        As in `leave_one_out`.

    Returns
    -------
    DataFrame
        Column ``added``, the study that came last, and those of `leave_one_out`.

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or an ``order`` of another length or with gaps.

    References
    ----------
    Lau J, Antman EM, Jimenez-Silva J, Kupelnick B, Mosteller F, Chalmers TC (1992). Cumulative
    meta-analysis of therapeutic trials for myocardial infarction. N Engl J Med 327:248-254.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import cumulative
    >>> table = cumulative([0.9, 0.1, 0.5], [0.04, 0.04, 0.05], [2011, 1998, 2004], labels="CAB")
    >>> table[["added", "k", "estimate"]].round(3)
      added  k  estimate
    0     A  1     0.100
    1     B  2     0.288
    2     C  3     0.500
    """
    y, v, names = check_effects(effect, variance, labels)
    keys = np.arange(len(y)) if order is None else as_array("order", order)
    if keys.shape != y.shape:
        raise ReviewError(f"order: shape {keys.shape} for {len(y)} studies")
    gaps = [name for name, gap in zip(names, pd.isna(keys), strict=True) if gap]
    if gaps:
        raise ReviewError(f"order: no value for {', '.join(gaps)}")
    rank = np.argsort(keys, kind="stable")
    so_far = np.tri(len(y), dtype=bool)
    rows = pool_many(y[rank], v[rank], so_far, **methods)
    return _table("added", [names[i] for i in rank], rows)


@dataclass(frozen=True, slots=True, eq=False)
class SubsetFits(NamesItsMethods):
    """The result of `gosh`: one number a subset in every array.

    ``tau2``, ``i2`` and ``i2_tau2`` are NaN for subsets of one study (``k`` is 1 there).
    ``members`` holds the subsets as bits, eight studies a byte, study 1 in the lowest bit of the
    first; `membership` unpacks them. ``exact`` says whether they are all subsets.
    """

    members: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    k: npt.NDArray[np.int64]
    estimate: FloatArray
    tau2: FloatArray
    i2: FloatArray
    i2_tau2: FloatArray
    q: FloatArray
    methods: Methods
    exact: bool
    seed: int | None

    def __len__(self) -> int:
        return len(self.k)

    @property
    def membership(self) -> BoolArray:
        """Which study (column) is in which subset (row)."""
        return _unpack(self.members, len(self.labels))

    def includes(self, label: str) -> BoolArray:
        """Say of each subset whether it has the study."""
        if label not in self.labels:
            raise ReviewError(f"no study {label!r} among {', '.join(self.labels)}")
        place = self.labels.index(label)
        return np.asarray(self.members[:, place // 8] >> (place % 8) & 1, dtype=bool)

    def to_frame(self) -> pd.DataFrame:
        """Return the arrays as a table, one row a subset."""
        return pd.DataFrame({name: getattr(self, name) for name in WITHOUT_INTERVALS})


def gosh(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    max_subsets: int = MOST_SUBSETS,
    seed: int = 0,
    executor: Executor | None = None,
    engine: str = "numpy",
    **methods: Unpack[MethodNames],
) -> SubsetFits:
    """Pool every subset of the studies: a graphical display of study heterogeneity.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    max_subsets : int
        If there are more subsets than this (with the default, beyond 20 studies), so many are
        drawn at random: up to 20 studies without repeats, beyond with the rare repeat.
    seed : int
        Of the random draw.
    executor : Executor, optional
        Anything with the ``map`` of `concurrent.futures.Executor`, such as a process pool or a
        Dask client's executor, to share the work. The result is the same with any.
    engine : {"numpy", "numba"}
        What does the arithmetic, as in `analysis_lib.pool_many`: the same numbers to 1e-12.
    **methods
        As in `analysis_lib.pool`.

    Returns
    -------
    SubsetFits
        Estimates and heterogeneity of all subsets but the empty one. Those of all subsets are
        in the order of the binary number in which study i has the digit of value ``2**(i-1)``.

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or ``max_subsets`` below 1.

    References
    ----------
    Olkin I, Dahabreh IJ, Trikalinos TA (2012). GOSH - a graphical display of study heterogeneity.
    Research Synthesis Methods 3:214-223.

    Examples
    --------
    >>> from analysis_lib.pooling.leaving_out import gosh
    >>> fits = gosh([0.1, 0.5, 0.9], [0.04, 0.05, 0.04], labels="ABC")
    >>> len(fits), fits.estimate[fits.includes("B")].round(2)
    (7, array([0.5 , 0.29, 0.71, 0.5 ]))
    """
    chosen = Methods.named(methods)
    y, v, names = check_effects(effect, variance, labels)
    max_subsets = as_count("max_subsets", max_subsets)
    exact = 2 ** len(y) - 1 <= max_subsets
    members = _all_subsets(len(y)) if exact else _drawn_subsets(len(y), max_subsets, seed)
    starts = range(0, len(members), SUBSETS_PER_TASK)
    tasks = [members[start : start + SUBSETS_PER_TASK] for start in starts]
    fit = partial(_fit_subsets, y, v, chosen, engine)
    check_executor(executor)
    columns: dict[str, Any] = {name: np.empty(len(members)) for name in WITHOUT_INTERVALS}
    columns["k"] = np.empty(len(members), dtype=np.int64)
    parts = executor.map(fit, tasks) if executor else map(fit, tasks)
    for start, part in zip(starts, parts, strict=True):
        for name, column in columns.items():
            column[start : start + SUBSETS_PER_TASK] = part[name]
    return SubsetFits(
        members,
        names,
        **columns,
        methods=chosen,
        exact=exact,
        seed=None if exact else seed,
    )


def _fit_subsets(
    y: FloatArray, v: FloatArray, methods: Methods, engine: str, members: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    return pool_columns(y, v, _unpack(members, len(y)), methods, engine, intervals=False)


def _all_subsets(k: int) -> npt.NDArray[np.uint8]:
    return _as_bytes(np.arange(1, 2**k, dtype=np.uint64), k)


def _drawn_subsets(k: int, count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Draw subsets that are not empty, all equally likely."""
    generator = np.random.default_rng(seed)
    if 2**k <= MOST_SUBSETS:
        codes = 1 + generator.choice(2**k - 1, size=count, replace=False)
        return _as_bytes(np.sort(codes).astype(np.uint64), k)
    members = generator.integers(0, 256, size=(count, -(-k // 8)), dtype=np.uint8)
    members[:, -1] &= np.uint8(2 ** ((k - 1) % 8 + 1) - 1)
    return members[members.any(axis=1)]


def _as_bytes(codes: npt.NDArray[np.uint64], k: int) -> npt.NDArray[np.uint8]:
    """Return the lowest k bits of each code, eight a byte."""
    return codes.astype("<u8").view(np.uint8).reshape(len(codes), 8)[:, : -(-k // 8)].copy()


def _unpack(members: npt.NDArray[np.uint8], k: int) -> BoolArray:
    return np.unpackbits(members, axis=1, count=k, bitorder="little").view(np.bool_)


def _full_and_deleted(
    y: FloatArray, v: FloatArray, names: tuple[str, ...], methods: MethodNames
) -> tuple[PooledEffect, PooledRows]:
    """Return the fit to all studies, and those without each one."""
    if len(y) < 2:
        raise ReviewError(f"without {names[0]} no study remains")
    full = pool(y, v, labels=names, **methods)
    return full, pool_many(y, v, ~np.eye(len(y), dtype=bool), **methods)


def _table(first: str, names: Sequence[str], rows: PooledRows) -> pd.DataFrame:
    """Return the fits as a table with the names in front."""
    table = rows.to_frame().drop(columns=["reason", "df"])
    df = rows.k - 1
    q_p_value = np.where(df > 0, special.chdtrc(np.maximum(df, 1), rows.q), np.nan)
    table.insert(list(table.columns).index("q") + 1, "q_p_value", q_p_value)
    table.insert(0, first, list(names))
    return table


def _reduction(full: float | None, left: pd.Series[float]) -> pd.Series[float]:
    """Return by what part of the full value the others are smaller; NaN if that is zero."""
    return (full - left) / full if full else left * np.nan


def _ratio(value: FloatArray, scale: FloatArray) -> FloatArray:
    """Return ``value / scale`` and its limit where the scale falls to zero."""
    limit = np.where(value == 0, 0.0, np.copysign(np.inf, value))
    return np.divide(value, scale, out=np.where(np.isnan(scale), np.nan, limit), where=scale > 0)
