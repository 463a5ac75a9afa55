"""Whether the pages that are there were made from what is there now: a stamp beside them says."""

from __future__ import annotations

import datetime
from pathlib import Path

from analysis_lib.book.engine.sources import Sources
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.model import Review

STAMP = ".fingerprint"


def state(sources: Sources, review: Review) -> str:
    """Return what pages are made from: all sources, and whether the next search is overdue."""
    return f"{sources.fingerprint}{' overdue' if is_overdue(review) else ''}"


def is_overdue(review: Review) -> bool:
    """Whether the next search is overdue today, which pages tell."""
    return last_search(review).is_overdue(datetime.date.today())


def is_current(html: Path, sources: Sources, review: Review) -> bool:
    """Whether the pages in a folder were made from what is there now."""
    stamp = html / STAMP
    return stamp.is_file() and stamp.read_text() == state(sources, review)
