"""The tables that any page of a book can show by their name, made from the review's data."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis_lib.base.formatting import capitalised, percent
from analysis_lib.book.page import Table
from analysis_lib.book.sections import explorer
from analysis_lib.book.sections.answers import AnswerTable, answer_table
from analysis_lib.book.sections.with_r import comparison_told
from analysis_lib.conclusions.versions import news
from analysis_lib.review.model import Review, provenance_counts, result_status

NO_VERSION = "No version of this review is recorded yet."


def provenance(review: Review) -> Table:
    """Return how many rows of each table came to be known in which way."""
    rows = provenance_counts(review)
    words = {
        "in part": "of these with weaker cells",
        "which": "cells that are secondary or inferred",
    }
    note = (
        "A row is as well known as its weakest cell: a cell from another document than the row's, "
        "or one that is inferred, is named in the column weaker of its row."
    )
    return Table(
        rows.rename(columns=words),
        "Rows by provenance",
        "data-status",
        note,
        numeric=[*rows.columns[2:-1]],
    )


def results(review: Review) -> Table:
    """Return what is known of each trial's results."""
    rows = result_status(review)
    rows.columns = ["Trial", "Results by arm", "Differences between arms"]
    caption = "What is known of each trial's results after the start"
    return Table(rows, caption, "result-status")


def methods(review: Review) -> Table:
    """Return how the review pools."""
    chosen = explorer.main_methods(review)
    choices = {
        "Variance between trials": explorer.TAU2_LABELS[chosen["tau2"]],
        "Confidence interval": explorer.CI_LABELS[chosen["ci"]],
        "Prediction interval": explorer.PI_LABELS[chosen["pi"]],
        "Level of the intervals": percent(review.info.methods.level),
    }
    rows = pd.DataFrame(choices.items(), columns=["Choice", "In this review"])
    return Table(rows, "The methods of this review", "methods-table")


def codebook(review: Review) -> Table:
    """Return every column of every table, with what it holds."""
    from analysis_lib.review.schemas import codebook as columns

    return Table(columns(), "Codebook", "codebook-table", group="table")


def state(review: Review) -> Table | str:
    """Return the newest version beside the one before."""
    found = news(review)
    return Table(found.status, "Two versions side by side", "news-status") if found else NO_VERSION


def changed_trials(review: Review) -> Table | str:
    """Return the trials that were added or removed."""
    found = news(review)
    if found is None:
        return NO_VERSION
    if found.trials.empty:
        return "No trial was added or removed."
    return Table(found.trials, "Trials added and removed", "news-trials")


def changed_results(review: Review) -> Table | str:
    """Return the results before and now."""
    found = news(review)
    if found is None:
        return NO_VERSION
    note = (
        f"{capitalised(review.info.experimental)} minus {review.info.comparator}, with 95% "
        "confidence interval. "
        "The conclusion is what the interval says. Results of a version that is computed rest on "
        "reconstructed effects as far as the state of the review says."
    )
    caption = "Old against new results"
    return Table(found.results, caption, "news-results", note, group="outcome")


def history(review: Review) -> Table | str:
    """Return every version."""
    found = news(review)
    return Table(found.history, "All versions", "news-history") if found else NO_VERSION


#: By the name under which a page asks for it.
TABLES: dict[str, Callable[[Review], Table | AnswerTable | str]] = {
    "answers": answer_table,
    "provenance": provenance,
    "results": results,
    "methods": methods,
    "codebook": codebook,
    "news-state": state,
    "news-trials": changed_trials,
    "news-results": changed_results,
    "news-history": history,
    "with-r": comparison_told,
    "explorer-results": explorer.results_table,
    "explorer-comparisons": explorer.comparisons_table,
}
