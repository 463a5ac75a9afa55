"""Does the page on the next trial say what the record, the rules and the pooling say?"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_texts import clipped_texts
from places import DATA

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.book.pages import next_trial as nt
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.stability import STABLE, Draws, draws
from analysis_lib.conclusions.update import (
    ABOVE,
    BELOW,
    INCLUDES,
    simulate_update,
    smallest_trial,
)
from analysis_lib.conclusions.update_over_sets import map_over_sets, smallest_over_sets
from analysis_lib.importing.registry import TrialRecord, read_record
from analysis_lib.importing.screening import (
    CriterionJudgement,
    ScreeningDecision,
    parse_rules,
    screen_reports,
)

SIDES = {BELOW: "left", INCLUDES: "neither", ABOVE: "right"}


@pytest.fixture(scope="module")
def record() -> TrialRecord:
    return read_record(DATA / "registry" / "NCT05706103.json")


def few_sets(review: al.Review, effects: al.StudyEffects) -> Draws:
    """Return five sets of the ensemble."""
    found = draws(review, effects)
    return replace(found, effect=found.effect[:5], variance=found.variance[:5])


@pytest.fixture(scope="module")
def pain(review: al.Review) -> al.StudyEffects:
    return al.study_effects(review, "pain", "ETP")


# --- does it belong? ------------------------------------------------------------------------------


def test_the_facts_of_a_record(record: TrialRecord) -> None:
    facts = nt.record_table(record).set_index("What")["In the record"]
    assert facts["Ages"] == "18 to 45 years"
    assert facts["People"] == "62 (estimated)"
    assert facts["Allocation and masking, coded by us"] == "randomized, double"
    silent = nt.record_table(replace(record, enrolment=None)).set_index("What")["In the record"]
    assert silent["People"] == "not stated (estimated)"


def decided(*judgements: str, decision: str = "exclude", reason: str | None = "why") -> Any:
    return ScreeningDecision(
        "NCT1",
        "A trial",
        decision,  # type: ignore[arg-type]  # as the parameters spell it
        reason,
        reason,
        tuple(
            CriterionJudgement("chronic", "population", judged, f"words {i}", "inclusion")  # type: ignore[arg-type]
            for i, judged in enumerate(judgements)
        ),
    )


def test_a_decision_is_told_with_the_words_that_decide() -> None:
    told = nt.decision_told(decided("met", "not met", "unclear", "met"))
    assert (told["decision"], told["reason"], told["words"]) == ("excluded", "why", "words 1")
    assert [told[name] for name in ("criteria", "met", "unclear", "not-met")] == [4, 2, 1, 1]
    open_one = nt.decision_told(decided("met", "unclear", decision="unclear", reason=None))
    assert (open_one["decision"], open_one["reason"], open_one["words"]) == ("unclear", "", "")


def test_every_criterion_has_its_judgement(review: al.Review) -> None:
    criterion = str(review.criteria["criterion"].iloc[0])
    one = CriterionJudgement(criterion, "population", "met", "18.0", "min_age")
    table = nt.judgements_table(review, replace(decided(), judgements=(one,)))
    text = review.criteria["text"].iloc[0]
    assert table.iloc[0].tolist() == [text, "met", "18", "Population"]


def test_what_sources_say_of_one_thing() -> None:
    rows = pd.DataFrame(
        {
            "topic": "Participants",
            "source": ["A", "B", "C"],
            "people": pd.array([62, 42, None], dtype="Int64"),
            "words": ["1:1", None, "none"],
        }
    )
    assert nt.sources_table(rows)["What it says"].tolist() == [
        "62 people; 1:1",
        "42 people",
        "none",
    ]


def test_the_stored_statements_agree_with_the_record(record: TrialRecord) -> None:
    stored = nt.read_sources(DATA / "registry" / "NCT05706103_sources.csv")
    assert stored[["topic", "source", "provenance"]].notna().all(axis=None)
    entry = stored[(stored["source"] == "Registry entry (trial page)")]
    assert entry["people"].tolist() == [record.enrolment]


def test_a_statement_without_a_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sources.csv"
    path.write_text("topic,source,people,words,provenance\nPeople,,6x,,secondary\n")
    with pytest.raises(al.ReviewError, match="row 2, column source") as told:
        nt.read_sources(path)
    assert "'6x' is not a whole number" in str(told.value)


def test_excluded_reports_are_counted_by_reason(review: al.Review) -> None:
    rules = parse_rules(
        (DATA / "screening_rules.toml").read_text(encoding="utf-8"), review.criteria
    )
    screened = screen_reports(review.excluded_reports, review.criteria, rules)
    table = nt.excluded_table(review, screened)
    assert table["By the structure"].tolist() == table["In the flow diagram"].tolist()
    excluded = sum(one.decision == "exclude" for one in screened)
    assert table["By the structure"].astype(int).sum() == excluded
    (first, *rest) = (one for one in screened if one.decision == "exclude")
    fewer = nt.excluded_table(review, [one for one in rest if one.reason != first.reason])
    assert len(fewer) == len(table)  # a box that nothing falls into stays
    assert fewer["By the structure"].tolist()[0] == "0"


# --- what would it change? ------------------------------------------------------------------------


def test_sides_are_told_in_the_words_of_the_outcome(review: al.Review) -> None:
    assert nt.sides_told(review, "pain")[BELOW] == "favours loaded"
    assert nt.sides_told(review, "endurance")[BELOW] == "favours unloaded"
    assert nt.sides_told(review, "pain")[INCLUDES] == "no clear side"


def test_the_map_says_over_the_sets_which_effect_takes_the_conclusion_away(
    review: al.Review, pain: al.StudyEffects
) -> None:
    found = few_sets(review, pain)
    landscape = map_over_sets(found, review.info.methods, effect_range=(-3, 3), columns=41, rows=9)
    step = float(np.diff(landscape.effect)[0])
    for row in (0, -1):
        away = landscape.taken_away_from(row)
        for place, effect in enumerate(away):
            ends = []
            for value in (effect - step, effect):
                variance = [*found.variance[place], landscape.se[row] ** 2]
                after = al.pool([*found.effect[place], value], variance, **review.info.methods)
                ends.append(after.ci[1])
            assert ends[0] < 0 <= ends[1]
    told = nt.map_told(review, pain, landscape)
    assert told["k"] == pain.k
    assert told["estimate"] == "−0.52 (−0.92 to −0.08)"  # the printed one
    assert told["precise"] == ranges.told(ranges.spread(landscape.taken_away_from(0)))
    assert told["harm"] == "no set"
    turned = replace(landscape, sides=np.full_like(landscape.sides, ABOVE))
    assert nt.map_told(review, pain, turned)["harm"] == "all 200 sets"
    assert np.isnan(turned.taken_away_from(0)).all()


def test_the_map_is_drawn_with_ranges_and_says_where_the_sets_differ(
    review: al.Review, pain: al.StudyEffects
) -> None:
    landscape = map_over_sets(
        few_sets(review, pain), review.info.methods, effect_range=(-3, 3), columns=21, rows=9
    )
    ax = nt.draw_map(review, pain, landscape)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [
        "afterwards: favours loaded",
        "afterwards: includes no difference",
        "not known: the sets differ",
    ]
    assert "reconstructed" in plots.caption(ax).partition(". ")[0]
    assert clipped_texts(ax) == []
    plt.close("all")


@pytest.mark.slow
def test_smallest_trials_ask_three_questions_of_each_analysis(review: al.Review) -> None:
    trials = nt.smallest_trials(review, ["disability"])
    assert len(trials) == 3 * len(review.follow_ups)
    table = nt.smallest_trials_table(trials)
    never = trials["share"] <= 1 - STABLE
    assert (table["People per arm"] == "out of reach").tolist() == never.tolist()
    late = table.set_index("The new trial reports").loc["the opposite of the pooled effect (−0.06)"]
    assert re.fullmatch(
        r"out of reach in \d+ of 200 sets, else \d+ \(\d+ to \d+\)", late["People per arm"]
    )


def test_the_smallest_trial_of_a_set_is_that_of_its_effects(
    review: al.Review, pain: al.StudyEffects
) -> None:
    found = few_sets(review, pain)
    over = smallest_over_sets(found, review.info.methods, observed=0.52, sd=1.5, largest=500)
    for place in range(len(found)):
        one = smallest_trial(
            found.effect[place], found.variance[place], observed=0.52, sd=1.5, largest=500,
            **review.info.methods,
        )  # fmt: skip
        assert over.per_arm[place] == one.per_arm  # below fifty every size is tried
        assert (over.before[place], over.after[place]) == (one.before, one.after)
    stuck = smallest_over_sets(found, review.info.methods, observed=-0.52, sd=1.5, largest=60)
    assert np.isnan(stuck.per_arm).all()
    assert nt.per_arm_told(stuck) == "out of reach"


def test_draws_are_told_by_truth_and_size(review: al.Review, pain: al.StudyEffects) -> None:
    truths = {"no difference": 0.0, "harm": 1.5}
    drawn = nt.simulated_updates(review, pain, truths, (25, 100), times=40, seed=1)
    table = nt.updates_table(drawn)
    assert table["People"].tolist() == ["25", "100"] * 2
    assert table["truth"].tolist()[2] == "True effect in the new trial: harm (1.50)"
    assert nt.updates_note(drawn).startswith("40 trials drawn")
    told = nt.updates_told(drawn)
    shares = {(words, s.per_arm): s.changed for words, s in drawn}
    assert told["most-changed"] == nt.share_told(max(shares.values()))
    assert shares[str(told["most-truth"]), int(str(told["most-per-arm"]))] == max(shares.values())
    assert told["more"] == nt.share_told(max(s.rated_down_more or 0 for _, s in drawn))


def test_a_row_holds_the_medians_of_its_draws() -> None:
    found = simulate_update(
        [-0.3, -0.6, -0.1], [0.05, 0.08, 0.04], per_arm=50, true_effect=0.0, draws=60, prompts=True
    )
    row = nt.updates_table([("none", found)]).iloc[0]
    low, middle, high = np.quantile(found.after.estimate, (0.025, 0.5, 0.975))
    expected = f"{middle:.2f} ({low:.2f} to {high:.2f})".replace("-", "−")
    assert row["Estimate (95 % of draws)"] == expected
    limits = [float(np.median(x)) for x in (found.after.ci_low, found.after.ci_high)]
    assert row["Confidence interval"] == "{:.2f} to {:.2f}".format(*limits).replace("-", "−")


def test_before_and_after_stand_side_by_side_over_the_sets(
    review: al.Review, pain: al.StudyEffects
) -> None:
    found, methods = few_sets(review, pain), review.info.methods
    new = (1.5, 0.05)
    table = nt.before_and_after_table(found, new, methods, SIDES, "next trial").set_index("What")
    assert table.columns.tolist() == ["Before", "With the next trial"]
    assert table.loc["Comparisons"].tolist() == ["9", "10"]
    assert table.loc["The interval"].tolist() == ["left", "neither"]
    effect, variance = (
        [*known[0], value] for known, value in zip((found.effect, found.variance), new, strict=True)
    )
    after = al.pool(effect, variance, **methods)
    then = nt.before_and_after(found, new, methods)[1]
    assert then.estimate[0] == pytest.approx(after.estimate, abs=1e-6)  # the iterations of REML
    told = nt.new_trial_told(found, new, methods, SIDES)
    assert (told["before"], told["after"]) == ("left", "neither")
    assert str(told["weight"]).startswith(f"{100 * after.weights[-1]:.0f}%")


def test_draws_of_a_new_trial_take_the_sets_in_turn() -> None:
    effect, variance = [-0.3, -0.6, -0.1], [0.05, 0.08, 0.04]
    sets = (np.array([effect, [9.0, 9.1, 9.2]]), np.array([variance, variance]))
    given: dict[str, Any] = {"per_arm": 20, "true_effect": 0.0, "draws": 4}
    after = simulate_update(effect, variance, **given, sets=sets).after
    plain = simulate_update(effect, variance, **given).after
    assert after.estimate[[0, 2]].tolist() == plain.estimate[[0, 2]].tolist()
    assert (after.estimate[[1, 3]] > 5).all()
