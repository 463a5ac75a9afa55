"""Is what the page on the trials says of people, programmes and events what the tables hold?"""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.book.sections import trial_tables as tt

CLOSE = 1e-12  # a quotient


def test_participants_stand_as_they_are_printed(review: al.Review) -> None:
    table = tt.printed_participants(review, {"pain": "Pain"})
    assert len(table) == len(review.arms)
    aasa = table[table["trial"] == "Aasa 2015"].iloc[0]
    assert (aasa["n"], aasa["Pain"]) == (35, "43 (0-100) ± 24")
    assert "Disability" not in table


def test_people_are_counted_by_arm_and_by_text(review: al.Review) -> None:
    told = tt.people_told(review)
    assert told["sum"] == told["sum-experimental"] + told["sum-comparator"] == 806
    assert told["text-total"] == 778
    assert told["difference"] == told["sum"] - told["text-total"]
    known = review.arms.dropna(subset=["men", "women"])
    men, women = known["men"].sum(), known["women"].sum()
    assert told["men-share"] == pytest.approx(100 * men / (men + women), rel=CLOSE)
    assert told["first-year"] <= told["last-year"]


@pytest.mark.parametrize("draw", [tt.draw_sizes, tt.draw_ages])
def test_every_arm_is_drawn(review: al.Review, draw: object) -> None:
    ax = draw(review)  # type: ignore[operator]  # one of the two above
    alt = plots.alt_text(ax)
    assert all(f"{name}" in alt for name in review.trial_names.values() if name != "Smith 2011")
    assert plots.caption(ax).endswith("Source: review, Table 1.")
    plt.close(plots.figure_of(ax))


ARMS = pd.DataFrame(
    {
        "trial_label": ["A", "B", "C"],
        "mean": [4.0, 7.0, 2.0],
        "sd": [1.5, 0.5, None],
        "group": ["experimental", "comparator", "experimental"],
    }
)


def test_the_ends_of_scores_are_named() -> None:
    told = tt.scores_told(ARMS)
    assert (told["lowest"], told["lowest-trial"]) == (2.0, "C")
    assert (told["highest"], told["highest-trial"]) == (7.0, "B")
    assert (told["smallest-sd"], told["smallest-sd-trial"], told["median-sd"]) == (0.5, "B", 1.0)


def test_scores_are_drawn_with_their_words(review: al.Review) -> None:
    ax = tt.draw_scores(review, ARMS, xlabel="Pain, 0–10", caption="What is drawn.")
    assert plots.alt_text(ax) == (
        "Pain, 0–10, mean of each arm. A, loaded: 4.0; B, unloaded: 7.0; C, loaded: 2.0."
    )
    assert plots.caption(ax) == "What is drawn."
    plt.close(plots.figure_of(ax))


def test_programmes_are_told_by_their_features(review: al.Review) -> None:
    features = tt.programme_features(review)
    assert len(features) == len(review.interventions)
    kell = features.loc["Kell 2009"]
    assert sorted(kell.index[kell]) == [
        "free weights", "multi-joint exercises", "progressive overload", "weight-stack machines",
    ]  # fmt: skip
    told = tt.programmes_told(review, features)
    assert told["free-weights"] == features["free weights"].sum()
    assert told["shortest"] == review.interventions["weeks"].min()
    table = tt.programmes_table(review)
    assert table["Trial"].tolist() == features.index.tolist()
    assert "Weeks" not in table  # `groups_table` has them, with how each is known


def test_a_programme_without_any_feature_is_told_so() -> None:
    features = pd.DataFrame({"bands": [True, False]}, index=["A", "B"])
    ax = tt.draw_features(features, "What is drawn.")
    assert plots.alt_text(ax).endswith("A: bands; B: none of these.")
    plt.close(plots.figure_of(ax))


def test_silence_about_events_is_not_none(review: al.Review) -> None:
    events = tt.told_events(review)
    assert "not stated" not in set(events["relation"])
    told = tt.events_told(review, events)
    assert told["telling"] + told["silent"] == len(review.trials)
    loaded = events[events["group"] == "experimental"]
    assert (told["experimental"], told["n-experimental"]) == (
        loaded["events"].sum(),
        loaded["n"].sum(),
    )
    table = tt.events_table(events)
    assert len(table) == len(events)
    assert set(table["trial"]) <= set(review.trial_names.values())


def test_what_each_group_did_stands_side_by_side(review: al.Review) -> None:
    table = tt.groups_table(review).set_index("Trial")
    assert list(table.index) == [review.trial_names[trial] for trial in review.trials["trial"]]
    cai = table.loc["Cai 2017"].str.replace("\N{NO-BREAK SPACE}", " ")
    assert cai["Loaded (people)"] == (
        "lower limb exercise† (n = 28)\nlumbar extensor exercise° (n = 28)"
    )
    assert cai["Unloaded (people)"] == "lumbar stabilization exercise† (n = 28)"
    assert cai["Programme"] == "8 weeks†, 7 a week"
    assert table.loc["Calatayud 2020", "Programme"] == "not stated"
    plain = dataclasses.replace(
        review,
        arms=review.arms.drop(columns="weaker"),
        interventions=review.interventions.drop(columns="weaker"),
    )
    assert not set("°†") & set(tt.groups_table(plain).to_csv())
