"""Study results that agree with everything a review prints, when the trial data are not printed.

A review may print its pooled results and keep the results of the trials to itself. The printed
figures, each known within its rounding, then tie down the unseen study effects and variances
without fixing them. `reconstruct` finds the least surprising set that agrees with the figures;
`ensemble` says how free that set is; `validate` hides known data and tells how far to trust both.

Nothing here is a measurement. What comes out is a set of values that *could* have been pooled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_lengths,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.printed.intervals import Interval
from analysis_lib.printed.reconstruction.solver import Prior, Problem, Studies, conditioned
from analysis_lib.printed.reconstruction.targets import (
    QUANTITIES,
    Z95,
    FitTargets,
    Targets,
    rounded,
)

# Several solutions may exist: the search begins at several points and the nearest is kept.
STARTS, START_SEED = 24, 1999


@dataclass(frozen=True, slots=True)
class Residual:
    """One printed number beside its reconstructed value.

    Parameters
    ----------
    result, quantity : str
        Which pooled result, and which of its numbers.
    printed : Interval
        The values that the printed number may stand for.
    value : float or None
        The reconstructed value; ``None`` where it cannot be computed.
    inside : bool
        Whether the value rounds to the printed number.
    used : bool
        Whether the number was aimed at; ``False`` when it contradicts the others.
    """

    result: str
    quantity: str
    printed: Interval
    value: float | None
    inside: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Study effects and variances that agree with the printed results.

    Parameters
    ----------
    labels : tuple of str
        Names of the comparisons.
    effect, variance : ndarray, shape (k,)
        The reconstructed values.
    residuals : tuple of Residual
        Every printed number beside its value, from the library's own `pool`.
    distance : float
        Distance from the prior in prior standard deviations (root of the sum of squares over
        2 k values; about ``sqrt(2 k)`` would be an ordinary draw from the prior).
    converged : bool
        Whether every number aimed at lies inside its rounding.
    """

    labels: tuple[str, ...]
    effect: FloatArray
    variance: FloatArray
    residuals: tuple[Residual, ...]
    distance: float
    converged: bool

    def table(self) -> pd.DataFrame:
        """Return the residuals as a table, one row a printed number."""
        return pd.DataFrame(
            {
                "result": [r.result for r in self.residuals],
                "quantity": [r.quantity for r in self.residuals],
                "printed": [r.printed.middle for r in self.residuals],
                "printed_low": [r.printed.low for r in self.residuals],
                "printed_high": [r.printed.high for r in self.residuals],
                "reconstructed": [r.value for r in self.residuals],
                "inside": [r.inside for r in self.residuals],
                "used": [r.used for r in self.residuals],
            }
        )


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Many reconstructions, each the nearest one to a draw from the prior.

    Parameters
    ----------
    labels : tuple of str
        Names of the comparisons.
    effect, variance : ndarray, shape (draws, k)
        One reconstruction a row, every one of them inside the rounding of all numbers aimed at.
    tried : int
        Number of draws that it took.
    seed : int
        Seed of the draws.
    """

    labels: tuple[str, ...]
    effect: FloatArray
    variance: FloatArray
    tried: int
    seed: int

    def ranges(self) -> pd.DataFrame:
        """Return how far each effect and standard error moves over the ensemble.

        Returns
        -------
        DataFrame
            Indexed by label: 2.5 %, 97.5 %, least and greatest effect, and the same of the SE.
        """
        columns: dict[str, FloatArray] = {}
        for name, values in (("effect", self.effect), ("se", np.sqrt(self.variance))):
            columns[f"{name}_low"], columns[f"{name}_high"] = np.quantile(
                values, (0.025, 0.975), axis=0
            )
            columns[f"{name}_min"], columns[f"{name}_max"] = values.min(0), values.max(0)
        return pd.DataFrame(columns, index=pd.Index(self.labels, name="label"))


def _pooled_numbers(fit: PooledEffect) -> dict[str, float | None]:
    """Return the numbers of a pooled result that a review prints."""
    limits: tuple[float | None, float | None] = fit.prediction_interval or (None, None)
    return {
        "estimate": fit.estimate,
        "ci_low": fit.ci[0],
        "ci_high": fit.ci[1],
        "p_value": fit.p_value,
        "pi_low": limits[0],
        "pi_high": limits[1],
        "tau2": fit.tau2,
        "i2": fit.i2,
    }


def compare(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    targets: Targets,
    *,
    labels: Sequence[object] | None = None,
) -> tuple[Residual, ...]:
    """Pool effects as the review did and put every printed number beside the result.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and sampling variances of the comparisons.
    targets : Targets
        What is printed.
    labels : sequence, optional
        Names of the comparisons, for error messages.

    Returns
    -------
    tuple of Residual
        One for each printed number, in the order of `QUANTITIES`, fit by fit.

    Notes
    -----
    REML, Wald interval, prediction interval with t on k - 2 degrees of freedom; I² from Q.
    This is the library's own `pool`, not the equations that the reconstruction solved.
    """
    y, v = as_floats("effect", effect), as_floats("variance", variance)
    names = study_labels(labels, check_lengths(effect=y, variance=v))

    def pooled(positions: Sequence[int]) -> PooledEffect:
        index = list(positions)
        return pool(y[index], v[index], labels=[names[i] for i in index])

    found: list[Residual] = []
    for target in targets.fits:
        left_out = set(target.left_out)
        values = _pooled_numbers(pooled([i for i in range(len(y)) if i not in left_out]))
        for name in QUANTITIES:
            printed = getattr(target, name)
            if printed is None:
                continue
            value, used = values[name], name not in target.set_aside
            inside = value is not None and printed.contains(value)
            found.append(Residual(target.name, name, printed, value, inside, used))
    for test in targets.between:
        fits = [pooled(group) for group in test.groups]
        weight = np.array([fit.se**-2 for fit in fits])
        means = np.array([fit.estimate for fit in fits])
        q = float(weight @ (means - weight @ means / weight.sum()) ** 2)
        inside = test.q_between.contains(q)
        found.append(Residual(test.name, "q_between", test.q_between, q, inside, True))
    return tuple(found)


def _met(residuals: Sequence[Residual]) -> bool:
    """Say whether every number aimed at lies inside its rounding."""
    return all(r.inside for r in residuals if r.used)


def _check_targets(prior: Prior, targets: Targets) -> None:
    """Stop when a target names a comparison that is not there."""
    k = len(prior.labels)
    for target in targets.fits:
        if not all(0 <= i < k for i in target.left_out) or len(set(target.left_out)) >= k:
            raise ReviewError(f"{target.name}: cannot leave out {target.left_out} of {k}")
    for test in targets.between:
        if sorted(itertools.chain.from_iterable(test.groups)) != list(range(k)):
            raise ReviewError(f"{test.name}: the groups must share out all {k} comparisons")


def reconstruct(prior: Prior, targets: Targets) -> Reconstruction:
    """Find the study effects and variances nearest to the prior that agree with what is printed.

    Parameters
    ----------
    prior : Prior
        What is known about the comparisons beforehand.
    targets : Targets
        What is printed about their pooled results. Contradictory numbers should have been set
        aside (`set_aside_contradictions`).

    Returns
    -------
    Reconstruction
        The values, every printed number beside its reconstructed one, and the distance from
        the prior.

    Raises
    ------
    ReviewError
        When a target leaves out a comparison that is not there.

    Notes
    -----
    Refitting REML at each step would make the problem rough: the estimate sticks at zero and is
    found by iteration. Instead tau2 of every fit is an unknown, the REML score at that tau2 is
    one more equation, and all printed numbers are smooth functions of effects, log variances and
    tau2. With ``d`` the deviations from the prior in prior standard deviations and ``m`` the
    distances of the printed numbers from their rounding intervals in half-widths, the sum
    ``|d|² + h² |m|²`` is minimised (Levenberg-Marquardt, exact derivatives) while ``h`` grows
    from 0.01 to 100. A printed tau2 of zero asks for a score at zero that is not positive.

    References
    ----------
    Viechtbauer W (2005). Bias and efficiency of meta-analytic variance estimators in the
    random-effects model. J Educ Behav Stat 30:261-293.

    Examples
    --------
    >>> prior = Prior.of([0, 0, 0], [1, 1, 1], [0.04, 0.05, 0.06], [0.3, 0.3, 0.3])
    >>> printed = FitTargets(
    ...     "main", estimate=rounded("0.31"), tau2=rounded("0.12"), i2=rounded("70", per_cent=True)
    ... )
    >>> reconstruct(prior, Targets((printed,))).converged
    True
    """
    _check_targets(prior, targets)
    k, rng = len(prior.labels), np.random.default_rng(START_SEED)
    starts = [np.zeros(2 * k), *rng.standard_normal((STARTS - 1, 2 * k))]
    problems = Problem.alternatives(prior, targets)
    found = [
        (problem, x, _distance_from(x, np.zeros(2 * k)))
        for problem, start in itertools.product(problems, starts)
        if (x := problem.nearest(start)) is not None
    ]
    for problem, x, distance in sorted(found, key=lambda candidate: candidate[2]):
        result = _result(problem, x, distance, targets)
        if result.converged:
            return result
    nearest_misses = [(problem, problem.compromise()) for problem in problems]
    problem, x = min(
        nearest_misses, key=lambda pair: float(np.abs(pair[0].conditions(pair[1]).miss).sum())
    )
    return _result(problem, x, _distance_from(x, np.zeros(2 * k)), targets)


def _distance_from(x: FloatArray, origin: FloatArray) -> float:
    """Return the distance from a point of the prior, in prior standard deviations."""
    return float(np.linalg.norm(x[: len(origin)] - origin))


def _result(problem: Problem, x: FloatArray, distance: float, targets: Targets) -> Reconstruction:
    """Return the unknowns as effects and variances, compared with the printed numbers."""
    studies, prior = problem.studies(x), problem.prior
    residuals = compare(studies.effect, studies.variance, targets, labels=prior.labels)
    return Reconstruction(
        prior.labels,
        studies.effect,
        studies.variance,
        residuals,
        distance,
        _met(residuals),
    )


def _nearest_that_agrees(
    problems: Sequence[Problem], draw: FloatArray, targets: Targets
) -> Studies | None:
    """Return the studies nearest to a draw from the prior that meet every number aimed at."""
    found = [(p, x) for p in problems if (x := p.nearest(draw, to=draw)) is not None]
    for problem, x in sorted(found, key=lambda pair: _distance_from(pair[1], draw)):
        studies = problem.studies(x)
        if _met(compare(studies.effect, studies.variance, targets, labels=problem.prior.labels)):
            return studies
    return None


def ensemble(
    prior: Prior, targets: Targets, *, draws: int = 200, seed: int = 20251205, tries: int = 10
) -> Ensemble:
    """Draw from the prior and move each draw to the nearest values that agree with the print.

    Parameters
    ----------
    prior, targets : Prior, Targets
        As for `reconstruct`.
    draws : int
        Number of reconstructions wanted.
    seed : int
        Seed of the draws; the same seed gives the same ensemble.
    tries : int
        Give up after this many times ``draws`` attempts.

    Returns
    -------
    Ensemble
        ``draws`` reconstructions that all meet every number aimed at, checked with `pool`.

    Raises
    ------
    ReviewError
        When too few draws can be brought to agree with the printed numbers.

    Notes
    -----
    "Randomise, then optimise": for linear equations and a normal prior these are draws from the
    posterior; here they are an approximation of it .

    References
    ----------
    Bardsley JM, Solonen A, Haario H, Laine M (2014). Randomize-then-optimize: a method
    for sampling from posterior distributions in nonlinear inverse problems. SIAM J Sci
    Comput 36:A1895-A1910.
    """
    _check_targets(prior, targets)
    if draws < 1:
        raise ReviewError(f"draws: need at least one, got {draws}")
    problems = Problem.alternatives(prior, targets)
    k, rng = len(prior.labels), np.random.default_rng(seed)
    kept: list[Studies] = []
    for attempt in range(1, tries * draws + 1):
        nearest = _nearest_that_agrees(problems, rng.standard_normal(2 * k), targets)
        if nearest is not None:
            kept.append(nearest)
        if len(kept) == draws:
            effect = np.array([s.effect for s in kept])
            variance = np.array([s.variance for s in kept])
            return Ensemble(prior.labels, effect, variance, attempt, seed)
    raise ReviewError(
        f"ensemble: {len(kept)} of {tries * draws} draws agree with the printed numbers, "
        f"{draws} are wanted; the numbers contradict each other or the prior"
    )


def printed_targets(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    left_out: Sequence[tuple[int, ...]] = (),
    *,
    decimals: int = 2,
) -> Targets:
    """Return what a paper would print about a data set: pooled results, rounded.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        A complete data set.
    left_out : sequence of tuple of int
        Sensitivity results to print as well: positions left out in each.
    decimals : int
        Decimals of estimate, limits, p and tau2; I² is printed in whole per cent.

    Returns
    -------
    Targets
        Intervals of the rounded numbers.
    """
    y, v = as_floats("effect", effect), as_floats("variance", variance)
    fits: list[FitTargets] = []
    for positions in ((), *left_out):
        kept = [i for i in range(len(y)) if i not in positions]
        values = _pooled_numbers(pool(y[kept], v[kept]))
        printed = {
            name: rounded(f"{100 * value:.0f}", per_cent=True)
            if name == "i2"
            else rounded(f"{value:.{decimals}f}")
            for name, value in values.items()
            if value is not None
        }
        fits.append(
            FitTargets.of(
                f"without {positions}" if positions else "all", printed, left_out=positions
            )
        )
    return Targets(tuple(fits))


def validate(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    log_variance_sd: float,
    curvature: npt.ArrayLike | None = None,
    labels: Sequence[object] | None = None,
    conclusions: bool = True,
    decimals: int = 2,
    draws: int = 200,
    seed: int = 20251205,
) -> pd.DataFrame:
    """Hide known study results, reconstruct them from what a paper prints, compare with the truth.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        A complete published data set, k of at least 3.
    log_variance_sd : float
        How well variances can be guessed beforehand: the guess is the true variance at an effect
        of zero times ``exp(log_variance_sd * z)`` with z standard normal.
    curvature : array_like, shape (k,), optional
        ``1 / (2 N)`` for standardized mean differences.
    labels : sequence, optional
        Names of the studies.
    conclusions : bool
        Whether each study's own conclusion is known beforehand, as reviews tell it: significant
        in one direction, in the other, or neither (5 %, two-sided).
    decimals : int
        Decimals that the imagined paper prints.
    draws, seed : int
        Ensemble size, and seed of guesses and draws.

    Returns
    -------
    DataFrame
        One row a study: ``effect`` (true), ``guess`` (prior mean), ``reconstructed``, ``low`` and
        ``high`` (2.5 % and 97.5 % of the ensemble), ``covered``; the same of the standard error.

    Notes
    -----
    Printed are estimate, interval, p, prediction interval, tau2 and I², and the same without the
    study whose absence lowers tau2 most, as a sensitivity analysis does. The truth enters only
    through these rounded numbers, the noisy variances and, when asked for, the conclusions.
    """
    y, v = as_floats("effect", effect), as_floats("variance", variance)
    k = check_lengths(effect=y, variance=v)
    names = study_labels(labels, k)
    growth = np.zeros(k) if curvature is None else as_floats("curvature", curvature)
    rng = np.random.default_rng(seed)
    base = (v - growth * y**2) * np.exp(log_variance_sd * rng.standard_normal(k))
    check_values("variance at an effect of zero", base, names, base > 0, "greater than zero")
    without = [pool(np.delete(y, i), np.delete(v, i)).tau2 or 0.0 for i in range(k)]
    targets = printed_targets(y, v, [(int(np.argmin(without)),)], decimals=decimals)
    main = targets.fits[0].aims()
    centre, tau2 = main["estimate"].middle, max(main["tau2"].middle, 0.0)
    mean, sd = np.full(k, centre), np.sqrt(tau2 + base + growth * centre**2)
    if conclusions:
        edge = Z95 * np.sqrt(base / np.maximum(1 - growth * Z95**2, 1e-9))
        for i, z in enumerate(y / np.sqrt(v)):
            ends = (-edge[i], edge[i]) if abs(z) < Z95 else (edge[i], np.inf)
            low, high = ends if z > 0 else (-ends[1], -ends[0])
            mean[i], sd[i] = conditioned(mean[i], sd[i], low, high)
    prior = Prior.of(mean, sd, base, np.full(k, log_variance_sd), curvature=growth, labels=names)
    best = reconstruct(prior, targets)
    if not best.converged:
        raise ReviewError("validate: no reconstruction agrees with the printed numbers")
    ranges = ensemble(prior, targets, draws=draws, seed=seed).ranges()
    guess_se = np.sqrt(base + growth * mean**2)
    table: dict[str, npt.ArrayLike] = {}
    for name, truth, guess, found in (
        ("effect", y, mean, best.effect),
        ("se", np.sqrt(v), guess_se, np.sqrt(best.variance)),
    ):
        low, high = ranges[f"{name}_low"].to_numpy(), ranges[f"{name}_high"].to_numpy()
        start = "" if name == "effect" else "se_"
        table |= {
            name: truth,
            f"{start}guess": guess,
            f"{start}reconstructed": found,
            f"{start}low": low,
            f"{start}high": high,
            f"{start}covered": (low <= truth) & (truth <= high),
        }
    return pd.DataFrame(table, index=pd.Index(names, name="label"))
