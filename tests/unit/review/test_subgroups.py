"""Are subgroups formed from the tables alone, whatever a review is about?

The scores and levels that are put into the review here are made up.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.book.sections import robustness
from analysis_lib.conclusions.published import NOT_RECOMPUTED, compare_with_published
from analysis_lib.conclusions.stability import stability
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.subgroups import high_risk_or_not, levels_by_factor

PAIN = "baseline pain intensity"
SLEEP = "sleep at the start"


def of_sleep(
    review: al.Review, scores: dict[tuple[str, str], float], highest: float | None = 20
) -> al.Review:
    """Return the review with an outcome that it does not have, measured at baseline alone."""
    rows = pd.DataFrame(
        [
            {"trial": trial, "arm": arm, "outcome": "sleep", "time": "baseline", "mean": mean,
             "scale_min": None if highest is None else 0, "scale_max": highest}
            for (trial, arm), mean in scores.items()
        ]
    )  # fmt: skip
    levels = pd.DataFrame(
        [
            (SLEEP, "bad", "baseline of sleep", 0, 0.5),
            (SLEEP, "good", "baseline of sleep", 0.5, 1),
            ("age", "young", "age_mean", 18, 40),
            ("age", "old", "age_mean", 40, 99),
        ],
        columns=["factor", "level", "variable", "low", "high"],
    )
    return replace(
        review,
        arm_results=pd.concat([review.arm_results, rows]),
        subgroup_levels=pd.concat([review.subgroup_levels, levels]),
    )


def of_label(effects: StudyEffects, levels: list[str]) -> dict[str, str]:
    return dict(zip(effects.labels, levels, strict=True))


def test_subgroups_follow_the_levels_in_the_data(review: al.Review) -> None:
    effects = al.study_effects(review, "disability", "STP")
    levels = of_label(effects, levels_by_factor(review, effects)[PAIN])
    assert levels["Helmhout 2008"] == "not stated"
    assert levels["Sertpoyraz 2009"] == "acceptable"
    assert levels["Kell 2009"] == "high"
    risks = of_label(effects, high_risk_or_not(review, effects))
    assert risks["Kell 2009"] == "high risk"
    assert risks["Santos 2022 (a)"] == "not rated high"


def test_other_cut_points_in_the_data_form_other_subgroups(review: al.Review) -> None:
    effects = al.study_effects(review, "pain", "ETP")
    two = review.subgroup_levels.iloc[[0, 2]].assign(low=[0, 0.6], high=[0.6, 1])
    levels = levels_by_factor(replace(review, subgroup_levels=two), effects)[PAIN]
    assert of_label(effects, levels)["Gibbs 2022"] == "low"  # 5.6 of 10, high by the review's
    assert set(levels) == {"low", "high"}


def test_a_new_outcome_and_a_column_of_the_arms_form_subgroups(review: al.Review) -> None:
    """Shares of a scale from 0 to 20 for the outcome, years for the age."""
    known = of_sleep(review, {("kell-2009", "rtg"): 9, ("gibbs-2022", "rtg"): 11})
    effects = al.study_effects(known, "pain", "ETP")
    levels = levels_by_factor(known, effects)
    assert list(levels) == [PAIN, SLEEP, "age"]
    sleep = of_label(effects, levels[SLEEP])
    assert (sleep["Kell 2009"], sleep["Gibbs 2022"]) == ("bad", "good")
    assert set(sleep.values()) == {"bad", "good", "not stated"}
    age = of_label(effects, levels["age"])  # 40.1 and 35.6 years
    assert (age["Kell 2009"], age["Gibbs 2022"]) == ("old", "young")


def test_a_score_without_a_scale_is_compared_in_its_own_unit(review: al.Review) -> None:
    known = of_sleep(review, {("kell-2009", "rtg"): 0.4}, highest=None)
    effects = al.study_effects(known, "pain", "ETP")
    levels = of_label(effects, levels_by_factor(known, effects)[SLEEP])
    assert levels["Kell 2009"] == "bad"


@pytest.mark.parametrize(("score", "n"), [(10, 2), (21, 0)])
def test_a_value_in_two_levels_or_in_none_is_named(review: al.Review, score: float, n: int) -> None:
    known = of_sleep(review, {("kell-2009", "rtg"): score})
    effects = al.study_effects(known, "pain", "ETP")
    told = f"kell-2009, rtg: baseline of sleep {score / 20:g} lies in {n} levels of '{SLEEP}'"
    with pytest.raises(al.ReviewError, match=told):
        levels_by_factor(known, effects)


@pytest.mark.slow
def test_every_page_takes_its_factors_from_the_data(review: al.Review) -> None:
    known = of_sleep(review, {("kell-2009", "rtg"): 9, ("gibbs-2022", "rtg"): 11})
    assert set(robustness.subgroup_table(known)["Factor"]) == {"risk of bias", PAIN, SLEEP, "age"}
    told = stability(known, al.study_effects(known, "pain", "ETP"))
    subjects = set(told.loc[told["topic"] == "subgroups", "subject"])
    assert subjects == {"risk of bias: high or not", PAIN, SLEEP, "age"}


@pytest.mark.slow
def test_a_review_without_factors_has_subgroups_by_risk_of_bias_alone(review: al.Review) -> None:
    bare = replace(review, subgroup_levels=review.subgroup_levels.iloc[:0])
    effects = al.study_effects(bare, "pain", "ETP")
    assert levels_by_factor(bare, effects) == {}
    assert set(robustness.subgroup_table(bare)["Factor"]) == {"risk of bias"}
    compared = compare_with_published(bare).set_index("id")
    basis = compared.loc["disability-STP-subgroup-baseline-pain", "basis"]
    assert set(basis) == {NOT_RECOMPUTED}


def test_scores_at_a_follow_up_form_no_subgroups(review: al.Review) -> None:
    scores = review.arm_results
    later = scores[scores["outcome"] == "pain"].assign(time="ETP", mean=0.0)
    known = replace(review, arm_results=pd.concat([scores, later]))
    effects = al.study_effects(review, "pain", "ETP")
    assert levels_by_factor(known, effects) == levels_by_factor(review, effects)


def test_a_review_without_scores_at_baseline_forms_one_group(review: al.Review) -> None:
    results = review.arm_results
    bare = replace(review, arm_results=results[results["time"] != "baseline"])
    effects = al.study_effects(bare, "pain", "ETP")
    assert set(levels_by_factor(bare, effects)[PAIN]) == {"not stated"}


def test_an_unknown_factor_is_named(review: al.Review) -> None:
    with pytest.raises(al.ReviewError, match=f"one of risk of bias, {PAIN}, not 'shoe size'"):
        robustness.show_subgroups(review, "pain", "ETP", "shoe size")
