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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from enum import IntFlag
from typing import Any, NamedTuple, Self, Unpack

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

#: Cells (rows times studies) that NumPy works on at once: half a megabyte an array, so that the
#: five or so arrays of a step stay in cache. It bounds the memory and changes no result.
CELLS_PER_BLOCK = 2**16

#: What adds up the studies of each data set.
ENGINES = ("numpy", "numba")


class Rules(NamedTuple):
    """How tau2 is searched for, by every engine.

    Neighbouring points of the search for maxima differ by the factor ``scan_ratio``, from
    ``scan_start`` times the smallest variance upwards; see the notes of `pool_many`. Where the
    two sides of the likelihood's equation differ by less than the factor ``close_tilt`` at one end
    of a cell of the grid, the cell is searched again in ``close_steps`` steps.

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

    - No eigenvalue of P other than zero is below ``1/(v_max + t)``, so ``A (v_max + t)^2`` falls.
    - ``-B'/B = tr P^2 / tr P`` is at most ``1/(c + t)``, with ``c = tr P / tr P^2`` at t = 0 (by
      the Cauchy-Schwarz inequality ``tr P / tr P^2`` grows at least as fast as t), so
      ``B (c + t)`` rises.

    Hence A/B falls wherever ``t > v_max - 2c``: at most one maximum lies there. Hence too, A/B
    stays below 1 from t on once ``A/B < 4 (v_max - c)(c + t) / (v_max + t)^2``. Before one of
    these points is reached, A/B is looked at on a grid. Each fall through 1 brackets a maximum,
    and the highest, t = 0 included, is taken. (In 450,000 hard data sets, with variances over two
    to eight orders, a grid 18 times finer found no higher one for ML or REML.) In the bracket,
    Newton's method runs on B/A, which is a straight line in t when the variances are equal; a
    step that would leave the bracket halves it instead.

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
    contrasts, cells_per_block = _engine(engine)
    y, v, present = _as_rows(effect, variance, mask)
    n, studies = present.shape
    columns = _empty_columns(n)
    rows_per_block = max(1, cells_per_block // max(1, studies))
    for start in range(0, n if studies > 0 else 0, rows_per_block):
        part = slice(start, start + rows_per_block)
        k, bad, usable, block = contrasts(y[part], v[part], present[part])
        columns["k"][part] = k
        columns["reason"][part] = bad * Reason.BAD_INPUT + (k == 0) * Reason.NO_STUDIES
        if len(usable) > 0:
            for name, column in _statistics(block, chosen).items():
                columns[name][start + usable] = column
    return PooledRows(**columns, methods=chosen)


def _engine(name: str) -> tuple[ToContrasts, int]:
    """Return how an engine makes contrasts, and how many cells it takes at once."""
    check_choice("engine", name, ENGINES)
    if name == "numpy":
        return _contrasts, CELLS_PER_BLOCK
    try:
        from analysis_lib.pooling import compiled
    except ModuleNotFoundError as error:
        raise ReviewError(
            f"engine='numba': {error.name} is not installed (pip install 'analysis-lib[fast]')"
        ) from None
    return compiled.contrasts, compiled.CELLS_PER_BLOCK


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


def _empty_columns(n: int) -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.full(n, np.nan) for name in _ARRAYS}
    columns["k"] = np.zeros(n, dtype=np.int64)
    columns["reason"] = np.full(n, Reason.NO_STUDIES, dtype=np.uint8)
    return columns


@dataclass(frozen=True, slots=True)
class Contrasts(ABC):
    """Data sets seen from their most precise study, whose effect is ``y0`` and variance ``v0``.

    How the contrasts of the other ``k - 1`` studies are kept, and added up, is each engine's own.
    """

    y0: FloatArray
    v0: FloatArray
    k: FloatArray

    @abstractmethod
    def take(self, rows: RowIndex) -> Self:
        """Return some of the data sets."""

    def chosen(self, which: BoolArray) -> Self:
        """Return the data sets for which this is true."""
        # numbers are picked faster than by a mask
        return self if which.all() else self.take(np.flatnonzero(which))

    @abstractmethod
    def v_max(self) -> FloatArray:
        """Return the largest sampling variance."""

    @abstractmethod
    def mean_variance(self) -> FloatArray:
        """Return the mean of the sampling variances."""

    @abstractmethod
    def sample_variance(self) -> FloatArray:
        """Return the unweighted variance of the effects, with divisor k - 1."""

    @abstractmethod
    def log_weights(self, tau2: FloatArray) -> FloatArray:
        """Return the sum of the logarithms of the weights of all but the most precise study."""

    def search(self, method: str) -> FloatArray:
        """Return tau2 by a way of the engine's own; NaN where it is left to the general one."""
        return np.full(len(self.k), np.nan)

    @abstractmethod
    def weigh(self, tau2: FloatArray | float) -> Weighted:
        """Return the sums at one tau2 for each data set."""


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

    @abstractmethod
    def pull(self) -> FloatArray:
        """Return y'P^2y = sum(w^2 (y - mean)^2), the rate at which Q falls with tau2."""

    @abstractmethod
    def pull_and_bend(self) -> tuple[FloatArray, FloatArray]:
        """Return y'P^2y and y'P^3y."""

    def trace(self, squares: FloatArray | None = None) -> FloatArray:
        """Return tr P = sum(w) - sum(w^2) / sum(w), without subtracting the largest weight.

        ``squares``, the sum of squares of ``w``, is computed unless it is at hand.
        """
        squares = self.squares() if squares is None else squares
        return (self.others * (self.total + self.w0) - squares) / self.total


@dataclass(frozen=True, slots=True)
class _Block(Contrasts):
    """Contrasts as arrays: ``z = y - y0`` and ``v`` of the others, one column a data set.

    Where a data set has fewer studies, ``v`` is infinite and ``z`` zero.
    """

    z: FloatArray
    v: FloatArray

    def take(self, rows: RowIndex) -> _Block:
        z, v = (columns.take(rows, axis=1) for columns in (self.z, self.v))
        return _Block(self.y0[rows], self.v0[rows], self.k[rows], z, v)

    def v_max(self) -> FloatArray:
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

    def log_weights(self, tau2: FloatArray) -> FloatArray:
        return log_weights(self.v + tau2, axis=0)

    def weigh(self, tau2: FloatArray | float) -> _Sums:
        w = self.v + tau2
        np.divide(1.0, w, out=w)
        w0 = 1.0 / (self.v0 + tau2)
        others = w.sum(axis=0)
        total = others + w0
        return _Sums(w0, others, total, _sum_over_studies(w, self.z) / total, w, self.z)


@dataclass(frozen=True, slots=True)
class _Sums(Weighted):
    """Sums that are computed from the weights when they are asked for."""

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
        u = self.z - self.mean
        u *= self.w
        return _sum_over_studies(u, u) + (self.w0 * self.mean) ** 2

    def pull_and_bend(self) -> tuple[FloatArray, FloatArray]:
        u, u0 = (self.z - self.mean) * self.w, -self.w0 * self.mean  # P y
        pull = _sum_over_studies(u, u) + u0**2
        # P ignores a constant, so measuring from u0 leaves y'P^3y to the other studies
        u -= u0
        bend = _sum_over_studies(self.w, u, u)
        return pull, bend - _sum_over_studies(self.w, u) ** 2 / self.total


def log_weights(variance: FloatArray, *, axis: int) -> FloatArray:
    """Return the sum of the logarithms of inverse variances; an infinite one counts as absent."""
    return -np.asarray(np.log(np.where(np.isfinite(variance), variance, 1.0)).sum(axis=axis))


def _sum_over_studies(*factors: FloatArray) -> FloatArray:
    """Return the sum of the product of two or three arrays (studies, rows), for each row."""
    return np.asarray(np.einsum(",".join(["ij"] * len(factors)) + "->j", *factors))


def _contrasts(
    y: FloatArray, v: FloatArray, present: BoolArray
) -> tuple[npt.NDArray[np.int64], BoolArray, RowIndex, Contrasts]:
    """Turn rows of studies into columns of contrasts with the row's most precise study."""
    bad: BoolArray = np.any(present & ~(np.isfinite(y) & np.isfinite(v) & (v > 0)), axis=1)
    k = present.sum(axis=1)
    usable = np.flatnonzero(~bad & (k > 0))
    if len(usable) < len(k):
        y, v, present = y[usable], v[usable], present[usable]
    v_columns = np.where(present.T, v.T, np.inf)
    first, row = v_columns.argmin(axis=0), np.arange(len(y))
    y0, v0 = y[row, first], v_columns[first, row]
    z = np.where(present.T, y.T - y0, 0.0)
    # The most precise study gives its place to the one on top, which is then cut off.
    z[first, row], v_columns[first, row] = z[0], v_columns[0]
    return k, bad, usable, _Block(y0, v0, k[usable].astype(float), z[1:], v_columns[1:])


#: What an engine makes of rows of studies: the number of studies and whether they are bad, of each
#: row; which rows can be fitted, in any order; and their contrasts, in that order.
ToContrasts = Callable[
    [FloatArray, FloatArray, BoolArray],
    tuple[npt.NDArray[np.int64], BoolArray, RowIndex, Contrasts],
]


def _statistics(block: Contrasts, methods: Methods) -> dict[str, Any]:
    """Return every column but ``k`` for data sets of one study or more."""
    tau2 = np.zeros(len(block.k))
    several = block.k > 1
    tau2[several] = _estimate_tau2(block.chosen(several), methods.tau2_method)
    fit = block.weigh(tau2)
    estimate, se = block.y0 + fit.mean, 1 / np.sqrt(fit.total)
    generalised_q = fit.q()
    numbers = _heterogeneity(block, tau2, methods)
    inputs = _Mean(estimate, se, generalised_q, tau2, block.k, *_kenward_roger(fit, methods))
    numbers |= _confidence(inputs, methods)
    numbers |= _prediction(inputs, methods)
    reason = (
        (block.k == 1) * Reason.SINGLE_STUDY
        + np.isnan(numbers["pi_low"]) * Reason.NO_PREDICTION_INTERVAL
        + np.isnan(tau2) * Reason.NOT_CONVERGED
    )
    return numbers | {"estimate": estimate, "reason": reason.astype(np.uint8)}


def _heterogeneity(block: Contrasts, tau2: FloatArray, methods: Methods) -> dict[str, FloatArray]:
    single, df = block.k == 1, block.k - 1
    fixed = block.weigh(0.0)
    q = fixed.q()
    i2 = np.maximum(0.0, 1 - np.divide(df, q, out=np.ones_like(q), where=q > 0))
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


def _estimate_tau2(block: Contrasts, method: str) -> FloatArray:
    """Return tau2 of data sets of two studies or more."""
    if method in _CLOSED_FORMS:
        return np.maximum(0.0, _CLOSED_FORMS[method](block))
    tau2 = block.search(method)
    left = np.isnan(tau2)
    if left.any():
        solve = _solve_moment_equation if method in ("EB", "PM") else _maximise_likelihood
        tau2[left] = solve(block.chosen(left), method)
    return tau2


def _fixed(block: Contrasts) -> FloatArray:
    return np.zeros(len(block.k))


def _dersimonian_laird(block: Contrasts) -> FloatArray:
    fit = block.weigh(0.0)
    return np.asarray((fit.q() - (block.k - 1)) / fit.trace())


def _hedges(block: Contrasts) -> FloatArray:
    return block.sample_variance() - block.mean_variance()


def _hunter_schmidt(block: Contrasts) -> FloatArray:
    fit = block.weigh(0.0)
    return (fit.q() - block.k) / fit.total


def _sidik_jonkman(block: Contrasts) -> FloatArray:
    crude = block.sample_variance() * (block.k - 1) / block.k
    return crude * block.weigh(crude).q() / (block.k - 1)


_CLOSED_FORMS: dict[str, Callable[[Contrasts], FloatArray]] = {
    "FE": _fixed,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
}


def _solve_moment_equation(block: Contrasts, method: str) -> FloatArray:
    """Solve Q(tau2) = k - 1, the equation of Paule and Mandel; Q falls with tau2.

    Every weight is at most ``1 / (v_min + tau2)``, so that no solution is larger than the
    variance of the effects less the smallest sampling variance.
    """
    tau2 = np.zeros(len(block.k))
    rows = np.flatnonzero(block.weigh(0.0).q() > block.k - 1)
    part = block.take(rows)
    high = np.maximum(0.0, part.sample_variance() - part.v0) * RULES.above_rounding
    start = _middle(tau2[rows], high, part.v0)
    tau2[rows] = _newton(_moment_equation, part, tau2[rows], high, start)
    return tau2


def _moment_equation(block: Contrasts, tau2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``(k - 1) / Q - 1`` and its slope: a straight line where variances are equal."""
    fit = block.weigh(tau2)
    q, minus_slope = fit.q(), fit.pull()
    return (block.k - 1) / q - 1, (block.k - 1) * minus_slope / q**2


def _maximise_likelihood(block: Contrasts, method: str) -> FloatArray:
    """Return where each likelihood (of ML or REML) is highest; see the notes of `pool_many`."""

    def equation(part: Contrasts, tau2: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _likelihood_equation(part, tau2, method)

    fixed = block.weigh(0.0)
    tilt_at_zero = _tilt_of(fixed, method)
    trace, trace_of_square = _traces(fixed, method)
    cells = _bracket_maxima(block, tilt_at_zero, trace / trace_of_square, method)
    rows = cells.row
    found = _newton(equation, block.take(rows), cells.low, cells.high, cells.secant())
    tau2 = np.zeros(len(block.k))
    tau2[rows] = found
    rivals = np.bincount(rows, minlength=len(tau2)) + (tilt_at_zero <= 1) > 1
    if rivals.any():
        _choose_highest(tau2, block, method, rows[rivals[rows]], found[rivals[rows]])
    return tau2


@dataclass(frozen=True, slots=True)
class _Cells:
    """Pieces of the tau2 axis with the tilt (see `_tilt`) at both ends."""

    row: RowIndex
    low: FloatArray
    high: FloatArray
    tilt_low: FloatArray
    tilt_high: FloatArray

    def pick(self, chosen: BoolArray) -> _Cells:
        return _Cells(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def peaks(self) -> _Cells:
        """Return the cells in which the likelihood stops rising."""
        return self.pick((self.tilt_low > 1) & (self.tilt_high <= 1))

    def doubtful(self) -> _Cells:
        """Return the cells, nearly level at one end, where a rise and a fall may hide."""
        near = _is_level(self.tilt_low) | _is_level(self.tilt_high)
        return self.pick(near & ((self.tilt_low > 1) == (self.tilt_high > 1)))

    def secant(self) -> FloatArray:
        """Return where the line through the ends of ``1 / tilt - 1`` is zero."""
        low, high = 1 / self.tilt_low - 1, 1 / self.tilt_high - 1
        return self.low - (self.high - self.low) * low / (high - low)


def _is_level(tilt: FloatArray) -> BoolArray:
    return (1 / RULES.close_tilt < tilt) & (tilt < RULES.close_tilt)


def _join(cells: list[_Cells]) -> _Cells:
    return _Cells(*(np.concatenate([getattr(c, f.name) for c in cells]) for f in fields(_Cells)))


def _bracket_maxima(
    block: Contrasts, tilt_at_zero: FloatArray, typical: FloatArray, method: str
) -> _Cells:
    """Return a cell around every maximum above zero.

    ``typical`` is tr P / tr P^2 at tau2 = 0 (ML: tr W / tr W^2).
    """
    v_max = block.v_max()
    ceiling = _ceiling(block, v_max)
    scan_end = np.minimum(v_max - 2 * typical, ceiling)
    rows = np.flatnonzero(ceiling > 0)
    part, low, tilt = block.chosen(ceiling > 0), np.zeros(len(rows)), tilt_at_zero[rows]
    cells, beyond = [], []
    while len(rows) > 0:
        reach, v = v_max[rows], typical[rows]
        stays_below = tilt * (reach + low) ** 2 < 4 * (reach - v) * (v + low)
        scanning = (low < scan_end[rows]) & ~stays_below
        beyond.append((rows[~scanning], low[~scanning], tilt[~scanning]))
        if not scanning.all():
            rows, low, tilt = rows[scanning], low[scanning], tilt[scanning]
            part = part.chosen(scanning)
        high = np.minimum(
            np.maximum(RULES.scan_start * part.v0, RULES.scan_ratio * low), ceiling[rows]
        )
        next_tilt = _tilt(part, high, method)
        cells.append(_Cells(rows, low, high, tilt, next_tilt))
        low, tilt = high, next_tilt
    peaks = [_up_to_ceiling(block, beyond, ceiling, method)]
    if cells:
        scanned = _join(cells)
        peaks += [scanned.peaks(), *_search_closely(block, scanned.doubtful(), method)]
    return _join(peaks)


def _ceiling(block: Contrasts, v_max: FloatArray) -> FloatArray:
    """Return the tau2 above which no maximum lies, zero if there is none at all.

    There ``y'P^2y <= (k - 1) s2 / (v_min + tau2)^2`` and ``tr P >= (k - 1) / (v_max + tau2)``,
    with s2 the variance of the effects, become equal.
    """
    s2 = block.sample_variance()
    ceiling = s2 / 2 - block.v0 + np.sqrt(s2**2 / 4 + s2 * (v_max - block.v0))
    return np.maximum(0.0, ceiling) * RULES.above_rounding


def _up_to_ceiling(
    block: Contrasts,
    beyond: list[tuple[RowIndex, FloatArray, FloatArray]],
    ceiling: FloatArray,
    method: str,
) -> _Cells:
    """Return the last cell of the rows whose likelihood still rises where the grid ends."""
    if not beyond:
        empty = np.empty(0)
        return _Cells(np.empty(0, dtype=np.intp), empty, empty, empty, empty)
    rows, low, tilt = (np.concatenate(ends) for ends in zip(*beyond, strict=True))
    rows, low, tilt = rows[tilt > 1], low[tilt > 1], tilt[tilt > 1]
    return _Cells(rows, low, ceiling[rows], tilt, _tilt(block.take(rows), ceiling[rows], method))


def _search_closely(block: Contrasts, cells: _Cells, method: str) -> Iterator[_Cells]:
    """Yield the maxima inside these cells."""
    part = block.take(cells.row)
    growth = ((cells.high + part.v0) / (cells.low + part.v0)) ** (1 / RULES.close_steps)
    low, tilt = cells.low, cells.tilt_low
    for _ in range(RULES.close_steps):
        high = np.minimum((low + part.v0) * growth - part.v0, cells.high)
        next_tilt = _tilt(part, high, method)
        yield _Cells(cells.row, low, high, tilt, next_tilt).peaks()
        low, tilt = high, next_tilt


def _tilt(block: Contrasts, tau2: FloatArray, method: str) -> FloatArray:
    """Return y'P^2y / tr P (ML: / tr W): above 1 the likelihood rises with tau2, below it falls."""
    return _tilt_of(block.weigh(tau2), method)


def _tilt_of(fit: Weighted, method: str) -> FloatArray:
    return fit.pull() / (fit.trace() if method == "REML" else fit.total)


def _traces(fit: Weighted, method: str) -> tuple[FloatArray, FloatArray]:
    """Return tr P and tr P^2, for ML tr W and tr W^2."""
    w0, total, squares = fit.w0, fit.total, fit.squares()
    if method == "ML":
        return total, squares + w0**2
    of_square = (squares - 2 * fit.cubes() / total) + (
        (w0 * fit.others) ** 2 + 2 * w0**2 * squares + squares**2
    ) / total**2
    return fit.trace(squares), of_square


def _likelihood_equation(
    block: Contrasts, tau2: FloatArray, method: str
) -> tuple[FloatArray, FloatArray]:
    """Return ``tr P / y'P^2y - 1`` and its slope (for ML with ``tr W`` in place of ``tr P``)."""
    fit = block.weigh(tau2)
    pull, bend = fit.pull_and_bend()
    trace, trace_of_square = _traces(fit, method)
    return trace / pull - 1, (2 * trace * bend - trace_of_square * pull) / pull**2


def _newton(
    equation: Callable[[Contrasts, FloatArray], tuple[FloatArray, FloatArray]],
    block: Contrasts,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
) -> FloatArray:
    """Solve ``equation = 0`` between ``low``, where it is negative, and ``high``.

    A row that has not settled after ``most_steps`` steps is NaN.
    """
    solution, rows = np.full(len(low), np.nan), np.arange(len(low))
    tau2 = np.clip(start, low, high)
    for step in range(RULES.most_steps):
        if len(rows) == 0:
            break
        value, slope = equation(block, tau2)
        low, high = np.where(value < 0, tau2, low), np.where(value < 0, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = tau2 - value / slope
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
    tau2: FloatArray, block: Contrasts, method: str, rows: RowIndex, found: FloatArray
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


def _log_likelihood(block: Contrasts, tau2: FloatArray, method: str) -> FloatArray:
    """Return the (restricted) log-likelihood but for terms without tau2."""
    fit = block.weigh(tau2)
    logs = block.log_weights(tau2) + np.log(fit.w0)
    if method == "REML":
        logs -= np.log(fit.total)
    return np.asarray((logs - fit.q()) / 2)
