"""Three ways to treat a shared arm: split it, combine the others, model what comparisons share.

Split, each comparison has a part of the arm's people, and the comparisons are taken as independent.
Combined, the other arms become one and the trial counts once. Modelled, every comparison has the
whole arm, and what their sampling errors have in common is their covariance.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURES
from analysis_lib.effects.covariances import shared_arm_covariance
from analysis_lib.pooling.dependent_effects import MultilevelEffect, multilevel
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.arm_names import ARMS
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.known_effects import COMPUTE
from analysis_lib.review.shared_arms import (
    EVENTS,
    MEANS,
    arms_listed_twice,
    common_words,
    comparisons_of,
    effects_of,
    settle_shared_arms,
)

Treatment: TypeAlias = Literal["split", "combine", "model"]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)
#: What the shared arms are after each treatment.
ARMS_ARE: dict[Treatment, str] = {"split": "split", "combine": "combined", "model": "modelled"}


@dataclass(frozen=True, slots=True, eq=False)
class TreatedEffects:
    """Effects of an analysis after shared arms were treated; see `treat_shared_arms`.

    Attributes
    ----------
    effect : ndarray of shape (k,)
        One a comparison, or one a trial where comparisons were combined.
    covariance : ndarray of shape (k, k)
        Of their sampling errors; diagonal unless modelled.
    trial, labels : tuple of str
        Trial and name of each effect.
    choice : {"split", "combine", "model"}
        What was done.
    """

    effect: FloatArray
    covariance: FloatArray
    trial: tuple[str, ...]
    labels: tuple[str, ...]
    choice: Treatment

    @property
    def k(self) -> int:
        """Number of effects."""
        return len(self.effect)

    @property
    def variance(self) -> FloatArray:
        """Sampling variances, shape (k,)."""
        return np.diagonal(self.covariance)

    def pool(self) -> PooledEffect | MultilevelEffect:
        """Pool the effects by REML: those that were modelled by the multilevel model."""
        if self.choice == "model" and len(set(self.trial)) < self.k:
            return multilevel(self.effect, self.covariance, self.trial, labels=self.labels)
        return pool(self.effect, self.variance, labels=self.labels)


def treat_shared_arms(effects: StudyEffects, choice: Treatment) -> TreatedEffects:
    """Return the effects of an analysis with its shared arms split, combined or modelled.

    Parameters
    ----------
    effects
        What `analysis_lib.study_effects` returned.
    choice : {"split", "combine", "model"}
        See the top of this module.

    Returns
    -------
    TreatedEffects

    Raises
    ------
    ReviewError
        For an unknown choice; or where arms are shared whose numbers nobody knows and whose measure
        is no difference between means.

    Notes
    -----
    An arm is shared if it has one name in several comparisons of its trial, or equal numbers under
    several names. Numbers by arm are used where they are known. Where a difference alone is, its
    variance and the people of both arms tell the standard deviation; combined differences are
    weighted by the people of their arms, as the difference of the combined arm would be.

    References
    ----------
    Cochrane Handbook, section 23.3.4.

    Examples
    --------
    >>> from analysis_lib import load_review, study_effects
    >>> pain = study_effects(load_review("data"), "pain", "ETP")
    >>> [treat_shared_arms(pain, choice).k for choice in ("split", "combine", "model")]
    [9, 7, 9]
    """
    check_choice("choice", choice, TREATMENTS)
    listed = _listed(effects)
    if listed is not None:
        return _by_numbers(effects, listed, choice)
    if choice == "split" or not _shares(effects).any():
        return _treated(effects, choice)
    if effects.measure not in MEASURES:
        raise ReviewError(
            f"{effects.outcome}, {effects.follow_up}: arms are shared, and of {effects.measure} "
            f"without numbers by arm nobody can say how their effects go together"
        )
    effect, covariance = _whole(effects)
    whole = TreatedEffects(
        effect, covariance, tuple(effects.table["trial"]), effects.labels, "model"
    )
    return whole if choice == "model" else _combined(whole, effects.table)


def shares_arms(effects: StudyEffects) -> bool:
    """Return whether any arm stands in several comparisons of an analysis."""
    twice = effects.review is not None and bool(arms_listed_twice(effects.review, effects))
    return twice or bool(_shares(effects).any())


def _shares(effects: StudyEffects) -> pd.Series:
    """Return for every comparison whether an arm of it has the same name in another."""
    table = effects.table
    sides = [table.duplicated(["trial", arm], keep=False) for arm in ARMS]
    return sides[0] | sides[1]


def _listed(effects: StudyEffects) -> pd.DataFrame | None:
    """Return the numbers of all arms where a review lists them for every comparison."""
    if effects.review is None or effects.reconstructed.any() or effects.measure not in COMPUTE:
        return None
    table = comparisons_of(effects.review, effects)
    return table if len(table) == effects.k else None


def _by_numbers(effects: StudyEffects, table: pd.DataFrame, choice: Treatment) -> TreatedEffects:
    if choice != "model":
        settled = settle_shared_arms(table, choice)
        sizes = effects_of(settled, effects.measure)
        trial = tuple(map(str, settled["trial"]))
        return TreatedEffects(sizes.effect, np.diag(sizes.variance), trial, sizes.labels, choice)
    sides = EVENTS if "events1" in table else MEANS
    columns = [table[name].to_numpy(dtype=float) for side in sides for name in side]
    covariance = shared_arm_covariance(
        *columns, trial=list(table["trial"]), measure=effects.measure, labels=list(table["label"])
    )
    sizes = effects_of(table, effects.measure)
    return TreatedEffects(
        sizes.effect, covariance, tuple(map(str, table["trial"])), sizes.labels, choice
    )


def _treated(effects: StudyEffects, choice: Treatment) -> TreatedEffects:
    trial = tuple(effects.table["trial"])
    return TreatedEffects(effects.effect, np.diag(effects.variance), trial, effects.labels, choice)


def _whole(effects: StudyEffects) -> tuple[FloatArray, FloatArray]:
    """Return effects of whole arms, and their covariance, from variances and people."""
    table, y = effects.table, effects.effect
    parts = table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
    arms: list[list[Hashable]] = [
        list(zip(table["trial"], table[arm], strict=True)) for arm in ARMS
    ]
    uses = np.array([[column.count(arm) for arm in column] for column in arms]).T
    n = parts * uses
    of_effect = y**2 / (2 * parts.sum(axis=1)) if effects.measure == "SMD" else np.zeros_like(y)
    square = (effects.variance - of_effect) / (1 / parts).sum(axis=1)  # SD squared of the people
    people = {arm: float(n[i, s]) for s, column in enumerate(arms) for i, arm in enumerate(column)}
    totals = pd.Series(list(people.values())).groupby([arm[0] for arm in people]).sum()  # type: ignore[index]
    is_smd = effects.measure == "SMD"
    covariance = np.diag(square * (1 / n).sum(axis=1))
    if is_smd:
        covariance += np.diag(y**2 / (2 * n.sum(axis=1)))
    for i in range(len(y)):
        for j in range(i):
            same = [s for s in (0, 1) if arms[s][i] == arms[s][j]]
            if same:
                shared = sum(np.sqrt(square[i] * square[j]) / n[i, s] for s in same)
                if is_smd:
                    shared += y[i] * y[j] / (2 * totals[table["trial"].iloc[i]])
                covariance[i, j] = covariance[j, i] = shared
    return y, covariance


def _combined(whole: TreatedEffects, table: pd.DataFrame) -> TreatedEffects:
    """Return one effect for comparisons that share an arm, weighted by the people of the others."""
    groups = _groups(table)
    weights = np.zeros((len(groups), whole.k))
    for row, (shared, members) in enumerate(groups):
        other = "n_experimental" if shared == ARMS[1] else "n_comparator"
        n = table[other].to_numpy(dtype=float)[members]
        weights[row, members] = n / n.sum()
    covariance = weights @ whole.covariance @ weights.T
    firsts = [members[0] for _, members in groups]
    return TreatedEffects(
        weights @ whole.effect,
        np.diag(np.diagonal(covariance)),
        tuple(whole.trial[i] for i in firsts),
        tuple(common_words([whole.labels[i] for i in members]) for _, members in groups),
        "combine",
    )


def _groups(table: pd.DataFrame) -> list[tuple[str, list[int]]]:
    """Return the comparisons that become one, each with the side that they share."""
    left, groups = list(range(len(table))), []
    keys = {arm: list(zip(table["trial"], table[arm], strict=True)) for arm in ARMS}
    while left:
        first = left[0]
        by_side = {
            arm: [i for i in left if column[i] == column[first]] for arm, column in keys.items()
        }
        side = max((ARMS[1], ARMS[0]), key=lambda arm: len(by_side[arm]))
        groups.append((side, by_side[side]))
        left = [i for i in left if i not in by_side[side]]
    return groups
