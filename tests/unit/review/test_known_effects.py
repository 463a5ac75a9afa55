"""Does the one table of all comparisons hold what one finds who takes them one at a time?"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from places import DATA, ROOT
from random_reviews import random_review, shuffled

import analysis_lib as al
from analysis_lib.review.baseline import PROVENANCES
from analysis_lib.review.known_effects import (
    NO_EVENTS,
    NO_MEANS,
    NO_VARIANCE,
    OUTSIDE,
    TELLS_NOTHING,
    TOO_FEW,
)

EXACT = 1e-13  # the same operations on a column and on a number; worst seen 0
Z95 = 1.959963984540054  # normal quantile of 0.975, R 4.5 qnorm
RESULTS = {"MD": ("n", "mean", "sd"), "SMD": ("n", "mean", "sd")}
COMPUTE: dict[str, Any] = {
    "MD": al.mean_difference,
    "SMD": al.standardized_mean_difference,
    "RR": al.risk_ratio,
    "OR": al.odds_ratio,
    "RD": al.risk_difference,
}
SEEDS = range(12)
each_seed = pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.slow if seed > 3 else ()) for seed in SEEDS]
)


class Pair(NamedTuple):
    trial: str
    experimental: str
    comparator: str


def by_hand(review: al.Review, outcome: str, follow_up: str, reading: str) -> dict[Pair, Any]:
    """Return for each comparison of an analysis its numbers, or in words why there are none."""
    definition = review.outcomes.set_index("outcome").loc[outcome]
    measure = str(definition["measure"])
    needed = RESULTS.get(measure, ("events", "n"))
    results = {
        (row["trial"], row["arm"]): row
        for row in _records(review, "arm_results")
        if (row["outcome"], row["time"]) == (outcome, follow_up) and _has(row, needed)
    }
    printed = _by_pair(_here(review, "contrasts", outcome, follow_up, measure))
    rebuilt = _by_pair(_here(review, "reconstructed", outcome, follow_up, measure))
    pairs = pairs_by_hand(review, outcome, follow_up, reading)
    arms = {pair: [results.get((pair.trial, arm)) for arm in pair[1:]] for pair in pairs}
    other = {pair: [_other(printed.get(pair))] for pair in pairs}
    if reading == "main":
        other = {pair: [*found, _other(rebuilt.get(pair))] for pair, found in other.items()}
    enter = [p for p in pairs if all(arms[p]) or any(isinstance(x, tuple) for x in other[p])]
    nothing = NO_MEANS if measure in RESULTS else NO_EVENTS

    def shares(pair: Pair, position: int) -> int:
        return sum((p.trial, p[position]) == (pair.trial, pair[position]) for p in enter)

    def told(pair: Pair) -> Any:
        ways = list(other[pair])
        if all(arms[pair]):
            sides = [_arm(row, shares(pair, i), definition) for i, row in enumerate(arms[pair], 1)]
            ways.insert(0, _from_arms(measure, *sides, _worst(arms[pair])))
        why = nothing if NO_VARIANCE not in ways else NO_VARIANCE
        reasons = (
            [way for way in ways if way in (TOO_FEW, OUTSIDE, TELLS_NOTHING)]
            if why == nothing
            else []
        )
        return next((way for way in ways if isinstance(way, tuple)), [*reasons, why][0])

    return {pair: told(pair) for pair in pairs}


def _from_arms(measure: str, first: Any, second: Any, provenance: str) -> Any:
    (numbers1, fits1), (numbers2, fits2) = first, second
    n1, n2 = (numbers[0 if measure in RESULTS else 1] for numbers in (numbers1, numbers2))
    if measure in RESULTS and min(n1, n2) < 2:
        return TOO_FEW
    if measure in ("OR", "RR"):
        (events1, of1), (events2, of2) = numbers1, numbers2
        everybody = (events1, events2) == (of1, of2) and measure == "OR"
        if events1 == events2 == 0 or everybody:
            return TELLS_NOTHING
    if not (fits1 and fits2):
        return OUTSIDE
    with np.errstate(all="ignore"):
        found = COMPUTE[measure](*numbers1, *numbers2)
    is_usable = np.isfinite(found.effect[0]) and 0 < found.variance[0] < np.inf
    return (n1, n2, found.effect[0], found.variance[0], provenance) if is_usable else NO_VARIANCE


def _other(row: dict[str, Any] | None) -> Any:
    """Return what a printed difference or a reconstructed one tells."""
    if row is None:
        return None
    se = row.get("se")
    if se is None:
        se = (row["ci_high"] - row["ci_low"]) / (2 * Z95)
    people = row["n_experimental"], row["n_comparator"]
    return (*people, row["estimate"], se**2, row["provenance"]) if se else NO_VARIANCE


def pairs_by_hand(review: al.Review, outcome: str, follow_up: str, reading: str) -> list[Pair]:
    named = [
        row
        for row in _records(review, "analyses")
        if (row["outcome"], row["follow_up"]) == (outcome, follow_up)
    ]
    found = [_pair(row) for row in named if reading in row["reading"].split("; ")]
    discussed = {row["trial"] for row in named}
    groups = {(row["trial"], row["arm"]): row["group"] for row in _records(review, "arms")}
    measured = {
        (row["trial"], row["arm"])
        for row in _records(review, "arm_results")
        if (row["outcome"], row["time"]) == (outcome, follow_up)
    }
    also = [_pair(row) for row in _here(review, "contrasts", outcome, follow_up)]
    also += [
        Pair(trial, first, second)
        for (trial, first), (other, second) in product(measured, measured)
        if trial == other
        and (groups[trial, first], groups[trial, second]) == ("experimental", "comparator")
    ]
    found += [pair for pair in also if pair.trial not in discussed]
    order = list(review.trials["trial"])
    return sorted(set(found), key=lambda pair: (order.index(pair.trial), *pair[1:]))


def _records(review: al.Review, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table; they are made once, although each analysis looks at all."""
    return review.kept(("rows", name), lambda: _rows(getattr(review, name)))


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    filled = table.astype(object).where(table.notna(), None)
    return [dict(zip(table, row, strict=True)) for row in filled.itertuples(index=False)]


def _here(
    review: al.Review, name: str, outcome: str, follow_up: str, measure: str | None = None
) -> list[dict[str, Any]]:
    return [
        row
        for row in _records(review, name)
        if (row["outcome"], row["follow_up"]) == (outcome, follow_up)
        and measure in (None, row["measure"])
    ]


def _pair(row: dict[str, Any]) -> Pair:
    return Pair(row["trial"], row["experimental_arm"], row["comparator_arm"])


def _by_pair(rows: list[dict[str, Any]]) -> dict[Pair, dict[str, Any]]:
    return {_pair(row): row for row in rows}


def _has(row: dict[str, Any], names: tuple[str, ...]) -> bool:
    return all(row[name] is not None for name in names)


def _worst(rows: list[dict[str, Any] | None]) -> str:
    return max((str(row["provenance"]) for row in rows if row), key=("reported", "secondary").index)


def _arm(row: Any, shares: int, definition: pd.Series) -> tuple[list[float], bool]:
    """Return what the measure takes of an arm, and whether its mean lies on its scale."""
    if definition["measure"] not in RESULTS:
        return [row["events"] / shares, row["n"] / shares], True
    mean, sd = row["mean"], row["sd"]
    scales = [row["scale_min"], row["scale_max"], definition["scale_min"], definition["scale_max"]]
    if definition["measure"] != "MD" or any(pd.isna(limit) for limit in scales):
        return [row["n"] / shares, mean, sd], True
    low, high, new_low, new_high = scales
    factor = (new_high - new_low) / (high - low)
    moved = [row["n"] / shares, new_low + factor * (mean - low), factor * sd]
    return moved, low <= mean <= high


def analyses(review: al.Review) -> list[tuple[str, str]]:
    return list(product(review.outcomes["outcome"], review.follow_ups["follow_up"]))


def compare(review: al.Review) -> int:
    """Compare every analysis with what is found by hand; return how many effects there are."""
    n = 0
    for (outcome, follow_up), reading in product(analyses(review), ("main", "other")):
        effects = al.study_effects(review, outcome, follow_up, reading=reading)
        expected = by_hand(review, outcome, follow_up, reading)
        known = {pair: found for pair, found in expected.items() if not isinstance(found, str)}
        table = effects.table
        pairs = table[["trial", "experimental_arm", "comparator_arm"]]
        assert [Pair(*pair) for pair in pairs.itertuples(index=False)] == list(known)
        for row, (*numbers, provenance) in zip(_rows(table), known.values(), strict=True):
            ours = [row[x] for x in ("n_experimental", "n_comparator", "effect", "variance")]
            assert ours == [x if x is None else pytest.approx(x, rel=EXACT) for x in numbers]
            assert row["provenance"] == provenance
        reasons = [found for found in expected.values() if isinstance(found, str)]
        assert [told.split(": ", 1)[1] for told in effects.unknown] == reasons
        n += effects.k
    return n


@pytest.mark.few
@pytest.mark.parametrize("folder", [DATA, ROOT / "examples" / "spinal_manipulation" / "data"])
def test_the_reviews_of_this_book_are_as_by_hand(folder: Any) -> None:
    assert compare(al.load_review(folder)) > 20


@pytest.mark.few
@each_seed
def test_every_comparison_is_as_by_hand(seed: int) -> None:
    compare(random_review(seed))


@pytest.mark.few
@each_seed
def test_the_order_of_rows_changes_nothing_but_the_order(seed: int) -> None:
    review = random_review(seed)
    other = shuffled(review, seed)
    for outcome, follow_up in analyses(review):
        ours, theirs = (al.study_effects(r, outcome, follow_up) for r in (review, other))
        tables = (e.table.sort_values("label", ignore_index=True) for e in (ours, theirs))
        pd.testing.assert_frame_equal(*tables, check_exact=True)
        assert sorted(ours.unknown) == sorted(theirs.unknown)


@each_seed
def test_no_name_stands_twice_in_an_analysis(seed: int) -> None:
    review = random_review(seed)
    for outcome, follow_up in analyses(review):
        effects = al.study_effects(review, outcome, follow_up)
        names = [*effects.labels, *(told.split(": ", 1)[0] for told in effects.unknown)]
        assert len(set(names)) == len(names)


@pytest.mark.slow
def test_random_reviews_hold_every_case() -> None:
    """Without this the properties above could pass on reviews in which nothing happens."""
    found = set()
    for review in map(random_review, SEEDS):
        for outcome, follow_up in analyses(review):
            for known in by_hand(review, outcome, follow_up, "main").values():
                found.add(known if isinstance(known, str) else known[-1])
    assert {NO_MEANS, NO_EVENTS, NO_VARIANCE, OUTSIDE, TOO_FEW, *PROVENANCES} <= found
