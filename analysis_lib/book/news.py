"""The record of a review's versions, and the tables of what is new in the last of them.

The record is ``data/versions.csv`` and ``data/version_results.csv``, which only this writes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.versions import (
    RESULTS,
    VERSIONS,
    WhatsNew,
    read_versions,
    record_version,
    whats_new,
)
from analysis_lib.review.model import Review, load_review

STATUS = "living: searched and screened again when somebody brings a trial"


def news(review: Review) -> WhatsNew | None:
    """Return what is new in the last version, or nothing if no version is recorded."""
    versions, results = read_versions(review.path)
    return None if versions.empty else whats_new(review, versions, results)


def add_version(
    folder: Path,
    version: str,
    date: str,
    *,
    basis: str,
    status: str = STATUS,
    note: str = "",
    again: bool = False,
) -> None:
    """Record the review in a folder as a version.

    Parameters
    ----------
    folder
        The data of the review.
    version, date, basis, status, note
        As `record_version` takes them.
    again
        Whether the newest version may be replaced by one of its name.

    Raises
    ------
    ReviewError
        If the version is recorded already, unless it is the newest and ``again`` says to record
        it anew.
    """
    head, results = record_version(
        load_review(folder), version, date, basis=basis, status=status, note=note
    )
    old_heads, old_results = read_versions(folder)
    if version in set(old_heads["version"]):
        if not again or old_heads["version"].iloc[-1] != version:
            raise ReviewError(f"version {version} is recorded; --again replaces the newest")
        old_heads = old_heads[old_heads["version"] != version]
        old_results = old_results[old_results["version"] != version]
    for name, old, new in (
        (VERSIONS, old_heads, head),
        (RESULTS, old_results, results),
    ):
        joined = new if old.empty else pd.concat([old, new], ignore_index=True)
        joined.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
