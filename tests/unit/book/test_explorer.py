"""The explorer's data say what the library says: in every state, with the digits that print."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import random
import re
import shutil
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA, ROOT
from properties import examples
from small_reviews import three_equal_trials, write

import analysis_lib as al
from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections import explorer, tables
from analysis_lib.book.sections.analyses import pooled_analyses, question
from analysis_lib.book.sentences import plain_words
from analysis_lib.conclusions.stability import draws
from analysis_lib.conclusions.statements import statement
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, PREDICTIONS, TAU2_METHODS
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.subgroups import overall_risk

MOST_BYTES = 200_000  # of the script for all analyses, as a server sends it
STATES = 400  # drawn at random and computed again by pool(), of about 63,000
METHODS = explorer.TOGETHER
# Kenward and Roger's degrees of freedom can be next to none; then limits of 1e31 carry the last
# bits of tau2, in which one meta-analysis and many at once differ. Worst seen 3e-12, relative.
BEYOND = 1e6


@pytest.fixture(scope="module")
def script(review: al.Review) -> str:
    return explorer.script(review)


@pytest.fixture(scope="module")
def data(script: str) -> explorer.Json:
    parsed: explorer.Json = json.loads(re.fullmatch(r"const EXPLORER = (.*);\n", script)[1])
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


Kept: TypeAlias = int | str | None


def read(value: Kept, digits: int = 2) -> float | None:
    return None if value is None else int(value) / 10**digits


def printed_number(value: Kept, digits: int = 2) -> str:
    return fmt.number(read(value, digits), digits)


def printed_interval(values: list[Kept]) -> str:
    return fmt.interval(tuple(map(read, values)))


def assert_limits(kept: list[Kept], limits: tuple[float, float] | None) -> None:
    if limits is not None and limits[1] > BEYOND:
        assert [*map(read, kept)] == pytest.approx(limits, rel=1e-9)
    else:
        assert printed_interval(kept) == fmt.interval(limits)


@pytest.mark.slow
def test_the_script_is_small(script: str) -> None:
    assert len(gzip.compress(script.encode())) < MOST_BYTES


@pytest.mark.slow
def test_every_analysis_that_can_be_pooled_is_there(review: al.Review, data: explorer.Json) -> None:
    names = [explorer.name_of(effects) for effects in pooled_analyses(review)]
    assert list(data["analyses"]) == names
    assert names


@pytest.mark.slow
def test_every_set_of_trials_but_none_is_there(data: explorer.Json) -> None:
    """But those of one reconstructed comparison, of which only the range is known."""
    for analysis in data["analyses"].values():
        subsets = {tuple(left_out) for left_out in analysis["left_out"]}
        trials = range(len(analysis["trials"]))
        of_trial = [[s for s in analysis["studies"] if s["trial"] == trial] for trial in trials]
        hidden = sum(len(studies) == 1 and "range" in studies[0] for studies in of_trial)
        assert len(subsets) == len(analysis["left_out"]) == 2 ** len(trials) - 1 - hidden


@pytest.mark.slow
def test_the_arrays_hold_every_state(data: explorer.Json) -> None:
    assert data["by_tau2"] == list(TAU2_METHODS)
    assert data["by_pi"] == [" ".join(names) for names in METHODS]
    for analysis in data["analyses"].values():
        by_tau2, by_ci, by_pi = (
            len(analysis["left_out"]) * len(data[name]) for name in ("by_tau2", "by_ci", "by_pi")
        )
        sizes = {name: len(analysis[name]) for name in ("estimate", "tau2", "ci", "p", "pi")}
        assert sizes == {
            "estimate": by_tau2,
            "tau2": by_tau2,
            "ci": 2 * by_ci,
            "p": by_ci,
            "pi": 2 * by_pi,
        }
        rebuilt = any("range" in study for study in analysis["studies"])
        assert len(analysis["weights"]) == (0 if rebuilt else by_tau2 * len(analysis["studies"]))
        assert len(analysis["spread"]) == (2 * by_tau2 if rebuilt else 0)
        assert len(analysis["words"]) == by_pi
        assert len(analysis["finding"]) == by_ci


def all_states(data: explorer.Json) -> list[tuple[str, int, int]]:
    return [
        (name, subset, method)
        for name, analysis in data["analyses"].items()
        for subset in range(len(analysis["left_out"]))
        for method in range(len(METHODS))
    ]


@pytest.mark.slow
def test_a_state_is_what_pool_returns(review: al.Review, data: explorer.Json) -> None:
    for name, subset, method in random.Random(7).sample(all_states(data), STATES):
        analysis = data["analyses"][name]
        effects, fit = refit(review, name, analysis["left_out"][subset], METHODS[method])
        by_tau2, by_ci, by_pi = (
            subset * len(data[by]) + data[by].index(" ".join(METHODS[method][:parts]))
            for parts, by in enumerate(("by_tau2", "by_ci", "by_pi"), start=1)
        )
        assert printed_number(analysis["estimate"][by_tau2]) == fmt.number(fit.estimate)
        assert printed_number(analysis["tau2"][by_tau2]) == fmt.number(fit.tau2)
        assert_limits(analysis["ci"][2 * by_ci : 2 * by_ci + 2], fit.ci)
        assert analysis["p_values"][analysis["p"][by_ci]] == fmt.p_value(fit.p_value)
        prediction = analysis["pi"][2 * by_pi : 2 * by_pi + 2]
        assert_limits(prediction, fit.prediction_interval)
        assert analysis["q"][subset] == [
            fmt.number(fit.q),
            fmt.p_value(fit.q_p_value),
            fmt.percent(fit.i2),
        ]
        asked = dataclasses.replace(question(review, effects.outcome), mid=None)
        words = analysis["templates"][analysis["words"][by_pi]]
        assert words.replace("{pi}", fmt.interval(fit.prediction_interval)) == plain_words(
            fit, asked
        )
        told = analysis["templates"][analysis["finding"][by_ci]]
        certainty = analysis["certainty"] or None
        assert told == statement(fit.estimate, fit.ci, certainty=certainty).sentence(
            asked.first, asked.outcome
        )


@pytest.mark.slow
def test_weights_stand_where_nothing_is_reconstructed() -> None:
    review = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    every = explorer.main_analysis(review)
    effects = every.without(*list(dict.fromkeys(every.table["trial"]))[5:])
    analysis = explorer.states_of(review, effects)
    first = [printed_number(w, 1) for w in analysis["weights"][: effects.k]]
    fit = effects.pool(tau2_method=TAU2_METHODS[0])
    assert first == [fmt.number(100 * w, 1) for w in fit.weights.tolist()]
    assert analysis["spread"] == []
    assert analysis["printed"] is None


@pytest.mark.slow
def test_the_range_of_an_estimate_is_that_of_all_sets(
    review: al.Review, data: explorer.Json
) -> None:
    name = "pain-ETP"
    analysis, effects = data["analyses"][name], known_effects(review, name)
    subset = analysis["left_out"].index([1])
    members = [x.without("cai-2017").pool().estimate for x in draws(review, effects).members()]
    place = subset * len(data["by_tau2"]) + data["by_tau2"].index("REML")
    low, high = np.quantile(members, (0.025, 0.975))
    kept = analysis["spread"][2 * place : 2 * place + 2]
    assert [*map(read, kept)] == pytest.approx([low, high], abs=0.0051)


@pytest.mark.slow
def test_no_digit_of_a_reconstructed_effect_is_in_the_data(data: explorer.Json) -> None:
    for analysis in data["analyses"].values():
        for study in analysis["studies"]:
            assert ("range" in study) != ("effect" in study)
            assert len(study.get("range", (0, 0))) == 2


@pytest.mark.slow
def test_the_printed_result_is_there_with_its_certainty(data: explorer.Json) -> None:
    printed = data["analyses"]["pain-ETP"]["printed"]
    assert "−0.52 (−0.92 to −0.08) points" in printed["numbers"]
    assert "certainty: very low" in printed["numbers"]
    assert "certainty: very low" in printed["numbers"]
    assert "ours −0.97" in printed["ours"]
    assert data["analyses"]["pain-PW"]["printed"]["ours"].startswith("Participants")


@pytest.mark.slow
def test_no_threshold_is_preset(script: str, review: al.Review) -> None:
    assert '"mid"' not in script
    form = explorer.form(review)
    (field,) = re.findall(r'<input id="explorer-mid"[^>]*>', form)
    assert "value=" not in field


@pytest.mark.parametrize("worst", ["high", "serious", "critical"])
def test_every_worst_judgement_is_left_out_as_high(worst: str) -> None:
    assert worst in explorer.WORST
    many = [worst] * 7 + ["low"] * 8
    assert tuple(range(7)) in explorer.choices_of_trials(many)


@pytest.mark.slow
def test_the_studies_are_those_of_the_analysis(review: al.Review, data: explorer.Json) -> None:
    for effects in pooled_analyses(review):
        studies = data["analyses"][explorer.name_of(effects)]["studies"]
        assert tuple(study["label"] for study in studies) == effects.labels
        assert ["range" in study for study in studies] == effects.reconstructed.tolist()
        shown = [study.get("effect", [None])[0] for study in studies]
        known = [
            None if free else x
            for x, free in zip(effects.effect.tolist(), effects.reconstructed, strict=True)
        ]
        assert shown == explorer.last_digits(known)


@pytest.mark.slow
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


@pytest.mark.slow
def test_each_trial_has_its_risk_of_bias(review: al.Review, data: explorer.Json) -> None:
    for effects in pooled_analyses(review):
        analysis = data["analyses"][explorer.name_of(effects)]
        trials = dict(zip(effects.table["trial"], overall_risk(review, effects), strict=True))
        assert {trial: risk for trial, _, risk in analysis["trials"]} == trials
    signs = {word: sign for word, (sign, _) in data["risk"].items()}
    rob2 = {"low": "+", "some concerns": "!", "high": "−", "not stated": ""}
    assert rob2.items() <= signs.items()


def test_one_trial_is_never_left_out() -> None:
    assert explorer.subsets(1) == [()]


def test_every_method_of_the_library_is_offered_where_it_is_defined() -> None:
    """Those of Kenward and Roger go with REML alone."""
    with_all = {names[1:] for names in METHODS if names[0] != "REML"}
    assert with_all == set(itertools.product(CI_METHODS, PI_METHODS))
    with_reml = {names[1:] for names in METHODS if names[0] == "REML"}
    assert with_reml == set(itertools.product((*CI_METHODS, "KR"), PREDICTIONS))
    assert set(explorer.TAU2_LABELS) == set(TAU2_METHODS)


@pytest.mark.slow
def test_the_methods_of_a_review_that_pools_with_kenward_and_roger_are_shown(
    tmp_path: Path,
) -> None:
    copy = shutil.copytree(DATA, tmp_path / "data") / "review.toml"
    (tmp_path / "book").symlink_to(ROOT / "book")  # the loader looks up sources there
    toml = re.sub('ci_method = ".*"', 'ci_method = "KR"', copy.read_text(encoding="utf-8"))
    toml = re.sub('pi_method = ".*"', 'pi_method = "KR-PR"', toml)
    copy.write_text(toml, encoding="utf-8")
    theirs = al.load_review(copy.parent)
    form = explorer.form(theirs)
    assert '<option value="KR" selected>' in form
    assert '<option value="KR-PR" selected>' in form
    table = tables.methods(theirs)
    assert list(table.frame["In this review"])[1:3] == [
        explorer.CI_LABELS["KR"],
        explorer.PI_LABELS["KR-PR"],
    ]


def test_where_nothing_can_be_pooled_a_sentence_says_so(tmp_path: Path) -> None:
    found, methods = three_equal_trials()
    write(tmp_path / "new", (found | {"arm_results": []}, methods))
    empty = al.load_review(tmp_path / "new" / "data")
    assert explorer.results_table(empty) == explorer.NOTHING_POOLED
    assert explorer.comparisons_table(empty) == explorer.NOTHING_POOLED
    assert explorer.states(empty)["analyses"] == {}
    assert explorer.form(empty) == ""


@examples(300)
@given(
    st.floats(-1e300, 1e300)
    | st.floats(-1e4, 1e4)
    | st.integers(-99_999, 99_999).map(lambda n: (10 * n + 5) / 1000)
)
def test_last_digits_are_those_that_print(value: float) -> None:
    """Also where the digit after the last is a 5, on whichever side of it the number lies."""
    (kept,) = explorer.last_digits([value])
    assert printed_number(kept) == fmt.number(value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "left"), [("pain-ETP", "favours loaded"), ("endurance-PW", "favours unloaded")]
)
def test_the_side_that_a_negative_effect_favours_is_told(
    data: explorer.Json, name: str, left: str
) -> None:
    """Less pain is better, more endurance is."""
    sides = ["favours loaded", "favours unloaded"]
    assert data["analyses"][name]["favours"] == (sides if left == sides[0] else sides[::-1])


def test_the_template_has_a_gap_for_its_numbers(review: al.Review) -> None:
    effects = explorer.main_analysis(review)
    asked = question(review, effects.outcome)
    fit: PooledEffect = effects.pool(**review.info.methods)
    text = explorer.template(plain_words(fit, asked), fit.prediction_interval)
    assert "{pi}" in text


def test_the_tables_say_the_main_results(review: al.Review) -> None:
    table = explorer.main_results(review)
    fits = [effects.pool(**review.info.methods) for effects in pooled_analyses(review)]
    assert list(table.columns).index(explorer.PRINTED) < list(table.columns).index("p")
    told = [re.sub(r" \([a-z]\)$", "", cell) for cell in table["Effect (95% CI)"]]
    assert told == [fmt.estimate(f.estimate, f.ci) for f in fits]
    assert table["Effect (95% CI)"][1] == "−0.52 (−0.97 to −0.08) (b)"
    assert "(b) The average is not in the middle" in explorer.results_table(review).note
    assert explorer.results_table(review).frame.equals(table)
    comparisons = explorer.comparisons_table(review).frame
    assert len(comparisons) == explorer.main_analysis(review).k
    assert comparisons["MD (95% CI)"].str.startswith("range ").all()
    assert "Weight" not in comparisons


def test_the_form_offers_every_method_and_opens_as_the_review(review: al.Review) -> None:
    form = explorer.form(review)
    for method in (*TAU2_METHODS, *CI_METHODS, *PREDICTIONS):
        assert f'<option value="{method}"' in form
    for chosen in (review.info.methods[f"{name}_method"] for name in ("tau2", "ci", "pi")):
        assert f'<option value="{chosen}" selected>' in form
    assert "\n\n" not in form
    assert explorer.LEFT_OUT not in form  # no analysis of this review is one of events


def test_comparisons_that_are_reported_stand_with_their_intervals_and_weights() -> None:
    review = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    effects = explorer.main_analysis(review)
    table, fit = explorer.comparisons_table(review), effects.pool()
    assert (table.name, explorer.results_table(review).name) == (
        "explorer-comparisons",
        "explorer-main",
    )
    assert list(table.frame) == [
        "Comparison", "n manipulation", "n comparison", "MD (95% CI)", "Weight", "Risk of bias",
        "Known how",
    ]  # fmt: skip
    margin = 1.959964 * np.sqrt(effects.variance)  # the normal quantile of 0.975
    assert table.frame["MD (95% CI)"].tolist() == [
        fmt.estimate(y, (y - m, y + m)) for y, m in zip(effects.effect, margin, strict=True)
    ]
    assert table.frame["Weight"].tolist() == [fmt.percent(w, 1) for w in fit.weights.tolist()]
