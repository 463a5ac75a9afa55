"""The explorer's data say what the library says: in every state, with the digits that print."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis_lib as al
from analysis_lib.base import formatting as fmt
from analysis_lib.book import explorer
from analysis_lib.book.analyses import pooled_analyses, question
from analysis_lib.book.sentences import plain_words
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, TAU2_METHODS
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.subgroups import overall_risk

MOST_BYTES = 1_000_000  # of the script for all analyses
STATES = 400  # drawn at random and computed again by pool(), of about 57,000
METHODS = list(itertools.product(TAU2_METHODS, CI_METHODS, PI_METHODS))


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review("data")


@pytest.fixture(scope="module")
def script(review: al.Review) -> str:
    return explorer.script(review)


@pytest.fixture(scope="module")
def data(script: str) -> explorer.Json:
    parsed = json.loads(re.fullmatch(r"const EXPLORER = (.*);\n", script)[1])
    for analysis in parsed["analyses"].values():
        for name, value in analysis.items():
            if isinstance(value, dict) and "bits" in value:
                analysis[name] = explorer.unpack(value)
    return parsed


def refit(review: al.Review, name: str, left_out: list[int], methods: tuple[str, ...]) -> tuple:
    """Return the effects of a state and their fit, by the shortest way through the library."""
    effects = known_effects(review, name)
    trials = list(dict.fromkeys(effects.table["trial"]))
    rest = effects.without(*(trials[i] for i in left_out))
    options = dict(zip(("tau2_method", "ci_method", "pi_method"), methods, strict=True))
    return rest, rest.pool(**options, level=review.info.methods.level)


_known: dict[str, al.StudyEffects] = {}


def known_effects(review: al.Review, name: str) -> al.StudyEffects:
    if name not in _known:
        _known[name] = al.study_effects(review, *name.rsplit("-", 1))
    return _known[name]


def printed_number(value: int | None, digits: int = 2) -> str:
    return fmt.number(None if value is None else value / 10**digits, digits)


def printed_interval(values: list[int | None]) -> str:
    return fmt.interval(tuple(None if value is None else value / 100 for value in values))


def test_the_script_is_small(script: str) -> None:
    assert len(script.encode()) < MOST_BYTES


def test_every_analysis_that_can_be_pooled_is_there(review: al.Review, data: explorer.Json) -> None:
    names = [explorer.name_of(effects) for effects in pooled_analyses(review)]
    assert list(data["analyses"]) == names
    assert names


def test_every_set_of_trials_but_none_is_there(data: explorer.Json) -> None:
    for analysis in data["analyses"].values():
        subsets = {tuple(left_out) for left_out in analysis["left_out"]}
        assert len(subsets) == len(analysis["left_out"]) == 2 ** len(analysis["trials"]) - 1


def test_the_arrays_hold_every_state(data: explorer.Json) -> None:
    assert (data["tau2"], data["ci"], data["pi"]) == tuple(
        list(methods) for methods in (TAU2_METHODS, CI_METHODS, PI_METHODS)
    )
    for analysis in data["analyses"].values():
        by_tau2 = len(analysis["left_out"]) * len(TAU2_METHODS)
        by_ci = by_tau2 * len(CI_METHODS)
        by_pi = by_ci * len(PI_METHODS)
        sizes = {name: len(analysis[name]) for name in ("estimate", "tau2", "ci", "p", "pi")}
        assert sizes == {
            "estimate": by_tau2,
            "tau2": by_tau2,
            "ci": 2 * by_ci,
            "p": by_ci,
            "pi": 2 * by_pi,
        }
        assert len(analysis["weights"]) == by_tau2 * len(analysis["studies"])
        assert len(analysis["words"]) == by_pi
        assert len(analysis["share"]) == (by_pi if analysis["mid"] is not None else 0)


def all_states(data: explorer.Json) -> list[tuple[str, int, int]]:
    return [
        (name, subset, method)
        for name, analysis in data["analyses"].items()
        for subset in range(len(analysis["left_out"]))
        for method in range(len(METHODS))
    ]


def test_a_state_is_what_pool_returns(review: al.Review, data: explorer.Json) -> None:
    for name, subset, method in random.Random(7).sample(all_states(data), STATES):
        analysis = data["analyses"][name]
        effects, fit = refit(review, name, analysis["left_out"][subset], METHODS[method])
        by_pi = subset * len(METHODS) + method
        by_ci, by_tau2 = by_pi // len(PI_METHODS), by_pi // len(PI_METHODS) // len(CI_METHODS)
        assert printed_number(analysis["estimate"][by_tau2]) == fmt.number(fit.estimate)
        assert printed_number(analysis["tau2"][by_tau2]) == fmt.number(fit.tau2)
        assert printed_interval(analysis["ci"][2 * by_ci : 2 * by_ci + 2]) == fmt.interval(fit.ci)
        assert analysis["p_values"][analysis["p"][by_ci]] == fmt.p_value(fit.p_value)
        prediction = analysis["pi"][2 * by_pi : 2 * by_pi + 2]
        assert printed_interval(prediction) == fmt.interval(fit.prediction_interval)
        width = len(analysis["studies"])
        weights = analysis["weights"][by_tau2 * width : (by_tau2 + 1) * width]
        assert [printed_number(w, 1) for w in weights if w is not None] == [
            fmt.number(100 * w, 1) for w in fit.weights.tolist()
        ]
        assert analysis["q"][subset] == [
            fmt.number(fit.q),
            fmt.p_value(fit.q_p_value),
            fmt.percent(fit.i2),
        ]
        words = analysis["templates"][analysis["words"][by_pi]]
        share = analysis["share"][by_pi] if analysis["share"] else None
        filled = words.replace("{pi}", printed_interval(prediction)).replace("{share}", f"{share}%")
        assert filled == plain_words(fit, question(review, effects.outcome))


def test_the_studies_are_those_of_the_analysis(review: al.Review, data: explorer.Json) -> None:
    for effects in pooled_analyses(review):
        studies = data["analyses"][explorer.name_of(effects)]["studies"]
        assert tuple(study["label"] for study in studies) == effects.labels
        assert [study["reconstructed"] for study in studies] == effects.reconstructed.tolist()
        assert [study["effect"][0] for study in studies] == explorer.last_digits(
            effects.effect.tolist()
        )


def test_the_axis_holds_the_main_analysis_and_no_difference(
    review: al.Review, data: explorer.Json
) -> None:
    for effects in pooled_analyses(review):
        axis = data["analyses"][explorer.name_of(effects)]["axis"]
        fit = effects.pool(**review.info.methods)
        low, high = fit.prediction_interval or fit.ci
        assert axis["low"] <= min(low, fit.ci[0], 0)
        assert axis["high"] >= max(high, fit.ci[1], 0)


def test_with_many_trials_fewer_are_left_out_together() -> None:
    assert len(explorer.subsets(10)) == 2**10 - 1
    for trials in (11, 20, 60):
        found = explorer.subsets(trials)
        assert len(found) == len(set(found)) <= explorer.MOST_SUBSETS
        assert {(i,) for i in range(trials)} <= set(found)
    assert max(map(len, explorer.subsets(20))) == 2


def test_leaving_out_all_trials_at_high_risk_is_computed_however_many_there_are() -> None:
    for high, trials in itertools.product(range(12), (1, 4, 12, 20)):
        risks = (["high"] * high + ["low"] * trials)[:trials]
        found = explorer.choices_of_trials(risks)
        left_out = tuple(range(min(high, trials)))
        assert len(found) == len(set(found))
        assert found[: len(explorer.subsets(trials))] == explorer.subsets(trials)
        assert (left_out in found) == (len(left_out) < trials)
    assert len(explorer.choices_of_trials(["high"] * 8 + ["low"] * 4)[-1]) == 8


def test_each_trial_has_its_risk_of_bias(review: al.Review, data: explorer.Json) -> None:
    for effects in pooled_analyses(review):
        analysis = data["analyses"][explorer.name_of(effects)]
        trials = dict(zip(effects.table["trial"], overall_risk(review, effects), strict=True))
        assert {trial: risk for trial, _, risk in analysis["trials"]} == trials
    signs = {word: sign for word, (sign, _) in data["risk"].items()}
    assert signs == {"low": "+", "some concerns": "!", "high": "−", "not stated": "?"}


def test_one_trial_is_never_left_out() -> None:
    assert explorer.subsets(1) == [()]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.none() | st.integers(-(2**31) + 1, 2**31 - 1)))
def test_what_is_packed_can_be_unpacked(values: list[int | None]) -> None:
    assert explorer.unpack(explorer.pack(values)) == values


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(-1e4, 1e4) | st.integers(-99_999, 99_999).map(lambda n: (10 * n + 5) / 1000))
def test_last_digits_are_those_that_print(value: float) -> None:
    """Also where the digit after the last is a 5, on whichever side of it the number lies."""
    (kept,) = explorer.last_digits([value])
    assert printed_number(kept) == fmt.number(value)


@pytest.mark.parametrize(
    ("name", "left"), [("pain-ETP", "favours loaded"), ("endurance-PW", "favours unloaded")]
)
def test_the_side_that_a_negative_effect_favours_is_told(
    data: explorer.Json, name: str, left: str
) -> None:
    """Less pain is better, more endurance is."""
    sides = ["favours loaded", "favours unloaded"]
    assert data["analyses"][name]["favours"] == (sides if left == sides[0] else sides[::-1])


def test_an_important_benefit_lies_on_the_side_that_is_better(review: al.Review) -> None:
    fit = al.study_effects(review, "pain", "ETP").pool(**review.info.methods)
    less = dataclasses.replace(question(review, "pain"), mid=0.4)
    more = dataclasses.replace(less, lower_is_better=False)
    assert explorer.share_of_benefit(fit, less) == fit.probability_beyond(-0.4, "below")
    assert explorer.share_of_benefit(fit, more) == fit.probability_beyond(0.4, "above")
    assert explorer.share_of_benefit(fit, dataclasses.replace(more, mid=None)) is None


def test_the_template_has_gaps_for_all_its_numbers(review: al.Review) -> None:
    effects = explorer.main_analysis(review)
    asked = question(review, effects.outcome)
    fit: PooledEffect = effects.pool(**review.info.methods)
    share = explorer.share_of_benefit(fit, asked)
    text = explorer.template(plain_words(fit, asked), fit.prediction_interval, share)
    assert ("{pi}" in text, "{share}" in text) == (True, share is not None)


def test_the_tables_say_the_main_results(review: al.Review) -> None:
    table = explorer.main_results(review)
    fits = [effects.pool(**review.info.methods) for effects in pooled_analyses(review)]
    assert list(table["Effect (95% CI)"]) == [fmt.estimate(f.estimate, f.ci) for f in fits]
    assert explorer.results_table(review).frame.equals(table)
    assert len(explorer.comparisons_table(review).frame) == explorer.main_analysis(review).k


def test_the_form_offers_every_method_and_opens_as_the_review(review: al.Review) -> None:
    form = explorer.form(review)
    for method in (*TAU2_METHODS, *CI_METHODS, *PI_METHODS):
        assert f'<option value="{method}"' in form
    for chosen in (review.info.methods[f"{name}_method"] for name in ("tau2", "ci", "pi")):
        assert f'<option value="{chosen}" selected>' in form
    assert "\n\n" not in form
    assert explorer.LEFT_OUT not in form  # no analysis of this review is one of events
