"""What a new trial would do to an analysis whose effects are reconstructed: in every set of them.

The questions are those of `analysis_lib.conclusions.update`. Each is asked of every set of effects
that agrees with the print, and is answered by what the sets have in common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray
from analysis_lib.conclusions.stability import Draws
from analysis_lib.conclusions.update import (
    INCLUDES,
    LARGEST_TRIAL,
    Interval,
    Sides,
    sampling_variance,
    side_of,
    update_map,
)
from analysis_lib.pooling.batch import pool_many
from analysis_lib.pooling.methods import Methods

EVERY_SIZE_TO, GROWTH = 50, 1.02


@dataclass(frozen=True, slots=True, eq=False)
class MapOverSets:
    """`analysis_lib.conclusions.update.UpdateMap` in every set.

    Attributes
    ----------
    effect, se : ndarray of shape (columns,) and (rows,)
        The grid of the new trial's effect and standard error.
    sides : ndarray of int, shape (sets, rows, columns)
        Where the updated confidence interval lies.
    before : ndarray of int, shape (sets,)
        Where it lies now.
    """

    effect: FloatArray
    se: FloatArray
    sides: Sides
    before: Sides

    def share(self, side: int) -> FloatArray:
        """Return in which share of the sets the interval lies on one side, (rows, columns)."""
        return np.asarray((self.sides == side).mean(axis=0))

    def taken_away_from(self, row: int) -> FloatArray:
        """Return the smallest effect that takes a conclusion below away, a number a set.

        ``row`` is one of the standard errors; a set without such an effect has NaN.
        """
        there = self.sides[:, row] == INCLUDES
        return np.where(there.any(axis=1), self.effect[there.argmax(axis=1)], np.nan)


def map_over_sets(
    found: Draws,
    methods: Methods,
    *,
    effect_range: Interval | None = None,
    columns: int = 81,
    rows: int = 61,
) -> MapOverSets:
    """Ask in every set what the conclusion becomes, for each effect and error of a new trial.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    methods
        How to pool.
    effect_range, columns, rows
        As for `analysis_lib.conclusions.update.update_map`; the standard errors run a little
        beyond the largest of the effects in use.
    """
    deepest = 1.08 * float(np.sqrt(found.effects.variance.max()))
    maps = [
        update_map(
            effect, variance, effect_range=effect_range, largest_se=deepest, columns=columns,
            rows=rows, **methods,
        )
        for effect, variance in zip(found.effect, found.variance, strict=True)
    ]  # fmt: skip
    return MapOverSets(
        maps[0].effect,
        maps[0].se,
        np.array([one.side for one in maps]),
        np.array([side_of(*one.before.ci) for one in maps]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class SmallestOverSets:
    """The smallest trial that changes the conclusion, in every set.

    Attributes
    ----------
    per_arm : ndarray of shape (sets,)
        People in each arm; NaN where no trial up to ``largest`` per arm changes the conclusion.
    before, after : ndarray of int, shape (sets,)
        Where the interval lies now, and after a trial of that size.
    largest : int
        How far the search went.
    """

    per_arm: FloatArray
    before: Sides
    after: Sides
    largest: int


def sizes_to_try(largest: int = LARGEST_TRIAL) -> npt.NDArray[np.int64]:
    """Return numbers of people: every one up to fifty, then in steps of two per cent.

    Examples
    --------
    >>> sizes_to_try(60).tolist()[-7:]
    [53, 54, 55, 56, 57, 59, 60]
    """
    steps = int(np.log(largest / EVERY_SIZE_TO) / np.log(GROWTH)) if largest > EVERY_SIZE_TO else 0
    further = np.round(EVERY_SIZE_TO * GROWTH ** np.arange(1, steps)).astype(int)
    every = np.arange(2, min(largest, EVERY_SIZE_TO) + 1)
    return np.unique(np.concatenate([every, further, [largest]]))


def smallest_over_sets(
    found: Draws,
    methods: Methods,
    *,
    observed: float,
    sd: float = 1.0,
    largest: int = LARGEST_TRIAL,
) -> SmallestOverSets:
    """Find in every set the smallest two-arm trial whose addition changes the conclusion.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    methods
        How to pool.
    observed, sd, largest
        As for `analysis_lib.conclusions.update.smallest_trial`; of the sizes, those of
        `sizes_to_try` are tried.
    """
    n = sizes_to_try(largest)
    variance = sampling_variance(n, observed, sd, found.effects.measure)
    rows = len(found) * len(n)
    effects = np.column_stack([np.repeat(found.effect, len(n), axis=0), np.full(rows, observed)])
    variances = np.column_stack(
        [np.repeat(found.variance, len(n), axis=0), np.tile(variance, len(found))]
    )
    now = pool_many(found.effect, found.variance, **methods)
    then = pool_many(effects, variances, **methods)
    before = side_of(now.ci_low, now.ci_high)
    sides = side_of(then.ci_low, then.ci_high).reshape(len(found), len(n))
    changed = sides != before[:, None]
    first = changed.argmax(axis=1)
    return SmallestOverSets(
        np.where(changed.any(axis=1), n[first], np.nan),
        before,
        sides[np.arange(len(found)), first],
        largest,
    )
