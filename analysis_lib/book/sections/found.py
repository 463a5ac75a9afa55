"""What watches found since the last search, what is said of included reports, and what it changes.

A page of a book does not know when it is read: it says on which day something was, and when the
next search is due. Only the front page, which is made anew, counts days.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.formatting import effect_estimate, listing, plural
from analysis_lib.book.page import say, show_table
from analysis_lib.book.sections.analyses import name_of
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.found import FILE, Row, doubted_trials, read_found
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

KINDS = {"registration": "trial of a registry", "article": "article"}
#: What a person is asked about a find, by how the rules judge it.
PROMPTS = {
    "met": "Meets every criterion by its words. Read the record; wait for its results, or ask.",
    "not met": "Fails a criterion by its words. Read them, and exclude it if they say so.",
    "unclear": "Its words do not decide. Read the record, or ask those who run the trial.",
    "": "Nothing judged it. Read the title, then the record or the article.",
}
NO_DECISION = "open"


def show_found(review: Review) -> None:
    """Show what was found since the last search, and which included reports are in doubt."""
    rows = read_found(review.path)
    say("{when}", when=last_search(review).sentence())
    _show_finds(rows)
    show_doubts(review)


def show_doubts(review: Review) -> None:
    """Show what is said of included reports, and the results without those in doubt."""
    rows = read_found(review.path)
    _show_notices(review, [row for row in rows if row["kind"] == "notice"])
    _show_without(review, doubted_trials(rows))


def searched(review: Review, today: datetime.date) -> str:
    """Return what a first page says: when it was searched, what waits, and what is in doubt."""
    rows = read_found(review.path)
    told = [last_search(review).sentence(today, ago="before this page was made")]
    waiting = sum(row["kind"] != "notice" and not row["decision"] for row in rows)
    if waiting:
        told.append(f"Found since and without a decision of people: {waiting}.")
    return " ".join(told)


def doubts(review: Review, place: str = "The page on how the trials were found") -> str:
    """Return what must stand beside an answer that rests on a trial in doubt; empty if none is."""
    marks = doubted_trials(read_found(review.path))
    if not marks:
        return ""
    names = listing([review.trial_names[trial] for trial in marks])
    return f"In doubt: {names}. {place} has the results without."


def _show_finds(rows: Sequence[Row]) -> None:
    table = finds(rows)
    if table.empty:
        say("No trial or article that was found since waits in `data/{file}`.", file=FILE)
        return
    waiting = int((table["Decision"] == NO_DECISION).sum())
    note = f"Nothing is included by itself: {plural(waiting, 'row')} without a decision of people."
    show_table(table, "Found since the last search", note=note)


def finds(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the trials and articles that watches found, with what is to be done and decided."""
    rows = [row for row in rows if row["kind"] != "notice"]
    return pd.DataFrame(
        {
            "Found": [f"{row['found']}, {KINDS[row['kind']]}, {row['day']}" for row in rows],
            "Title": [row["title"] for row in rows],
            "Criteria": [row["judged"] or "not judged" for row in rows],
            "Words that decide": [_words(row) for row in rows],
            "To do": [PROMPTS[row["judged"]] if not row["decision"] else "" for row in rows],
            "Decision": [row["decision"] or NO_DECISION for row in rows],
        }
    )


def _words(row: Row) -> str:
    """Return the words that decide, and what else a find may be."""
    like = f"It may be known: {row['like']}" if row["like"] else ""
    return "; ".join(filter(None, (row["words"], like)))


def _show_notices(review: Review, rows: list[Row]) -> None:
    if not rows:
        return
    table = pd.DataFrame(
        {
            "Report": [row["title"] for row in rows],
            "Trial": [review.trial_names.get(row["trial"], row["trial"]) for row in rows],
            "Notice": [row["words"] for row in rows],
            "DOI of the notice": [row["doi"] for row in rows],
            "Found on": [row["day"] for row in rows],
        }
    )
    show_table(table, "What is said of included reports")


def _show_without(review: Review, marks: dict[str, str]) -> None:
    """Show every result that a trial in doubt is part of, with and without it."""
    if not marks:
        return
    names = listing([review.trial_names[trial] for trial in marks])
    table = results_without(review, marks)
    if table.empty:
        say("{names}: none of the pooled results has a part of it.", names=names)
        return
    note = f"In doubt: {names}. Everywhere else results are with what is in doubt, marked."
    show_table(table, "Results with and without what is in doubt", note=note)


def results_without(review: Review, marks: dict[str, str]) -> pd.DataFrame:
    """Return the results that trials in doubt are part of, with and without these.

    Parameters
    ----------
    review
        A review that was loaded.
    marks
        The trials in doubt.

    Returns
    -------
    pandas.DataFrame
        One row an analysis: ``Result``, ``Comparisons``, ``With``, ``Without``; the sentence why,
        where nothing is left to pool.
    """
    rows = []
    for effects in pooled_analyses(review):
        inside = [trial for trial in marks if (effects.table["trial"] == trial).any()]
        if inside:
            left = attempt(effects.without, *inside)
            rows.append(
                {
                    "Result": name_of(review, effects.outcome, effects.follow_up),
                    "Comparisons": f"{effects.k} and {_comparisons(left)}",
                    "With": _result(effects),
                    "Without": _result(left),
                }
            )
    return pd.DataFrame(rows, columns=["Result", "Comparisons", "With", "Without"])


def _comparisons(effects: StudyEffects | ReviewError) -> int:
    return 0 if isinstance(effects, ReviewError) else effects.k


def _result(effects: StudyEffects | ReviewError) -> str:
    if isinstance(effects, ReviewError):
        return str(effects)
    fit = attempt(effects.pool)
    if isinstance(fit, ReviewError):
        return str(fit)
    return effect_estimate(fit.estimate, fit.ci, effects.measure)
