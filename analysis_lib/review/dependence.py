"""Three ways to treat a shared arm: split it, combine the others, model what comparisons share.

Split, each comparison has a part of the arm's people, and the comparisons are taken as independent.
Combined, the other arms become one and the trial counts once. Modelled, every comparison has the
whole arm, and what their sampling errors have in common is their covariance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, TypeAlias

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
#: What is shared out of an arm.
COUNTED = ("n", "events", "person_time")
#: A row of a table: a comparison, or the numbers of its arms.
Record: TypeAlias = dict[Hashable, Any]


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
    analysis = _Analysis(effects, choice)
    if not analysis.shared:
        return effects
    parts = analysis.treated()
    used = frozenset[str]().union(*(part.labels for part in parts))
    alone = effects.table[~effects.table["label"].isin(used)]
    table = pd.concat([alone, *(part.table for part in parts)], ignore_index=True)
    places = {trial: place for place, trial in enumerate(dict.fromkeys(effects.table["trial"]))}
    order = np.argsort([places[trial] for trial in table["trial"]], kind="stable")
    covariance = None
    if choice == "model":
        blocks = [np.diag(alone["variance"].to_numpy(float)), *(part.covariance for part in parts)]
        covariance = _diagonal(blocks)[np.ix_(order, order)]
    silent = effects.silent
    if silent is not None:
        silent = silent[~silent["label"].isin(used)].reset_index(drop=True)
    return replace(
        effects,
        table=table.iloc[order].reset_index(drop=True),
        silent=None if silent is None or silent.empty else silent,
        shared_arms=choice,
        covariance=covariance,
    )


def shares_arms(effects: StudyEffects) -> bool:
    """Return whether any arm stands in several comparisons of an analysis."""
    return bool(_Analysis(effects, "split").shared)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that were treated, their covariance, and the comparisons behind them."""

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
    """One analysis with what is known by arm, and its trials that share one.

    Only trials of several comparisons can: most are of one, and cost nothing here.
    """

    def __init__(self, effects: StudyEffects, choice: Treatment) -> None:
        check_kind("effects", effects, StudyEffects, "study_effects")
        self.effects, self.choice = effects, choice
        self.where = f"{effects.outcome}, {effects.follow_up}"
        silent = effects.silent
        known = effects.table if silent is None else pd.concat([effects.table, silent])
        self.rows: dict[str, list[Record]] = {}
        for row in known[known["trial"].duplicated(keep=False)].to_dict("records"):
            self.rows.setdefault(row["trial"], []).append(row)
        self.arms = pd.DataFrame()
        if self.rows and effects.review is not None:
            every = known_effects(effects.review).arms_of(effects.outcome, effects.follow_up)
            reconstructed = set(effects.table["label"][effects.reconstructed])
            self.arms = every[~every.index.isin(reconstructed)]
        self.numbers = self._numbers()
        here = set(effects.table["trial"])
        self.shared = [trial for trial in self.rows if trial in here and self._is_shared(trial)]

    def _numbers(self) -> list[dict[str, tuple[float, ...]]]:
        """Return, of means, the numbers of both arms of each comparison, by its label."""
        counts = (*BINARY_MEASURES, *RATE_MEASURES)
        if self.effects.measure in counts or self.arms.empty:
            return []
        whole = self._whole(self.arms.index)
        found = []
        for side in SIDES:
            numbers = whole[[f"{name}_{side}" for name in takes(self.effects.measure)]]
            found.append(
                dict(zip(whole.index, numbers.itertuples(index=False, name=None), strict=True))
            )
        return found

    def _is_shared(self, trial: str) -> bool:
        rows = self.rows[trial]
        return any(len(set(side)) < len(rows) for side in self._names(rows))

    def treated(self) -> list[_Part]:
        """Return the rows that the trials become whose arms are shared, as far as they change."""
        known = [trial for trial in self.shared if self._are_known(self.rows[trial])]
        if self.choice == "split":
            renamed = [t for t in known if self._names(self.rows[t]) != _own_names(self.rows[t])]
            return [self._split(renamed)] if renamed else []
        treat = self._modelled if self.choice == "model" else self._combined
        by_people = [self._by_people(_with_effects(self.rows[trial]))
                     for trial in self.shared if trial not in known]  # fmt: skip
        return [*([treat(known)] if known else []), *by_people]

    def _are_known(self, rows: Sequence[Record]) -> bool:
        return all(row["label"] in self.arms.index for row in rows)

    def _names(self, rows: Sequence[Record]) -> list[list[str]]:
        """Return a name of both arms of each comparison: of means, one for equal numbers."""
        names = _own_names(rows)
        if not self.numbers or not self._are_known(rows):
            return names
        found = []
        for numbers, own in zip(self.numbers, names, strict=True):
            first: dict[tuple[float, ...], str] = {}
            keys = [numbers[row["label"]] for row in rows]
            found.append([first.setdefault(key, arm) for key, arm in zip(keys, own, strict=True)])
        return found

    def _whole(
        self, labels: Sequence[str] | pd.Index, parts: Sequence[Sequence[int]] = ((1,), (1,))
    ) -> pd.DataFrame:
        """Return the arms of comparisons with all of their people, or with an equal share."""
        arms = self.arms.loc[list(labels)].copy()
        for side, uses in zip(SIDES, parts, strict=True):
            for name in COUNTED:
                arms[f"{name}_{side}"] *= arms[f"shares_{side}"] / np.array(uses, float)
        return arms

    def _by_arms(self, rows: Sequence[Record], arms: pd.DataFrame) -> _Part:
        """Return rows with the effects and the people that arms tell."""
        found = computed_by_arms(arms.reset_index(drop=True)).sort_index()
        bad = arms["label"][~has_variance(found)]
        if len(bad):
            raise ReviewError(f"{self.where}: {listing(list(bad))} cannot be computed so")
        table = self._table(rows)
        for name in found:
            table[name] = found[name]
        for name in (f"{name}_{side}" for name in COUNTED for side in SIDES):
            if name in table:
                table[name] = arms[name].to_numpy(float)
        return _Part(table, np.diag(found["variance"]), frozenset(table["label"]))

    def _table(self, rows: Sequence[Record]) -> pd.DataFrame:
        kinds = self.effects.table.dtypes
        return pd.DataFrame(rows, columns=kinds.index).astype(kinds)

    def _split(self, trials: Sequence[str]) -> _Part:
        rows = list[Record]()
        parts: tuple[list[int], list[int]] = ([], [])
        for trial in trials:
            rows += self.rows[trial]
            for own, uses in zip(self._names(self.rows[trial]), parts, strict=True):
                uses += map(Counter(own).__getitem__, own)
        return self._by_arms(rows, self._whole(_labels(rows), parts))

    def _modelled(self, trials: Sequence[str]) -> _Part:
        rows = list[Record]()
        names: tuple[list[str], list[str]] = ([], [])
        for trial in trials:
            here = _with_effects(self.rows[trial])
            rows += here
            for own, side in zip(self._names(here), names, strict=True):
                side += own
        arms, measure = self._whole(_labels(rows)), self.effects.measure
        if arms["by_peto"].any():
            raise ReviewError(
                f"{self.where}: nobody can say how Peto's odds ratios of shared arms go together; "
                "event_method inverse has a covariance"
            )
        part = self._by_arms(rows, arms)
        columns = [
            arms[f"{name}_{side}"].to_numpy(float) for side in SIDES for name in takes(measure)
        ]
        covariance = shared_arm_covariance(
            *columns,
            trial=[row["trial"] for row in rows],
            measure=measure,
            arm1=[f"1 {name}" for name in names[0]],
            arm2=[f"2 {name}" for name in names[1]],
            correction=float(arms["correction"].iloc[0]),
            labels=_labels(rows),
        )
        np.fill_diagonal(covariance, part.table["variance"])
        return replace(part, covariance=covariance)

    def _combined(self, trials: Sequence[str]) -> _Part:
        new, numbers = list[Record](), list[Record]()
        labels = [label for trial in trials for label in _labels(self.rows[trial])]
        arms = dict(zip(labels, self._whole(labels).to_dict("records"), strict=True))
        for trial in trials:
            rows = self.rows[trial]
            for side, members in self._groups(rows, self._names(rows)):
                row = _joined(rows, members, side)
                new.append(row)
                of_row = [arms[rows[i]["label"]] for i in members]
                numbers.append(_one_row(of_row, SIDES[1 - side], row["label"]))
        one = pd.DataFrame(numbers)
        tells = ~(tell_nothing(one) & one["drops"].to_numpy(bool))
        part = self._by_arms(list(compress(new, tells)), one[tells])
        return replace(part, labels=frozenset(labels))

    def _groups(
        self, rows: Sequence[Record], names: Sequence[Sequence[str]]
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
                raise ReviewError(f"{self.where}: {BOTH_SHARED}: {', '.join(_labels(rows))}")
        return groups

    def by_people(self) -> list[tuple[npt.NDArray[np.intp], _ByPeople | None]]:
        """Return the rows of each trial, and how its arms are shared if they are not split."""
        found = list[tuple[npt.NDArray[np.intp], _ByPeople | None]]()
        treated = [] if self.choice == "split" else self.shared
        for trial in dict.fromkeys(self.effects.table["trial"]):
            here = np.flatnonzero(self.effects.table["trial"] == trial)
            found.append((here, self._people(self.rows[trial]) if trial in treated else None))
        return found

    def _people(self, rows: Sequence[Record]) -> _ByPeople:
        """Return how differences go together whose arms are known by their people alone."""
        names, labels = self._names(rows), ", ".join(_labels(rows))
        if self.effects.measure not in MEASURES:
            raise ReviewError(
                f"{self.where}: arms are shared, and of {self.effects.measure} without numbers by "
                f"arm nobody can say how their effects go together: {labels}"
            )
        people = np.array([[row[f"n_{side}"] for side in SIDES] for row in rows], float)
        if np.isnan(people).any():
            raise ReviewError(f"{self.where}: arms are shared whose people are not known: {labels}")
        shares = np.array([[own.count(name) for name in own] for own in names]).T
        for row, uses in zip(rows, shares, strict=True):
            if row["label"] not in self.arms.index and row["provenance"] != "reconstructed":
                uses[:] = 1  # a source prints differences of whole arms
        groups = self._groups(rows, names) if self.choice == "combine" else None
        return _ByPeople(people, shares, names, self.effects.measure, groups)

    def _by_people(self, rows: Sequence[Record]) -> _Part:
        """Treat differences whose arms are known by their people alone."""
        known = self._people(rows)
        effect, covariance = known.treat(
            *(np.array([row[name] for row in rows], float) for name in ("effect", "variance"))
        )
        whole, variance = known.people * known.shares, np.diagonal(covariance)
        sides = [f"n_{side}" for side in SIDES]
        if known.groups is None:
            new = [
                {**row, "variance": v, **dict(zip(sides, n, strict=True))}
                for row, v, n in zip(rows, variance, whole, strict=True)
            ]
        else:
            new = [
                {
                    **_joined(rows, members, side),
                    "effect": y,
                    "variance": v,
                    sides[side]: whole[members[0], side],
                    sides[1 - side]: known.people[members, 1 - side].sum(),
                }
                for (side, members), y, v in zip(known.groups, effect, variance, strict=True)
            ]
        return _Part(self._table(new), covariance, frozenset(_labels(rows)))


def _labels(rows: Sequence[Record]) -> list[str]:
    return [row["label"] for row in rows]


def _own_names(rows: Sequence[Record]) -> list[list[str]]:
    return [[row[arm] for row in rows] for arm in ARMS]


def _with_effects(rows: Sequence[Record]) -> list[Record]:
    return [row for row in rows if not np.isnan(row["effect"])]


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


def _joined(trial: Sequence[Record], members: Sequence[int], side: int) -> Record:
    """Return one row for those comparisons of a trial that share the arm of a side."""
    rows = [trial[i] for i in members]
    row = rows[0].copy()
    if len(rows) == 1:
        return row
    shared, other = ARMS[side], ARMS[1 - side]
    labels = _labels(rows)
    row["label"] = common_words(labels) if len(rows) == len(trial) else " and ".join(labels)
    row[other] = TOGETHER.join(dict.fromkeys(r[other] for r in rows))
    again = len({r[shared] for r in rows}) - 1  # one of several names has all its people in each
    row["people"] = sum(r["people"] for r in rows) - again * row[f"n_{SIDES[side]}"]
    row["provenance"] = max((r["provenance"] for r in rows), key=PROVENANCES.index)
    row["source"] = "; ".join(dict.fromkeys(r["source"] for r in rows if not pd.isna(r["source"])))
    row["remark"] = "; ".join(dict.fromkeys(r["remark"] for r in rows if r["remark"]))
    row["low"] = row["high"] = np.nan
    return row


def _one_row(arms: Sequence[Record], other: str, label: str) -> Record:
    """Return the numbers of comparisons whose arms of one side are one arm."""
    first, *rest = arms
    n, mean, sd = (first[f"{name}_{other}"] for name in ("n", "mean", "sd"))
    if not np.isnan([mean, sd]).any():
        for arm in rest:
            whole = combine_arms(
                n, mean, sd, *(arm[f"{name}_{other}"] for name in ("n", "mean", "sd"))
            )
            n, mean, sd = float(whole.n), float(whole.mean), float(whole.sd)
    counted: Record = {
        name: sum(arm[name] for arm in arms) for name in (f"{x}_{other}" for x in COUNTED)
    }
    return {**first, "label": label, f"mean_{other}": mean, f"sd_{other}": sd, **counted}


def _diagonal(blocks: Sequence[FloatArray]) -> FloatArray:
    sizes = [len(block) for block in blocks]
    whole = np.zeros((sum(sizes), sum(sizes)))
    for start, block in zip(np.cumsum([0, *sizes[:-1]]), blocks, strict=True):
        whole[start : start + len(block), start : start + len(block)] = block
    return whole
