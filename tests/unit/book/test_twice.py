"""Has every number that stands twice its reason, and is the printed one the one that is shown?"""

from __future__ import annotations

import re

import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.book.sections import twice
from analysis_lib.conclusions.published import compare_with_published


@pytest.fixture(scope="module")
def table(review: al.Review) -> pd.DataFrame:
    return twice.twice_table(review)


def test_why_is_never_blank(review: al.Review, table: pd.DataFrame) -> None:
    assert (table[["Printed", "Ours", "Why", "Where"]] != "").all(axis=None)
    published = twice.published_table(review)
    agree = published[["Inside rounding, independent", "Inside rounding, circular"]]
    disagrees = ~(agree == "yes").any(axis=1)
    assert (published.loc[disagrees, "Why not"] != "").all()
    assert (published.loc[~disagrees, "Why not"] == "").all()


def test_the_numbers_that_referees_found_are_there(table: pd.DataFrame) -> None:
    pairs = set(zip(table["Printed"], table["Ours"], strict=True))
    assert {("−0.92", "−0.97"), ("0.22", "−0.22"), ("474", "466"), ("778", "806")} <= pairs


def test_a_page_is_named_that_shows_the_number(table: pd.DataFrame) -> None:
    where = table.set_index(["Printed", "Ours"])["Where"]
    assert "Primary outcomes" in where["−0.92", "−0.97"]
    assert "Secondary outcomes" in where["0.22", "−0.22"]
    assert "The trials" in where["778", "806"]


def test_every_difference_outside_rounding_has_a_row(review: al.Review) -> None:
    found = compare_with_published(review)
    outside = found[(found["inside_rounding"] == False)]  # noqa: E712  # absent is neither
    outside = outside[~outside["kind"].isin(["abstract", "discussion"])]
    assert len(twice.differing(review)) == len(outside)


def test_one_reason_stands_after_both_ends(review: al.Review) -> None:
    told = " ".join(twice.sentences(review, "disability", "STP"))
    assert told.count("narrower than the printed variance") == 1
    assert "printed −4.43" in told
    assert twice.sentences(review, "endurance", "PW") == []
    assert twice.sentences(review, "pain", "never") == []


def test_letters_and_notes_go_together(review: al.Review) -> None:
    letters = twice.letters(review)
    assert letters["pain", "ETP"] != letters["strength", "ETP"]
    assert ("disability", "PW") not in letters  # only its people differ
    notes = twice.notes(review)
    for letter in letters.values():
        assert notes.count(f"({letter}) ") == 1
    told = re.split(r" ?\(\w\) ", notes)[1:]
    assert len(told) == len(set(told))  # what is the same reason is told once


def test_the_test_of_single_effects_is_not_recomputed(review: al.Review) -> None:
    found = compare_with_published(review)
    bias = found[found["kind"] == "bias"]
    assert bias["recomputed"].isna().all()
    assert bias["reason"].str.contains("reconstructed").all()
