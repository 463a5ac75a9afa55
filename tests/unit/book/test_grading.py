"""Are recorded ratings counted and set beside what prompts another one?"""

from __future__ import annotations

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
