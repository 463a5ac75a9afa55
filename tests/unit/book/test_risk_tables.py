"""Are ratings counted as they are recorded, and weighed as the analyses weigh their trials?"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from places import DATA

import analysis_lib as al
from analysis_lib.book.sections import risk_tables as rt
from analysis_lib.review.risk_of_bias import judgements
from analysis_lib.review.subgroups import overall_risk

CLOSE = 1e-9  # sums of a few weights


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review(DATA)


def test_ratings_are_counted_and_named(review: al.Review) -> None:
    trials = list(review.trial_names)
    matrix = judgements(review.risk_of_bias, trials=trials, **review.info.risk_of_bias)
    told = rt.ratings_told(review, matrix)
    high = [trial for trial in trials if matrix.loc[trial, "overall"] == "high"]
    assert (told["trials"], told["high"]) == (len(trials), len(high))
    assert told["high-list"] == "Cai 2017, Helmhout 2008, Kell 2009, Nambi 2020a and Smith 2011"
    assert told["not-stated"] == len(trials) - len(high)
    assert told["domains-stated"] == 0
    one = matrix.copy()
    one.iloc[0, 0] = "low"
    assert rt.ratings_told(review, one)["domains-stated"] == 1


def test_shares_are_those_of_the_weights(review: al.Review) -> None:
    shares = rt.risk_by_weight(review)
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0] * len(shares), rel=CLOSE)
    pain = al.study_effects(review, "pain", "ETP")
    risk = overall_risk(review, pain)
    weights = pain.pool().weights
    high = sum(w for w, judged in zip(weights, risk, strict=True) if judged == "high")
    row = shares.loc["Pain intensity, extended training programs"]
    assert row["high"] == pytest.approx(high, rel=CLOSE)


def test_shares_stand_as_text_by_analysis() -> None:
    shares = pd.DataFrame({"high": [0.25], "low": [0.75]}, index=["Pain, late"])
    table = rt.weights_table(shares, ("high",))
    assert table.to_dict("records") == [{"Analysis": "Pain, late", "High": "25%"}]


def test_the_rule_of_the_review_is_stricter_than_the_tool(review: al.Review) -> None:
    """Two domains with some concerns: the tool leaves it at that, this review says high."""
    table = rt.rule_table(review)
    assert table["Domains with some concerns"].tolist() == ["none", "one", "two"]
    assert table["The tool's algorithm"].tolist() == ["low", "some concerns", "some concerns"]
    assert table["The review's rule"].tolist() == ["low", "some concerns", "high"]
    info = review.info.model_copy(update={"risk_of_bias": {}})
    table = rt.rule_table(replace(review, info=info))
    assert table["The review's rule"].tolist() == table["The tool's algorithm"].tolist()
