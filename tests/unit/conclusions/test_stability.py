"""Is a statement called stable exactly when nearly every draw, looked at one by one, makes it?"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import DATA

import analysis_lib as al
from analysis_lib.conclusions.certainty import assess
from analysis_lib.conclusions.stability import (
    ALPHA,
    NO_ANSWER,
    STABLE,
    TOPICS,
    draws,
    share,
    stability,
    stability_of_all,
)
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ
from analysis_lib.pooling.leaving_out import influential
from analysis_lib.pooling.subgroups import subgroup_analysis
from analysis_lib.printed.reconstruction.files import read_ensemble
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.subgroups import high_risk_or_not, levels_by_factor, overall_risk

FEW = 40  # draws that are looked at one by one
EXACT = 1e-12  # shares of the same counts; worst seen 0
FILE_DIGITS = 5e-6  # ensemble.csv holds six significant digits, so half a unit of the sixth


@cache
def review() -> al.Review:
    return al.load_review(DATA)


@cache
def few() -> pd.DataFrame:
    table = read_ensemble(DATA)
    return table[table["draw"] <= FEW]


def effects_of(outcome: str, follow_up: str) -> StudyEffects:
    return study_effects(review(), outcome, follow_up)


@cache
def table(outcome: str, follow_up: str) -> pd.DataFrame:
    return stability(review(), effects_of(outcome, follow_up), ensemble=few())


@cache
def everything() -> pd.DataFrame:
    return stability_of_all(review())


@cache
def of_one_analysis() -> pd.DataFrame:
    rows = review().reconstructed
    one = (rows["outcome"] == "strength") & (rows["follow_up"] == "PW")
    return stability_of_all(replace(review(), reconstructed=rows[one]))


ANALYSES = [("pain", "STP"), ("pain", "PW"), ("disability", "STP"), ("strength", "PW")]
each_analysis = pytest.mark.parametrize(("outcome", "follow_up"), ANALYSES)


def share_in(found: pd.DataFrame, topic: str, subject: str) -> float:
    row = found[(found["topic"] == topic) & (found["subject"] == subject)]
    assert len(row) == 1, (topic, subject)
    return float(row["share"].iloc[0])


# The draws


@each_analysis
def test_draws_are_those_of_the_file_in_the_order_of_the_effects(
    outcome: str, follow_up: str
) -> None:
    effects = effects_of(outcome, follow_up)
    found = draws(review(), effects, ensemble=few())
    assert found.effect.shape == found.variance.shape == (FEW, effects.k)
    for column, row in enumerate(effects.table.itertuples()):
        here = few()
        for name in ("outcome", "follow_up"):
            here = here[here[name] == getattr(effects, name)]
        for name in ("trial", "experimental_arm", "comparator_arm"):
            here = here[here[name] == getattr(row, name)]
        assert found.effect[:, column].tolist() == here["estimate"].tolist()
        assert found.variance[:, column].tolist() == (here["se"] ** 2).tolist()


def test_ranges_of_the_file_are_those_of_the_draws() -> None:
    effects = effects_of("pain", "ETP")
    found = draws(review(), effects)
    low, high = np.quantile(found.effect, (0.025, 0.975), axis=0)
    assert low == pytest.approx(effects.table["low"], abs=FILE_DIGITS)
    assert high == pytest.approx(effects.table["high"], abs=FILE_DIGITS)


def test_members_are_analyses_like_any_other() -> None:
    effects = effects_of("pain", "PW")
    found = draws(review(), effects, ensemble=few())
    members = list(found.members())
    assert len(members) == len(found) == FEW
    assert members[3].effect.tolist() == found.effect[3].tolist()
    assert members[3].labels == effects.labels
    assert members[0].effect.tolist() != effects.effect.tolist()


def test_a_part_of_an_analysis_has_its_part_of_the_draws() -> None:
    effects = effects_of("pain", "PW")
    rest = draws(review(), effects.without("nambi-2020b"), ensemble=few())
    whole = draws(review(), effects, ensemble=few())
    stays = (effects.table["trial"] != "nambi-2020b").to_numpy()
    assert np.array_equal(rest.effect, whole.effect[:, stays])


def known_effects(effects: StudyEffects) -> StudyEffects:
    """Return the effects as if all were reported."""
    known = effects.table.assign(provenance="reported")
    return StudyEffects(effects.outcome, effects.follow_up, effects.measure, known, ())


def test_what_is_reported_stands_still() -> None:
    effects = effects_of("pain", "PW")
    mixed = effects.table.copy()
    mixed.loc[0, ["provenance", "effect"]] = ["reported", -9.0]
    found = draws(
        review(),
        StudyEffects("pain", "PW", "MD", mixed, ()),
        ensemble=few(),
    )
    assert set(found.effect[:, 0]) == {-9.0}
    assert len(set(found.effect[:, 1])) == FEW


def test_with_everything_reported_there_is_one_draw_and_all_is_stable() -> None:
    effects = known_effects(effects_of("pain", "PW"))
    found = draws(review(), effects, ensemble=few())
    assert found.effect.tolist() == [effects.effect.tolist()]
    assert stability(review(), effects, ensemble=few())["stable"].all()
    assert share(review(), effects, lambda x: x.effect[0] < 0, ensemble=few()) == 1


def test_a_comparison_without_draws_is_named() -> None:
    lacking = few()[few()["trial"] != "gibbs-2022"]
    with pytest.raises(al.ReviewError, match="no draw of Gibbs 2022 in pain PW; run make recon"):
        draws(review(), effects_of("pain", "PW"), ensemble=lacking)


# Shares, against one draw after another


@pytest.mark.few
@each_analysis
def test_pooled_result_and_influence_agree_with_the_functions_for_one(
    outcome: str, follow_up: str
) -> None:
    effects, methods = effects_of(outcome, follow_up), review().info.methods

    def without_each_trial(member: StudyEffects) -> dict[str, bool]:
        groups = [review().trials.set_index("trial")["label"][t] for t in member.table["trial"]]
        found = influential(member.effect, member.variance, groups=groups, **methods)
        return dict(zip(found["left_out"], found["influential"], strict=True))

    members = list(draws(review(), effects, ensemble=few()).members())
    significant = [m.pool(**methods).p_value < ALPHA for m in members]
    said = effects.pool(**methods).p_value < ALPHA
    expected = np.mean([word == said for word in significant])
    assert share_in(table(outcome, follow_up), "pooled effect", "significance") == expected
    of_draws = [without_each_trial(member) for member in members]
    for trial, word in without_each_trial(effects).items():
        expected = np.mean([found[trial] == word for found in of_draws])
        found = share_in(table(outcome, follow_up), "influence", trial)
        assert found == pytest.approx(expected, abs=EXACT), trial


@each_analysis
def test_subgroup_tests_agree_with_the_function_for_one(outcome: str, follow_up: str) -> None:
    effects = effects_of(outcome, follow_up)
    factors = levels_by_factor(review(), effects)
    assert set(factors) == {"baseline pain intensity"}
    factors["risk of bias: high or not"] = high_risk_or_not(review(), effects)
    for subject, groups in factors.items():
        if len(set(groups)) < 2:
            assert subject not in set(table(outcome, follow_up)["subject"])
            continue

        def differ(member: StudyEffects, groups: list[str] = groups) -> bool:
            methods = review().info.methods
            found = subgroup_analysis(member.effect, member.variance, groups, **methods)
            assert found.p_value is not None
            return found.p_value < ALPHA

        expected = share(review(), effects, differ, ensemble=few())
        assert share_in(table(outcome, follow_up), "subgroups", subject) == expected


@each_analysis
def test_small_study_effects_agree_with_the_functions_for_one(outcome: str, follow_up: str) -> None:
    effects = effects_of(outcome, follow_up)
    if effects.k < FEWEST_TO_READ:
        assert "small-study effects" not in set(table(outcome, follow_up)["topic"])
        return

    def lean(member: StudyEffects) -> bool:
        return al.egger_test(member.effect, member.variance).p_value < ALPHA

    def filled(member: StudyEffects) -> object:
        found = al.trim_and_fill(member.effect, member.variance)
        return (found.side, found.k0) if found.k0 else 0

    for subject, statement in (("Egger's test", lean), ("trim and fill", filled)):
        expected = share(review(), effects, statement, ensemble=few())
        found = share_in(table(outcome, follow_up), "small-study effects", subject)
        assert found == pytest.approx(expected, abs=EXACT), subject


@pytest.mark.slow
def test_prompts_of_certainty_agree_with_the_function_for_one() -> None:
    effects = effects_of("pain", "STP")
    mid = review().outcomes.set_index("outcome")["mid"]["pain"]

    def steps(member: StudyEffects) -> dict[str, object]:
        found = assess(
            member.pool(**review().info.methods),
            judgements=overall_risk(review(), effects),
            participants=None,
            mid=None if pd.isna(mid) else float(mid),
            egger=al.egger_test(member.effect, member.variance),
        )
        return {prompt.domain: prompt.steps for prompt in found.prompts}

    of_draws = [steps(m) for m in draws(review(), effects, ensemble=few()).members()]
    for domain, said in steps(effects).items():
        if said is not None and domain != "imprecision":
            expected = np.mean([found[domain] == said for found in of_draws])
            assert share_in(table("pain", "STP"), "certainty", domain) == expected
    # nothing computes the first, and the second is of the whole result, not of a set
    assert not {"indirectness", "imprecision"} & set(table("pain", "STP")["subject"])


@pytest.mark.few
@pytest.mark.parametrize("methods", [{"ci_method": "HK"}, {"tau2_method": "FE"}])
def test_draws_are_pooled_as_the_effects_in_use_are(methods: dict[str, str]) -> None:
    info = review().info
    given = info.model_copy(update={"methods": info.methods.but(**methods)})
    chosen = replace(review(), info=given)
    for outcome, follow_up in ANALYSES:
        effects = study_effects(chosen, outcome, follow_up)
        same = effects.table.rename(columns={"effect": "estimate"})
        same = same.assign(outcome=outcome, follow_up=follow_up, se=np.sqrt(effects.variance))
        found = stability(chosen, effects, ensemble=same.assign(draw=1))
        assert (found["share"] == 1).all(), found  # the one draw is the effects in use


def test_what_cannot_be_tested_has_no_answer() -> None:
    effects = effects_of("pain", "STP")
    flat = effects.table.assign(variance=0.1, provenance="reported")
    found = stability(review(), StudyEffects("pain", "STP", "MD", flat, ()), ensemble=few())
    says = found.set_index("subject")["says"]
    assert says["Egger's test"] == says["trim and fill"] == NO_ANSWER


# The table


@each_analysis
def test_the_table_is_complete_and_stable_means_nearly_all(outcome: str, follow_up: str) -> None:
    found = table(outcome, follow_up)
    assert not found.isna().any(axis=None)
    assert found["share"].between(0, 1).all()
    assert ((found["share"] >= STABLE) == found["stable"]).all()
    assert set(found["draws"]) == {FEW}
    assert not found.duplicated(["topic", "subject"]).any()
    assert set(found["topic"]) <= set(TOPICS)
    labels = dict(zip(review().trials["trial"], review().trials["label"], strict=True))
    effects = effects_of(outcome, follow_up)
    left_out = set(found.loc[found["topic"] == "influence", "subject"])
    assert left_out == {labels[t] for t in effects.table["trial"]} | set(effects.labels)


def test_a_printed_effect_of_leaving_a_trial_out_is_stable_by_construction() -> None:
    influence = table("pain", "PW").set_index(["topic", "subject"]).loc["influence"]
    assert influence.loc["Nambi 2020b", ["says", "share"]].tolist() == ["influential", 1]


@pytest.mark.slow  # computes the stability of every statement in every set
def test_what_the_review_prints_is_stable_by_construction() -> None:
    """The printed pooled results, and the printed effect of leaving a trial out."""
    found = everything()
    printed = found[(found["topic"] == "pooled effect") & (found["subject"] == "significance")]
    assert printed["stable"].all()
    influence = found[found["topic"] == "influence"].set_index(["outcome", "follow_up", "subject"])
    for key in (
        ("pain", "ETP", "Kell 2009"),
        ("disability", "ETP", "Kell 2009"),
        ("pain", "PW", "Nambi 2020b"),
    ):
        assert influence.loc[key, "says"] == "influential"
        assert influence.loc[key, "share"] == 1


def test_where_nothing_is_reconstructed_there_is_an_empty_table() -> None:
    bare = replace(
        review(), reconstructed=review().reconstructed.iloc[:0], path=Path("no such folder")
    )
    found = stability_of_all(bare)
    assert list(found.columns) == list(of_one_analysis().columns)
    assert found.empty
    assert set(of_one_analysis()["outcome"]) == {"strength"}


@pytest.mark.slow  # needs the stability of every statement
def test_not_everything_is_stable() -> None:
    """A rule that lets everything pass would be none; seen: 152 of 200."""
    found = everything()
    assert 0.5 < found["stable"].mean() < 0.95
    keys = set(zip(found["outcome"], found["follow_up"], strict=True))
    reconstructed = review().reconstructed
    assert keys == set(zip(reconstructed["outcome"], reconstructed["follow_up"], strict=True))


def test_chosen_topics_are_those_rows_of_all_topics() -> None:
    effects = effects_of("pain", "ETP")
    every = stability(review(), effects, ensemble=few())
    chosen = stability(review(), effects, "certainty", "influence", ensemble=few())
    for topic in ("certainty", "influence"):
        pd.testing.assert_frame_equal(
            every[every["topic"] == topic].reset_index(drop=True),
            chosen[chosen["topic"] == topic].reset_index(drop=True),
        )
    assert set(chosen["topic"]) == {"certainty", "influence"}


def test_an_unknown_topic_is_named() -> None:
    with pytest.raises(al.ReviewError, match=r"topic must be one of .*certainty; got 'weather'"):
        stability(review(), effects_of("pain", "ETP"), "weather", ensemble=few())
