"""When trials were last searched for, and when the next search is due."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from analysis_lib.base.formatting import plural
from analysis_lib.importing.watching import kept
from analysis_lib.importing.watching.queries import FILE, Searches, read_searches
from analysis_lib.importing.watching.services import PUBMED, REGISTRY
from analysis_lib.review.found import rows_of
from analysis_lib.review.model import Review


@dataclass(frozen=True, slots=True)
class LastSearch:
    """When a review was searched last.

    Attributes
    ----------
    told : str
        The day of the last watch that every query was answered in, or what is known of the last
        search by people; empty if nothing is.
    due : datetime.date or None
        When the next one is due; ``None`` if nobody says how often.
    day : datetime.date or None
        That of the last watch.
    """

    told: str
    due: datetime.date | None
    day: datetime.date | None

    def is_overdue(self, today: datetime.date) -> bool:
        """Whether the next search should have been by a day."""
        return self.due is not None and self.due < today

    def sentence(self, today: datetime.date | None = None, *, ago: str = "ago") -> str:
        """Say it. Without a day, only what does not depend on when it is read."""
        if not self.told:
            return "When trials were last searched for is not recorded."
        days = ""
        if today is not None and self.day is not None:
            days = f", {plural((today - self.day).days, 'day')} {ago}"
        told = f"Trials were last searched for {self.told}{days}."
        if self.due is None:
            return told
        if today is not None and self.is_overdue(today):
            return f"{told} The next search has been overdue since {self.due}."
        return f"{told} The next search is due by {self.due}."


def last_search(review: Review) -> LastSearch:
    """Return when a review was searched last.

    Raises
    ------
    ReviewError
        If ``searches.toml`` or what watches kept cannot be read.
    """
    months = review.searches["date"].tolist()
    by_hand = f"in {max(months)}" if months else ""
    if not (review.path / FILE).is_file():
        return LastSearch(by_hand, None, None)
    searches = read_searches(review.path)
    since = searches.since
    if since is None:
        return LastSearch(by_hand, None, None)
    runs = rows_of(review.path / kept.FOLDER / kept.RUNS, kept.schema(kept.RUNS))
    answered = [_answered(runs, *query) for query in _queries(searches)]
    days = [day for day in answered if day is not None]
    day = min(days) if days and len(days) == len(answered) else None
    due = (day or since) + datetime.timedelta(days=searches.overdue_after)
    return LastSearch(f"on {day}" if day else by_hand or f"by hand on {since}", due, day)


def _queries(searches: Searches) -> list[tuple[str, str]]:
    return [
        *((REGISTRY, name) for name in searches.clinicaltrials),
        *((PUBMED, name) for name in searches.pubmed),
    ]


def _answered(runs: list[dict[str, str]], service: str, query: str) -> datetime.date | None:
    days = [
        datetime.date.fromisoformat(run["day"])
        for run in runs
        if (run["service"], run["query"]) == (service, query)
    ]
    return max(days, default=None)
