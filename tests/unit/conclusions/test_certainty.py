"""GRADE prompts: does each rule give the step that its words say, with the numbers shown?"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.measures import margin
from analysis_lib.conclusions.certainty import (
    GRADE_DOMAINS,
    RATINGS,
    Assessment,
    Finding,
    Prompt,
    assess,
    crossed,
    imprecision_prompt,
    inconsistency_prompt,
    information_size_of_events,
    optimal_information_size,
    publication_bias_prompt,
    risk_of_bias_prompt,
    summary_of_findings,
)
from analysis_lib.pooling.asymmetry import egger_test
from analysis_lib.pooling.pooled_effect import PooledEffect, pool

LOW, SOME, HIGH, UNKNOWN = "low", "some concerns", "high", "not stated"


def equal(k: int, effect: float = 0.0, variance: float = 0.04) -> PooledEffect:
    """Return k equal effects: equal weights, no heterogeneity."""
    return pool([effect] * k, [variance] * k)


@pytest.mark.parametrize(
    ("judgements", "steps"),
    [
        ((LOW, LOW, LOW, HIGH), (0, 0)),
        ((LOW, LOW, SOME, HIGH), (1, 1)),  # half is not most
        ((SOME, SOME, SOME, LOW), (1, 1)),
        ((HIGH, HIGH, LOW, LOW), (1, 1)),
        ((HIGH, HIGH, HIGH, LOW), (2, 2)),
        ((UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN), (0, 2)),
        ((LOW, LOW, LOW, UNKNOWN), (0, 0)),
        ((HIGH, HIGH, UNKNOWN, LOW), (1, 2)),
        ((LOW, LOW, UNKNOWN, HIGH), (0, 1)),
    ],
)
def test_risk_of_bias_follows_the_share_of_weight(
    judgements: tuple[str, ...], steps: tuple[int, int]
) -> None:
    assert risk_of_bias_prompt(equal(4), judgements).steps == steps


def test_risk_of_bias_counts_weight_and_not_studies() -> None:
    fit = pool([0.0, 0.0, 0.0], [0.01, 1.0, 1.0], tau2_method="FE")
    prompt = risk_of_bias_prompt(fit, [LOW, HIGH, HIGH])
    assert prompt.steps == (0, 0)
    assert "low 98%, high 2%" in prompt.finding


@pytest.mark.parametrize(
    ("effects", "variances", "mid", "step"),
    [
        ([0.2] * 4, [0.04] * 4, None, 0),
        ([-0.5, -0.6, -1.4, -1.6], [0.09] * 4, None, 1),  # I2 67 %, interval for new crosses 0
        ([-2.0, -2.1, 2.0, 2.1], [0.01] * 4, None, 1),  # I2 100 %, but the mean crosses 0 as well
        ([-2.0, -2.1, 2.0, 2.1], [0.01] * 4, 4.0, 2),  # and only the new setting crosses the MID
        ([0.1, 0.6, 0.9, 0.4], [0.06] * 4, None, 1),  # I2 47 %, and only the new setting crosses 0
        ([-0.5, 0.6], [0.01] * 2, None, 1),  # I2 98 % without a prediction interval
    ],
)
def test_inconsistency(
    effects: list[float], variances: list[float], mid: float | None, step: int
) -> None:
    prompt = inconsistency_prompt(pool(effects, variances), mid)
    assert prompt.steps == (step, step), prompt


@pytest.mark.parametrize(
    ("q_by_df", "pi_crosses_alone", "step"),
    [
        (2.0, False, 1),  # I2 of 50 % is substantial
        (1.99, False, 0),
        (4.0, True, 2),  # I2 of 75 % is considerable
        (3.99, True, 1),
    ],
)
def test_inconsistency_begins_where_its_rule_says(
    q_by_df: float, pi_crosses_alone: bool, step: int
) -> None:
    """I2 = 1 - 1 / (Q / df)."""
    fit = pool([-2.0, -2.1, 2.0, 2.1], [0.01] * 4)
    at_border = replace(fit, q=q_by_df * fit.q_df)
    mid = 4.0 if pi_crosses_alone else None
    assert inconsistency_prompt(at_border, mid).steps == (step, step)


def test_one_comparison_cannot_be_inconsistent() -> None:
    assert inconsistency_prompt(pool([0.3], [0.04]), 1.0).steps == (0, 0)


@pytest.mark.parametrize(
    ("effect", "se", "mid", "participants", "step"),
    [
        (0.0, 0.3, 1.0, 500, 0),
        (0.0, 0.3, 1.0, 100, 1),
        (0.0, 0.3, 1.0, 125, 1),  # fewer than the optimal information size
        (0.0, 0.3, 1.0, 126, 0),
        (-0.8, 0.3, 1.0, 500, 1),
        (0.0, 0.8, 1.0, 500, 2),
        (0.3, 0.3, None, 500, 1),
        (0.9, 0.3, None, 10, 1),  # whatever the interval
        (0.0, 0.3, 5.0, 99, 1),
        (0.0, 0.3, 5.0, 100, 0),
    ],
)
def test_imprecision(
    effect: float, se: float, mid: float | None, participants: float | None, step: int
) -> None:
    prompt = imprecision_prompt(pool([effect], [se**2]), participants, mid, 2.0)
    assert prompt.steps == (step, step), prompt


@pytest.mark.parametrize(
    ("mid", "participants", "lacks"),
    [
        (1.0, None, "the number of participants is not known"),
        (None, 500, "the optimal information size is not known"),
    ],
)
def test_an_unknown_information_size_is_never_do_not_rate_down(
    mid: float | None, participants: float | None, lacks: str
) -> None:
    at = 0.0 if mid else 2.0  # a narrow interval inside the minimal important difference, or away
    prompt = imprecision_prompt(pool([at], [0.01]), participants, mid, 2.0)
    assert (prompt.steps, prompt.suggestion) == ((0, 1), f"cannot tell: {lacks}")
    assert imprecision_prompt(pool([0.0], [0.09]), None, None, None).steps == (1, 1)


@pytest.mark.parametrize(("events", "step"), [(49, 1), (50, 0), (None, 0)])
def test_few_events_are_never_precise(events: float | None, step: int) -> None:
    prompt = imprecision_prompt(
        pool([0.0], [0.0001]), 10**6, 0.2, None, "RR", assumed_risk=0.1, events=events
    )
    assert prompt.steps == (step, step)
    assert ("fewer than 50" in prompt.finding) == bool(step)


def test_the_information_size_of_events_is_that_of_two_proportions() -> None:
    """0.2 against 0.1, 80 % power: 196.2 a group by the formula (z of R: 1.959964, 0.841621)."""
    by_hand = (1.959964 + 0.841621) ** 2 * (0.2 * 0.8 + 0.1 * 0.9) / 0.1**2
    assert information_size_of_events(0.2, 0.1, "RD") == 2 * math.ceil(by_hand)
    assert information_size_of_events(0.2, math.log(2), "RR") == 2 * math.ceil(by_hand)
    assert information_size_of_events(0.2, 0.3, "RD") is None  # no risk is below zero
    assert information_size_of_events(0.2, 0.3, "IRR") is None


@pytest.mark.parametrize(
    ("mid", "sd", "power", "expected"),
    [
        # Fleiss' formula by hand: 2·(1.959964 + 0.841621)²·(sd/mid)² = 15.6978·(sd/mid)²
        (1.0, 2.0, 0.8, 2 * 63),
        (0.2, 1.0, 0.8, 2 * 393),
        (0.5, 1.0, 0.8, 2 * 63),
        # 2·(1.959964 + 1.281552)²·4 = 84.06
        (0.5, 1.0, 0.9, 2 * 85),
    ],
)
def test_optimal_information_size(mid: float, sd: float, power: float, expected: int) -> None:
    assert optimal_information_size(mid, sd, power=power) == expected


def test_funnel_needs_ten_comparisons_and_a_test() -> None:
    assert publication_bias_prompt(equal(9), None).steps == (0, 0)
    untested = publication_bias_prompt(equal(10), None)
    assert (untested.domain, untested.steps) == ("publication bias", None)
    # small studies (large variance) with the large effects: asymmetric by construction
    effect, variance = [0.1 * i for i in range(1, 11)], [0.01 * i**2 for i in range(1, 11)]
    effect[0] += 0.02
    test = egger_test(effect, variance)
    assert test.p_value < 0.1
    assert publication_bias_prompt(pool(effect, variance), test).steps == (1, 1)
    for p_value, step in ((0.1, 0), (math.nextafter(0.1, 0), 1)):
        at_border = replace(test, p_value=p_value)
        assert publication_bias_prompt(pool(effect, variance), at_border).steps == (step, step)
    even = [0.1 * (-1) ** i for i in range(10)]
    flat = egger_test(even, variance)
    assert flat.p_value > 0.1
    assert publication_bias_prompt(pool(even, variance), flat).steps == (0, 0)


def test_a_test_that_cannot_be_computed_leaves_the_judgement_to_readers() -> None:
    why = attempt(egger_test, [0.1 * i for i in range(10)], [0.04] * 10)
    prompt = publication_bias_prompt(equal(10), why)
    assert prompt.steps is None
    assert prompt.finding == (
        "10 comparisons; no test of asymmetry: all standard errors are equal (0.2): effects cannot "
        "depend on them"
    )


def test_thresholds_on_the_edge_are_not_inside() -> None:
    assert crossed((-1.0, 1.0), (-1.0, 0.0, 1.0)) == (0.0,)


def prompts(*steps: tuple[int, int] | None) -> tuple[Prompt, ...]:
    return tuple(Prompt("risk of bias", "rule", "finding", step) for step in steps)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, 0), None], ("high", "high")),
        ([(1, 1), (0, 1)], ("low", "moderate")),
        ([(2, 2), (2, 2)], ("very low", "very low")),
        ([(0, 2)], ("low", "high")),
    ],
)
def test_the_suggested_rating_adds_the_steps(
    steps: list[tuple[int, int] | None], expected: tuple[str, str]
) -> None:
    found = Assessment("high", prompts(*steps), None, "")
    assert found.suggested == expected
    assert found.agrees is None
    low, high = map(RATINGS.index, expected)
    for i, rating in enumerate(RATINGS):
        agrees = Assessment("high", prompts(*steps), rating, "").agrees
        assert agrees is (low <= i <= high)


def test_suggestions_in_words() -> None:
    words = [prompt.suggestion for prompt in prompts((0, 0), (2, 2), (0, 1), None)]
    assert words == [
        "do not rate down",
        "rate down by 2",
        "rate down by 0 to 1",
        "a reader's judgement",
    ]


MOST_OF_WEIGHT = (
    "0 if more than half of the weight is at low risk; 2 if more than half is at high risk; else 1"
)
SPREAD = (
    "1 if I² is 50% or more, or if τ² is above zero and the prediction interval crosses a "
    "threshold (no difference, the minimal important difference either way) that the confidence "
    "interval does not; 2 if I² is 75% or more and it does"
)
QUESTION = "Do the participants, interventions, comparisons and outcomes answer the question?"
THRESHOLDS = (
    "1 for each threshold inside the confidence interval ({}); if there is none, 1 when there are "
    "fewer participants than the optimal information size; in any case 1 with fewer than 100 "
    "participants or 50 events"
)
ASYMMETRY = (
    "1 if there are 10 comparisons or more and the test of asymmetry that fits the measure has "
    "p < 0.1"
)
DO_NOT = "do not rate down"


def test_a_page_says_each_rule_and_the_numbers_it_was_applied_to() -> None:
    """All words, for a result with every number, for the least that is known, and for many."""
    mixed = pool([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25])
    judged = [LOW, HIGH, SOME, UNKNOWN]
    full = assess(mixed, judgements=judged, participants=200, mid=1.0, sd=2.0)
    assert [tuple(row) for row in full.table().itertuples(index=False)] == [
        (
            "risk of bias",
            MOST_OF_WEIGHT,
            "weight by overall judgement: low 22%, some concerns 27%, high 28%, not stated 23%",
            "rate down by 1 to 2",
        ),
        (
            "inconsistency",
            SPREAD,
            "I² 85%, 95% interval for the mean −1.68 to 0.22, for a new setting −4.99 to 3.53; "
            "crossed by the latter only: 1.00",
            "rate down by 2",
        ),
        ("indirectness", QUESTION, "cannot be computed", "a reader's judgement"),
        (
            "imprecision",
            THRESHOLDS.format("the minimal important difference, either way"),
            "95% CI −1.68 to 0.22, thresholds inside: −1.00; 200 participants, optimal "
            "information size 126",
            "rate down by 1",
        ),
        (
            "publication bias",
            ASYMMETRY,
            "4 comparisons: too few to tell asymmetry from chance",
            DO_NOT,
        ),
    ]
    one = pool([math.log(0.5)], [0.01], level=0.9)
    least = assess(one, judgements=[HIGH], participants=None, measure="RR")
    assert [(prompt.rule, prompt.finding, prompt.suggestion) for prompt in least.prompts] == [
        (MOST_OF_WEIGHT, "weight by overall judgement: high 100%", "rate down by 2"),
        (SPREAD, "one comparison: nothing to compare", DO_NOT),
        (QUESTION, "cannot be computed", "a reader's judgement"),
        (
            THRESHOLDS.format("no difference"),
            "90% CI 0.42 to 0.59, thresholds inside: none; number of participants not stated, "
            "optimal information size not known",
            "cannot tell: the number of participants is not known",
        ),
        (ASYMMETRY, "1 comparison: too few to tell asymmetry from chance", DO_NOT),
    ]
    effect, variance = [0.1 * i for i in range(1, 11)], [0.01 * i**2 for i in range(1, 11)]
    effect[0] += 0.02
    many = pool(effect, variance)
    test = egger_test(effect, variance)
    found = assess(many, judgements=[LOW] * 10, participants=120.5, mid=3.0, sd=2.0, egger=test)
    assert [prompt.finding for prompt in found.prompts[1::2]] == [
        "I² 0%, 95% interval for the mean 0.04 to 0.36, for a new setting 0.02 to 0.39",
        "95% CI 0.04 to 0.36, thresholds inside: none; 120.5 participants, optimal information "
        "size 14",
    ]
    assert found.prompts[4].finding == "10 comparisons, Egger's test p < 0.001"
    without = publication_bias_prompt(many, None)
    assert (without.rule, without.finding) == (ASYMMETRY, "10 comparisons; no test was given")


def test_the_level_of_an_interval_is_not_taken_for_i2() -> None:
    """I2 is 95 % here, and the intervals are of 90 %."""
    fit = replace(pool([-2.0, -2.1, 2.0, 2.1], [0.01] * 4, level=0.9), q=60.0)
    assert inconsistency_prompt(fit, None).finding.startswith("I² 95%, 90% interval for the mean")


def test_an_assessment_holds_five_domains_and_prints_its_numbers() -> None:
    fit = pool([-0.1, -1.9, 0.1, -0.9], [0.3, 0.1, 0.13, 0.25])
    found = assess(
        fit,
        judgements=[LOW, HIGH, LOW, LOW],
        participants=200,
        mid=1.0,
        sd=2.0,
        recorded="very low",
        recorded_reasons="risk of bias, inconsistency",
    )
    table = found.table()
    assert table["domain"].tolist() == list(GRADE_DOMAINS)
    assert table.loc[2, "suggestion"] == "a reader's judgement"
    assert "200 participants, optimal information size 126" in table.loc[3, "finding"]
    assert "I² 8" in table.loc[1, "finding"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"judgements": [LOW]}, "1 for 3 comparisons"),
        (
            {"judgements": [LOW, LOW, "perhaps"]},
            "study 3: judgement must be one of low, some concerns, unclear, moderate, high, ",
        ),
        ({"start": "good"}, "start must be one of very low"),
        ({"recorded": "none"}, "recorded must be one of very low"),
        ({"mid": 0.0}, "mid must be finite and greater than zero, got 0"),
        ({"sd": -1.0}, "sd must be finite and greater than zero, got -1"),
        ({"participants": 0}, "participants must be finite and greater than zero"),
    ],
)
def test_bad_input_is_named(changes: dict[str, object], says: str) -> None:
    options: dict[str, object] = {"judgements": [LOW] * 3, "participants": 100, **changes}
    with pytest.raises(ReviewError, match=says):
        assess(equal(3), **options)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mid": 0.0, "sd": 1.0}, "mid must be"),
        ({"mid": 1.0, "sd": 1.0, "power": 1.0}, "power must lie between 0 and 1"),
    ],
)
def test_information_size_refuses_what_it_cannot_use(options: dict[str, float], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        optimal_information_size(**options)


def test_summary_of_findings() -> None:
    fit = equal(4, effect=-0.4)
    found = assess(fit, judgements=[LOW] * 4, participants=300, recorded="low")
    table = summary_of_findings(
        [
            Finding("Disability", "ETP", fit, found, "SMD", "", 3, 300, ("the 0 to 24 scale", 5.0)),
            Finding("Kinesiophobia", "ETP", None, None, "MD"),
        ]
    )
    first, second = table.to_dict("records")
    assert first["effect"] == "SMD −0.40 (−0.60 to −0.20)"
    assert first["familiar"] == "−2.0 (−3.0 to −1.0) on the 0 to 24 scale"
    assert (first["recorded"], first["suggested"], first["agreement"]) == (
        "low",
        "moderate to high",  # the information size is not known
        "no",
    )
    assert (second["effect"], second["recorded"], second["agreement"]) == (
        "no data",
        "not stated",
        "",
    )
    assert (first["outcome"], first["follow_up"]) == ("Disability", "ETP")
    assert (first["trials"], first["comparisons"], first["participants"]) == ("3", "4", "300")
    assert (second["trials"], second["comparisons"], second["participants"]) == (
        "not stated",
        "0",
        "not stated",
    )
    assert (second["familiar"], second["suggested"]) == ("", "")
    assert list(summary_of_findings([])) == list(table) == [
        "outcome", "follow_up", "trials", "comparisons", "participants", "effect", "without",
        "with", "difference", "nnt", "familiar", "recorded", "suggested", "agreement",
    ]  # fmt: skip
    in_points = Finding("Pain", "ETP", fit, found, "MD", "points")
    assert summary_of_findings([in_points]).loc[0, "effect"] == "MD −0.40 (−0.60 to −0.20) points"


@pytest.mark.parametrize("mid", [0.8, 1.25])
def test_what_is_pooled_as_logarithms_is_told_as_ratios(mid: float) -> None:
    """The interval for the mean reaches across 0.80 and 1, that for a new setting across 1.25."""
    fit = pool([-0.5, -0.3, 0.1, 0.3] * 2, [0.04] * 8)
    half = margin(mid, "RR")
    plain, ratio = (
        assess(fit, judgements=[LOW] * 8, participants=300, mid=half, measure=measure)
        for measure in ("MD", "RR")
    )
    assert [p.steps for p in ratio.prompts] == [p.steps for p in plain.prompts]
    inconsistency, imprecision = ratio.prompts[1].finding, ratio.prompts[3].finding
    low, high = (math.exp(end) for end in fit.ci)
    assert f"for the mean {low:.2f} to {high:.2f}, for a new setting" in inconsistency
    assert imprecision.startswith(f"95% CI {low:.2f} to {high:.2f}, thresholds inside: 0.80; ")
    assert inconsistency.endswith("crossed by the latter only: 1.25")
    for text in (inconsistency, imprecision):
        assert "−" not in text
        assert "0.22" not in text


def test_a_ratio_in_the_summary_of_findings_is_one_and_has_no_unit() -> None:
    fit = equal(4, effect=math.log(0.6))
    table = summary_of_findings([Finding("Falls", "ETP", fit, None, "RR", "falls")])
    assert table.loc[0, "effect"] == "RR 0.60 (0.49 to 0.73)"  # exp(log 0.6 -+ 1.96 * 0.1)
    odd = Finding("Falls", "ETP", fit, None, "RR", familiar=("a scale", 5.0))
    with pytest.raises(ReviewError, match="Falls: a scale needs an SMD, not RR"):
        summary_of_findings([odd])


def test_a_familiar_scale_needs_a_positive_spread() -> None:
    bad = Finding("Disability", "ETP", equal(2), None, "SMD", familiar=("a scale", 0.0))
    with pytest.raises(ReviewError, match="Disability: standard deviation of a scale"):
        summary_of_findings([bad])
