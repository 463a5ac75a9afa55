"""Do the sentences say what the numbers say, in correct grammar for every kind of result?"""

from __future__ import annotations

import re
from itertools import product

import pytest

from analysis_lib import formatting as fmt
from analysis_lib.errors import ReviewError
from analysis_lib.narrative import (
    Question,
    heterogeneity_sentence,
    methods_sentence,
    plain_words,
    results_sentence,
)
from analysis_lib.pooling import CI_METHODS, PI_METHODS, TAU2_METHODS, PooledEffect, pool

PAIN = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points", mid=1.0)
STRENGTH = Question("strength", "loaded exercise", "unloaded exercise", False, "SMD")


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


def test_every_sentence_is_whole_for_every_method_and_number_of_studies() -> None:
    for fit in fits():
        for question in (PAIN, STRENGTH):
            for text in (
                methods_sentence(fit),
                results_sentence(fit, question),
                heterogeneity_sentence(fit),
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
        (0.0, 0.8, "important ones in favour of loaded exercise and unloaded exercise."),
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
    assert "excludes no difference" in plain_words(fit, PAIN)
    zero = pool([0.0, 0.0], [0.04, 0.04], ci_method="HK")
    assert "includes no difference" in plain_words(zero, PAIN)


def test_the_share_of_settings_with_an_important_benefit_is_the_probability() -> None:
    fit = pool([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25])
    share = fmt.percent(fit.probability_beyond(-1.0, "below"))
    assert f"expected in about {share} of such settings" in plain_words(fit, PAIN)
    mirrored = pool([0.1, 1.9, -0.1, 0.9], [0.3, 0.1, 0.13, 0.25])
    question = Question("x", "loaded", "unloaded", False, mid=1.0)
    assert f"expected in about {share} of such settings" in plain_words(mirrored, question)


def test_without_a_threshold_nothing_is_called_important() -> None:
    text = plain_words(pool([0.3, 0.5, 0.6], [0.04] * 3), STRENGTH)
    assert "important" not in text


def test_a_threshold_must_be_positive() -> None:
    question = Question("pain", "a", "b", True, mid=0.0)
    with pytest.raises(ReviewError, match=r"pain: mid must be greater than zero, got 0\.0"):
        plain_words(pool([0.3], [0.04]), question)
