"""Trials with several comparisons that share an arm, whose people would be counted twice.

A trial of one treatment against two others is often listed as two comparisons, with the treatment
arm in both. Pooled like two trials, its people count twice and the two effects are correlated
(Cochrane Handbook, section 23.3). An arm is recognised by equal numbers within a trial: size, mean
and standard deviation, or events and size. The reviewer chooses what to do.

An arm that has one name in a review is no such case: `analysis_lib.study_effects` shares its people
out. `arms_listed_twice` finds those that stand under several names.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import pandas as pd

from analysis_lib.base.checks import check_choice, check_kind
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import BINARY_MEASURES, MEASURES
from analysis_lib.effects.arms import combine_arms, split_comparator
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.review.arm_names import ARMS
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.known_effects import COMPUTE, takes
from analysis_lib.review.model import Review

Choice: TypeAlias = Literal["keep", "split", "combine"]

#: What stands of the two arms in a table of means, and in one of events.
MEANS = (("n1", "mean1", "sd1"), ("n2", "mean2", "sd2"))
EVENTS = (("events1", "n1"), ("events2", "n2"))
Sides: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
COLUMNS = ("trial", "label", *MEANS[0], *MEANS[1])


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
    n : float
        Its people, as listed in each of them.
    mean, sd, events : float or None
        What else is listed: mean and standard deviation, or events.
    labels : tuple of str
        The comparisons.
    rows : tuple of int
        Their positions in the table.
    """

    trial: str
    side: int
    n: float
    mean: float | None
    sd: float | None
    events: float | None
    labels: tuple[str, ...]
    rows: tuple[int, ...]

    def __str__(self) -> str:
        place = "first" if self.side == 1 else "second"
        events = "" if self.events is None else f"{self.events:g} events, "
        return f"{', '.join(self.labels)}: the same {place} arm ({events}n = {self.n:g})"


def find_shared_arms(comparisons: pd.DataFrame) -> tuple[SharedArm, ...]:
    """Find the arms that stand in more than one comparison of their trial.

    Parameters
    ----------
    comparisons
        One row a comparison: ``trial``, ``label``, and ``n1``, ``mean1``, ``sd1``, ``n2``,
        ``mean2``, ``sd2``; or ``events1``, ``n1``, ``events2``, ``n2``.

    Returns
    -------
    tuple of SharedArm
        Arms with equal numbers within one trial and on one side.

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
    sides = _sides(comparisons)
    table = comparisons.reset_index(drop=True)
    found = []
    for side, arm in enumerate(sides, start=1):
        shared = table[table.duplicated(["trial", *arm], keep=False)]
        found += [_shared_arm(rows, side, arm) for _, rows in shared.groupby(["trial", *arm])]
    return tuple(sorted(found, key=lambda arm: arm.rows))


def _sides(comparisons: pd.DataFrame) -> Sides:
    """Return the columns of both arms, or say which column is missing."""
    check_kind("comparisons", comparisons, pd.DataFrame, "pandas.DataFrame")
    sides = EVENTS if "events1" in comparisons else MEANS
    wanted = ["trial", "label", *sides[0], *sides[1]]
    missing = [column for column in wanted if column not in comparisons]
    if missing:
        raise ReviewError(f"comparisons: no column {', '.join(missing)}")
    return sides


def _shared_arm(rows: pd.DataFrame, side: int, arm: Sequence[str]) -> SharedArm:
    """Return the arm that rows with equal numbers have in common."""
    first = rows.iloc[0]
    numbers = {name.rstrip("12"): float(first[name]) for name in arm}
    return SharedArm(
        trial=str(first["trial"]),
        side=side,
        n=numbers["n"],
        mean=numbers.get("mean"),
        sd=numbers.get("sd"),
        events=numbers.get("events"),
        labels=tuple(map(str, rows["label"])),
        rows=tuple(map(int, rows.index)),
    )


def arms_listed_twice(review: Review, effects: StudyEffects) -> tuple[SharedArm, ...]:
    """Find the arms of an analysis that stand under several names, and so count more than once.

    Parameters
    ----------
    review
        A review that was loaded.
    effects
        What `analysis_lib.study_effects` returned for it.

    Returns
    -------
    tuple of SharedArm
        Arms with equal numbers and different names. One that has a single name is not among
        them: its people are shared between its comparisons.
    """
    suspects = review.kept("suspects", lambda: _suspects(review))
    here = effects.table["trial"].isin(suspects.get((effects.outcome, effects.follow_up), ()))
    if not here.any():
        return ()
    names = effects.table.set_index("label")[ARMS]
    return tuple(
        arm
        for arm in find_shared_arms(comparisons_of(review, effects))
        if len(set(names.loc[list(arm.labels), ARMS[arm.side - 1]])) > 1
    )


def _suspects(review: Review) -> dict[tuple[str, str], set[str]]:
    """Return by outcome and time the trials with several arms of one side and equal numbers."""
    results = review.arm_results.merge(review.arms[["trial", "arm", "group"]], on=["trial", "arm"])
    place, numbers = ["outcome", "time", "trial"], ["n", "mean", "sd", "events"]
    known = results[results["n"].notna() & (results["sd"].notna() | results["events"].notna())]
    twice = known[known.duplicated([*place, "group", *numbers], keep=False)]
    found: dict[tuple[str, str], set[str]] = {}
    for outcome, time, trial in twice[place].itertuples(index=False):
        found.setdefault((outcome, time), set()).add(trial)
    return found


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
    check_choice("choice", choice, get_args(Choice))
    shared = find_shared_arms(comparisons)
    sides = _sides(comparisons)
    table = comparisons[["trial", "label", *sides[0], *sides[1]]].reset_index(drop=True)
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
        The columns of `find_shared_arms`, means or events as the measure of the analysis takes
        them; means and SDs on the scale of each trial.
    """
    results = review.arm_results
    is_here = (results["outcome"] == effects.outcome) & (results["time"] == effects.follow_up)
    names = takes(effects.measure)
    here = (
        results.loc[is_here, ["trial", "arm", *names]].dropna().astype(dict.fromkeys(names, float))
    )
    table = effects.table[["trial", "label", *ARMS]].rename_axis("row").reset_index()
    columns: list[str] = []
    for side, arm in enumerate(ARMS, start=1):
        numbers = {name: f"{name}{side}" for name in names}
        table = table.merge(here.rename(columns={"arm": arm, **numbers}), on=["trial", arm])
        columns += numbers.values()
    return table.sort_values("row", ignore_index=True)[["trial", "label", *columns]]


def effects_of(comparisons: pd.DataFrame, measure: str = "MD") -> EffectSizes:
    """Return the effects of a table of comparisons, with its labels.

    Parameters
    ----------
    comparisons
        As for `find_shared_arms`.
    measure : {"MD", "SMD", "RR", "OR", "RD"}
        A difference between means, first arm minus second; or, of a table of events, a ratio of
        risks or odds, or a difference of risks.

    Returns
    -------
    EffectSizes

    Raises
    ------
    ReviewError
        For an unknown measure, and as the function of that measure.
    """
    sides = _sides(comparisons)
    check_choice("measure", measure, MEASURES if sides == MEANS else BINARY_MEASURES)
    numbers = [comparisons[column].to_numpy(dtype=float) for arm in sides for column in arm]
    return COMPUTE[measure](*numbers, labels=list(comparisons["label"]))


def _split(table: pd.DataFrame, shared: Sequence[SharedArm]) -> pd.DataFrame:
    sides = _sides(table)
    counts = [name for arm in sides for name in arm if name.startswith(("n", "events"))]
    parts = table.astype(dict.fromkeys(counts, float))
    for arm in shared:
        if arm.mean is not None and arm.sd is not None:  # a share of one person has no spread
            split_comparator(arm.n, arm.mean, arm.sd, len(arm.rows), labels=[arm.trial])
        own = [name for name in sides[arm.side - 1] if name in counts]
        parts.loc[list(arm.rows), own] /= len(arm.rows)
    return parts


def _combine(table: pd.DataFrame, shared: Sequence[SharedArm]) -> pd.DataFrame:
    uses = [row for arm in shared for row in arm.rows]
    both = sorted({str(table.loc[row, "label"]) for row in uses if uses.count(row) > 1})
    if both:
        raise ReviewError(f"both arms are shared, so they cannot be combined: {', '.join(both)}")
    sides = _sides(table)
    combined = table.astype({name: float for arm in sides for name in arm})
    for arm in shared:
        first, *rest = arm.rows
        others = list(sides[2 - arm.side])
        combined.loc[first, others] = _one_arm(table.loc[list(arm.rows), others])
        combined.loc[first, "label"] = common_words(arm.labels)
        combined = combined.drop(index=rest)
    return combined.reset_index(drop=True)


def _one_arm(arms: pd.DataFrame) -> list[float]:
    """Return size, mean and SD of several arms together; or their events and people."""
    if len(arms.columns) == len(EVENTS[0]):
        return [float(total) for total in arms.sum()]
    n, mean, sd = (float(value) for value in arms.iloc[0])
    for _, other in arms.iloc[1:].iterrows():
        whole = combine_arms(n, mean, sd, *(float(value) for value in other))
        n, mean, sd = float(whole.n), float(whole.mean), float(whole.sd)
    return [n, mean, sd]


def common_words(labels: Sequence[str]) -> str:
    """Return the words with which all labels begin, or the labels themselves."""
    words = []
    for column in zip(*(label.split() for label in labels), strict=False):
        if len(set(column)) > 1:
            break
        words.append(column[0])
    return " ".join(words) or " and ".join(labels)
