"""Three ways to treat a shared arm: split it, combine the others, model what comparisons share.

Split, each comparison has a part of the arm's people, and the comparisons are taken as independent.
Combined, the other arms become one and the trial counts once. Modelled, every comparison has the
whole arm, and what their sampling errors have in common is their covariance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.checks import FloatArray, check_choice, check_kind
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing
from analysis_lib.base.measures import BINARY_MEASURES, MEASURES, RATE_MEASURES
from analysis_lib.effects.arms import combine_arms
from analysis_lib.effects.covariances import shared_arm_covariance
from analysis_lib.pooling.dependent_effects import MultilevelEffect, multilevel
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.arm_names import ARMS, TOGETHER
from analysis_lib.review.baseline import PROVENANCES
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.info import TREATMENTS, Treatment
from analysis_lib.review.known_effects import (
    SIDES,
    computed_by_arms,
    has_variance,
    known_effects,
    takes,
    tell_nothing,
)
from analysis_lib.review.shared_arms import common_words

#: What the shared arms are after each treatment.
ARMS_ARE: dict[Treatment, str] = {"split": "split", "combine": "combined", "model": "modelled"}
BOTH_SHARED = "both arms are shared, so they cannot be combined"


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
        As `with_shared_arms`.

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
    found = with_shared_arms(effects, choice)
    covariance = np.diag(found.variance) if found.covariance is None else found.covariance
    trials = tuple(map(str, found.table["trial"]))
    return TreatedEffects(found.effect, covariance, trials, found.labels, choice)


def treated_draws(
    effects: StudyEffects, effect: FloatArray, variance: FloatArray, choice: Treatment
) -> list[TreatedEffects]:
    """Return what `treat_shared_arms` does of sets of the same effects; arms are looked at once.

    Parameters
    ----------
    effects
        An analysis without its review: of its arms nothing but the people is known.
    effect, variance : ndarray of shape (draws, k)
        One set a row, in the order of ``effects``.
    choice : {"split", "combine", "model"}
        See the top of this module.

    Returns
    -------
    list of TreatedEffects

    Raises
    ------
    ReviewError
        As `with_shared_arms`.
    """
    first = treat_shared_arms(effects, choice)
    parts = (
        _Analysis(effects, choice).by_people() if shares_arms(effects) else [(slice(None), None)]
    )
    found = []
    for y, v in zip(effect, variance, strict=True):
        treated = [
            (y[place], np.diag(v[place])) if people is None else people.treat(y[place], v[place])
            for place, people in parts
        ]
        numbers, covariances = zip(*treated, strict=True)
        found.append(
            replace(first, effect=np.concatenate(numbers), covariance=_diagonal(covariances))
        )
    return found


def with_shared_arms(effects: StudyEffects, choice: Treatment) -> StudyEffects:
    """Return an analysis whose comparisons of shared arms are split, combined or modelled.

    Parameters
    ----------
    effects
        What `analysis_lib.study_effects` returned, its arms split.
    choice : {"split", "combine", "model"}
        See the top of this module.

    Returns
    -------
    StudyEffects
        Combined, a row is several comparisons, whose arms are joined by `TOGETHER`. Modelled, the
        rows are of whole arms, and ``covariance`` tells how their sampling errors go together.

    Raises
    ------
    ReviewError
        For an unknown choice; where both arms of a comparison are shared, which cannot be
        combined; and where arms are shared whose numbers nobody knows, if the measure is no
        difference between means.

    Notes
    -----
    An arm is shared if it has one name in several comparisons of its trial; or, of means, equal
    numbers under several names. Numbers by arm are used where they are known of all comparisons of
    the trial. Where differences alone are, their variances and the people of both arms tell the
    standard deviation, and combined differences are weighted by the people of their arms, as the
    difference of the combined arm would be.
    """
    check_choice("choice", choice, TREATMENTS)
    if not shares_arms(effects):
        return effects
    analysis = _Analysis(effects, choice)
    found = [analysis.of_trial(trial) for trial in dict.fromkeys(effects.table["trial"])]
    table = pd.concat([part.table for part in found], ignore_index=True)
    used = set().union(*(part.labels for part in found))
    silent = effects.silent
    if silent is not None:
        silent = silent[~silent["label"].isin(used)].reset_index(drop=True)
    return replace(
        effects,
        table=table[effects.table.columns].astype(effects.table.dtypes),
        silent=None if silent is None or silent.empty else silent,
        shared_arms=choice,
        covariance=_diagonal([part.covariance for part in found]) if choice == "model" else None,
    )


def shares_arms(effects: StudyEffects) -> bool:
    """Return whether any arm stands in several comparisons of an analysis."""
    analysis = _Analysis(effects, "split")
    return any(analysis.is_shared(trial) for trial in dict.fromkeys(effects.table["trial"]))


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows that come of one trial, their covariance, and the comparisons behind them."""

    table: pd.DataFrame
    covariance: FloatArray
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class _ByPeople:
    """Differences of one trial whose arms are known by their people alone.

    ``groups`` are the comparisons that become one, each with the side that they share; none of
    them does where the differences are modelled.
    """

    people: FloatArray
    shares: FloatArray
    names: Sequence[Sequence[str]]
    measure: str
    groups: Sequence[tuple[int, list[int]]] | None

    def treat(self, effect: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return effects and their covariance."""
        whole = _covariance(effect, variance, self.people, self.shares, self.names, self.measure)
        if self.groups is None:
            return effect, whole
        new = []
        for side, members in self.groups:
            n = self.people[members, 1 - side]
            weights = n / n.sum()
            new.append(
                (weights @ effect[members], weights @ whole[np.ix_(members, members)] @ weights)
            )
        combined = np.array(new)
        return combined[:, 0], np.diag(combined[:, 1])


class _Analysis:
    """One analysis with what is known by arm; its trials are asked for one by one."""

    def __init__(self, effects: StudyEffects, choice: Treatment) -> None:
        check_kind("effects", effects, StudyEffects, "study_effects")
        self.effects, self.choice = effects, choice
        silent = effects.silent
        known = effects.table if silent is None else pd.concat([effects.table, silent])
        self.rows = {str(trial): rows for trial, rows in known.groupby("trial", sort=False)}
        self.arms = pd.DataFrame()
        if effects.review is not None:
            every = known_effects(effects.review).arms_of(effects.outcome, effects.follow_up)
            reconstructed = set(effects.table["label"][effects.reconstructed])
            self.arms = every[~every.index.isin(reconstructed)]
        self.where = f"{effects.outcome}, {effects.follow_up}"

    def is_shared(self, trial: str) -> bool:
        rows = self.rows[trial]
        return len(rows) > 1 and any(len(set(side)) < len(rows) for side in self._names(rows))

    def of_trial(self, trial: str) -> _Part:
        rows = self.rows[trial]
        alone = rows[rows["effect"].notna()]
        untouched = _Part(alone, np.diag(alone["variance"].to_numpy(float)), frozenset())
        if not self.is_shared(trial):
            return untouched
        names = self._names(rows)
        if self.choice == "split" and names == [list(rows[arm]) for arm in ARMS]:
            return untouched
        if self.choice == "split":
            return self._by_arms(alone, self._whole(alone, names, share=True))
        if not set(rows["label"]) <= set(self.arms.index):
            return self._by_people(alone, [list(alone[arm]) for arm in ARMS])
        if self.choice == "model":
            names = self._names(alone)
            return self._modelled(alone, self._whole(alone, names), names)
        return self._combined(rows, self._whole(rows, names), names)

    def _names(self, rows: pd.DataFrame) -> list[list[str]]:
        """Return a name of both arms of each comparison: of means, one for equal numbers."""
        names = [list(rows[arm]) for arm in ARMS]
        counts = (*BINARY_MEASURES, *RATE_MEASURES)
        if self.effects.measure in counts or not set(rows["label"]) <= set(self.arms.index):
            return names
        listed = self._whole(rows, names)
        found = []
        for side, own in zip(SIDES, names, strict=True):
            numbers = listed[[f"{name}_{side}" for name in takes(self.effects.measure)]]
            first: dict[tuple[float, ...], str] = {}
            keys = numbers.itertuples(index=False, name=None)
            found.append([first.setdefault(key, arm) for key, arm in zip(keys, own, strict=True)])
        return found

    def _whole(
        self, rows: pd.DataFrame, names: Sequence[Sequence[str]], *, share: bool = False
    ) -> pd.DataFrame:
        """Return the arms of comparisons with all of their people, or with an equal share."""
        arms = self.arms.loc[list(rows["label"])].copy()
        for side, own in zip(SIDES, names, strict=True):
            uses = Counter(own)
            parts = np.array([uses[name] for name in own]) if share else 1.0
            for name in ("n", "events", "person_time"):
                arms[f"{name}_{side}"] *= arms[f"shares_{side}"] / parts
        return arms

    def _by_arms(self, rows: pd.DataFrame, arms: pd.DataFrame) -> _Part:
        """Return rows with the effects and the people that arms tell."""
        found = computed_by_arms(arms.reset_index(drop=True)).set_index(arms.index)
        bad = found.index[~has_variance(found)]
        if len(bad):
            raise ReviewError(f"{self.where}: {listing(list(bad))} cannot be computed so")
        table = rows.set_index("label", drop=False)
        for name in ("effect", "variance"):
            table[name] = found[name]
        for name in ("n", "events", "person_time"):
            for side in SIDES:
                if f"{name}_{side}" in table:
                    table[f"{name}_{side}"] = arms[f"{name}_{side}"]
        covariance = np.diag(table["variance"].to_numpy(float))
        return _Part(table.reset_index(drop=True), covariance, frozenset(rows["label"]))

    def _modelled(
        self, rows: pd.DataFrame, arms: pd.DataFrame, names: Sequence[Sequence[str]]
    ) -> _Part:
        if arms["by_peto"].any():
            raise ReviewError(
                f"{self.where}: nobody can say how Peto's odds ratios of shared arms go together; "
                "event_method inverse has a covariance"
            )
        part = self._by_arms(rows, arms)
        measure = self.effects.measure
        columns = [
            arms[f"{name}_{side}"].to_numpy(float) for side in SIDES for name in takes(measure)
        ]
        covariance = shared_arm_covariance(
            *columns,
            trial=["trial"] * len(arms),
            measure=measure,
            arm1=[f"1 {name}" for name in names[0]],
            arm2=[f"2 {name}" for name in names[1]],
            correction=float(arms["correction"].iloc[0]),
            labels=list(arms.index),
        )
        np.fill_diagonal(covariance, part.table["variance"])
        return replace(part, covariance=covariance)

    def _combined(
        self, rows: pd.DataFrame, arms: pd.DataFrame, names: Sequence[Sequence[str]]
    ) -> _Part:
        new, numbers = list[pd.Series](), list[pd.Series]()
        for side, members in self._groups(rows, names):
            row = _joined(rows, members, side)
            new.append(row)
            numbers.append(_one_row(arms.iloc[members], SIDES[1 - side], str(row["label"])))
        table = pd.DataFrame(new).reset_index(drop=True)
        one = pd.DataFrame(numbers).set_index("label", drop=False).infer_objects()
        tells = ~(tell_nothing(one) & one["drops"].to_numpy(bool))
        part = self._by_arms(table[tells], one[tells])
        return replace(part, labels=frozenset(rows["label"]))

    def _groups(
        self, rows: pd.DataFrame, names: Sequence[Sequence[str]]
    ) -> list[tuple[int, list[int]]]:
        """Return the comparisons that become one, each with the side that they share."""
        left, groups = list(range(len(rows))), list[tuple[int, list[int]]]()
        while left:
            first = left[0]
            sharing = [[i for i in left if own[i] == own[first]] for own in names]
            side = max((1, 0), key=lambda which: len(sharing[which]))
            groups.append((side, sharing[side]))
            left = [i for i in left if i not in sharing[side]]
        for own in names:
            used = [{own[i] for i in members} for _, members in groups]
            if len(set().union(*used)) < sum(map(len, used)):
                raise ReviewError(f"{self.where}: {BOTH_SHARED}: {', '.join(rows['label'])}")
        return groups

    def by_people(self) -> list[tuple[npt.NDArray[np.intp], _ByPeople | None]]:
        """Return the rows of each trial, and how its arms are shared if they are not split."""
        found = []
        for trial, rows in self.rows.items():
            here = np.flatnonzero(self.effects.table["trial"] == trial)
            is_treated = self.choice != "split" and self.is_shared(trial)
            found.append((here, self._people(rows, self._names(rows)) if is_treated else None))
        return found

    def _people(self, rows: pd.DataFrame, names: Sequence[Sequence[str]]) -> _ByPeople:
        """Return how differences go together whose arms are known by their people alone."""
        if self.effects.measure not in MEASURES:
            raise ReviewError(
                f"{self.where}: arms are shared, and of {self.effects.measure} without numbers by "
                f"arm nobody can say how their effects go together: {', '.join(rows['label'])}"
            )
        people = rows[[f"n_{side}" for side in SIDES]].to_numpy(float)
        if np.isnan(people).any():
            raise ReviewError(
                f"{self.where}: arms are shared whose people are not known: "
                f"{', '.join(rows['label'])}"
            )
        shares = np.array([[own.count(name) for name in own] for own in names]).T
        is_share = rows["label"].isin(self.arms.index) | (rows["provenance"] == "reconstructed")
        shares[[not share for share in is_share]] = 1  # a source prints differences of whole arms
        groups = self._groups(rows, names) if self.choice == "combine" else None
        return _ByPeople(people, shares, names, self.effects.measure, groups)

    def _by_people(self, rows: pd.DataFrame, names: Sequence[Sequence[str]]) -> _Part:
        """Treat differences whose arms are known by their people alone."""
        known = self._people(rows, names)
        effect, covariance = known.treat(
            rows["effect"].to_numpy(float), rows["variance"].to_numpy(float)
        )
        whole = known.people * known.shares
        if known.groups is None:
            table = rows.assign(variance=np.diagonal(covariance))
            table[[f"n_{side}" for side in SIDES]] = whole
            return _Part(table, covariance, frozenset(rows["label"]))
        new = list[pd.Series]()
        for i, (side, members) in enumerate(known.groups):
            row = _joined(rows, members, side)
            row["effect"], row["variance"] = effect[i], covariance[i, i]
            row[f"n_{SIDES[side]}"] = whole[members[0], side]
            row[f"n_{SIDES[1 - side]}"] = known.people[members, 1 - side].sum()
            new.append(row)
        return _Part(pd.DataFrame(new), covariance, frozenset(rows["label"]))


def _covariance(
    y: FloatArray,
    variance: FloatArray,
    parts: FloatArray,
    shares: FloatArray,
    names: Sequence[Sequence[str]],
    measure: str,
) -> FloatArray:
    """Return the covariance of differences of whole arms, from variances and people."""
    n, is_smd = parts * shares, measure == "SMD"
    of_effect = y**2 / (2 * parts.sum(axis=1)) if is_smd else np.zeros_like(y)
    square = (variance - of_effect) / (1 / parts).sum(axis=1)  # SD squared of the people
    covariance = np.diag(square * (1 / n).sum(axis=1))
    if is_smd:
        covariance += np.diag(y**2 / (2 * n.sum(axis=1)))
    arms = {(s, own[i]): n[i, s] for s, own in enumerate(names) for i in range(len(y))}
    total = sum(arms.values())
    for i in range(len(y)):
        for j in range(i):
            same = [s for s in (0, 1) if names[s][i] == names[s][j]]
            if same:
                shared = sum(np.sqrt(square[i] * square[j]) / n[i, s] for s in same)
                shared += y[i] * y[j] / (2 * total) if is_smd else 0.0
                covariance[i, j] = covariance[j, i] = shared
    return covariance


def _joined(trial: pd.DataFrame, members: Sequence[int], side: int) -> pd.Series:
    """Return one row for those comparisons of a trial that share the arm of a side."""
    rows = trial.iloc[list(members)]
    row = rows.iloc[0].copy()
    if len(rows) == 1:
        return row
    shared, other = ARMS[side], ARMS[1 - side]
    labels = list(rows["label"])
    row["label"] = common_words(labels) if len(rows) == len(trial) else " and ".join(labels)
    row[other] = TOGETHER.join(dict.fromkeys(rows[other]))
    again = rows[shared].nunique() - 1  # an arm of several names has all of its people in each
    row["people"] = rows["people"].sum(skipna=False) - again * row[f"n_{SIDES[side]}"]
    row["provenance"] = max(rows["provenance"], key=PROVENANCES.index)
    row["source"] = "; ".join(dict.fromkeys(rows["source"].dropna()))
    row["remark"] = "; ".join(dict.fromkeys(filter(None, rows["remark"])))
    row["low"] = row["high"] = np.nan
    return row


def _one_row(arms: pd.DataFrame, other: str, label: str) -> pd.Series:
    """Return the numbers of comparisons whose arms of one side are one arm."""
    row = arms.iloc[0].copy()
    row["label"] = label
    first, *rest = arms.to_dict("records")
    n, mean, sd = (float(first[f"{name}_{other}"]) for name in ("n", "mean", "sd"))
    if not np.isnan([mean, sd]).any():
        for arm in rest:
            numbers = (float(arm[f"{name}_{other}"]) for name in ("n", "mean", "sd"))
            whole = combine_arms(n, mean, sd, *numbers)
            n, mean, sd = float(whole.n), float(whole.mean), float(whole.sd)
    row[f"mean_{other}"], row[f"sd_{other}"] = mean, sd
    for name in ("n", "events", "person_time"):
        row[f"{name}_{other}"] = arms[f"{name}_{other}"].sum(skipna=False)
    return row


def _diagonal(blocks: Sequence[FloatArray]) -> FloatArray:
    sizes = [len(block) for block in blocks]
    whole = np.zeros((sum(sizes), sum(sizes)))
    for start, block in zip(np.cumsum([0, *sizes[:-1]]), blocks, strict=True):
        whole[start : start + len(block), start : start + len(block)] = block
    return whole
