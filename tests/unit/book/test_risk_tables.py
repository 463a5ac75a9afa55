"""Are ratings counted as they are recorded, and weighed as the analyses weigh their trials?"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import analysis_lib as al
from analysis_lib.book.sections import risk_tables as rt
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.stability import Draws
from analysis_lib.review.risk_of_bias import judgements
from analysis_lib.review.subgroups import overall_risk

CLOSE = 1e-9  # sums of a few weights


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


def test_weights_are_told_over_the_sets(review: al.Review) -> None:
    """What rests on one set of effects has a range; what is reported has none."""
    table = rt.weights_table(review).set_index("Analysis")
    told = table.loc["Pain intensity, extended training programs"]
    assert re.fullmatch(r"\d+% \(\d+% to \d+%\)", told["High"])
    middle, low, high = map(int, re.findall(r"\d+", told["High"]))
    other = list(map(int, re.findall(r"\d+", told["Not stated"])))
    assert low <= middle <= high
    # a rounded share and the rest of 100 % may differ by one
    assert other == pytest.approx([100 - middle, 100 - high, 100 - low], abs=1)
    assert table.loc["Back muscle endurance, post-washout"].tolist() == ["0%", "100%"]


def test_over_one_set_the_shares_are_those_of_the_weights(review: al.Review) -> None:
    pain = al.study_effects(review, "pain", "ETP")
    one = Draws(pain, pain.effect[None, :], pain.variance[None, :])
    found = ranges.weight_by_level(one, overall_risk(review, pain), review.info.methods)
    shares = rt.risk_by_weight(review).loc["Pain intensity, extended training programs"]
    for level, weights in found.items():
        assert weights.tolist() == pytest.approx([shares[level]], rel=CLOSE)


def test_the_rule_of_the_review_is_stricter_than_the_tool(review: al.Review) -> None:
    """Two domains with some concerns: the tool leaves it at that, this review says high."""
    table = rt.rule_table(review)
    assert table["Domains with some concerns"].tolist() == ["none", "one", "two"]
    assert table["The tool, unless a reviewer decides otherwise"].tolist() == [
        "low",
        "some concerns",
        "some concerns",
    ]
    assert table["As counted here"].tolist() == ["low", "some concerns", "high"]
    info = review.info.model_copy(update={"risk_of_bias": {}})
    table = rt.rule_table(replace(review, info=info))
    assert (
        table["As counted here"].tolist()
        == table["The tool, unless a reviewer decides otherwise"].tolist()
    )
