"""Do the authors' statements stand beside the numbers that the review prints?"""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.book.sections import authors

PRINTED = pd.DataFrame(
    [
        {"id": "pain", "measure": "MD", "estimate": -0.5, "ci_low": -0.9, "ci_high": -0.1,
         "pi_low": None, "pi_high": None, "i2": 67.0, "tau2": 0.28, "trials": 7.0},
    ]
)  # fmt: skip


def test_every_statement_stands_on_the_page_with_its_place_and_its_numbers(
    review: al.Review,
) -> None:
    sections = list(dict.fromkeys(review.statements["section"]))
    table = authors.statement_table(review, *sections)
    assert len(table) == len(review.statements) > 0
    assert (table[["What the authors say", "Supported", "Where"]] != "").all(axis=None)
    assert not table["What the printed numbers show"].str.contains(r"[{}]").any()


def test_what_is_judged_says_why(review: al.Review) -> None:
    judged = review.statements[
        review.statements["support"].isin(["yes", "in part", "no", "not tested"])
    ]
    assert judged["beside"].notna().all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("{pain.estimate}", "−0.50"),
        ("{pain.ci}", "−0.90 to −0.10"),
        ("{pain.i2} and {pain.tau2}", "67% and 0.28"),
        ("{pain.trials} trials", "7 trials"),
        ("{pain.result}", "MD −0.50 (95% CI −0.90 to −0.10)"),
        ("nothing {here}", "nothing {here}"),
    ],
)
def test_numbers_are_those_that_are_printed(words: str, told: str) -> None:
    assert authors.with_numbers(PRINTED, words) == told


@pytest.mark.parametrize("words", ["{sleep.ci}", "{pain.pi}", "{pain.participants}"])
def test_a_number_that_is_not_printed_is_named(words: str) -> None:
    with pytest.raises(al.ReviewError, match=r"statements\.csv: \{\w+\.\w+\}"):
        authors.with_numbers(PRINTED, words)


def test_sections_stand_in_the_order_that_is_asked_for(review: al.Review) -> None:
    table = authors.statement_table(review, "declarations", "main findings")
    assert list(dict.fromkeys(table["Section"])) == ["Declarations", "Main findings"]


def test_a_review_without_statements_says_so(
    review: al.Review, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = dataclasses.replace(review, statements=review.statements.head(0))
    assert authors.statement_table(silent, "practice").empty
