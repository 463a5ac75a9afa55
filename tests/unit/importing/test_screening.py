"""Are records and reports judged by the review's criteria, with the words that decide?"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from places import DATA

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.registry import TrialRecord, read_record
from analysis_lib.importing.screening import ScreeningRules, parse_rules, screen, screen_reports

TEXT = (DATA / "screening_rules.toml").read_text(encoding="utf-8")
CRITERIA = pd.read_csv(DATA / "criteria.csv")


@pytest.fixture(scope="module")
def rules() -> ScreeningRules:
    return parse_rules(TEXT, CRITERIA)


@pytest.fixture(scope="module")
def record() -> TrialRecord:
    return read_record(DATA / "registry" / "NCT05706103.json")


@pytest.fixture(scope="module")
def eligible(record: TrialRecord) -> TrialRecord:
    """A made-up trial that meets every criterion."""
    return replace(
        record,
        id="NCT99999999",
        title="Deadlift training for chronic low back pain (made up)",
        conditions=("Low Back Pain",),
        interventions=("Barbell training only: three sets of 8RM", "Bodyweight exercise only"),
        arms=("Barbell", "Bodyweight"),
        outcomes=("Pain intensity (NPRS)",),
        inclusion=("Adults with chronic non-specific low back pain",),
        exclusion=("Specific LBP", "Spinal surgery", "Concomitant treatment"),
    )  # fmt: skip


def test_the_recurrent_trial_is_excluded_for_its_population(
    record: TrialRecord, rules: ScreeningRules
) -> None:
    decision = screen(record, CRITERIA, rules)
    assert (decision.decision, decision.reason) == ("exclude", "not_chronic")
    population = decision.judgement("chronic-nonspecific")
    assert population.judgement == "not met"
    assert population.words == "Chronic LBP (i.e. duration remission <1 month)"
    assert population.field == "exclusion"


@pytest.mark.parametrize(
    ("criterion", "judgement", "words"),
    [
        ("adults", "met", "18.0"),
        ("randomised", "met", "RANDOMIZED"),
        ("primary-outcome", "met", "pain levels"),
        ("specific-back-pain", "met", "identifiable pathology"),
        ("spinal-surgery", "met", "surgery"),
        ("other-therapies", "met", "Concomitant therapies"),
        ("external-load", "unclear", "specific skilled motor control training"),
        ("multimodal-exercise", "unclear", "motor control"),
        ("unloaded-comparator", "unclear", "general extension training"),
        ("publication-date", "met", "no limit"),
        ("methodological-quality", "met", "no limit"),
    ],
)
def test_each_criterion_is_judged_with_its_words(
    record: TrialRecord, rules: ScreeningRules, criterion: str, judgement: str, words: str
) -> None:
    found = screen(record, CRITERIA, rules).judgement(criterion)
    assert found.judgement == judgement
    assert words in found.words


def test_both_forms_of_the_record_give_the_same_decision(
    record: TrialRecord, rules: ScreeningRules
) -> None:
    page = read_record(DATA / "registry" / "NCT05706103.txt")
    assert screen(page, CRITERIA, rules) == screen(record, CRITERIA, rules)


def test_recurrence_alone_decides_too(record: TrialRecord, rules: ScreeningRules) -> None:
    silent = replace(record, exclusion=record.exclusion[3:])
    found = screen(silent, CRITERIA, rules).judgement("chronic-nonspecific")
    assert (found.judgement, found.field) == ("not met", "inclusion")
    assert "recurrent" in found.words


def test_a_made_up_eligible_record_is_included(
    eligible: TrialRecord, rules: ScreeningRules
) -> None:
    decision = screen(eligible, CRITERIA, rules)
    assert decision.decision == "include"
    assert decision.reason is None
    assert {j.judgement for j in decision.judgements} == {"met"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"allocation": "NON_RANDOMIZED"}, "not_randomised"),
        ({"study_type": "OBSERVATIONAL", "allocation": None}, "not_randomised"),
        ({"min_age": 12.0, "max_age": 17.0}, "not_adults"),
        ({"inclusion": ("Acute LBP",)}, "not_chronic"),
        ({"inclusion": ("Lumbar radiculopathy with chronic LBP",), "exclusion": ("Pregnancy",)},
         "specific_back_pain"),
        ({"inclusion": ("Chronic LBP after spinal surgery",), "exclusion": ("Fracture",)},
         "spinal_surgery"),
        ({"interventions": ("Barbell training plus aerobic exercise", "Mat exercises")},
         "not_isolated"),
        ({"interventions": ("Barbell training plus manual therapy", "Bodyweight only")},
         "not_isolated"),
        ({"arms": ("Waiting list",), "interventions": ("Barbell training only",)}, "comparator"),
    ],
)  # fmt: skip
def test_each_fault_excludes_for_its_own_reason(
    eligible: TrialRecord, rules: ScreeningRules, change: dict[str, object], reason: str
) -> None:
    decision = screen(replace(eligible, **change), CRITERIA, rules)
    assert (decision.decision, decision.reason) == ("exclude", reason)


def test_the_first_criterion_not_met_gives_the_reason(
    record: TrialRecord, rules: ScreeningRules
) -> None:
    both = replace(record, allocation="NON_RANDOMIZED")
    assert screen(both, CRITERIA, rules).reason == "not_chronic"
    turned = CRITERIA.iloc[::-1]
    assert screen(both, turned, rules).reason == "not_randomised"


def test_a_silent_record_is_unclear(eligible: TrialRecord, rules: ScreeningRules) -> None:
    decision = screen(replace(eligible, outcomes=()), CRITERIA, rules)
    assert (decision.decision, decision.reason) == ("unclear", None)
    assert decision.judgement("primary-outcome").words == "not stated"


def test_the_excluded_reports_pass_through_the_same_structure(rules: ScreeningRules) -> None:
    reports = pd.read_csv(DATA / "excluded_reports.csv")
    boxes = pd.read_csv(DATA / "selection.csv").set_index("box")["count"]
    decisions = screen_reports(reports, CRITERIA, rules)
    excluded = [d for d in decisions if d.decision == "exclude"]
    assert len(excluded) == 57
    told = pd.Series([d.reason for d in excluded]).value_counts()
    assert told.to_dict() == {box: boxes[box] for box in told.index}
    assert [d.id for d in decisions if d.decision == "unclear"] == ["nambi-2023"]
    failed = [sum(j.judgement == "not met" for j in d.judgements) for d in excluded]
    # A conference abstract breaks no criterion of eligibility; any other reason breaks one.
    assert failed == [0 if d.reason == "conference_abstract" else 1 for d in excluded]


def test_the_table_of_judgements_has_a_row_for_each_criterion(
    record: TrialRecord, rules: ScreeningRules
) -> None:
    table = screen(record, CRITERIA, rules).to_frame()
    assert list(table["criterion"]) == list(CRITERIA["criterion"])
    assert set(table.columns) == {"criterion", "domain", "judgement", "words", "field"}


def test_every_criterion_of_the_review_has_a_rule(rules: ScreeningRules) -> None:
    assert {r.criterion for r in rules.rule} == set(CRITERIA["criterion"])


def test_an_unknown_reason_or_criterion_is_named(
    rules: ScreeningRules, record: TrialRecord
) -> None:
    report = pd.DataFrame([{"report": "x-2020", "title": "t", "reason": "dull"}])
    with pytest.raises(ReviewError, match="x-2020: unknown reason 'dull'"):
        screen_reports(report, CRITERIA, rules)
    with pytest.raises(ReviewError, match="no criterion 'age'"):
        screen(record, CRITERIA, rules).judgement("age")


RULE = '[[rule]]\ncriterion = "adults"\ndecision = "met"\nfields = ["min_age"]\nat_least = 18\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule", "not readable as TOML"),
        ("rule = 1", "key rule: 1 must be a list"),
        ("reason = 1", "key reason: 1 must be a table"),
        ("rules = 1", r"key rules is not known \(did you mean 'rule'\?\)"),
        (RULE.replace("adults", "adutls"), r"'adutls' is not in .* \(did you mean 'adults'\?\)"),
        (
            RULE.replace("min_age", "minage"),
            r"'minage' is no field .* \(did you mean 'min_age'\?\)",
        ),
        (RULE.replace("at_least", "at_lest"), r"key at_lest is not .*did you mean 'at_least'\?"),
        (RULE.replace('"met"', '"fine"'), "key decision: 'fine' must be one of met, not met, unc"),
        (RULE.replace("at_least = 18", ""), "one test"),
        (RULE + "below = 3", "one test"),
        (RULE.replace("at_least = 18", "pattern = '('"), "key pattern: .* is a broken pattern"),
        (RULE.replace("18", "'18'"), "key at_least: '18' must be a number"),
        ('[shown]\nadults = ["age"]', r"table \[shown\], key adults, entry 1: 'age' is no field"),
        ('[reason.x]\ncriterion = "adults"', r"table \[reason.x\], key text is missing"),
        ('[reason.x]\ncriterion = "age"\ntext = "t"', "key criterion: 'age' is not in criteria"),
        ('[reason.x]\ntext = "<b>"', "key text: '<b>' holds HTML"),
    ],
)
def test_rules_that_cannot_be_used_are_named(text: str, message: str) -> None:
    with pytest.raises(ReviewError, match=message):
        parse_rules(text, CRITERIA)


def test_criteria_without_a_domain_are_refused() -> None:
    with pytest.raises(ReviewError, match="missing columns domain"):
        parse_rules(RULE, CRITERIA[["criterion"]])
