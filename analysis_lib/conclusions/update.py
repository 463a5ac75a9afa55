"""What would a new trial do? One more effect, and what becomes of a conclusion.

A conclusion is read off the confidence interval of the pooled effect: it lies below the null,
above it, or includes it. The functions here put one more trial beside those of an analysis, pool
again, and ask whether the conclusion is still the same: for trials that may be run
(`simulate_update`), for any result that a trial may have (`update_map`), and for the number of
people that it takes (`smallest_trial`).

References
----------
Langan D, Higgins JPT, Gregory W, Sutton AJ. Graphical augmentations to the funnel plot assess the
impact of additional evidence on a meta-analysis. J Clin Epidemiol 2012;65:511-519.

Sutton AJ, Cooper NJ, Jones DR, Lambert PC, Thompson JR, Abrams KR. Evidence-based sample size
calculations based upon updated meta-analysis. Stat Med 2007;26:2479-2500.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Unpack

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURES
from analysis_lib.conclusions.certainty import (
    FEWEST_PEOPLE,
    imprecision_prompt,
    imprecision_step,
    inconsistency_prompt,
    inconsistency_steps,
    optimal_information_size,
)
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.methods import MethodNames
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.simulation import Design

#: Where the confidence interval lies, seen from the null of zero.
BELOW, INCLUDES, ABOVE = -1, 0, 1
SIDES: Final = {BELOW: "below zero", INCLUDES: "includes zero", ABOVE: "above zero"}
#: A trial larger than this, per arm, is not one that anybody will run.
LARGEST_TRIAL = 10_000
MOST_DRAWS = 1_000_000
SMALLEST_SE_SHARE = 1e-3  # of the smallest standard error: as good as a trial without error
NEW_TRIAL = "new trial"

Sides = npt.NDArray[np.int8]
Interval = tuple[float, float]


def side_of(low: npt.ArrayLike, high: npt.ArrayLike) -> Sides:
    """Say where confidence intervals lie.

    Parameters
    ----------
    low, high : array_like
        Limits; an absent interval (NaN) counts as one that includes zero.

    Returns
    -------
    ndarray of int
        ``BELOW`` (-1), ``INCLUDES`` (0) or ``ABOVE`` (1); an interval that ends at zero
        includes it.

    Examples
    --------
    >>> side_of([-0.9, -0.1, 0.2], [-0.1, 0.0, 0.4]).tolist()
    [-1, 0, 1]
    """
    below, above = np.asarray(high) < 0, np.asarray(low) > 0
    return np.where(below, BELOW, np.where(above, ABOVE, INCLUDES)).astype(np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class UpdateSimulation:
    """What pooling gives when a trial is added, over many draws of that trial.

    Attributes
    ----------
    before : PooledEffect
        The analysis as it is.
    per_arm, true_effect, sd, measure
        The trial that was assumed.
    new_effect, new_variance : ndarray of shape (draws,)
        What the trial reports in each draw.
    after : PooledRows
        The updated analysis in each draw.
    steps_before : int or None
        Levels that GRADE's computed prompts for inconsistency and imprecision ask to rate down
        by, together; None when they were not asked for.
    steps_after : ndarray of shape (draws,) or None
        The same for the updated analysis in each draw.
    seed : int
        Of the random numbers.
    """

    before: PooledEffect
    per_arm: int
    true_effect: float
    sd: float
    measure: str
    new_effect: FloatArray
    new_variance: FloatArray
    after: PooledRows
    steps_before: int | None
    steps_after: npt.NDArray[np.int64] | None
    seed: int

    @property
    def sides(self) -> Sides:
        """Where the updated confidence interval lies in each draw."""
        return side_of(self.after.ci_low, self.after.ci_high)

    def share(self, side: int) -> float:
        """Return the share of draws whose updated interval lies on one side."""
        return float((self.sides == side).mean())

    @property
    def changed(self) -> float:
        """Share of draws in which the conclusion changes."""
        return 1.0 - self.share(int(side_of(*self.before.ci)))

    @property
    def rated_down_more(self) -> float | None:
        """Share of draws in which the prompts ask for more steps down than before."""
        return None if self.steps_after is None else float((self._steps_added() > 0).mean())

    @property
    def rated_down_less(self) -> float | None:
        """Share of draws in which the prompts ask for fewer steps down than before."""
        return None if self.steps_after is None else float((self._steps_added() < 0).mean())

    def _steps_added(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.steps_after) - (self.steps_before or 0)

    def quantiles(self, name: str, tails: Sequence[float] = (0.025, 0.5, 0.975)) -> FloatArray:
        """Return quantiles over the draws of a number of `PooledRows`, such as ``ci_low``."""
        return np.asarray(np.quantile(getattr(self.after, name), tails))


def simulate_update(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    per_arm: int,
    true_effect: float,
    sd: float = 1.0,
    measure: str = "MD",
    tau2: float = 0.0,
    draws: int = 2_000,
    seed: int = 1,
    participants: float | None = None,
    mid: float | None = None,
    prompts: bool = False,
    sets: tuple[FloatArray, FloatArray] | None = None,
    **methods: Unpack[MethodNames],
) -> UpdateSimulation:
    """Run a trial many times, add it to an analysis each time, and pool.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        The effects of the analysis and their sampling variances.
    per_arm : int
        People in each of the two arms of the new trial, 2 or more.
    true_effect : float
        The true effect in the new trial, in the unit of the effects.
    sd : float
        Standard deviation between people, in that unit; 1 for standardised effects.
    measure : {"MD", "SMD"}
        Mean difference or Hedges' g.
    tau2 : float
        Variance of the new trial's true effect about ``true_effect``; zero by default.
    draws, seed : int
        How often, and the seed of the random numbers.
    participants, mid : float, optional
        For the certainty prompts: people in the analysis now, and the minimal important
        difference.
    prompts : bool
        Whether to compute the certainty prompts for inconsistency and imprecision in each draw.
    sets : tuple of ndarray, optional
        Effects and variances that may as well be those of the analysis, one set a row: the draws
        take them in turn.
    **methods
        As for `analysis_lib.pool`.

    Returns
    -------
    UpdateSimulation

    Raises
    ------
    ReviewError
        For effects that cannot be pooled or a trial that cannot be run.

    Notes
    -----
    In each draw the two sample means and the two sample variances are drawn from their normal
    and chi-squared distributions (`analysis_lib.Design`), so that the new trial's sampling variance
    is estimated, as a reviewer would find it. All draws are pooled at once by
    `analysis_lib.pool_many`.

    References
    ----------
    Sutton and others 2007, see the module.

    Examples
    --------
    >>> found = simulate_update([-0.3, -0.6, -0.1], [0.05, 0.08, 0.04], per_arm=100,
    ...                         true_effect=-0.5, sd=2.0, draws=200)
    >>> round(found.before.estimate, 2), found.changed > 0
    (-0.28, True)
    """
    before = pool(effect, variance, **methods)
    _check_trial(per_arm, sd, measure)
    if isinstance(draws, bool) or not 1 <= draws <= MOST_DRAWS:
        raise ReviewError(f"draws: {draws} is not between 1 and {MOST_DRAWS:,}")
    # A design has two trials at least; the first of them is the new one.
    design = Design(
        NEW_TRIAL, (per_arm,) * 2, (per_arm,) * 2, tau2, true_effect, measure, (sd, sd)
    )  # fmt: skip
    y, v = design.draw(draws, np.random.default_rng(seed))
    new_effect, new_variance = y[:, 0], v[:, 0]
    effects, variances = _with_new(before, new_effect, new_variance)
    if sets is not None:
        effects[:, :-1], variances[:, :-1] = (np.resize(x, (draws, before.k)) for x in sets)
    after = pool_many(effects, variances, **methods)
    steps_before, steps_after = None, None
    if prompts:
        more = None if participants is None else participants + 2 * per_arm
        steps_before = prompted_steps(before, participants, mid, sd)
        steps_after = _steps_of_rows(after, more, mid, sd)
    return UpdateSimulation(
        before,
        per_arm,
        true_effect,
        sd,
        measure,
        new_effect,
        new_variance,
        after,
        steps_before,
        steps_after,
        seed,
    )


def _check_trial(per_arm: int, sd: float, measure: str) -> None:
    check_choice("measure", measure, MEASURES)
    if isinstance(per_arm, bool) or int(per_arm) != per_arm or per_arm < 2:
        raise ReviewError(f"per_arm: {per_arm} is not a whole number of 2 or more")
    if not 0 < sd < math.inf:
        raise ReviewError(f"sd: {sd} is not a finite number above zero")
    if measure == "SMD" and sd != 1:
        raise ReviewError(f"sd: {sd}; standardised effects have a standard deviation of 1")


def _with_new(
    before: PooledEffect, new_effect: FloatArray, new_variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Put each new trial beside the trials that are there: one row an updated analysis."""
    rows = (len(new_effect), before.k)
    return (
        np.column_stack([np.broadcast_to(before.effect, rows), new_effect]),
        np.column_stack([np.broadcast_to(before.variance, rows), new_variance]),
    )


def prompted_steps(
    fit: PooledEffect, participants: float | None, mid: float | None, sd: float
) -> int:
    """Return how many levels the prompts that a new trial can change ask to rate down by.

    They are inconsistency and imprecision, of which each asks for one number of steps.
    """
    prompts = (inconsistency_prompt(fit, mid), imprecision_prompt(fit, participants, mid, sd))
    return sum(prompt.steps[0] for prompt in prompts if prompt.steps is not None)


def _steps_of_rows(
    rows: PooledRows, participants: float | None, mid: float | None, sd: float
) -> npt.NDArray[np.int64]:
    """Return `prompted_steps` of many pooled effects, without the words of their prompts."""
    needed = None if mid is None else optimal_information_size(mid, sd)
    few = participants is not None and participants < FEWEST_PEOPLE
    ends = zip(rows.ci_low.tolist(), rows.ci_high.tolist(), strict=True)
    imprecise = (imprecision_step(ci, participants, mid, needed, few=few)[0] for ci in ends)
    both = zip(inconsistency_steps(rows, mid), imprecise, strict=True)
    return np.array([sum(steps) for steps in both])


# --- every result that a trial may have -----------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class UpdateMap:
    """Where the updated confidence interval lies, for each effect and standard error.

    Attributes
    ----------
    before : PooledEffect
        The analysis as it is.
    effect, se : ndarray of shape (columns,) and (rows,)
        The grid of the new trial's effect and standard error.
    ci_low, ci_high : ndarray of shape (rows, columns)
        The updated confidence interval.
    """

    before: PooledEffect
    effect: FloatArray
    se: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray

    @property
    def side(self) -> Sides:
        """``BELOW``, ``INCLUDES`` or ``ABOVE``, shape (rows, columns)."""
        return side_of(self.ci_low, self.ci_high)


def update_map(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    effect_range: Interval | None = None,
    largest_se: float | None = None,
    columns: int = 161,
    rows: int = 121,
    labels: Sequence[str] | None = None,
    **methods: Unpack[MethodNames],
) -> UpdateMap:
    """Say for every effect and standard error of a new trial what the conclusion becomes.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        The analysis as it is.
    effect_range : tuple of float, optional
        Ends of the grid of effects; by default somewhat wider than the effects that are there.
    largest_se : float, optional
        The grid of standard errors runs up to here; by default somewhat beyond the largest.
    columns, rows : int
        Points of the grid, 2 or more each.
    labels : sequence of str, optional
        Names of the effects that are there.
    **methods
        As for `analysis_lib.pool`.

    Returns
    -------
    UpdateMap

    Notes
    -----
    The pooled analysis of k + 1 trials is computed at each point of the grid, tau2 and all; the
    method of Langan and others, without its shortcuts for the common-effect model.

    References
    ----------
    Langan and others 2012, see the module.

    Examples
    --------
    >>> found = update_map([-0.3, -0.6, -0.1], [0.05, 0.08, 0.04], columns=11, rows=5)
    >>> found.side.shape, int(found.side[0, 0])
    ((5, 11), -1)
    """
    if min(columns, rows) < 2:
        raise ReviewError(f"update_map: a grid of {columns} by {rows} points is none")
    before = pool(effect, variance, labels=labels, **methods)
    deepest = 1.08 * float(np.sqrt(before.variance.max())) if largest_se is None else largest_se
    if effect_range is None:
        margin = deepest + 0.1 * float(np.ptp(before.effect))
        ends = [0.0, *before.effect.tolist()]
        effect_range = min(ends) - margin, max(ends) + margin
    if not (effect_range[0] < effect_range[1] and 0 < deepest < math.inf):
        raise ReviewError(f"update_map: effects {effect_range} or standard error {deepest}")
    least = SMALLEST_SE_SHARE * math.sqrt(before.variance.min())
    x = np.linspace(*effect_range, columns)
    y = np.linspace(min(least, deepest / 2), deepest, rows)
    grid_x, grid_y = np.meshgrid(x, y)
    fits = pool_many(*_with_new(before, grid_x.ravel(), grid_y.ravel() ** 2), **methods)
    shape = (rows, columns)
    return UpdateMap(before, x, y, fits.ci_low.reshape(shape), fits.ci_high.reshape(shape))


# --- the number of people that it takes -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SmallestTrial:
    """The smallest trial that changes the conclusion by reporting one effect.

    Attributes
    ----------
    observed : float
        The effect that the trial reports.
    per_arm : int or None
        People in each arm; None when no trial up to ``largest`` per arm changes the conclusion.
    before, after : int
        Where the interval lies before, and after a trial of this size (or of the largest).
    limit : int
        Where it would lie after a trial without any sampling error.
    estimate : float
        The updated pooled effect with a trial of this size (or of the largest).
    largest : int
        How far the search went.
    """

    observed: float
    per_arm: int | None
    before: int
    after: int
    limit: int
    estimate: float
    largest: int


def smallest_trial(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    observed: float,
    sd: float = 1.0,
    measure: str = "MD",
    largest: int = LARGEST_TRIAL,
    **methods: Unpack[MethodNames],
) -> SmallestTrial:
    """Find the smallest two-arm trial whose addition changes the conclusion.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        The analysis as it is.
    observed : float
        The effect that the new trial reports.
    sd : float
        Standard deviation between people in each arm; 1 for standardised effects.
    measure : {"MD", "SMD"}
        Mean difference or Hedges' g.
    largest : int
        People per arm up to which to look, 2 or more.
    **methods
        As for `analysis_lib.pool`.

    Returns
    -------
    SmallestTrial

    Notes
    -----
    Every size from 2 to ``largest`` is pooled, since in a random-effects model a larger trial
    need not weigh more for the conclusion: no trial's weight exceeds that of ``1 / tau2``, and a
    precise result far from the others raises tau2. A conclusion may therefore be out of reach of
    any single trial.

    References
    ----------
    Sutton and others 2007, see the module.

    Examples
    --------
    >>> found = smallest_trial([-0.3, -0.6, 0.0], [0.05, 0.08, 0.04], observed=-0.5, sd=2.0)
    >>> found.before, found.per_arm, found.after
    (0, 60, -1)
    """
    _check_trial(largest, sd, measure)
    if not math.isfinite(observed):
        raise ReviewError(f"observed: {observed} is not a finite number")
    before = pool(effect, variance, **methods)
    n = np.arange(2, largest + 1)
    variances = np.append(sampling_variance(n, observed, sd, measure), 0.0)
    least = (SMALLEST_SE_SHARE * math.sqrt(before.variance.min())) ** 2
    variances[-1] = min(least, variances[-2])
    fits = pool_many(*_with_new(before, np.full(len(variances), observed), variances),
                     **methods)  # fmt: skip
    sides = side_of(fits.ci_low, fits.ci_high)
    old = int(side_of(*before.ci))
    changed = np.flatnonzero(sides[:-1] != old)
    at = int(changed[0]) if len(changed) else len(n) - 1
    return SmallestTrial(
        observed=observed,
        per_arm=int(n[at]) if len(changed) else None,
        before=old,
        after=int(sides[at]),
        limit=int(sides[-1]),
        estimate=float(fits.estimate[at]),
        largest=largest,
    )


def sampling_variance(
    n: npt.NDArray[np.int64], observed: float, sd: float, measure: str
) -> FloatArray:
    """Return the sampling variances of trials of n people an arm that report an effect."""
    if measure == "MD":
        return mean_difference(n, observed, sd, n, 0.0, sd).variance
    return standardized_mean_difference(n, observed, 1.0, n, 0.0, 1.0).variance
