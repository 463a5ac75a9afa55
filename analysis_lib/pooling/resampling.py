"""Inference that leans on recomputing rather than on a formula: permutation test and bootstrap.

Both refit the meta-analysis thousands of times through `analysis_lib.pool_many`. The work is
cut into pieces, each with random numbers of its own, so that the result depends on the seed alone
and not on who computes which piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, as_count, check_effects, check_executor, check_seed
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.leaving_out import Executor
from analysis_lib.pooling.methods import MethodNames, Methods, NamesItsMethods
from analysis_lib.pooling.pooled_effect import Interval, PooledEffect, frozen, pool

#: Sign patterns that are all looked at: those of 20 studies. Beyond, patterns are drawn.
MOST_PATTERNS = 2**20
#: Statistics closer than this part of the observed one count as equal to it (as in R's metafor).
TIES = math.sqrt(np.finfo(float).eps)
#: Data sets that one piece of the work refits: about 0.1 s.
FITS_PER_TASK = 2**14


@dataclass(frozen=True, slots=True)
class PermutationTest(NamesItsMethods):
    """The result of `permutation_test`.

    Attributes
    ----------
    estimate, statistic : float
        Pooled effect, and its test statistic: the effect divided by its standard error.
    p_value : float
        Two-sided.
    as_extreme, patterns : int
        How many of the sign patterns looked at have a statistic at least as far from zero.
    exact : bool
        Whether these are all patterns; if not, they were drawn with ``seed``.
    methods : Methods
        The methods of the statistic.
    seed : int or None
        None for an exact test.
    """

    estimate: float
    statistic: float
    p_value: float
    as_extreme: int
    patterns: int
    exact: bool
    methods: Methods
    seed: int | None

    @property
    def simulation_error(self) -> float | None:
        """Standard error of the p value from drawing patterns; None for an exact test."""
        if self.exact:
            return None
        return math.sqrt(self.p_value * (1 - self.p_value) / self.patterns)


def permutation_test(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    max_patterns: int = MOST_PATTERNS,
    draws: int = 99_999,
    seed: int = 0,
    executor: Executor | None = None,
    engine: str = "numpy",
    **methods: Unpack[MethodNames],
) -> PermutationTest:
    """Test the pooled effect by turning round the signs of the studies' effects.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    max_patterns : int
        If there are more sign patterns, 2 to the power k, than this, some are drawn at random.
    draws : int
        How many are drawn then.
    seed : int
        Of the random draw.
    executor : Executor, optional
        Anything with the ``map`` of `concurrent.futures.Executor`, to share the work. The result
        is the same with any.
    engine : {"numpy", "numba"}
        What does the arithmetic, as in `analysis_lib.pool_many`: the same numbers to 1e-12.
    **methods
        As in `analysis_lib.pool`; ``tau2_method`` and ``ci_method`` make the statistic.

    Returns
    -------
    PermutationTest
        The p value and where it comes from.

    Raises
    ------
    ReviewError
        For input that cannot be pooled, or ``max_patterns`` or ``draws`` below 1.

    Notes
    -----
    If the true effects scatter symmetrically about zero, every pattern of signs of the observed
    effects is equally likely. The p value is the share of the patterns whose statistic
    ``|estimate / se|`` is at least the observed one. With all ``2**k`` patterns it is a multiple
    of ``2 / 2**k``, because a pattern and its mirror image have the same statistic; half of them
    are therefore enough. With n patterns drawn, ``p = (count + 1) / (n + 1)``, which keeps the
    error rate of the test (Phipson and Smyth).

    With five studies the smallest p value possible is 2/32, so that the test cannot reach 0.05.

    References
    ----------
    Follmann DA, Proschan MA (1999). Valid inference in random effects meta-analysis. Biometrics
    55:732-737.
    Phipson B, Smyth GK (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9:39.

    Examples
    --------
    >>> from analysis_lib.pooling.resampling import permutation_test
    >>> test = permutation_test([0.4, 0.5, 0.9, 0.3], [0.04, 0.05, 0.04, 0.06])
    >>> test.as_extreme, test.patterns, test.p_value
    (2, 16, 0.125)
    """
    for name, given in (("max_patterns", max_patterns), ("draws", draws)):
        as_count(name, given)
    y, v, names = check_effects(effect, variance, labels)
    fit = pool(y, v, labels=names, **methods)
    exact = 2 ** len(y) <= max_patterns
    tasks = _halved_patterns(len(y)) if exact else _pieces(draws, seed)
    count_in = partial(
        _count_as_extreme,
        y,
        v,
        abs(fit.statistic),
        _codes_to_signs if exact else _drawn_signs,
        fit.methods,
        engine,
    )
    counted = sum(_mapped(executor, count_in, tasks))
    as_extreme, patterns = (2 * counted, 2 ** len(y)) if exact else (counted, draws)
    return PermutationTest(
        estimate=fit.estimate,
        statistic=fit.statistic,
        p_value=as_extreme / patterns if exact else (as_extreme + 1) / (patterns + 1),
        as_extreme=as_extreme,
        patterns=patterns,
        exact=exact,
        methods=fit.methods,
        seed=None if exact else seed,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a random draw: how many, and the seed that belongs to this part alone."""

    size: int
    seed: np.random.SeedSequence

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def _pieces(total: int, seed: int) -> list[_Piece]:
    sizes = [min(FITS_PER_TASK, total - start) for start in range(0, total, FITS_PER_TASK)]
    check_seed(seed)
    seeds = np.random.SeedSequence(seed).spawn(len(sizes))
    return [_Piece(size, own) for size, own in zip(sizes, seeds, strict=True)]


def _halved_patterns(k: int) -> list[range]:
    """Return, in parts, the numbers whose binary digits are the signs; the last sign stays."""
    end = 2 ** (k - 1)
    return [range(i, min(end, i + FITS_PER_TASK)) for i in range(0, end, FITS_PER_TASK)]


def _codes_to_signs(codes: range, k: int) -> FloatArray:
    digits = np.asarray(codes)[:, None] >> np.arange(k) & 1
    return np.where(digits, -1.0, 1.0)


def _drawn_signs(piece: _Piece, k: int) -> FloatArray:
    return np.where(piece.generator().integers(0, 2, (piece.size, k), dtype=np.int8), -1.0, 1.0)


def _count_as_extreme(
    y: FloatArray,
    v: FloatArray,
    observed: float,
    to_signs: Callable[[Any, int], FloatArray],
    methods: Methods,
    engine: str,
    task: range | _Piece,
) -> int:
    """Return how many sign patterns of one task have a statistic of the observed size or more."""
    rows = _fitted(y * to_signs(task, len(y)), v, methods, engine)
    size = np.abs(rows.estimate)
    limit = np.where(size > 0, np.inf, 0.0)  # of the statistic, where the standard error is zero
    statistic = np.divide(size, rows.se, out=limit, where=rows.se > 0)
    return int((statistic >= observed * (1 - TIES)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap(NamesItsMethods):
    """The result of `bootstrap`.

    Attributes
    ----------
    fit : PooledEffect
        The meta-analysis of the data.
    ci_percentile : tuple of float
        Interval of the mean effect between quantiles of the redrawn estimates.
    ci_studentised : tuple of float
        Interval of the mean effect from the redrawn statistics; the better one of few studies.
    tau2_ci : tuple of float
        Interval of the variance between studies, between quantiles of the redrawn estimates.
    estimates, standard_errors, tau2 : ndarray of shape (n,)
        What the redrawn data gave, read-only.
    methods : Methods
        The methods of the fit, with the level of the intervals.
    seed : int
        Of the random draw.
    """

    fit: PooledEffect
    ci_percentile: Interval
    ci_studentised: Interval
    tau2_ci: Interval
    estimates: FloatArray
    standard_errors: FloatArray
    tau2: FloatArray
    methods: Methods
    seed: int


def bootstrap(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    draws: int = 10_000,
    seed: int = 0,
    executor: Executor | None = None,
    engine: str = "numpy",
    **methods: Unpack[MethodNames],
) -> Bootstrap:
    """Find intervals by drawing the studies again from the fitted model.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Study effects and their sampling variances, two studies or more.
    labels : sequence of shape (k,), optional
        Study names; numbered when absent.
    draws : int
        Number of redrawn data sets.
    seed : int
        Of the random draw.
    executor : Executor, optional
        Anything with the ``map`` of `concurrent.futures.Executor`, to share the work. The result
        is the same with any.
    engine : {"numpy", "numba"}
        What does the arithmetic, as in `analysis_lib.pool_many`: the same numbers to 1e-12.
    **methods
        As in `analysis_lib.pool`.

    Returns
    -------
    Bootstrap
        The intervals, and the draws that they come from.

    Raises
    ------
    ReviewError
        For input that cannot be pooled, a single study, or ``draws`` below 1.

    Notes
    -----
    The parametric bootstrap draws ``y* ~ N(mu, v + tau2)`` with the estimates of ``mu`` and
    ``tau2`` and fits each draw as the data were fitted.

    - percentile: the quantiles ``(1 - level) / 2`` and ``(1 + level) / 2`` of the estimates, of
      the mean and of tau2. For the mean this is close to the Wald interval and shares its fault of
      taking tau2 as known; a tau2 that is estimated as zero is redrawn as zero.
    - studentised: with ``T* = (mu* - mu) / se*``, the interval ``mu - q se`` between the upper and
      the lower quantile q of T*. It allows for the uncertainty of tau2.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An introduction to the bootstrap. Chapters 12 and 13.
    Turner RM, Omar RZ, Yang M, Goldstein H, Thompson SG (2000). A multilevel model framework for
    meta-analysis of clinical trials with binary outcomes. Statistics in Medicine 19:3417-3432.
    Viechtbauer W (2007). Confidence intervals for the amount of heterogeneity in meta-analysis.
    Statistics in Medicine 26:37-52.

    Examples
    --------
    >>> from analysis_lib.pooling.resampling import bootstrap
    >>> redrawn = bootstrap([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06], draws=2000)
    >>> wider = redrawn.ci_studentised[1] - redrawn.ci_studentised[0]
    >>> wider > redrawn.fit.ci[1] - redrawn.fit.ci[0]
    True
    """
    as_count("draws", draws)
    y, v, names = check_effects(effect, variance, labels)
    fit = pool(y, v, labels=names, **methods)
    if fit.tau2 is None:
        raise ReviewError(f"{names[0]} alone has no variance between studies to draw from")
    redraw = partial(_refit_draws, v, fit.estimate, fit.tau2, fit.methods, engine)
    parts = list(_mapped(executor, redraw, _pieces(draws, seed)))
    estimates, errors, tau2 = (
        frozen(np.concatenate(columns)) for columns in zip(*parts, strict=True)
    )
    tails = ((1 - fit.level) / 2, (1 + fit.level) / 2)
    low, high = np.quantile((estimates - fit.estimate) / errors, tails)
    return Bootstrap(
        fit=fit,
        ci_percentile=_quantiles(estimates, tails),
        ci_studentised=(fit.estimate - float(high) * fit.se, fit.estimate - float(low) * fit.se),
        tau2_ci=_quantiles(tau2, tails),
        estimates=estimates,
        standard_errors=errors,
        tau2=tau2,
        methods=fit.methods,
        seed=seed,
    )


def _refit_draws(
    v: FloatArray, mean: float, tau2: float, methods: Methods, engine: str, piece: _Piece
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return estimate, standard error and tau2 of each data set of one piece."""
    noise = piece.generator().standard_normal((piece.size, len(v)))
    rows = _fitted(mean + noise * np.sqrt(v + tau2), v, methods, engine)
    return rows.estimate, rows.se, rows.tau2


def _fitted(effects: FloatArray, v: FloatArray, methods: Methods, engine: str) -> PooledRows:
    """Pool every row, or say that one could not be fitted: none is lost unseen."""
    rows = pool_many(effects, v, engine=engine, **methods)
    if not rows.fitted.all():
        lost = int((~rows.fitted).sum())
        raise ReviewError(f"{lost} of {len(rows)} redrawn data sets could not be fitted")
    return rows


def _mapped(executor: Executor | None, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Any:
    check_executor(executor)
    return executor.map(function, tasks) if executor else map(function, tasks)


def _quantiles(values: FloatArray, tails: tuple[float, float]) -> Interval:
    low, high = np.quantile(values, tails)
    return float(low), float(high)
