"""RoB 2: does every branch of the tool's algorithm give the judgement of the guidance?

Every combination of answers is walked. The expected judgements come from a second writing of the
algorithm below, as the flow charts of the guidance ask their questions one after another, while
the module holds the rows of its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product

import pandas as pd
import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.review.risk_of_bias import (
    ANSWERS,
    CONCERNS,
    DOMAIN_IDS,
    DOMAINS,
    HIGH,
    JUDGEMENTS,
    LOW,
    NOT_STATED,
    asked_questions,
    domain_judgement,
    judgement_shares,
    judgements,
    overall_judgement,
    questions_table,
)

Answers = Mapping[str, str]

YES, NO = ("Y", "PY"), ("N", "PN")

# Answers of each question from the one that speaks for the result to the one that speaks against
# it, as the flow charts have them; answers that the charts treat alike share a step.
STEPS = {
    "1.1": (("Y", "PY", "NI"), NO),
    "1.2": (YES, ("NI",), NO),
    "1.3": (("N", "PN", "NI"), YES),
    "2.1": (NO, ("Y", "PY", "NI")),
    "2.2": (NO, ("Y", "PY", "NI")),
    "2.3": (NO, ("NI",), YES),
    "2.4": (NO, ("Y", "PY", "NI")),
    "2.5": (YES, ("N", "PN", "NI")),
    "2.6": (YES, ("N", "PN", "NI")),
    "2.7": (NO, ("Y", "PY", "NI")),
    "3.1": (YES, ("N", "PN", "NI")),
    "3.2": (YES, NO),
    "3.3": (NO, ("Y", "PY", "NI")),
    "3.4": (NO, ("Y", "PY", "NI")),
    "4.1": (("N", "PN", "NI"), YES),
    "4.2": (NO, ("NI",), YES),
    "4.3": (NO, ("Y", "PY", "NI")),
    "4.4": (NO, ("Y", "PY", "NI")),
    "4.5": (NO, ("Y", "PY", "NI")),
    "5.1": (YES, ("N", "PN", "NI")),
    "5.2": (NO, ("NI",), YES),
    "5.3": (NO, ("NI",), YES),
}


def chart_d1(a: Answers) -> str:
    if a["1.2"] in NO:
        return HIGH
    if a["1.2"] == "NI":
        return HIGH if a["1.3"] in YES else CONCERNS
    if a["1.1"] in NO or a["1.3"] in YES:
        return CONCERNS
    return LOW


def chart_d2(a: Answers) -> str:
    parts = (chart_d2_deviations(a), chart_d2_analysis(a))
    return HIGH if HIGH in parts else CONCERNS if CONCERNS in parts else LOW


def chart_d2_deviations(a: Answers) -> str:
    nobody_knew = a["2.1"] in NO and a["2.2"] in NO
    if nobody_knew or a["2.3"] in NO:
        return LOW
    if a["2.3"] == "NI" or a["2.4"] in NO or a["2.5"] in YES:
        return CONCERNS
    return HIGH


def chart_d2_analysis(a: Answers) -> str:
    if a["2.6"] in YES:
        return LOW
    return CONCERNS if a["2.7"] in NO else HIGH


def chart_d3(a: Answers) -> str:
    if a["3.1"] in YES or a["3.2"] in YES or a["3.3"] in NO:
        return LOW
    return CONCERNS if a["3.4"] in NO else HIGH


def chart_d4(a: Answers) -> str:
    if a["4.1"] in YES or a["4.2"] in YES:
        return HIGH
    if a["4.3"] in NO or a["4.4"] in NO:
        return CONCERNS if a["4.2"] == "NI" else LOW
    return CONCERNS if a["4.5"] in NO else HIGH


def chart_d5(a: Answers) -> str:
    if a["5.2"] in YES or a["5.3"] in YES:
        return HIGH
    if "NI" in (a["5.2"], a["5.3"]):
        return CONCERNS
    return LOW if a["5.1"] in YES else CONCERNS


CHARTS: dict[str, Callable[[Answers], str]] = {
    "D1": chart_d1,
    "D2": chart_d2,
    "D3": chart_d3,
    "D4": chart_d4,
    "D5": chart_d5,
}
# Paths through the questions as they are asked, counted by hand with every answer told apart.
PATHS = {
    "D1": 5 * 5 * 5,
    # (nobody knew: 2·2; somebody: 25 - 4, then 2.3: no 2, unknown 1, yes 2·(2.4: no 2, else 3·5))
    # times (2.6: yes 2, else 3·5)
    "D2": (4 + 21 * (2 + 1 + 2 * (2 + 3 * 5))) * (2 + 3 * 5),
    "D3": 2 + 3 * (2 + 2 * (2 + 3 * 5)),
    # 4.1 yes 2·5; 4.2 yes 3·2; else 3·3 times (4.3: no 2, else 3·(4.4: no 2, else 3·5))
    "D4": 2 * 5 + 3 * 2 + 9 * (2 + 3 * (2 + 3 * 5)),
    "D5": 5 * 5 * 5,
}


@cache
def paths(domain: str) -> tuple[dict[str, str], ...]:
    """Return every way to answer the questions of a domain as they are asked."""
    chosen = next(d for d in DOMAINS if d.id == domain)

    def walk(position: int, given: dict[str, str]) -> Iterator[dict[str, str]]:
        if position == len(chosen.questions):
            yield given
            return
        question = chosen.questions[position]
        if question.id not in asked_questions(domain, given):
            yield from walk(position + 1, given)
            return
        for answer in sorted(question.options):
            yield from walk(position + 1, {**given, question.id: answer})

    return tuple(walk(0, {}))


@pytest.mark.parametrize("domain", DOMAIN_IDS)
def test_every_path_gives_the_judgement_of_the_flow_chart(domain: str) -> None:
    for answers in paths(domain):
        full = {q.id: answers.get(q.id, "NA") for d in DOMAINS for q in d.questions}
        assert domain_judgement(domain, answers) == CHARTS[domain](full), answers
    assert len(paths(domain)) == PATHS[domain]


@pytest.mark.parametrize("domain", DOMAIN_IDS)
def test_exactly_one_rule_of_each_part_holds_on_every_path(domain: str) -> None:
    parts = next(d for d in DOMAINS if d.id == domain).parts
    reached = set()
    for answers in paths(domain):
        for part_number, part in enumerate(parts):
            holding = [i for i, rule in enumerate(part) if rule.holds(answers)]
            assert len(holding) == 1, answers
            reached.add((part_number, holding[0]))
    assert len(reached) == sum(len(part) for part in parts), "a rule that no answers reach"


def opened_by(question: str) -> set[str]:
    """Return the questions that are asked, or not, because of the answer to this one."""
    opened = {question}
    for later in (q for d in DOMAINS for q in d.questions):
        if opened & set(later.asked_if):
            opened.add(later.id)
    return opened


@pytest.mark.few
@pytest.mark.parametrize("question", STEPS)
def test_a_worse_answer_never_gives_a_better_judgement(question: str) -> None:
    """All other answers stay, except those that the answer opens or closes.

    Of these the best and the worst that can still follow are compared.
    """
    rank = {answer: i for i, step in enumerate(STEPS[question]) for answer in step}
    domain, moving = f"D{question[0]}", opened_by(question)
    reachable: dict[tuple[str, ...], dict[int, set[int]]] = {}
    for answers in paths(domain):
        if question in answers:
            fixed = tuple(a for q, a in answers.items() if q not in moving)
            judged = JUDGEMENTS.index(domain_judgement(domain, answers))
            reachable.setdefault(fixed, {}).setdefault(rank[answers[question]], set()).add(judged)
    bounds = [
        [[pick(found[step]) for step in sorted(found)] for pick in (min, max)]
        for found in reachable.values()
    ]
    assert all(bound == sorted(bound) for pair in bounds for bound in pair)
    assert any(len(set(bound)) > 1 for pair in bounds for bound in pair), "it never matters"


@pytest.mark.parametrize("domain", DOMAIN_IDS)
def test_probably_counts_as_yes_or_no(domain: str) -> None:
    firm = {"PY": "Y", "PN": "N"}
    for answers in paths(domain):
        plain = {q: firm.get(a, a) for q, a in answers.items()}
        assert domain_judgement(domain, plain) == domain_judgement(domain, answers)


def test_no_answers_give_no_judgement() -> None:
    assert {domain_judgement(d, {}) for d in DOMAIN_IDS} == {NOT_STATED}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"2.6": "N", "2.7": "Y"}, HIGH),  # the analysis alone settles it
        ({"2.6": "Y"}, NOT_STATED),  # whether anybody knew is still open
        ({"2.1": "Y", "2.3": "Y", "2.4": "Y", "2.6": "Y"}, NOT_STATED),
    ],
)
def test_part_of_the_answers_settle_only_what_they_settle(answers: Answers, expected: str) -> None:
    assert domain_judgement("D2", answers) == expected


def test_not_applicable_is_the_same_as_not_asked() -> None:
    with_na = {"3.1": "Y", "3.2": "NA", "3.3": "NA", "3.4": "NA"}
    assert domain_judgement("D3", with_na) == domain_judgement("D3", {"3.1": "Y"}) == LOW


@pytest.mark.parametrize(
    ("domain", "answers", "says"),
    [
        ("D3", {"3.1": "N", "3.2": "NI"}, r"3\.2 must be one of Y, PY, PN, N, got 'NI'"),
        ("D3", {"3.1": "Y", "3.4": "N"}, r"3\.4 is answered 'N', but is asked only if 3\.3 is"),
        ("D2", {"2.1": "N", "2.2": "N", "2.3": "N"}, r"2\.1 is Y/PY/NI or 2\.2 is Y/PY/NI"),
        ("D1", {"1.1": "yes"}, "got 'yes'"),
        ("D1", {"1.4": "Y"}, "no such signalling question: 1.4"),
        ("D6", {}, "domain must be one of D1"),
    ],
)
def test_answers_that_cannot_be_used_are_named(domain: str, answers: Answers, says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        domain_judgement(domain, answers)


def test_overall_judgement_is_the_worst_domain() -> None:
    for found in product(JUDGEMENTS, repeat=5):
        expected = (
            HIGH
            if HIGH in found
            else NOT_STATED
            if NOT_STATED in found
            else CONCERNS
            if CONCERNS in found
            else LOW
        )
        assert overall_judgement(found) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_several_concerns_make_it_high_only_from_the_stated_number(limit: int) -> None:
    for found in product((LOW, CONCERNS), repeat=5):
        judged = overall_judgement(found, concerns_for_high=limit)
        if found.count(CONCERNS) >= limit:
            assert judged == HIGH
        else:
            assert judged == overall_judgement(found)


def test_overall_judgement_refuses_what_is_no_judgement() -> None:
    with pytest.raises(ReviewError, match="got 'unclear'"):
        overall_judgement(["low", "unclear"])
    with pytest.raises(ReviewError, match="no domain judgements"):
        overall_judgement([])
    with pytest.raises(ReviewError, match="at least 1, got 0"):
        overall_judgement([LOW] * 5, concerns_for_high=0)


def rows(*cells: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(cells), columns=["trial", "outcome", "item", "judgement"])


ASSESSED = rows(
    ("a", "all", "1.1", "Y"),
    ("a", "all", "1.2", "Y"),
    ("a", "all", "1.3", "N"),
    ("a", "all", "D2", CONCERNS),
    ("a", "all", "D3", LOW),
    ("a", "all", "D4", CONCERNS),
    ("a", "all", "D5", LOW),
    ("b", "all", "overall", HIGH),
    ("b", "pain", "D4", LOW),
)


def test_a_matrix_is_filled_from_questions_domains_or_overall() -> None:
    matrix = judgements(ASSESSED)
    assert matrix.loc["a"].tolist() == [LOW, CONCERNS, LOW, CONCERNS, LOW, CONCERNS]
    assert matrix.loc["b"].tolist() == [NOT_STATED] * 5 + [HIGH]


def test_the_stricter_use_reaches_the_matrix() -> None:
    assert judgements(ASSESSED, concerns_for_high=2).loc["a", "overall"] == HIGH


def test_rows_of_an_outcome_go_before_those_for_all() -> None:
    assert judgements(ASSESSED, outcome="pain").loc["b", "D4"] == LOW
    own = rows(("a", "all", "D1", LOW), ("a", "pain", "D1", HIGH))
    assert judgements(own, outcome="pain").loc["a"].tolist() == [HIGH, *[NOT_STATED] * 4, HIGH]
    assert judgements(own, outcome="strength").loc["a", "D1"] == LOW


def test_a_trial_without_rows_is_not_stated() -> None:
    matrix = judgements(ASSESSED, trials=["c", "a"])
    assert matrix.index.tolist() == ["c", "a"]
    assert set(matrix.loc["c"]) == {NOT_STATED}
    assert judgements(ASSESSED.iloc[:0]).empty


def test_a_recorded_judgement_stands_whatever_is_proposed() -> None:
    table = rows(("a", "all", "1.2", "N"), ("a", "all", "D1", CONCERNS))
    assert judgements(table).loc["a", "D1"] == CONCERNS
    assert domain_judgement("D1", {"1.2": "N"}) == HIGH


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (("a", "all", "D7", LOW), "'D7' is no domain"),
        (("a", "all", "D1", "unclear"), "got 'unclear'"),
        (("a", "all", "1.1", LOW), "1.1: answer must be one of Y"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(cell: tuple[str, str, str, str], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        judgements(rows(cell))


def test_a_row_given_twice_and_a_missing_column_are_refused() -> None:
    with pytest.raises(ReviewError, match="a, all, D1: twice"):
        judgements(rows(("a", "all", "D1", LOW), ("a", "all", "D1", HIGH)))
    with pytest.raises(ReviewError, match="no column judgement"):
        judgements(ASSESSED.drop(columns="judgement"))


def test_shares_add_up_to_one_with_and_without_weights() -> None:
    matrix = judgements(ASSESSED, trials=["a", "b", "c"])
    for weights in (None, {"a": 3.0, "b": 1.0}):
        shares = judgement_shares(matrix, weights)
        assert shares.sum(axis=1).round(12).eq(1).all()
    assert judgement_shares(matrix, {"a": 3.0, "b": 1.0}).loc["overall", HIGH] == 0.25
    assert judgement_shares(matrix).loc["D1", NOT_STATED] == pytest.approx(2 / 3)


def test_shares_need_trials_and_weights() -> None:
    matrix = judgements(ASSESSED)
    with pytest.raises(ReviewError, match="no trials"):
        judgement_shares(matrix.iloc[:0])
    with pytest.raises(ReviewError, match="none of the trials has a weight"):
        judgement_shares(matrix, {"z": 1.0})
    with pytest.raises(ReviewError, match="weight of a must be finite and not negative: -1"):
        judgement_shares(matrix, {"a": -1.0})


def test_the_questions_are_those_of_the_tool() -> None:
    table = questions_table()
    assert table.groupby("domain").size().to_dict() == {
        "D1": 3,
        "D2": 7,
        "D3": 4,
        "D4": 5,
        "D5": 3,
    }
    assert list(table) == ["domain", "title", "question", "text", "asked_if"]
    assert table["question"].iloc[:4].tolist() == ["1.1", "1.2", "1.3", "2.1"]
    assert table["text"].str.endswith("?").all()
    assert set(ANSWERS) == {"Y", "PY", "PN", "N", "NI", "NA"}
