"""Many small meta-analyses at once: every row of an array is one data set, or one subset of one.

All subsets of a review, permutations and simulations need the same pooling a million times.
`pool_many` gives for each row what `analysis_lib.pool` gives for one, to 1e-8, at a
few microseconds a row.

The work is laid out with the studies along the first axis and the rows along the second, in
blocks that fit the processor's cache. A study that a row leaves out has an infinite variance
there, so that its weight is zero and no formula has to know of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntFlag
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.kenward_roger import kenward_roger
from analysis_lib.pooling.methods import (
    KENWARD_ROGER,
    PREDICTIONS,
    MethodNames,
    Methods,
    NamesItsMethods,
)

BoolArray = npt.NDArray[np.bool_]
RowIndex = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]

#: Cells (rows times studies) that NumPy works on at once: half a megabyte an array, so that the
#: five or so arrays of a step stay in cache. It bounds the memory and changes no result.
CELLS_PER_BLOCK = 2**16

#: Rows that are sorted by their number of studies at once, which bounds the memory too.
ROWS_SORTED = 2**14

#: What adds up the studies of each data set.
ENGINES = ("numpy", "numba")


class Rules(NamedTuple):
    """How tau2 is searched for, by every engine.

    Neighbouring points of the search for maxima differ by the factor ``scan_ratio``, from
    ``scan_start`` times the smallest variance upwards, unless bounds allow more; see the notes of
    `pool_many`. Where the two sides of the likelihood's equation differ by less than the factor
    ``close_tilt`` at one end of a cell of the grid, the cell is searched again in ``close_steps``
    steps, unless the bounds hold for all of it.

    A Newton step smaller than the part ``step_tolerance`` of tau2 + v ends the iteration.
    Convergence is quadratic, so the error that remains after the step is of the order of its
    square. After ``patient_steps`` every second step halves the bracket, which always ends; one
    narrower than the part ``smallest_bracket`` of tau2 + v is a solution to the last digits.

    Bounds on tau2 are widened to ``above_rounding``, lest rounding put the solution outside.
    """

    scan_start: float = 0.25
    scan_ratio: float = 2.0
    close_tilt: float = 1.05
    close_steps: int = 8
    step_tolerance: float = 1e-8
    patient_steps: int = 20
    most_steps: int = 250
    smallest_bracket: float = 1e-15
    above_rounding: float = 1 + 1e-9


RULES = Rules()


class Reason(IntFlag):
    """Why numbers of a row are absent (NaN). Zero: everything asked for is there."""

    NO_STUDIES = 1
    BAD_INPUT = 2
    SINGLE_STUDY = 4
    NO_PREDICTION_INTERVAL = 8
    NOT_CONVERGED = 16


#: A row with one of these has no numbers at all.
UNFITTED = Reason.NO_STUDIES | Reason.BAD_INPUT | Reason.NOT_CONVERGED


@dataclass(frozen=True, slots=True)
class PooledRows(NamesItsMethods):
    """What `pool_many` returns: one array of n numbers for each statistic, and the methods.

    A NaN is never unexplained: ``reason`` holds the `Reason` flags of each row, and ``df`` is NaN
    where the interval of the mean is normal.
    """

    k: npt.NDArray[np.int64]
    estimate: FloatArray
    se: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    p_value: FloatArray
    tau2: FloatArray
    i2: FloatArray
    i2_tau2: FloatArray
    q: FloatArray
    pi_low: FloatArray
    pi_high: FloatArray
    df: FloatArray
    reason: npt.NDArray[np.uint8]
    methods: Methods

    def __len__(self) -> int:
        return len(self.k)

    @property
    def fitted(self) -> BoolArray:
        """True for each row that has an estimate."""
        return np.asarray((self.reason & np.uint8(UNFITTED)) == 0)

    def to_frame(self) -> pd.DataFrame:
        """Return the arrays as a table, one row a data set."""
        return pd.DataFrame({name: getattr(self, name) for name in _ARRAYS})


_ARRAYS = tuple(f.name for f in fields(PooledRows) if f.name != "methods")
#: What is known of each row before its intervals are computed.
WITHOUT_INTERVALS = ("k", "estimate", "tau2", "i2", "i2_tau2", "q")


def pool_many(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
    *,
    engine: str = "numpy",
    **methods: Unpack[MethodNames],
) -> PooledRows:
    """Fit n meta-analyses of up to k studies at once.

    Parameters
    ----------
    effect, variance : array_like, shape (n, k) or (k,)
        Study effects and their sampling variances. A single line of k numbers serves all rows.
    mask : array_like of bool, shape (n, k) or (k,), optional
        Which studies each row has; all of them by default. Numbers outside the mask are not
        looked at and may be NaN.
    engine : {"numpy", "numba"}
        ``"numba"`` does the arithmetic in compiled code: the same numbers to 1e-12, about three
        times as fast. It needs the package numba, the extra ``fast``; the first call compiles.
    **methods
        As in `analysis_lib.pool`; see `Methods`.

    Returns
    -------
    PooledRows
        Arrays of length n. A row that cannot be fitted, or that lacks a number because it has
        too few studies, has NaN there and says why in ``reason``.

    Raises
    ------
    ReviewError
        If shapes do not fit together or an option is unknown. A bad number in one row is no
        error: it is flagged in that row's ``reason``.

    Notes
    -----
    The formulas are those of `analysis_lib.pool`. Every quantity is computed from
    contrasts with the most precise study of the row, so that no digits cancel however unequal
    the variances are.

    REML and ML maximise a likelihood that can have several maxima. Let ``t`` be tau2,
    ``W = diag(1/(v + t))`` and ``P = W - W11'W/1'W1``. The restricted likelihood rises with t
    while ``A = y'P^2y`` exceeds ``B = tr P`` and falls after. (For ML read W for P in traces.)
    All eigenvalues of P but one, which is zero, are ``1/(s + t)``, with s between the smallest and
    the largest variance and the same at every t. So A and B are sums of ``u^2/(s + t)^2`` and of
    ``1/(s + t)``. Let ``g = y'P^3y / A``, ``m = tr P^2 / B`` and ``L = 1/(v_max + t)``; then, by
    Jensen's inequality, A/B is at a distance d from t

    - at least ``A/B (1 + d L) / (1 + d g)^2``,
    - at most ``A/B (1 + d m) / (1 + d L)^2``,
    - and falls from t on, if ``m <= 2 L``, so that at most one maximum lies ahead.

    The search goes from zero to the next point of a grid or, where that is farther, as far as these
    bounds keep A/B on its side of 1. It ends where A/B falls from there on, or stays below 1. Each
    fall through 1 brackets a maximum, and the highest, t = 0 included, is taken. (In 468,000 hard
    data sets, with variances over up to eight orders, a search without these bounds and on a grid
    18 times finer found no other one for ML or REML.) In the bracket, Newton's method runs on B/A,
    which is a straight line in t when the variances are equal; a step that would leave the bracket
    halves it instead.

    Memory beyond the arguments and the result does not grow with n.

    References
    ----------
    Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects
    model. J Educ Behav Stat 2005;30:261-293.

    Examples
    --------
    >>> from analysis_lib.pooling.batch import pool_many
    >>> effect, variance = [0.1, 0.3, 0.8], [0.02, 0.03, 0.05]
    >>> rows = pool_many(effect, variance, [[1, 1, 1], [1, 1, 0], [0, 0, 0]], tau2_method="DL")
    >>> rows.estimate.round(3)
    array([0.368, 0.18 ,   nan])
    >>> rows.reason
    array([0, 8, 1], dtype=uint8)
    """
    chosen = Methods.named(methods)
    columns = pool_columns(effect, variance, mask, chosen, engine)
    return PooledRows(**columns, methods=chosen)


def pool_columns(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    mask: npt.ArrayLike | None,
    methods: Methods,
    engine: str,
    *,
    intervals: bool = True,
) -> dict[str, Any]:
    """Return the arrays of `pool_many` by name, without ``intervals`` only `WITHOUT_INTERVALS`."""
    solve = _engine(engine)
    y, v, present = _as_rows(effect, variance, mask)
    names = _ARRAYS if intervals else (*WITHOUT_INTERVALS, "reason")
    columns = _empty_columns(len(present), names)
    for rows, k, bad, fitted, solved in solve(y, v, present, methods.tau2_method):
        columns["k"][rows] = k
        columns["reason"][rows] = bad * Reason.BAD_INPUT + (k == 0) * Reason.NO_STUDIES
        if len(solved.k) > 0:
            for name, column in _statistics(solved, methods, intervals).items():
                columns[name][fitted] = column
    left = np.flatnonzero(columns["reason"] & np.uint8(Reason.NOT_CONVERGED))
    if engine != "numpy" and len(left) > 0:
        some = y[left], v[left], present[left]
        by_numpy = pool_columns(*some, methods, "numpy", intervals=intervals)
        for name, column in columns.items():
            column[left] = by_numpy[name]
    return columns


def _blocks(present: BoolArray) -> Iterator[tuple[RowIndex, Counts]]:
    """Yield rows that are worked on together, as nearly as may be equally long, and their k."""
    rows_per_block = max(1, CELLS_PER_BLOCK // max(1, present.shape[1]))
    for start in range(0, len(present), ROWS_SORTED):
        k = counted(present[start : start + ROWS_SORTED])
        order = by_length(k)
        for first in range(0, len(order), rows_per_block):
            rows = order[first : first + rows_per_block]
            yield start + rows, k[rows]


def counted(present: BoolArray) -> Counts:
    """Return how many studies each row has."""
    return np.asarray(np.einsum("ij->i", present, dtype=np.int64))


def by_length(k: Counts) -> RowIndex:
    """Return the order of rows by their number of studies."""
    # Sixteen bits are sorted by counting; of more studies the order would only be less apt.
    return np.argsort(k.astype(np.uint16), kind="stable")


def _engine(name: str) -> Solve:
    """Return how an engine solves for tau2."""
    check_choice("engine", name, ENGINES)
    if name == "numpy":
        return _solve
    try:
        from analysis_lib.pooling import compiled
    except ModuleNotFoundError as error:
        raise ReviewError(
            f"engine='numba': {error.name} is not installed (pip install 'analysis-lib[fast]')"
        ) from None
    return compiled.solve


def _as_rows(
    effect: npt.ArrayLike, variance: npt.ArrayLike, mask: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return the three arguments as views of one shape (n, k)."""
    try:
        y, v = (np.asarray(values, dtype=float) for values in (effect, variance))
        present = np.asarray(True if mask is None else mask, dtype=bool)
        shape = np.broadcast_shapes(y.shape, v.shape, present.shape)
    except (TypeError, ValueError) as error:
        raise ReviewError(f"effect, variance, mask: not arrays of one shape ({error})") from None
    if not 1 <= len(shape) <= 2:
        raise ReviewError(f"effect, variance, mask: expected (n, k) or (k,), got shape {shape}")
    shape = shape if len(shape) == 2 else (1, *shape)
    return (
        np.broadcast_to(y, shape),
        np.broadcast_to(v, shape),
        np.broadcast_to(present, shape),
    )


def _empty_columns(n: int, names: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.full(n, np.nan) for name in names}
    columns["k"] = np.zeros(n, dtype=np.int64)
    columns["reason"] = np.full(n, Reason.NO_STUDIES, dtype=np.uint8)
    return columns


@dataclass(frozen=True, slots=True)
class Contrasts(ABC):
    """Data sets of ``k`` studies each, seen from their most precise study.

    How the contrasts are kept, and added up, is each engine's own.
    """

    k: FloatArray

    @abstractmethod
    def weigh(self, tau2: FloatArray | float) -> Weighted:
        """Return the sums at one tau2 for each data set."""

    @abstractmethod
    def mean_variance(self) -> FloatArray:
        """Return the mean of the sampling variances."""

    @abstractmethod
    def sample_variance(self) -> FloatArray:
        """Return the unweighted variance of the effects, with divisor k - 1."""


@dataclass(frozen=True, slots=True)
class Solved:
    """Data sets with their tau2 and the sums at zero, ``fixed``, and there, ``fit``."""

    y0: FloatArray  # effect of the most precise study
    k: FloatArray
    tau2: FloatArray
    fixed: Weighted
    fit: Weighted


@dataclass(frozen=True, slots=True)
class Weighted(ABC):
    """Sums over the studies of each data set at one tau2, relative to its most precise study.

    ``P = W - W11'W / 1'W1`` is the matrix that makes weighted residuals of effects.
    """

    w0: FloatArray  # weight of the most precise study
    others: FloatArray  # sum of the weights w of the others
    total: FloatArray  # sum of all weights
    mean: FloatArray

    @abstractmethod
    def squares(self) -> FloatArray:
        """Return the sum of w^2 without the most precise study."""

    @abstractmethod
    def cubes(self) -> FloatArray:
        """Return the sum of w^3 without the most precise study."""

    @abstractmethod
    def q(self) -> FloatArray:
        """Return the weighted sum of squares about the mean, Cochran's Q at this tau2."""

    def trace(self, squares: FloatArray | None = None) -> FloatArray:
        """Return tr P = sum(w) - sum(w^2) / sum(w), without subtracting the largest weight.

        ``squares``, the sum of squares of ``w``, is computed unless it is at hand.
        """
        squares = self.squares() if squares is None else squares
        return (self.others * (self.total + self.w0) - squares) / self.total


@dataclass(frozen=True, slots=True)
class _Block(Contrasts):
    """Contrasts as arrays: ``z = y - y0`` and ``v`` of the others, one column a data set.

    ``y0`` and ``v0`` are effect and variance of the most precise study. Where a data set has fewer
    studies than others, ``v`` is infinite and ``z`` zero.
    """

    y0: FloatArray
    v0: FloatArray
    z: FloatArray
    v: FloatArray

    def take(self, rows: RowIndex) -> _Block:
        """Return some of the data sets."""
        z, v = (columns.take(rows, axis=1) for columns in (self.z, self.v))
        return _Block(self.k[rows], self.y0[rows], self.v0[rows], z, v)

    def chosen(self, which: BoolArray) -> _Block:
        """Return the data sets for which this is true."""
        # numbers are picked faster than by a mask
        return self if which.all() else self.take(np.flatnonzero(which))

    def solve(self, method: str) -> Solved:
        """Return tau2 of each data set, zero for one study, and the sums there and at zero."""
        fixed = self.weigh(0.0)
        if method in ("EB", "PM"):
            tau2 = _solve_moment_equation(self, fixed)
        elif method in ("ML", "REML"):
            tau2 = _maximise_likelihood(self, fixed, method)
        else:
            tau2 = closed_form(self, fixed, method)
        return Solved(self.y0, self.k, tau2, fixed, self.weigh(tau2))

    def v_max(self) -> FloatArray:
        """Return the largest sampling variance."""
        others = np.where(np.isfinite(self.v), self.v, 0.0)
        return np.asarray(np.maximum(self.v0, others.max(axis=0, initial=0.0)))

    def mean_variance(self) -> FloatArray:
        others = np.where(np.isfinite(self.v), self.v, 0.0)
        return np.asarray((others.sum(axis=0) + self.v0) / self.k)

    def sample_variance(self) -> FloatArray:
        mean = self.z.sum(axis=0) / self.k
        squares = np.square(self.z - mean)
        squares *= np.isfinite(self.v)
        return np.asarray((squares.sum(axis=0) + mean * mean) / (self.k - 1))

    def weigh(self, tau2: FloatArray | float) -> _Sums:
        w = self.v + tau2
        np.divide(1.0, w, out=w)
        w0 = 1.0 / (self.v0 + tau2)
        others = w.sum(axis=0)
        total = others + w0
        return _Sums(w0, others, total, _sum_over_studies(w, self.z) / total, w, self.z)


@dataclass(frozen=True, slots=True)
class _Sums(Weighted):
    """Sums that are computed from the weights ``w`` when they are asked for."""

    w: FloatArray
    z: FloatArray

    def squares(self) -> FloatArray:
        return _sum_over_studies(self.w, self.w)

    def cubes(self) -> FloatArray:
        return _sum_over_studies(self.w, self.w, self.w)

    def q(self) -> FloatArray:
        r = self.z - self.mean
        return _sum_over_studies(self.w, r, r) + self.w0 * self.mean**2

    def pull(self) -> FloatArray:
        """Return y'P^2y = sum(w^2 (y - mean)^2), the rate at which Q falls with tau2."""
        u = self.z - self.mean
        u *= self.w
        return _sum_over_studies(u, u) + (self.w0 * self.mean) ** 2

    def pull_and_bend(self) -> tuple[FloatArray, FloatArray]:
        """Return y'P^2y and y'P^3y."""
        u, u0 = (self.z - self.mean) * self.w, -self.w0 * self.mean  # P y
        pull = _sum_over_studies(u, u) + u0**2
        # P ignores a constant, so measuring from u0 leaves y'P^3y to the other studies
        u -= u0
        bend = _sum_over_studies(self.w, u, u)
        return pull, bend - _sum_over_studies(self.w, u) ** 2 / self.total


def _sum_over_studies(*factors: FloatArray) -> FloatArray:
    """Return the sum of the product of two or three arrays (studies, rows), for each row."""
    return np.asarray(np.einsum(",".join(["ij"] * len(factors)) + "->j", *factors))


def contrasts(
    y: FloatArray, v: FloatArray, present: BoolArray, rows: RowIndex, k: Counts
) -> tuple[BoolArray, RowIndex, _Block]:
    """Turn rows of k studies into columns of contrasts with the row's most precise study."""
    y, v, present = y[rows], v[rows], present[rows]
    here = np.flatnonzero(present)
    effects, variances = y.take(here), v.take(here)
    right = np.isfinite(effects) & (variances > 0) & (variances < np.inf)
    bad = np.bincount(np.repeat(np.arange(len(k)), k)[~right], minlength=len(k)) > 0
    usable = np.flatnonzero(~bad & (k > 0))
    filled = np.arange(max(1, k.max(initial=0))) < k[:, None]
    y_columns, v_columns = (
        _columns(values, filled, absent, usable)
        for values, absent in ((effects, 0.0), (variances, np.inf))
    )
    row, first = np.arange(len(usable)), v_columns.argmin(axis=0)
    y0, v0 = y_columns[first, row], v_columns[first, row]
    z = np.where(filled[usable].T, y_columns - y0, 0.0)
    # The most precise study gives its place to the one on top, which is then cut off.
    z[first, row], v_columns[first, row] = z[0], v_columns[0]
    return bad, usable, _Block(k[usable].astype(float), y0, v0, z[1:], v_columns[1:])


def _columns(values: FloatArray, filled: BoolArray, absent: float, usable: RowIndex) -> FloatArray:
    """Return the values of each row as a column, with ``absent`` below where it is shorter."""
    rows = np.full(filled.shape, absent)
    rows[filled] = values
    return np.ascontiguousarray(rows.T if len(usable) == len(rows) else rows[usable].T)


class Part(NamedTuple):
    """Rows that an engine worked on together: whether they are bad, and which ``solved`` holds."""

    rows: RowIndex | slice
    k: Counts
    bad: BoolArray
    fitted: RowIndex | slice
    solved: Solved


#: What an engine makes, part by part, of effects, variances, presence and a method.
Solve = Callable[[FloatArray, FloatArray, BoolArray, str], Iterator[Part]]


def _solve(y: FloatArray, v: FloatArray, present: BoolArray, method: str) -> Iterator[Part]:
    for rows, k in _blocks(present):
        bad, usable, block = contrasts(y, v, present, rows, k)
        yield Part(rows, k, bad, rows[usable], block.solve(method))


def _statistics(block: Solved, methods: Methods, intervals: bool) -> dict[str, Any]:
    """Return every column but ``k`` for data sets of one study or more."""
    tau2, fit = block.tau2, block.fit
    numbers: dict[str, Any] = {"estimate": block.y0 + fit.mean, **_heterogeneity(block, methods)}
    reason = (block.k == 1) * Reason.SINGLE_STUDY + np.isnan(tau2) * Reason.NOT_CONVERGED
    if intervals:
        generalised_q, se = fit.q(), 1 / np.sqrt(fit.total)
        parts = _kenward_roger(fit, methods)
        mean = _Mean(numbers["estimate"], se, generalised_q, tau2, block.k, *parts)
        numbers |= {**_confidence(mean, methods), **_prediction(mean, methods)}
        reason += np.isnan(numbers["pi_low"]) * Reason.NO_PREDICTION_INTERVAL
    return numbers | {"reason": reason.astype(np.uint8)}


def _heterogeneity(block: Solved, methods: Methods) -> dict[str, FloatArray]:
    single, df, tau2, fixed = block.k == 1, block.k - 1, block.tau2, block.fixed
    q = fixed.q()
    i2 = 1 - np.divide(df, q, out=np.ones_like(q), where=q > df)
    if methods.tau2_method == "FE":
        i2_tau2 = i2
    else:
        # With one study both are zero; what comes out is replaced below.
        typical = np.divide(df, fixed.trace(), out=np.ones_like(q), where=~single)
        i2_tau2 = tau2 / (tau2 + typical)
    absent = {"tau2": tau2, "i2": i2, "i2_tau2": i2_tau2}
    return {"q": q} | {name: np.where(single, np.nan, x) for name, x in absent.items()}


@dataclass(frozen=True, slots=True)
class _Mean:
    """What the intervals of the mean and of a new setting are made of, for each data set."""

    estimate: FloatArray
    classic_se: FloatArray
    q: FloatArray
    tau2: FloatArray
    k: FloatArray
    kr_se: FloatArray
    kr_df: FloatArray

    def se(self, method: str) -> FloatArray:
        """Return the standard errors that a method has; one study alone has the classic one."""
        if method == "wald":
            return self.classic_se
        if method == "KR":
            return np.where(self.k == 1, self.classic_se, self.kr_se)
        factor = self.q / np.maximum(1, self.k - 1)
        factor = np.sqrt(np.maximum(1.0, factor) if method == "HK-adhoc" else factor)
        return np.where(self.k == 1, self.classic_se, self.classic_se * factor)


def _kenward_roger(fit: Weighted, methods: Methods) -> tuple[FloatArray, FloatArray]:
    """Return Kenward and Roger's SE and degrees of freedom, if one of the intervals is theirs."""
    if not {methods.ci_method, methods.pi_method} & set(KENWARD_ROGER):
        return fit.total, fit.total  # not looked at
    with np.errstate(divide="ignore", invalid="ignore"):  # one study alone has neither
        variance, df = kenward_roger(fit.w0, fit.others, fit.squares(), fit.cubes())
    return np.sqrt(variance), df


def _confidence(mean: _Mean, methods: Methods) -> dict[str, FloatArray]:
    """Return standard error, interval and two-sided p value; one study alone has Wald's."""
    wald = (mean.k == 1) | (methods.ci_method == "wald")
    se = mean.se(methods.ci_method)
    df = np.where(wald, 0, mean.kr_df if methods.ci_method == "KR" else mean.k - 1)
    half = se * _critical(df, wald, methods.level)
    estimate = mean.estimate
    statistic = np.where(estimate == 0, 0.0, -np.inf)  # the limits where se is zero
    np.divide(-np.abs(estimate), se, out=statistic, where=se > 0)
    p_value = 2 * special.ndtr(statistic)
    by_t = np.flatnonzero(~wald)
    p_value[by_t] = 2 * special.stdtr(df[by_t], statistic[by_t])
    return {
        "se": se,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
        "p_value": p_value,
        "df": np.where(wald, np.nan, df),
    }


def _prediction(mean: _Mean, methods: Methods) -> dict[str, FloatArray]:
    """Return the prediction interval, NaN where `pool` has none."""
    lost, se_method = PREDICTIONS[methods.pi_method]
    if se_method == "HK" and methods.ci_method == "HK-adhoc":
        se_method = "HK-adhoc"
    normal = np.full(len(mean.k), lost is None)
    df = (mean.kr_df if se_method == "KR" else mean.k) - (lost or 0)
    half = np.sqrt(mean.tau2 + mean.se(se_method) ** 2) * _critical(df, normal, methods.level)
    half[(mean.k == 1) | (methods.tau2_method == "FE")] = np.nan
    return {"pi_low": mean.estimate - half, "pi_high": mean.estimate + half}


def _critical(df: FloatArray, normal: BoolArray, level: float) -> FloatArray:
    """Return the quantile of the normal distribution or of t; NaN for t without df.

    Where they are whole, the few different degrees of freedom are looked up, since one quantile
    costs a microsecond.
    """
    tail = (1 + level) / 2
    if not np.array_equal(df, np.floor(df)):
        by_t = np.where(df > 0, special.stdtrit(np.maximum(df, 1e-300), tail), np.nan)
        return np.where(normal, special.ndtri(tail), by_t)
    degrees = np.maximum(df, 0).astype(np.int64)
    table = np.full(1 + degrees.max(initial=0), np.nan)
    table[1:] = special.stdtrit(np.arange(1, len(table)), tail)
    return np.where(normal, special.ndtri(tail), table[degrees])


def closed_form(block: Contrasts, fixed: Weighted, method: str) -> FloatArray:
    """Return tau2 by a method without iteration, zero for one study."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tau2 = _CLOSED_FORMS[method](block, fixed)
    return np.where(block.k > 1, np.maximum(0.0, tau2), 0.0)


def _fixed(block: Contrasts, fixed: Weighted) -> FloatArray:
    return np.zeros(len(block.k))


def _dersimonian_laird(block: Contrasts, fixed: Weighted) -> FloatArray:
    return np.asarray((fixed.q() - (block.k - 1)) / fixed.trace())


def _hedges(block: Contrasts, fixed: Weighted) -> FloatArray:
    return block.sample_variance() - block.mean_variance()


def _hunter_schmidt(block: Contrasts, fixed: Weighted) -> FloatArray:
    return (fixed.q() - block.k) / fixed.total


def _sidik_jonkman(block: Contrasts, fixed: Weighted) -> FloatArray:
    crude = block.sample_variance() * (block.k - 1) / block.k
    return crude * block.weigh(crude).q() / (block.k - 1)


_CLOSED_FORMS: dict[str, Callable[[Contrasts, Weighted], FloatArray]] = {
    "FE": _fixed,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
}


def _solve_moment_equation(block: _Block, fixed: _Sums) -> FloatArray:
    """Solve Q(tau2) = k - 1, the equation of Paule and Mandel; Q falls with tau2.

    ``Q (v_max + tau2)`` falls too, which bounds the solution.
    """
    tau2 = np.zeros(len(block.k))
    ratio, rate = _moments(block, fixed)
    rows = np.flatnonzero(ratio > 1)
    if len(rows) > 0:
        part, excess = block.take(rows), ratio[rows] - 1
        high = part.v_max() * excess * RULES.above_rounding
        equation = lambda part, tau2: _moments(part, part.weigh(tau2))  # noqa: E731
        tau2[rows] = _newton(equation, part, tau2[rows], high, excess / rate[rows])
    return tau2


def _moments(block: _Block, fit: _Sums) -> tuple[FloatArray, FloatArray]:
    """Return ``Q / (k - 1)`` and the rate at which its logarithm falls.

    The inverse is a straight line where variances are equal.
    """
    q = fit.q()
    with np.errstate(divide="ignore", invalid="ignore"):  # one study alone, or equal effects
        return q / (block.k - 1), fit.pull() / q


def _maximise_likelihood(block: _Block, fixed: _Sums, method: str) -> FloatArray:
    """Return where each likelihood (of ML or REML) is highest; see the notes of `pool_many`."""

    def equation(part: _Block, tau2: FloatArray) -> tuple[FloatArray, FloatArray]:
        look = _Look.at(part.weigh(tau2), method)
        return look.tilt, look.rate()

    at_zero = _Look.at(fixed, method)
    cells = _bracket_maxima(block, at_zero, method)
    rows = cells.row
    found = _newton(equation, block.take(rows), cells.low, cells.high, cells.start)
    tau2 = np.zeros(len(block.k))
    tau2[rows] = found
    rivals = np.bincount(rows, minlength=len(tau2)) + ~(at_zero.tilt > 1) > 1
    if rivals.any():
        _choose_highest(tau2, block, method, rows[rivals[rows]], found[rivals[rows]])
    return tau2


@dataclass(frozen=True, slots=True)
class _Look:
    """What the likelihood of each data set tells at one tau2; see the notes of `pool_many`.

    Above a ``tilt`` A/B of 1 it rises with tau2, below it falls. ``fall`` is g, half the rate at
    which ``log A`` falls there, and ``rise`` is m, the rate at which ``-log B`` rises.
    """

    tilt: FloatArray
    fall: FloatArray
    rise: FloatArray

    @classmethod
    def at(cls, fit: _Sums, method: str) -> _Look:
        pull, bend = fit.pull_and_bend()
        trace, trace_of_square = _traces(fit, method)
        with np.errstate(divide="ignore", invalid="ignore"):  # one study alone, or equal effects
            return cls(pull / trace, bend / pull, trace_of_square / trace)

    def pick(self, chosen: BoolArray | RowIndex) -> _Look:
        return _Look(self.tilt[chosen], self.fall[chosen], self.rise[chosen])

    def rate(self) -> FloatArray:
        """Return the rate at which the logarithm of the tilt falls."""
        return 2 * self.fall - self.rise

    def step(self) -> FloatArray:
        """Return Newton's step to where ``1 / tilt - 1`` is zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.tilt - 1) / self.rate()

    def is_level(self) -> BoolArray:
        return (1 / RULES.close_tilt < self.tilt) & (self.tilt < RULES.close_tilt)

    def farthest(self, slowest: FloatArray) -> FloatArray:
        """Return a distance beyond which the likelihood falls; negative or NaN if all the way."""
        return _meeting(self.tilt, slowest, self.rise) * RULES.above_rounding

    def nearest(self, slowest: FloatArray, farthest: FloatArray) -> FloatArray:
        """Return a distance up to which the likelihood goes on as it does here."""
        # the product of both solutions of the equation of `farthest` is known
        while_falling = (1 - self.tilt) / (slowest * slowest * farthest)
        rising = self.tilt > 1
        return np.where(rising, _meeting(self.tilt, self.fall, slowest), while_falling)


def _meeting(tilt: FloatArray, fall: FloatArray, rise: FloatArray) -> FloatArray:
    """Return the largest d with ``(1 + d fall)^2 = tilt (1 + d rise)``, NaN if there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        b = 2 * fall - tilt * rise
        root = np.sqrt(b * b + 4 * fall * fall * (tilt - 1))
        return np.where(b > 0, 2 * (tilt - 1) / (b + root), (root - b) / (2 * fall * fall))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Pieces of the tau2 axis, the tilt at the lower end, and where Newton's method begins."""

    row: RowIndex
    low: FloatArray
    high: FloatArray
    tilt: FloatArray
    start: FloatArray

    def pick(self, chosen: BoolArray) -> _Cells:
        return _Cells(*(getattr(self, f.name)[chosen] for f in fields(self)))


def _join(cells: list[_Cells]) -> _Cells:
    return _Cells(*(np.concatenate([getattr(c, f.name) for c in cells]) for f in fields(_Cells)))


def _bracket_maxima(block: _Block, at_zero: _Look, method: str) -> _Cells:
    """Return a cell around every maximum above zero."""
    rows, part, here = np.arange(len(block.k)), block, at_zero
    low, v_max = np.zeros(len(rows)), block.v_max()
    peaks, doubtful = [], []
    while True:
        slowest = 1 / (v_max + low)
        farthest, single = here.farthest(slowest), here.rise <= 2 * slowest
        end = low + farthest
        start = low + here.step()
        peaks.append(_Cells(rows, low, end, here.tilt, start).pick(single & (here.tilt > 1)))
        left = ~single & (end > low)
        if not left.any():
            break
        if not left.all():
            rows, part, here = rows[left], part.chosen(left), here.pick(left)
            low, end, v_max, slowest, start, farthest = (
                column[left] for column in (low, end, v_max, slowest, start, farthest)
            )
        rising = here.tilt > 1
        safe = low + here.nearest(slowest, farthest)
        step = np.maximum(RULES.scan_start * part.v0, RULES.scan_ratio * low)
        high = np.minimum(np.maximum(step, safe), end)
        there = _Look.at(part.weigh(high), method)
        cells = _Cells(rows, low, high, here.tilt, start)
        turns = rising != (there.tilt > 1)
        peaks.append(cells.pick(rising & turns))
        doubtful.append(cells.pick((here.is_level() | there.is_level()) & ~turns & (high > safe)))
        low, here = high, there
    if doubtful:
        peaks += _search_closely(block, _join(doubtful), method)
    return _join(peaks)


def _search_closely(block: _Block, cells: _Cells, method: str) -> Iterator[_Cells]:
    """Yield the maxima inside these cells, at one of whose ends the likelihood is nearly level."""
    part, low, tilt = block.take(cells.row), cells.low, cells.tilt
    growth = ((cells.high + part.v0) / (low + part.v0)) ** (1 / RULES.close_steps)
    for _ in range(RULES.close_steps if len(low) > 0 else 0):
        high = np.minimum((low + part.v0) * growth - part.v0, cells.high)
        fit = part.weigh(high)
        next_tilt = fit.pull() / (fit.trace() if method == "REML" else fit.total)
        inside = _Cells(cells.row, low, high, tilt, (low + high) / 2)
        yield inside.pick((tilt > 1) & (next_tilt <= 1))
        low, tilt = high, next_tilt


def _traces(fit: Weighted, method: str) -> tuple[FloatArray, FloatArray]:
    """Return tr P and tr P^2, for ML tr W and tr W^2."""
    w0, total, squares = fit.w0, fit.total, fit.squares()
    if method == "ML":
        return total, squares + w0**2
    of_square = (squares - 2 * fit.cubes() / total) + (
        (w0 * fit.others) ** 2 + 2 * w0**2 * squares + squares**2
    ) / total**2
    return fit.trace(squares), of_square


def _newton(
    equation: Callable[[_Block, FloatArray], tuple[FloatArray, FloatArray]],
    block: _Block,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
) -> FloatArray:
    """Return where the first number of ``equation`` falls to 1 between ``low`` and ``high``.

    The second is the rate at which its logarithm falls. A row that has not settled after
    ``most_steps`` steps is NaN.
    """
    solution, rows = np.full(len(low), np.nan), np.arange(len(low))
    tau2 = np.where((start >= low) & (start <= high), start, _middle(low, high, block.v0))
    for step in range(RULES.most_steps):
        if len(rows) == 0:
            break
        tilt, rate = equation(block, tau2)
        low, high = np.where(tilt > 1, tau2, low), np.where(tilt > 1, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = tau2 + (tilt - 1) / rate
        inside = (newton >= low) & (newton <= high)
        if step >= RULES.patient_steps and step % 2 == 0:
            inside[:] = False
        following = np.where(inside, newton, _middle(low, high, block.v0))
        size = following + block.v0
        settled = inside & (np.abs(following - tau2) <= RULES.step_tolerance * size)
        settled |= high - low <= RULES.smallest_bracket * size
        solution[rows[settled]] = following[settled]
        tau2 = following
        if settled.any():
            left = ~settled
            rows, low, high, tau2 = rows[left], low[left], high[left], tau2[left]
            block = block.chosen(left)
    return solution


def _middle(low: FloatArray, high: FloatArray, v0: FloatArray) -> FloatArray:
    """Return the point halfway between two tau2 on the scale log(tau2 + v0)."""
    return np.clip(np.sqrt((low + v0) * (high + v0)) - v0, low, high)


def _choose_highest(
    tau2: FloatArray, block: _Block, method: str, rows: RowIndex, found: FloatArray
) -> None:
    """Set ``tau2`` of rows with several maxima, zero included, to the highest of them."""
    rivals = np.unique(rows)
    tau2[rivals] = 0.0
    highest = _log_likelihood(block.take(rivals), tau2[rivals], method)
    best = dict(zip(rivals.tolist(), highest.tolist(), strict=True))
    heights = _log_likelihood(block.take(rows), found, method)
    for row, place, height in zip(rows.tolist(), found.tolist(), heights.tolist(), strict=True):
        if height > best[row]:
            best[row], tau2[row] = height, place


def _log_likelihood(block: _Block, tau2: FloatArray, method: str) -> FloatArray:
    """Return the (restricted) log-likelihood but for terms without tau2."""
    fit = block.weigh(tau2)
    logs = np.log(np.where(fit.w > 0, fit.w, 1.0)).sum(axis=0) + np.log(fit.w0)
    if method == "REML":
        logs -= np.log(fit.total)
    return np.asarray((logs - fit.q()) / 2)
