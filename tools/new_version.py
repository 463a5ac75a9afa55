"""Record the review as it is now as a version, so that the page of news can compare with it.

    make new-version VERSION=1.1 NOTE="two trials added"

A version is recorded once. Its rows stand in ``data/versions.csv`` and
``data/version_results.csv``, which only this writes.
"""

from __future__ import annotations

import argparse
import datetime
import html
from pathlib import Path

import pandas as pd

import analysis_lib as al
from analysis_lib.book.page import table_html
from analysis_lib.conclusions.versions import (
    COMPUTED,
    PRINTED,
    RESULTS,
    VERSIONS,
    read_versions,
    record_version,
    whats_new,
)

ROOT = Path(__file__).resolve().parent.parent
STATUS = "living: searched and screened again when somebody brings a trial"


def news_snippets(review: al.Review, folder: Path) -> dict[str, str]:
    """Return the parts of the page of news as HTML, by the name of the snippet.

    They are ``news``, ``news-status``, ``news-trials``, ``news-results`` and ``news-history``;
    text from the records is escaped.
    """
    news = whats_new(review, *read_versions(folder))
    nobody = "<p>No trial was added or removed.</p>"
    return {
        "news": f"<p>{html.escape(news.summary)}</p>",
        "news-status": table_html(news.status, "Two versions side by side", name="news-status"),
        "news-trials": nobody
        if news.trials.empty
        else table_html(news.trials, "Trials added and removed", name="news-trials"),
        "news-results": table_html(
            news.results,
            "Old against new results",
            name="news-results",
            group="outcome",
            note=f"{review.info.experimental} minus {review.info.comparator}, with 95% confidence "
            "interval. The conclusion is what the interval says. Results of a version that is "
            "computed rest on reconstructed effects as far as the state of the review says.",
        ),
        "news-history": table_html(news.history, "All versions", name="news-history"),
    }


def add_version(
    folder: Path, version: str, date: str, *, basis: str, status: str, note: str, again: bool
) -> None:
    """Record the review in a folder as a version.

    Raises
    ------
    al.ReviewError
        If the version is recorded already, unless it is the newest and ``again`` says to record
        it anew.
    """
    head, results = record_version(
        al.load_review(folder), version, date, basis=basis, status=status, note=note
    )
    old_heads, old_results = read_versions(folder)
    if version in set(old_heads["version"]):
        if not again or old_heads["version"].iloc[-1] != version:
            raise al.ReviewError(f"version {version} is recorded; --again replaces the newest")
        old_heads = old_heads[old_heads["version"] != version]
        old_results = old_results[old_results["version"] != version]
    for name, old, new in (
        (VERSIONS, old_heads, head),
        (RESULTS, old_results, results),
    ):
        joined = new if old.empty else pd.concat([old, new], ignore_index=True)
        joined.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description="record the review as a version")
    parser.add_argument("version")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--basis", choices=(PRINTED, COMPUTED), default=COMPUTED)
    parser.add_argument("--status", default=STATUS)
    parser.add_argument("--note", default="")
    parser.add_argument("--again", action="store_true", help="replace a version of this name")
    given = parser.parse_args()
    try:
        add_version(
            ROOT / "data",
            given.version,
            given.date,
            basis=given.basis,
            status=given.status,
            note=given.note,
            again=given.again,
        )
    except al.ReviewError as error:
        raise SystemExit(str(error)) from None
    print(f"recorded version {given.version} of {given.date}")


if __name__ == "__main__":
    main()
