"""Is an arm that stands under two names found, and one that is shared out already left alone?

Every number here is made up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import DATA
from random_reviews import table_of

import analysis_lib as al
from analysis_lib.review import shared_arms as sh

# Two loaded arms and their controls: trial, arm, side, people, what was measured.
Arm = tuple[str, str, int, dict[str, float]]


def review_of(measure: str, *arms: Arm) -> al.Review:
    """Return a review of one trial, measured once."""
    rows = [
        {"trial": "cai", "outcome": "o", "arm": arm, "time": "w4", "n": n, **measured,
         "provenance": "reported", "source": "made up"}
        for arm, _, n, measured in arms
    ]  # fmt: skip
    made: dict[str, Any] = {
        "outcomes": table_of("outcomes", [{"outcome": "o", "measure": measure}]),
        "follow_ups": table_of("follow_ups", [{"follow_up": "w4"}]),
        "trials": table_of("trials", [{"trial": "cai", "label": "Cai 2017"}]),
        "arms": table_of("arms", [{"trial": "cai", "arm": arm, "group": g} for arm, g, *_ in arms]),
        "arm_results": table_of("arm_results", rows),
        **{name: table_of(name, []) for name in ("contrasts", "reconstructed", "analyses")},
    }
    return replace(al.load_review(DATA), **made)


def loaded(arm: str, n: int, **measured: float) -> Arm:
    return arm, "experimental", n, measured


def control(arm: str, n: int, **measured: float) -> Arm:
    return arm, "comparator", n, measured


def told(review: al.Review) -> list[str]:
    return [str(arm) for arm in sh.arms_listed_twice(review, review.analysis("o", "w4"))]


MEANS = (loaded("legs", 28, mean=3.0, sd=1.0), loaded("back", 25, mean=2.0, sd=1.5))
EVENTS = (loaded("legs", 28, events=3), loaded("back", 25, events=2))


def test_one_arm_in_two_comparisons_is_split_and_no_alarm() -> None:
    review = review_of("MD", *MEANS, control("usual", 30, mean=4.0, sd=2.0))
    assert review.analysis("o", "w4").table["n_comparator"].tolist() == [15, 15]
    assert told(review) == []


def test_one_arm_of_events_in_two_comparisons_is_split_and_no_alarm() -> None:
    review = review_of("RR", *EVENTS, control("usual", 30, events=9))
    assert review.analysis("o", "w4").table["events_comparator"].tolist() == [4.5, 4.5]
    assert told(review) == []


# Of two loaded arms and two controls every pair is a comparison.
FOUR = ", ".join(f"Cai 2017 ({first}, {second})" for first in ("back", "legs") for second in (1, 2))


def test_means_that_are_typed_twice_are_found() -> None:
    twice = [control(f"usual-{i}", 30, mean=4.0, sd=2.0) for i in (1, 2)]
    assert told(review_of("MD", *MEANS, *twice)) == [f"{FOUR}: the same second arm (n = 30)"]


def test_events_that_are_typed_twice_are_found() -> None:
    twice = [control(f"usual-{i}", 30, events=9) for i in (1, 2)]
    assert told(review_of("OR", *EVENTS, *twice)) == [
        f"{FOUR}: the same second arm (9 events, n = 30)"
    ]


@pytest.mark.parametrize(("n", "events"), [(31, 9), (30, 8)])
def test_other_people_or_other_events_are_another_arm(n: int, events: int) -> None:
    two = control("usual-1", 30, events=9), control("usual-2", n, events=events)
    assert told(review_of("RD", *EVENTS, *two)) == []


def test_equal_arms_of_two_sides_are_two_arms() -> None:
    review = review_of("MD", loaded("a", 20, mean=4.0, sd=2.0), control("b", 20, mean=4.0, sd=2.0))
    assert told(review) == []


# Settling comparisons of events


def events_table() -> pd.DataFrame:
    rows = [["cai", "Cai 2017 (legs)", 3, 28, 9, 30], ["cai", "Cai 2017 (back)", 2, 25, 9, 30]]
    return pd.DataFrame(rows, columns=["trial", "label", "events1", "n1", "events2", "n2"])


def test_events_and_people_are_split_or_combined() -> None:
    with pytest.warns(sh.SharedArms, match=r"the same second arm \(9 events, n = 30\)"):
        kept = sh.settle_shared_arms(events_table())
    pd.testing.assert_frame_equal(kept, events_table())
    split = sh.settle_shared_arms(events_table(), "split")
    assert split[["events2", "n2"]].to_numpy().tolist() == [[4.5, 15], [4.5, 15]]
    assert split[["events1", "n1"]].to_numpy().tolist() == [[3, 28], [2, 25]]
    one = sh.settle_shared_arms(events_table(), "combine")
    assert one.drop(columns="trial").to_numpy().tolist() == [["Cai 2017", 5, 53, 9, 30]]


def test_the_effects_of_a_table_of_events() -> None:
    split = sh.settle_shared_arms(events_table(), "split")
    found = sh.effects_of(split, "RR")
    assert found.effect == pytest.approx(np.log([3 / 28 / 0.3, 2 / 25 / 0.3]))
    assert found.labels == ("Cai 2017 (legs)", "Cai 2017 (back)")
    with pytest.raises(al.ReviewError, match="measure must be one of RR, OR, RD; got 'MD'"):
        sh.effects_of(split, "MD")


def test_three_arms_of_means_that_share_a_comparator_become_one() -> None:
    arms = [(20, 3.0, 1.0), (25, 2.0, 1.5), (10, 5.0, 2.0)]
    rows = [["t", f"T 2017 ({x})", *arm, 30, 6.0, 2.0] for x, arm in enumerate(arms)]
    one = sh.settle_shared_arms(pd.DataFrame(rows, columns=list(sh.COLUMNS)), "combine")
    two = al.combine_arms(*arms[0], *arms[1])
    three = al.combine_arms(two.n, two.mean, two.sd, *arms[2])
    assert one.drop(columns="trial").to_numpy().tolist() == [
        ["T 2017", three.n, three.mean, three.sd, 30, 6.0, 2.0]
    ]


def test_a_share_of_one_person_is_refused_for_means() -> None:
    rows = [["t", f"T {x}", 20, float(x), 2.0, 3, 6.0, 2.0] for x in range(2)]
    with pytest.raises(al.ReviewError, match="n of one share must be at least 2"):
        sh.settle_shared_arms(pd.DataFrame(rows, columns=list(sh.COLUMNS)), "split")


def test_the_comparisons_of_an_analysis_of_events_are_as_listed() -> None:
    review = review_of("RR", *EVENTS, control("usual", 30, events=9))
    table = sh.comparisons_of(review, review.analysis("o", "w4"))
    assert table.columns.tolist() == ["trial", "label", "events1", "n1", "events2", "n2"]
    assert table[["events2", "n2"]].to_numpy().tolist() == [[9, 30], [9, 30]]
