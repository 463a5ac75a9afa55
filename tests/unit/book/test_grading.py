"""Are recorded ratings counted and set beside what prompts another one?"""

from __future__ import annotations

import pytest
from places import DATA

import analysis_lib as al
from analysis_lib.book.sections import grading
from analysis_lib.conclusions.certainty import Assessment, Finding, Prompt

FIT = al.pool([-0.5, -0.4], [0.04, 0.05])


def finding(recorded: str | None, *steps: tuple[int, int] | None) -> Finding:
    prompts = tuple(Prompt(f"domain {i}", "rule", "numbers", s) for i, s in enumerate(steps))
    assessment = Assessment("high", prompts, recorded, "few trials" if recorded else "")
    return Finding("Pain", "Early", FIT, assessment, "MD")


RATED = [
    finding("high", (0, 0)),
    finding("high", (1, 1), None, (0, 1), (0, 0)),  # prompted: low to moderate
    finding("low", (0, 0)),  # prompted: high
    finding(None, (1, 1)),
    Finding("Fear", "Early", None, None, "MD"),
]


def test_only_recorded_ratings_are_counted() -> None:
    assert grading.agreement_told(RATED) == {
        "rated": 3,
        "agree": 1,
        "differ": 2,
        "differ-list": "pain (early) and pain (early)",
    }


def test_a_rating_outside_stands_beside_what_prompts_another() -> None:
    table = grading.disagreement_table(RATED)
    assert table.iloc[0].tolist() == [
        "Pain, early",
        "high",
        "few trials",
        "low to moderate",
        "domain 0: rate down by 1; domain 2: rate down by 0 to 1",
    ]
    assert table["What prompts it"].tolist()[1] == "nothing computed asks for rating down"
    assert grading.disagreement_table(RATED[:1]).empty


def test_every_analysis_of_one_outcome_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(
        grading, "show_grade", lambda _, effects: shown.append((effects.outcome, effects.follow_up))
    )
    grading.show_grades(al.load_review(DATA), "disability")
    assert shown == [("disability", time) for time in ("STP", "ETP", "PW")]
