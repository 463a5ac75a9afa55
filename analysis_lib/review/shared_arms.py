"""Trials with several comparisons that share an arm, whose people would be counted twice.

A trial of one treatment against two others is often listed as two comparisons, with the treatment
arm in both. Pooled like two trials, its people count twice and the two effects are correlated
(Cochrane Handbook, section 23.3). An arm is recognised by equal size, mean and standard deviation
within a trial; the reviewer chooses what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURES
from analysis_lib.effects.arms import combine_arms, split_comparator
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.known_effects import COMPUTE
from analysis_lib.review.model import Review

Choice: TypeAlias = Literal["keep", "split", "combine"]

ARMS = (("n1", "mean1", "sd1"), ("n2", "mean2", "sd2"))
COLUMNS = ("trial", "label", *ARMS[0], *ARMS[1])


class SharedArms(UserWarning):
    """Comparisons of one trial share an arm and are pooled as if they did not."""


@dataclass(frozen=True, slots=True)
class SharedArm:
    """An arm that stands in several comparisons of its trial.

    Attributes
    ----------
    trial : str
        The trial.
    side : {1, 2}
        First or second arm of the comparisons.
    n, mean, sd : float
        The arm as it is listed in each of them.
    labels : tuple of str
        The comparisons.
    rows : tuple of int
        Their positions in the table.
    """

    trial: str
    side: int
    n: float
    mean: float
    sd: float
    labels: tuple[str, ...]
    rows: tuple[int, ...]

    def __str__(self) -> str:
        place = "first" if self.side == 1 else "second"
        return f"{', '.join(self.labels)}: the same {place} arm (n = {self.n:g})"


def find_shared_arms(comparisons: pd.DataFrame) -> tuple[SharedArm, ...]:
    """Find the arms that stand in more than one comparison of their trial.

    Parameters
    ----------
    comparisons
        One row a comparison: ``trial``, ``label``, ``n1``, ``mean1``, ``sd1``, ``n2``, ``mean2``,
        ``sd2``.

    Returns
    -------
    tuple of SharedArm
        Arms with equal size, mean and standard deviation within one trial and on one side.

    Raises
    ------
    ReviewError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     [["kell", "Kell a", 9, 4, 1, 20, 5, 2], ["kell", "Kell b", 9, 4, 1, 21, 6, 2]],
    ...     columns=COLUMNS,
    ... )
    >>> [str(arm) for arm in find_shared_arms(table)]
    ['Kell a, Kell b: the same first arm (n = 9)']
    """
    missing = [column for column in COLUMNS if column not in comparisons]
    if missing:
        raise ReviewError(f"comparisons: no column {', '.join(missing)}")
    table = comparisons.reset_index(drop=True)
    found = []
    for side, arm in enumerate(ARMS, start=1):
        for _, rows in table.groupby(["trial", *arm], sort=False):
            if len(rows) > 1:
                labels, places = tuple(map(str, rows["label"])), tuple(map(int, rows.index))
                n, mean, sd = (float(rows[name].iloc[0]) for name in arm)
                trial = str(rows["trial"].iloc[0])
                found.append(SharedArm(trial, side, n, mean, sd, labels, places))
    return tuple(sorted(found, key=lambda arm: arm.rows))


def settle_shared_arms(comparisons: pd.DataFrame, choice: Choice = "keep") -> pd.DataFrame:
    """Return the comparisons with shared arms treated as the reviewer chooses.

    Parameters
    ----------
    comparisons
        As for `find_shared_arms`.
    choice : {"keep", "split", "combine"}, default "keep"
        ``"keep"`` leaves the table as it is and warns, if an arm is shared. ``"split"`` lends
        each comparison an equal part of the shared arm's people. ``"combine"`` makes one arm of
        the arms that are compared with the shared one, so that the trial counts once.

    Returns
    -------
    pandas.DataFrame
        The columns of `find_shared_arms`.

    Raises
    ------
    ReviewError
        For an unknown choice, for a part of fewer than two people, and for a comparison that
        shares both of its arms and so cannot be combined.

    Notes
    -----
    Splitting takes away the double count and leaves part of the correlation; combining takes away
    both (Cochrane Handbook, section 23.3.4).
    """
    if choice not in get_args(Choice):
        raise ReviewError(f"choice: one of {', '.join(get_args(Choice))}, not {choice!r}")
    shared = find_shared_arms(comparisons)
    table = comparisons[list(COLUMNS)].reset_index(drop=True)
    if choice == "split":
        return _split(table, shared)
    if choice == "combine":
        return _combine(table, shared)
    if shared:
        told = "; ".join(map(str, shared))
        warnings.warn(f"people counted more than once: {told}", SharedArms, stacklevel=2)
    return table


def comparisons_of(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Return the comparisons of an analysis with the numbers of their arms, as listed.

    Parameters
    ----------
    review
        A review that was loaded.
    effects
        What `analysis_lib.study_effects` returned for it. Comparisons that are not known by arm
        are left out: of them nobody can say whether they share an arm.

    Returns
    -------
    pandas.DataFrame
        The columns of `find_shared_arms`; means and SDs on the scale of each trial.
    """
    results = review.arm_results
    here = results[
        (results["outcome"] == effects.outcome) & (results["time"] == effects.follow_up)
    ].dropna(subset=["n", "mean", "sd"])
    table = effects.table[["trial", "label", "experimental_arm", "comparator_arm"]]
    for side, names in zip(("experimental_arm", "comparator_arm"), ARMS, strict=True):
        numbers = here[["trial", "arm", "n", "mean", "sd"]]
        numbers = numbers.set_axis(["trial", side, *names], axis="columns")
        table = table.merge(numbers, on=["trial", side])
    order = {label: place for place, label in enumerate(effects.labels)}
    return table.sort_values("label", key=lambda labels: labels.map(order), ignore_index=True)[
        list(COLUMNS)
    ].astype({name: float for arm in ARMS for name in arm})


def effects_of(comparisons: pd.DataFrame, measure: str = "MD") -> EffectSizes:
    """Return the effects of a table of comparisons, with its labels.

    Parameters
    ----------
    comparisons
        As for `find_shared_arms`.
    measure : {"MD", "SMD"}
        Mean difference or standardized mean difference, first arm minus second.

    Returns
    -------
    EffectSizes

    Raises
    ------
    ReviewError
        For an unknown measure, and as the function of that measure.
    """
    if measure not in MEASURES:
        raise ReviewError(f"measure: one of {', '.join(MEASURES)}, not {measure!r}")
    numbers = [comparisons[column].to_numpy(dtype=float) for arm in ARMS for column in arm]
    effects: EffectSizes = COMPUTE[measure](*numbers, labels=list(comparisons["label"]))
    return effects


def _split(table: pd.DataFrame, shared: Sequence[SharedArm]) -> pd.DataFrame:
    parts = table.astype({"n1": float, "n2": float})
    for arm in shared:
        share = split_comparator(arm.n, arm.mean, arm.sd, len(arm.rows), labels=[arm.trial])
        parts.loc[list(arm.rows), ARMS[arm.side - 1][0]] = float(share.n)
    return parts


def _combine(table: pd.DataFrame, shared: Sequence[SharedArm]) -> pd.DataFrame:
    uses = [row for arm in shared for row in arm.rows]
    both = sorted({str(table.loc[row, "label"]) for row in uses if uses.count(row) > 1})
    if both:
        raise ReviewError(f"both arms are shared, so they cannot be combined: {', '.join(both)}")
    combined = table.astype({name: float for arm in ARMS for name in arm})
    for arm in shared:
        first, *rest = arm.rows
        others = ARMS[2 - arm.side]
        combined.loc[first, list(others)] = _one_arm(table.loc[list(arm.rows), list(others)])
        combined.loc[first, "label"] = _common_words(arm.labels)
        combined = combined.drop(index=rest)
    return combined.reset_index(drop=True)


def _one_arm(arms: pd.DataFrame) -> list[float]:
    """Return size, mean and SD of several arms together."""
    n, mean, sd = (float(value) for value in arms.iloc[0])
    for _, other in arms.iloc[1:].iterrows():
        whole = combine_arms(n, mean, sd, *(float(value) for value in other))
        n, mean, sd = float(whole.n), float(whole.mean), float(whole.sd)
    return [n, mean, sd]


def _common_words(labels: Sequence[str]) -> str:
    """Return the words with which all labels begin, or the labels themselves."""
    words = []
    for column in zip(*(label.split() for label in labels), strict=False):
        if len(set(column)) > 1:
            break
        words.append(column[0])
    return " ".join(words) or " and ".join(labels)
