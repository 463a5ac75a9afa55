"""What the authors of a review say, each statement beside what its printed numbers show."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.page import say, show_table
from analysis_lib.review.model import Review

#: Words for the table where the table of the data has shorter ones.
KINDS = {"method": "a method", "declared": "a declaration"}
#: The section of what the authors say of single results.
RESULTS = "results"
PLACEHOLDER = re.compile(r"\{(?P<result>[\w-]+)\.(?P<what>[a-z0-9]+)\}")


def show_statements(review: Review, *sections: str, caption: str) -> None:
    """Show what the authors say on some subjects, and what the printed numbers say of it.

    Parameters
    ----------
    review
        A review with a table ``statements``.
    sections
        Values of its column ``section``, in the order to show them in.
    caption
        Of the table.
    """
    table = statement_table(review, *sections)
    if table.empty:
        say("No statement of the authors is recorded in `data/statements.csv`.")
        return
    # advice and declarations have nothing beside them
    table = table[[column for column in table if any(table[column])]]
    show_table(table, caption, group="Section" if len(sections) > 1 else None)


def statement_table(review: Review, *sections: str) -> pd.DataFrame:
    """Return the statements of some sections as text cells, with the numbers filled in.

    Returns
    -------
    pandas.DataFrame
        Columns ``What the authors say``, ``Supported``, ``What the printed numbers show``,
        ``Where`` and ``Section``.

    Raises
    ------
    ReviewError
        If a statement names a result or a number that is not printed.
    """
    told = review.statements[review.statements["section"].isin(sections)]
    told = told.sort_values("section", key=lambda names: names.map(sections.index), kind="stable")
    return pd.DataFrame(
        {
            "What the authors say": told["text"],
            "Supported": told["support"].replace(KINDS),
            "What the printed numbers show": [
                with_numbers(review.published, str(words)) if pd.notna(words) else ""
                for words in told["beside"]
            ],
            "Where": told["source"].str.replace("review: ", ""),
            "Section": told["section"].map(fmt.sentence).str.rstrip("."),
        }
    ).drop(columns=[] if len(sections) > 1 else "Section")


def on_result(review: Review, result: str) -> str:
    """Return what the authors say of one printed result, with its place; empty if nothing is.

    Parameters
    ----------
    review
        A review that was loaded.
    result
        Its ``id`` in ``published.csv``; a statement is about the results that stand beside it.
    """
    told = review.statements[review.statements["section"] == RESULTS]
    about = told[told["beside"].astype("str").str.contains(f"{{{result}.", regex=False)]
    return " ".join(
        f"{str(text).rstrip('.')} ({place.removeprefix('review: ')})."
        for text, place in zip(about["text"], about["source"], strict=True)
    )


def with_numbers(published: pd.DataFrame, words: str) -> str:
    """Replace every ``{result.number}`` of a text by the number as the review prints it.

    Parameters
    ----------
    published
        The printed results, a row each, with ``id``.
    words
        Text. ``number`` is ``estimate``, ``ci``, ``pi``, ``i2``, ``tau2``, ``trials``,
        ``participants``, or ``result`` for the estimate with its interval.

    Raises
    ------
    ReviewError
        If there is no such result, or the review does not print that number.

    Examples
    --------
    >>> row = {"id": "pain", "measure": "MD", "estimate": -0.5, "ci_low": -0.9, "ci_high": -0.1}
    >>> with_numbers(pd.DataFrame([row]), "Printed: {pain.result}.")
    'Printed: MD −0.50 (95% CI −0.90 to −0.10).'
    """
    rows = {str(row["id"]): row for _, row in published.iterrows()}

    def number(match: re.Match[str]) -> str:
        result, what = match["result"], match["what"]
        if result not in rows:
            raise ReviewError(f"statements.csv: {{{result}.{what}}}: no printed result '{result}'")
        told = _number(rows[result], what)
        if not told:
            raise ReviewError(f"statements.csv: {{{result}.{what}}}: the review prints no {what}")
        return told

    return PLACEHOLDER.sub(number, words)


def _number(row: pd.Series[Any], what: str) -> str:
    """Return one printed number as text, empty if it is not printed."""
    known = row.dropna()
    if what == "result" and {"estimate", "ci_low", "ci_high"} <= {*known.index}:
        ci = fmt.interval((row["ci_low"], row["ci_high"]), 2)
        return f"{row['measure']} {fmt.number(row['estimate'], 2)} (95% CI {ci})"
    if what in ("ci", "pi") and {f"{what}_low", f"{what}_high"} <= {*known.index}:
        return fmt.interval((row[f"{what}_low"], row[f"{what}_high"]), 2)
    if what not in known.index:
        return ""
    if what == "i2":
        return fmt.percent(row["i2"] / 100)
    if what in ("trials", "participants"):
        return f"{int(row[what])}"
    return fmt.number(row[what], 2)
