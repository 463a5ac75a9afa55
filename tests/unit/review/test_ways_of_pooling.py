"""Which ways there are to pool an analysis, and which test of its funnel fits its measure.

Every number here is made up.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from places import DATA
from random_reviews import table_of

import analysis_lib as al
from analysis_lib.pooling.methods import EventMethods, Methods
from analysis_lib.review.event_ways import event_ways, pooled_by, rare_events
from analysis_lib.review.funnel_tests import asymmetry_test
from analysis_lib.review.possible import analyses

COUNTS = [(4, 40, 9, 42), (2, 30, 6, 28), (7, 80, 8, 75), (1, 25, 5, 26)]
SILENT = (0, 20, 0, 21)
HOW = {"provenance": "reported", "source": "made up"}
PLACE = {"outcome": "o", "follow_up": "w4"}


def review_of(
    measure: str, *trials: tuple[float, ...], level: float = 0.95, **methods: Any
) -> al.Review:
    """Return a review of trials with an arm each side: events and people, or n, mean and SD."""
    names = ("events", "n") if len(trials[0]) == 4 else ("n", "mean", "sd")
    sides = ("experimental", "comparator")
    keys = [f"t{i}" for i in range(len(trials))]
    rows = []
    for key, numbers in zip(keys, trials, strict=True):
        for side, half in zip(sides, (numbers[: len(names)], numbers[len(names) :]), strict=True):
            rows.append({"trial": key, "arm": side, **dict(zip(names, half, strict=True))})
    made: dict[str, Any] = {
        "outcomes": table_of(
            "outcomes",
            [
                {"outcome": "o", "measure": measure, "priority": "primary"},
                {"outcome": "p", "measure": "MD", "priority": "secondary"},
            ],
        ),
        "follow_ups": table_of("follow_ups", [{"follow_up": "w4"}]),
        "trials": table_of("trials", [{"trial": key, "label": key.upper()} for key in keys]),
        "arms": table_of(
            "arms", [{"trial": key, "arm": s, "group": s} for key, s in product(keys, sides)]
        ),
        "arm_results": table_of(
            "arm_results", [{**row, **HOW, "outcome": "o", "time": "w4"} for row in rows]
        ),
        **{name: table_of(name, []) for name in ("contrasts", "reconstructed", "analyses")},
    }
    own = {"methods": Methods(level=level), "events": EventMethods(**methods), "outcome": {}}
    review = al.load_review(DATA)
    return replace(review, info=review.info.model_copy(update=own), **made)


def with_ratio(review: al.Review, trial: str) -> al.Review:
    """Return the review with a printed ratio, in place of the events of a trial."""
    row = {
        **PLACE, **HOW, "trial": trial, "experimental_arm": "experimental", "measure": "RR",
        "comparator_arm": "comparator", "estimate": 0.8, "ci_low": 0.5, "ci_high": 1.28,
    }  # fmt: skip
    known = review.arm_results[review.arm_results["trial"] != trial].reset_index(drop=True)
    return replace(review, arm_results=known, contrasts=table_of("contrasts", [row]))


def effects_of(measure: str, *trials: tuple[float, ...], **own: Any) -> al.StudyEffects:
    return review_of(measure, *trials, **own).analysis("o", "w4")


# Events


@pytest.mark.few
@pytest.mark.parametrize(
    ("measure", "common"),
    [("OR", ["MH", "Peto", "inverse"]), ("RR", ["MH", "inverse"]), ("RD", ["MH", "inverse"])],
)
def test_events_are_pooled_by_every_method_of_their_measure(
    measure: str, common: list[str]
) -> None:
    ways = event_ways(effects_of(measure, *COUNTS))
    assert ways == [*(EventMethods(event_method=m, model="common") for m in common), EventMethods()]


def test_trials_without_information_are_kept_in_two_further_ways() -> None:
    *_, first, second = event_ways(effects_of("RR", *COUNTS, SILENT))
    assert first == EventMethods(model="common", double_zeros="keep")
    assert second == EventMethods(double_zeros="keep")


@pytest.mark.few
@pytest.mark.parametrize("measure", ["OR", "RR"])
@pytest.mark.parametrize("own", [{}, {"model": "common"}])
def test_each_way_pools_as_pool_events_does(measure: str, own: dict[str, str]) -> None:
    """Whatever the review's own methods are; the trial without information is among the counts."""
    effects = effects_of(measure, *COUNTS, SILENT, correction=0.25, **own)
    counts = np.array([*COUNTS, SILENT], dtype=float).T
    for way in event_ways(effects):
        fit = pooled_by(effects, way)
        assert isinstance(fit, al.PooledEvents)
        by_hand = al.pool_events(
            *counts,
            measure=measure,
            method=way.event_method,
            model=way.model,
            double_zeros=way.double_zeros,
            correction=0.25,
            tau2_method="REML" if way.model == "random" else "FE",
        )
        assert (fit.estimate, fit.ci, fit.tau2) == (by_hand.estimate, by_hand.ci, by_hand.tau2)
        assert fit.left_out == (() if way.double_zeros == "keep" else ("T4",))


def test_rare_events_are_told_and_common_ones_are_not() -> None:
    assert "Events are rare" in str(rare_events(effects_of("RR", *COUNTS)))
    assert rare_events(effects_of("RR", (40, 90, 60, 95), (30, 80, 41, 82))) is None
    assert rare_events(effects_of("MD", (20, 3, 1, 20, 4, 1))) is None


@pytest.mark.few
@pytest.mark.parametrize(
    ("methods", "refused"),
    [
        ({"event_method": "MH", "model": "common"}, True),
        ({"event_method": "MH"}, False),  # random effects weigh the trials' own effects
        ({"model": "common"}, False),
    ],
)
def test_counts_that_are_not_all_known_cannot_be_added_up(
    methods: dict[str, str], refused: bool
) -> None:
    effects = with_ratio(review_of("RR", *COUNTS, **methods), "t0").analysis("o", "w4")
    if refused:
        with pytest.raises(al.ReviewError, match="which are not known of T0; event_method inverse"):
            effects.pool()
    else:
        assert effects.pool().k == len(COUNTS)


# The test of a funnel


@pytest.mark.few
@pytest.mark.parametrize("level", [0.95, 0.9])
@pytest.mark.parametrize(
    ("measure", "by_hand"),
    [
        ("OR", lambda n, level: al.harbord_test(*n, level=level)),
        ("RR", lambda n, level: al.peters_test(*n, measure="RR", level=level)),
        ("RD", lambda n, level: al.peters_test(*n, measure="RD", level=level)),
    ],
)
def test_the_funnel_of_events_is_tested_by_their_counts(
    measure: str, by_hand: Any, level: float
) -> None:
    expected = by_hand(np.array(COUNTS, dtype=float).T, level)
    assert asymmetry_test(effects_of(measure, *COUNTS, level=level)) == expected


MEANS = [(20, 3, 1, 22, 4, 1), (35, 3.2, 1, 31, 4, 1.2), (60, 3.5, 1, 66, 4, 1), (9, 1, 1, 8, 4, 1)]


def test_the_funnel_of_standardised_differences_is_tested_by_their_sizes() -> None:
    effects = effects_of("SMD", *MEANS, level=0.9)
    n1, n2 = effects.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float).T
    assert asymmetry_test(effects) == al.pustejovsky_test(n1, n2, effects.effect, level=0.9)


@pytest.mark.few
@pytest.mark.parametrize("unknown", ["measure", "people", "events"])
def test_any_other_funnel_is_tested_by_standard_errors(unknown: str) -> None:
    """Of differences, and where the people or the events that another test needs are not known."""
    effects = effects_of("MD" if unknown == "measure" else "SMD", *MEANS, level=0.9)
    if unknown == "people":
        table = effects.table.assign(n_comparator=[20, np.nan, 30, 40])
        effects = replace(effects, table=table)
    if unknown == "events":
        effects = with_ratio(review_of("RR", *COUNTS, level=0.9), "t0").analysis("o", "w4")
    assert asymmetry_test(effects) == al.egger_test(effects.effect, effects.variance, level=0.9)


# Which analyses there are


def test_analyses_are_those_of_a_priority() -> None:
    review = review_of("MD", *MEANS)
    assert [outcome for outcome, *_ in analyses(review)] == ["o", "p"]
    assert [outcome for outcome, *_ in analyses(review, "primary")] == ["o"]
    assert [outcome for outcome, *_ in analyses(review, "secondary")] == ["p"]


def test_numbers_of_every_size_bring_no_warning() -> None:
    """What cannot be pooled is an error by its name; numpy has nothing to add."""
    tiny = 1e-100
    review = review_of("MD", (20, 1e200, tiny, 20, -1e200, tiny), (20, 1, tiny, 20, 4, tiny))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (_, _, found), _ = analyses(review)
    assert str(found) == "effects and variances differ too much in size to be pooled"
