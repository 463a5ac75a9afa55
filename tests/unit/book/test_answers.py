"""Does the answer table say what is printed, and nothing that is not?"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from places import ROOT

from analysis_lib.book.sections import answers, grading
from analysis_lib.review.model import Review, load_review
from analysis_lib.review.possible import pooled_analyses


@pytest.fixture(scope="module")
def table(review: Review) -> answers.AnswerTable:
    found = answers.answer_table(review)
    assert isinstance(found, answers.AnswerTable)
    return found


@pytest.fixture(scope="module")
def soup(table: answers.AnswerTable) -> BeautifulSoup:
    return BeautifulSoup(table.html(), "html.parser")


def test_every_printed_result_has_its_row(review: Review, table: answers.AnswerTable) -> None:
    printed = review.published[review.published["kind"].isin(["pooled", "single"])]
    assert len(table.answers) == len(printed)
    frame = table.frame()
    assert frame["Effect (95% CI)"][1] == "−0.52 (−0.92 to −0.08)"
    assert frame["Trials"].tolist()[:3] == ["6", "7", "5"]
    assert frame["People"].tolist()[:3] == ["282", "474", "345"]
    assert set(frame["Certainty"]) == {"very low", "low", "moderate"}
    assert table.csv().count("\n") == len(printed) + 1


def test_the_words_follow_effect_and_certainty(table: answers.AnswerTable) -> None:
    words = dict(
        zip(
            zip(table.frame()["Outcome"], table.frame()["Measured"], strict=True),
            table.frame()["In words"],
            strict=True,
        )
    )
    pain = {words["pain intensity", when] for when in ("up to 6 weeks", "from 7 weeks")}
    assert pain == {"May make little or no difference; very uncertain"}
    assert words["disability", "from 7 weeks"] == "We do not know; very uncertain"
    assert words["back muscle endurance", "from 7 weeks"] == "Probably increases it"
    assert words["maximal strength", "from 6 months"] == "May increase it slightly"
    assert words["maximal strength", "from 7 weeks"] == "May make no clear difference"


def test_a_doubted_number_keeps_its_place_and_has_a_letter(soup: BeautifulSoup) -> None:
    strength = next(t for t in soup.select("tbody") if "Maximal strength" in t.text)
    cell = next(c for c in strength.select("td.effect") if "0.22" in c.text)
    letter = cell.select_one("sup a")
    assert letter is not None
    note = soup.select_one(str(letter["href"]))
    assert note is not None
    assert "a minus sign is probably lost" in note.text
    assert strength.select(".s-mark.doubted")


def test_left_means_better_with_the_experimental_side(table: answers.AnswerTable) -> None:
    for answer in table.answers:
        at = answers.Axis.of([answer]).at(answer.estimate)
        better = answer.estimate < 0 if answer.asked.lower_is_better else answer.estimate > 0
        assert (at < 50) == better
        assert (at == 50) == (answer.estimate == 0)


def test_a_strip_holds_its_intervals(table: answers.AnswerTable) -> None:
    for answer in table.answers:
        strip = answers.Axis.of(table.answers).strip(answer)
        low, high = strip["ci"]  # type: ignore[misc]
        assert 0 <= low < high <= 100
        assert strip["pi"] is None or strip["pi"][0] <= low < high <= strip["pi"][1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("size", "measure", "reach"),
    [(0.83, "MD", 1.0), (1.02, "SMD", 1.5), (47.0, "MD", 50.0), (0.0, "MD", 1.0)],
)
def test_an_axis_ends_at_a_round_number(size: float, measure: str, reach: float) -> None:
    assert answers._round_up(size, measure) == pytest.approx(reach)


def test_an_axis_of_ratios_ends_at_a_round_ratio() -> None:
    ratio = answers._round_up(0.6, "OR")  # exp(0.6) is 1.82
    assert ratio == pytest.approx(0.693147, abs=1e-6)  # the logarithm of 2


def test_the_verdict_answers_the_first_question(review: Review) -> None:
    assert answers.verdict(review) == (
        "Loaded exercise may make little or no difference to pain intensity, but the evidence is "
        "very uncertain."
    )


@pytest.mark.slow
def test_follow_ups_that_differ_have_a_sentence_each(review: Review) -> None:
    rated = review.certainty.assign(
        rating=review.certainty["rating"].where(review.certainty["follow_up"] != "PW", "high")
    )
    told = answers.verdict(replace(review, certainty=rated))
    assert told.startswith("Up to 6 weeks and from 7 weeks: loaded exercise may make")
    assert "From 6 months: loaded exercise makes little or no difference" in told


def test_harms_are_counted_and_silence_is_told(review: Review) -> None:
    told = answers.harms(review)
    assert told.startswith("Five trials of 13 report on harms: 4 events related to loaded exercise")
    assert "3 to unloaded exercise" in told
    assert "The eight other trials say nothing" in told
    silent = review.adverse_events.assign(relation="not stated", events=pd.NA)
    assert "not known" in answers.harms(replace(review, adverse_events=silent))


def test_a_review_without_a_publication_shows_what_is_computed(review: Review) -> None:
    own = replace(review, published=review.published.iloc[:0], printed=review.printed.iloc[:0])
    found = answers.answer_table(own)
    assert isinstance(found, answers.AnswerTable)
    assert found.source == "computed from the data"
    fit = own.analysis("pain", "ETP").pool(**own.info.methods)
    row = next(
        a for a in found.answers if (a.asked.outcome, a.when) == ("pain intensity", "from 7 weeks")
    )
    assert row.estimate == fit.estimate


@pytest.mark.slow
def test_a_rating_that_is_absent_is_told(review: Review) -> None:
    found = answers.answer_table(replace(review, certainty=review.certainty.iloc[:0]))
    assert isinstance(found, answers.AnswerTable)
    assert set(found.frame()["Certainty"]) == {"not rated"}
    assert "how certain this is has not been rated" in answers.verdict(
        replace(review, certainty=review.certainty.iloc[:0])
    )


def test_nothing_pooled_is_a_sentence(review: Review) -> None:
    empty = replace(
        review,
        published=review.published.iloc[:0],
        printed=review.printed.iloc[:0],
        analyses=review.analyses.iloc[:0],
        reconstructed=review.reconstructed.iloc[:0],
        contrasts=review.contrasts.iloc[:0],
        arm_results=review.arm_results.iloc[:0],
    )
    assert answers.answer_table(empty) == answers.NOTHING
    assert answers.verdict(empty) == answers.NOTHING
    table = grading.summary_table(empty)
    assert set(table["Certainty, prompted"]) == {""}
    assert "Adverse events" in set(table["Outcome"])


def test_the_first_page_pools_events_as_the_review_does() -> None:
    review = load_review(ROOT / "examples" / "rosiglitazone" / "data")
    fits = [effects.pool() for effects in pooled_analyses(review)]
    assert [fit.method for fit in fits] == ["MH", "MH"]
    assert [one.estimate for one in answers.computed(review)] == [fit.estimate for fit in fits]
    assert [one.ci for one in answers.computed(review)] == [fit.ci for fit in fits]
