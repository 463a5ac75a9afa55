"""Is every printed number put beside ours, and told apart by what ours rests on?"""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.book.sections import analyses as sections
from analysis_lib.book.sections import grading, robustness
from analysis_lib.conclusions.published import (
    CIRCULAR,
    INDEPENDENT,
    NOT_RECOMPUTED,
    compare_with_published,
)
from analysis_lib.conclusions.specifications import (
    CI_CHOICES,
    PI_CHOICES,
    TAU2_CHOICES,
    specifications,
)
from analysis_lib.review.model import arms_at_baseline


@pytest.fixture(scope="module")
def compared(review: al.Review) -> pd.DataFrame:
    return compare_with_published(review)


def test_every_printed_number_has_a_row(review: al.Review, compared: pd.DataFrame) -> None:
    columns = ["estimate", "ci_low", "ci_high", "p", "pi_low", "pi_high", "i2", "tau2", "q", "df"]
    columns += ["statistic", "trials", "comparisons", "participants"]
    assert len(compared) == int(review.printed[columns].notna().sum().sum())


def test_only_what_rests_on_reported_rows_agrees_independently(compared: pd.DataFrame) -> None:
    independent = compared[compared["basis"] == INDEPENDENT]
    assert set(independent["id"]) == {"endurance-PW", "endurance-PW-discussion"}
    assert independent["inside_rounding"].all()


def test_what_is_outside_rounding_is_what_contradicts_itself(compared: pd.DataFrame) -> None:
    pooled = compared[
        (compared["basis"] == CIRCULAR) & ~compared["quantity"].isin(["participants"])
    ]
    outside = pooled[~pooled["inside_rounding"].astype(bool)]
    assert {f"{i} {q}" for i, q in zip(outside["id"], outside["quantity"], strict=True)} == {
        "pain-STP pi_low",
        "pain-STP pi_high",
        "pain-STP-without-nambi ci_high",
        "pain-ETP ci_low",
        "pain-ETP-abstract ci_low",
        "pain-ETP-discussion ci_low",
        "pain-ETP-without-kell p",
        "disability-STP pi_low",
        "disability-STP pi_high",
        "disability-STP trials",
        "disability-ETP pi_low",
        "disability-ETP pi_high",
        "strength-ETP estimate",
    }


def test_what_cannot_be_recomputed_says_why(compared: pd.DataFrame) -> None:
    absent = compared[compared["basis"] == NOT_RECOMPUTED]
    assert (absent["reason"].str.len() > 10).all()
    assert "disability-STP-subgroup-resistance-type" in set(absent["id"])


def test_specifications_are_every_combination_once(review: al.Review) -> None:
    effects = al.study_effects(review, "pain", "ETP")
    found = specifications(effects, exclusions=[(), ("kell-2009",)])
    random_effects = len(TAU2_CHOICES) - 1
    once = len(CI_CHOICES) * (random_effects * len(PI_CHOICES) + 1)
    assert len(found) == 2 * once
    assert not found.duplicated(["without", "tau2_method", "ci_method", "pi_method"]).any()
    chosen = found[
        (found["without"] == "")
        & (found["tau2_method"] == "REML")
        & (found["ci_method"] == "wald")
        & (found["pi_method"] == "HTS")
    ].iloc[0]
    fit = effects.pool()
    assert (chosen["estimate"], chosen["ci_low"]) == (fit.estimate, fit.ci[0])
    assert chosen["ci_excludes_zero"] == (fit.p_value < 0.05)


def test_leaving_out_all_trials_but_none_known_is_an_error(review: al.Review) -> None:
    with pytest.raises(al.ReviewError, match="nobody-2030"):
        al.study_effects(review, "pain", "ETP").without("nobody-2030")


def test_the_review_s_influential_trials_are_found(review: al.Review) -> None:
    effects = al.study_effects(review, "pain", "PW")
    found = robustness.trials_left_out(review, effects).set_index("left_out")["influential"]
    assert found["Nambi 2020b"]
    for outcome in ("pain", "disability"):
        left_out = robustness.trials_left_out(review, al.study_effects(review, outcome, "ETP"))
        assert left_out.set_index("left_out").loc["Kell 2009", "influential"]


def test_the_optimal_information_size_uses_the_baseline_sd(review: al.Review) -> None:
    arms = arms_at_baseline(review, "pain")
    # Standard deviations that look like standard errors are left out: all of Nambi 2020b, and
    # the two smaller ones of Nambi 2020a.
    suspicious = (arms["trial"] == "nambi-2020b") | (
        (arms["trial"] == "nambi-2020a") & (arms["sd"] < 0.5)
    )
    arms = arms[~suspicious]
    width = arms["scale_max"] - arms["scale_min"]
    assert grading.baseline_sd(review, "pain") == (10 * arms["sd"] / width).median()
    disability = arms_at_baseline(review, "disability")
    rmdq = disability.loc[disability["scale_max"] == 24, "sd"].median()
    assert grading.baseline_sd(review, "disability", (0, 24)) == rmdq
    assert grading.baseline_sd(review, "strength") is None


@pytest.mark.slow
def test_every_analysis_has_a_row_in_the_summary_of_findings(review: al.Review) -> None:
    table = grading.summary_table(review)
    pooled = list(sections.pooled_analyses(review))
    recorded = table["Certainty, recorded"]
    assert (recorded[: len(pooled)] == "not stated").sum() == 0
    assert table["Effect (95 % CI)"][1] == "MD −0.52 (−0.92 to −0.08) points"  # as printed
    rest = table[len(pooled) :].set_index("Outcome")
    assert list(rest.index) == ["Pain catastrophizing", "Kinesiophobia", "Adverse events"]
    assert rest.loc["Pain catastrophizing", "Certainty, recorded"] == "very low"
    assert rest.loc["Adverse events", "In words"].startswith("Five trials of 13 report on harms")


@pytest.mark.slow
def test_a_result_that_is_not_printed_is_computed(review: al.Review) -> None:
    kept = review.published["id"] != "pain-STP"
    some = dataclasses.replace(
        review, published=review.published[kept], printed=review.printed[kept]
    )
    table = grading.summary_table(some)
    assert table["Effect (95 % CI)"][0] == "MD −0.48 (−1.15 to 0.18) points"
    assert table["People"][0] == "290"  # the arms that are taken to enter, not the printed 282


def test_what_is_printed_is_put_in_words_that_follow_the_numbers(review: al.Review) -> None:
    words = sections.printed_words(review)
    assert "on one side of no difference" in words["reading-pain-ETP"]
    assert "on both sides of no difference" in words["reading-pain-STP"]
    assert (
        "smaller than the minimal important difference of 1.5 points" in words["reading-pain-ETP"]
    )
    assert words["reach-pain-ETP"].startswith("from an important benefit of loaded exercise to")


def test_a_paragraph_says_when_effects_are_reconstructed(review: al.Review) -> None:
    told = [
        sections.analysis_text(
            effects.pool(**review.info.methods), effects, sections.question(review, outcome)
        )
        for outcome, follow_up in (("pain", "ETP"), ("endurance", "PW"))
        for effects in [al.study_effects(review, outcome, follow_up)]
    ]
    assert "reconstructed, not reported" in told[0]
    assert "econstructed" not in told[1]


def test_an_outcome_without_data_is_a_sentence_not_a_crash(review: al.Review) -> None:
    effects = al.study_effects(review, "catastrophizing", "ETP")
    assert "Gibbs 2022" in sections.nothing_to_pool(review, effects)
    ax = sections.draw_forest(review, effects)
    drawn = " ".join(text.get_text() for text in ax.texts)
    assert "no effect is known" in " ".join(drawn.split())


@pytest.mark.parametrize(("outcome", "k"), [("kinesiophobia", 0), ("fear-avoidance", 2)])
def test_a_funnel_of_too_few_is_a_sentence(
    review: al.Review, outcome: str, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setattr(robustness, "show_figure", lambda ax, name: shown.append((ax, name)))
    robustness.show_funnel(review, outcome, "ETP")
    text = " ".join(t.get_text() for t in shown[0][0].texts)
    assert al.study_effects(review, outcome, "ETP").k == k
    assert "no funnel to look at" in text
