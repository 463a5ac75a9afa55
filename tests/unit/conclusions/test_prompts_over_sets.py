"""Do the prompts that rest on single effects say what nearly all sets of effects say?"""

from __future__ import annotations

import numpy as np
import pytest
from places import DATA

import analysis_lib as al
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.book.sections.grading import grade
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.certainty import publication_bias_prompt
from analysis_lib.conclusions.prompts_over_sets import (
    publication_bias_over_sets,
    risk_of_bias_over_sets,
    steps_in_common,
)
from analysis_lib.conclusions.stability import draws
from analysis_lib.pooling.asymmetry import egger_test
from analysis_lib.pooling.batch import pool_many
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.subgroups import overall_risk

#: Two decimals are printed: a limit that follows from three of them moves by no more than this.
WITHIN_ROUNDING = 0.02


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review(DATA)


def test_steps_are_those_of_nearly_all_sets_or_the_whole_range() -> None:
    assert steps_in_common([(1, 1)] * 19 + [(0, 0)]) == (1, 1)
    assert steps_in_common([(1, 1)] * 18 + [(0, 0)] * 2) == (0, 1)


def test_the_share_of_weight_has_a_range_where_it_is_reconstructed(review: al.Review) -> None:
    pain = al.study_effects(review, "pain", "ETP")
    risk = overall_risk(review, pain)
    prompt = risk_of_bias_over_sets(draws(review, pain), risk, review.info.methods)
    assert prompt.finding.startswith("weight by overall judgement: high 59% (52% to 65%), ")
    assert prompt.steps == (2, 2)  # more than half in 199 of 200 sets
    swapped = ["low" if word == "high" else "high" for word in risk]
    prompt = risk_of_bias_over_sets(draws(review, pain), swapped, review.info.methods)
    assert prompt.finding.partition(": ")[2].startswith("low 59% (52% to 65%), high ")
    assert prompt.steps == (0, 0)


def test_asymmetry_is_told_over_the_sets_or_why_it_is_not(review: al.Review) -> None:
    pain = al.study_effects(review, "pain", "STP")
    found = draws(review, pain)
    tests = [attempt(egger_test, one.effect, one.variance) for one in found.members()]
    p = np.array([test.p_value for test in tests if not isinstance(test, ReviewError)])
    prompt = publication_bias_over_sets(found, tests)
    assert f"Egger's test p {np.median(p):.2f} (" in prompt.finding
    assert prompt.steps == (0, 0)
    broken = publication_bias_over_sets(found, [ReviewError("no test"), *tests[1:]])
    assert (broken.steps, "no test" in broken.finding) == (None, True)
    few = al.study_effects(review, "pain", "ETP")
    short = publication_bias_over_sets(draws(review, few), tests)
    assert short.finding == publication_bias_prompt(few.pool(), None).finding


def test_what_the_profile_tells_of_one_set_all_sets_tell_alike(review: al.Review) -> None:
    """Intervals and I2 keep the numbers of the effects in use: the print fixes them."""
    for effects in pooled_analyses(review):
        found = draws(review, effects)
        fits = pool_many(found.effect, found.variance, **review.info.methods)
        for name in ("ci_low", "ci_high", "pi_low", "pi_high", "i2"):
            low, high = ranges.spread(getattr(fits, name))[1:]
            assert not high - low > WITHIN_ROUNDING, (effects.outcome, effects.follow_up, name)


def test_the_assessment_of_reconstructed_effects_holds_no_share_of_one_set(
    review: al.Review,
) -> None:
    pain = al.study_effects(review, "pain", "ETP")
    assert "59% (52% to 65%)" in grade(review, pain).prompts[0].finding
    reported = al.study_effects(review, "endurance", "PW")
    assert grade(review, reported).prompts[0].finding.endswith("not stated 100%")
