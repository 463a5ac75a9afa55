"""Do the sentences say what the numbers say, in correct grammar for every kind of result?"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from math import exp, log

import pytest

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.sentences import (
    Question,
    cautions,
    heterogeneity_sentence,
    methods_sentence,
    plain_words,
    printed_sentence,
    reach,
    results_sentence,
)
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, TAU2_METHODS
from analysis_lib.pooling.pooled_effect import PooledEffect, pool

PAIN = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points", mid=1.0)
STRENGTH = Question("strength", "loaded exercise", "unloaded exercise", False, "SMD")
FALLS = Question("a fall", "exercise", "rest", True, "RR", unit="no unit", mid=0.8)
RECOVERY = Question("recovery", "exercise", "rest", False, "OR")
DEATH = Question("death", "exercise", "rest", True, "RD", mid=0.01)


def same(effect: float, variance: float, k: int = 4) -> PooledEffect:
    """Return the pooled result of k equal effects."""
    return pool([effect] * k, [variance] * k)


def fits() -> list[PooledEffect]:
    data = [
        ([-0.5], [0.04]),
        ([-0.2, 0.3], [0.04, 0.05]),
        ([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25]),
        ([0.4] * 4, [0.01] * 4),
    ]
    return [
        pool(effect, variance, tau2_method=tau2, ci_method=ci, pi_method=pi)
        for (effect, variance), tau2, ci, pi in product(data, TAU2_METHODS, CI_METHODS, PI_METHODS)
    ]


@pytest.mark.slow
def test_every_sentence_is_whole_for_every_method_and_number_of_studies() -> None:
    for fit in fits():
        for question in (PAIN, STRENGTH, FALLS, RECOVERY, DEATH):
            for text in (
                methods_sentence(fit, question.measure),
                results_sentence(fit, question),
                heterogeneity_sentence(fit, question.measure),
                plain_words(fit, question),
            ):
                assert text[0].isupper()
                assert text.endswith(".")
                assert not re.search(r"None|nan|inf\b|  |\.\.|\s[.,;]|\d-\d| -\d", text), text
                assert not re.search(r"\b(1|one) comparisons|\b(2|two) comparison\b", text, re.I)


def test_methods_name_what_was_done() -> None:
    fit = pool([0.1, 0.5, 0.9], [0.04, 0.05, 0.04], tau2_method="PM", ci_method="HK", pi_method="V")
    assert methods_sentence(fit) == (
        "Three comparisons were pooled by inverse-variance weighting in a random-effects model; "
        "the between-study variance was estimated by the Paule and Mandel method; the 95% "
        "confidence interval follows Hartung and Knapp; the 95% prediction interval was computed "
        "with a t distribution on k − 1 degrees of freedom."
    )


def test_one_comparison_is_not_called_pooled() -> None:
    fit = pool([-0.5], [0.04])
    assert "nothing was pooled" in methods_sentence(fit)
    assert results_sentence(fit, PAIN).startswith("In the one comparison available, the mean diff")
    assert heterogeneity_sentence(fit) == "With one comparison, heterogeneity cannot be estimated."
    assert "new" not in plain_words(fit, PAIN)


def test_two_comparisons_have_no_prediction_interval() -> None:
    fit = pool([-0.2, 0.3], [0.04, 0.05])
    assert "too few comparisons for a prediction interval" in methods_sentence(fit)
    assert results_sentence(fit, PAIN).endswith("a prediction interval cannot be estimated.")
    assert "on 1 degree of freedom" in heterogeneity_sentence(fit)
    assert "From two comparisons" in plain_words(fit, PAIN)


def test_a_common_effect_model_claims_nothing_about_new_settings() -> None:
    fit = pool([-0.1, -1.9, 0.1], [0.3, 0.1, 0.13], tau2_method="FE")
    assert "common-effect model" in methods_sentence(fit)
    assert "τ²" not in heterogeneity_sentence(fit)
    assert "prediction" not in results_sentence(fit, PAIN)
    assert "setting" not in plain_words(fit, PAIN)


@pytest.mark.parametrize(
    ("effect", "lower_is_better", "better"),
    [
        (-2.0, True, "loaded exercise than with unloaded"),
        (2.0, True, "unloaded exercise than with loaded"),
        (2.0, False, "loaded exercise than with unloaded"),
        (-2.0, False, "unloaded exercise than with loaded"),
    ],
)
def test_the_better_arm_follows_sign_and_direction(
    effect: float, lower_is_better: bool, better: str
) -> None:
    question = Question("x", "loaded exercise", "unloaded exercise", lower_is_better)
    assert f"better with {better}" in plain_words(same(effect, 0.04), question)


@pytest.mark.parametrize(
    ("effect", "se", "says"),
    [
        (-0.3, 0.1, "Every value in the interval is smaller than the minimal important difference"),
        (-2.0, 0.1, "Every value in the interval is at least the minimal important difference"),
        (-0.8, 0.3, "The estimate is smaller than .* important ones in favour of loaded exercise."),
        (-1.2, 0.3, "The estimate reaches .* important ones in favour of loaded exercise."),
        (0.0, 0.8, "important ones in favour of either."),
        (0.8, 0.3, "important ones in favour of unloaded exercise."),
    ],
)
def test_the_size_is_read_against_the_minimal_important_difference(
    effect: float, se: float, says: str
) -> None:
    assert re.search(says, plain_words(pool([effect], [se**2]), PAIN))


def test_an_interval_that_touches_zero_does_not_exclude_it() -> None:
    fit = pool([-0.5, -0.5], [0.04, 0.04], ci_method="HK")
    assert fit.ci[0] == fit.ci[1]
    assert "on one side of no difference" in plain_words(fit, PAIN)
    zero = pool([0.0, 0.0], [0.04, 0.04], ci_method="HK")
    assert "ends at no difference" in plain_words(zero, PAIN)


@pytest.mark.parametrize("question", [PAIN, STRENGTH])
def test_no_difference_favours_neither_arm(question: Question) -> None:
    with pytest.raises(ReviewError, match="no difference favours neither arm"):
        question.better_arm(0.0)
    assert "in favour of" not in printed_sentence(0.0, (-0.2, 0.2), question)
    zero = pool([0.0] * 4, [0.04] * 4, ci_method="HK", pi_method="HK")
    assert zero.prediction_interval == (0.0, 0.0)
    assert "(prediction interval 0.00 to 0.00) tells how little is known" in (
        plain_words(zero, question)
    )


def test_the_share_of_settings_with_an_important_benefit_is_the_probability() -> None:
    fit = pool([-0.1, -1.9, 0.1, -0.9, -0.4], [0.3, 0.1, 0.13, 0.25, 0.2])
    share = fmt.percent(fit.probability_beyond(-1.0, "below"))
    ends = [replace(fit, estimate=end).probability_beyond(-1.0, "below") for end in fit.ci]
    least, most = (fmt.percent(end) for end in sorted(ends))
    assert (
        f"expected in about {share} of such settings ({least} to {most} over the confidence "
        "interval of the mean)"
    ) in plain_words(fit, PAIN)
    mirrored = pool([0.1, 1.9, -0.1, 0.9, 0.4], [0.3, 0.1, 0.13, 0.25, 0.2])
    question = Question("x", "loaded", "unloaded", False, mid=1.0)
    assert f"expected in about {share} of such settings" in plain_words(mirrored, question)


def test_without_a_threshold_nothing_is_called_important() -> None:
    text = plain_words(pool([0.3, 0.5, 0.6], [0.04] * 3), STRENGTH)
    assert "important" not in text


def test_a_threshold_must_be_positive() -> None:
    question = Question("pain", "a", "b", True, mid=0.0)
    with pytest.raises(ReviewError, match=r"pain: mid must be greater than zero, got 0\.0"):
        plain_words(pool([0.3], [0.04]), question)


# --- events


def ratio(value: float, se: float) -> PooledEffect:
    return pool([log(value)], [se**2])


def test_ratios_are_told_as_ratios_and_pooled_as_logarithms() -> None:
    fit = pool([log(0.5), log(0.8), log(0.4), log(0.7)], [0.04, 0.05, 0.1, 0.06])
    assert "were pooled, each as the natural logarithm of the risk ratio, by inverse" in (
        methods_sentence(fit, "RR")
    )
    numbers = (fit.estimate, *fit.ci, *(fit.prediction_interval or ()))
    estimate, low, high, pi_low, pi_high = (f"{exp(number):.2f}" for number in numbers)
    assert results_sentence(fit, FALLS) == (
        f"Across four comparisons, the pooled risk ratio for a fall was {estimate} (95% CI {low} "
        f"to {high}; p < 0.001); the 95% prediction interval runs from {pi_low} to {pi_high}."
    )
    assert heterogeneity_sentence(fit, "OR").endswith("for the logarithm of the odds ratio.")
    alone = methods_sentence(ratio(0.5, 0.1), "OR")
    assert "interval, computed for the natural logarithm of the odds ratio, is given." in alone


def test_no_sentence_about_ratios_holds_a_negative_number_or_a_unit() -> None:
    for fit in fits():
        for question in (FALLS, RECOVERY):
            for text in (results_sentence(fit, question), plain_words(fit, question)):
                assert fmt.MINUS not in text.replace("k − ", "")
                assert "unit" not in text


def test_what_is_said_of_differences_does_not_know_of_ratios() -> None:
    fit = pool([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25])
    assert methods_sentence(fit) == methods_sentence(fit, "MD") == methods_sentence(fit, "SMD")
    for text in (methods_sentence(fit), heterogeneity_sentence(fit), plain_words(fit, PAIN)):
        assert not re.search("logarithm|ratio|risk", text)


@pytest.mark.parametrize(
    ("value", "question", "says"),
    [
        (0.4, FALLS, "the risk of a fall was lower with exercise than with rest:"),
        (2.5, FALLS, "the risk of a fall was higher with exercise than with rest:"),
        (1.1, FALLS, "the risk of a fall did not clearly differ between exercise and rest:"),
        (2.5, RECOVERY, "the odds of recovery were higher with exercise than with rest:"),
        (2.5, replace(RECOVERY, measure="RR"), "the chance of recovery was higher with exercise"),
        (2.5, replace(RECOVERY, measure="HR"), "the hazard of recovery was higher with exercise"),
        (0.4, replace(FALLS, measure="IRR"), "the rate of a fall was lower with exercise"),
        (0.4, DEATH, "the risk of death was lower with exercise than with rest:"),
    ],
)
def test_the_direction_of_events_is_said_of_their_risk(
    value: float, question: Question, says: str
) -> None:
    assert says in plain_words(ratio(value, 0.1), question)


@pytest.mark.parametrize("mid", [0.8, 1.25])
@pytest.mark.parametrize(
    ("value", "se", "says"),
    [
        (0.95, 0.05, "Every value in the interval is closer to 1 than the minimal important"),
        (0.5, 0.05, "is at least as far from 1 as the minimal important difference (a ratio of "),
        (0.9, 0.1, "The estimate is closer to 1 than the minimal important difference (a ratio"),
        (0.75, 0.1, "The estimate reaches the minimal important difference (a ratio of 0.80 or "),
        (0.75, 0.1, "important ones in favour of exercise."),
        (1.2, 0.1, "important ones in favour of rest."),
    ],
)
def test_the_size_of_a_ratio_is_its_distance_from_one(
    mid: float, value: float, se: float, says: str
) -> None:
    assert says in plain_words(ratio(value, se), replace(FALLS, mid=mid))


def test_the_share_beyond_the_mid_of_a_ratio_is_that_of_its_logarithm() -> None:
    fit = pool([log(0.5), log(0.8), log(0.4), log(1.2), log(0.7)], [0.04, 0.05, 0.1, 0.06, 0.05])
    share = fmt.percent(fit.probability_beyond(log(0.8), "below"))
    assert f"important benefit of exercise is expected in about {share} of" in plain_words(
        fit, replace(FALLS, mid=1.25)
    )
    wanted = fmt.percent(fit.probability_beyond(log(1.25), "above"))
    assert wanted != share
    assert f"in about {wanted} of" in plain_words(fit, replace(FALLS, lower_is_better=False))


def test_printed_ratios_are_read_as_they_are_printed() -> None:
    said = printed_sentence(0.71, (0.55, 0.92), FALLS)
    assert said == (
        "the ratio is 0.71 in favour of exercise (0.55 to 0.92); the interval lies on one "
        "side of no difference, and the ratio is at least as far from 1 as the minimal important "
        "difference of 0.80 or 1.25"
    )
    assert "the ratio is 1.00 (0.80 to 1.25); the interval lies on both sides of no difference" in (
        printed_sentence(1.0, (0.8, 1.25), FALLS)
    )
    assert "at least as far" in printed_sentence(0.8, (0.7, 0.9), replace(FALLS, mid=1.25))
    assert "closer to 1 than" in printed_sentence(1.2, (0.7, 1.9), FALLS)
    assert "in favour of exercise (1.50" in printed_sentence(2.0, (1.5, 2.7), RECOVERY)
    assert printed_sentence(-0.02, (-0.031, -0.008), DEATH) == (
        "the difference is 0.020 in favour of exercise (−0.020, −0.031 to −0.008); the interval "
        "lies on one side of no difference, and the difference is at least the minimal important "
        "difference of 0.01"
    )
    with pytest.raises(ReviewError, match="RR: a ratio cannot be negative"):
        printed_sentence(-0.3, (-0.6, -0.1), FALLS)


def test_how_far_a_printed_interval_of_ratios_reaches() -> None:
    assert reach((0.5, 0.9), FALLS) == (
        "from an important benefit of exercise to a benefit of exercise too small to matter"
    )
    assert reach((1.0, 1.3), FALLS) == ("from no difference to an important benefit of rest")
    assert reach((0.0, 1.1), RECOVERY) == "from a benefit of rest to a benefit of exercise"


def test_a_ratio_of_one_is_no_minimal_important_difference() -> None:
    with pytest.raises(ReviewError, match="a fall: mid: RR = 1 is no difference"):
        plain_words(ratio(0.5, 0.1), replace(FALLS, mid=1.0))


def test_a_spread_of_zero_is_no_knowledge_of_settings() -> None:
    fit = pool([0.4] * 6, [0.01] * 6)
    text = plain_words(fit, replace(PAIN, mid=0.2))
    assert "estimated as zero" in text
    assert "% of such settings" not in text
    assert "no value fits at the 95% level" in heterogeneity_sentence(fit)
    assert not fit.tau2_ci[1]


def test_few_comparisons_tell_no_share_of_settings() -> None:
    four = pool([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25])
    assert "settings" not in plain_words(four, PAIN)
    assert cautions(four).startswith("Four comparisons hardly tell how much effects differ")
    assert "the prediction interval most of all" in cautions(four)
    assert "prediction" not in cautions(pool([0.1, 0.4], [0.1, 0.1]))
    assert cautions(pool([-0.1, -1.9, 0.1, -0.9, 1], [0.3, 0.1, 0.13, 0.25, 0.2])) == ""
    assert cautions(pool([0.1, 0.4], [0.1, 0.1], tau2_method="FE")) == ""
    assert cautions(pool([0.1], [0.1])) == ""


def test_a_narrow_hartung_knapp_interval_is_told_with_the_classic_one() -> None:
    close, variance = [0.40, 0.41, 0.39, 0.40, 0.41], [0.04] * 5
    hk, wald = (pool(close, variance, ci_method=name) for name in ("HK", "wald"))
    assert hk.ci[1] - hk.ci[0] < wald.ci[1] - wald.ci[0]
    assert f"narrower than the classic one ({fmt.effect_interval(wald.ci, 'MD')})" in cautions(hk)
    assert cautions(pool(close, variance, ci_method="HK-adhoc")) == ""
    apart = pool([-0.1, -1.9, 0.1, -0.9, 1], [0.3, 0.1, 0.13, 0.25, 0.2], ci_method="HK")
    assert cautions(apart) == ""
