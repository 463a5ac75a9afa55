"""To notice a new trial: ask public services what is new, keep every answer, and leave deciding.

`queries` says what is asked, `asking` asks politely, `services` knows the three services, `kept`
keeps what they answered, `harvest` asks one after the other, `known_works` knows what was seen
before, and `found` is the table where people decide. This module puts them together.
"""

from __future__ import annotations

import datetime
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.screening import FILE as RULES
from analysis_lib.importing.screening import ScreeningRules, parse_rules
from analysis_lib.importing.watching import kept
from analysis_lib.importing.watching.asking import Replay, Web
from analysis_lib.importing.watching.found import news
from analysis_lib.importing.watching.harvest import Asking, Harvest
from analysis_lib.importing.watching.kept import Kept, write_table
from analysis_lib.importing.watching.known_works import without_known
from analysis_lib.importing.watching.queries import FILE as SEARCHES
from analysis_lib.importing.watching.queries import read_searches
from analysis_lib.importing.watching.services import Addresses
from analysis_lib.review.cells import read_text
from analysis_lib.review.found import FILE, Row, read_found, rows_of, schema
from analysis_lib.review.model import Review, data_folder, load_review

#: What a scheduler is told: something new (3), a service without an answer (4), or both (5).
NEW, UNANSWERED, BOTH = 3, 4, 5
KNOWN: Final = "known.csv"


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watch did.

    Attributes
    ----------
    day : datetime.date
    new, changed : list of dict
        Rows of ``found.csv`` that were never seen, and those that are judged otherwise than before.
    known : list of dict
        What was found and is a work that the review knows, with the reason.
    told : list of str
        One sentence a query.
    failures : list of str
        Why a service was not heard; its days are asked for again next time.
    """

    day: datetime.date
    new: list[Row]
    changed: list[Row]
    known: list[Row]
    told: list[str]
    failures: list[str]

    @property
    def code(self) -> int:
        """The exit code: 0 if all was answered and nothing is new."""
        is_new = bool(self.new or self.changed)
        if self.failures:
            return BOTH if is_new else UNANSWERED
        return NEW if is_new else 0

    def lines(self) -> Iterator[str]:
        """Say it, one sentence a line."""
        yield from self.told
        for row in self.known:
            yield f"Known already: {row['found']}: {row['why']}."
        for name, rows in (("New", self.new), ("Changed", self.changed)):
            for row in rows:
                judged = f" Criteria: {row['judged']}." if row["judged"] else ""
                words = f" {row['words']}." if row["words"] else ""
                like = f" See {row['like']}." if row["like"] else ""
                yield f"{name}, {row['kind']}: {row['found']}, {row['title']}.{judged}{words}{like}"
        if not self.new and not self.changed:
            yield "Nothing new." if not self.failures else "Nothing new among what was answered."
        else:
            yield f"Nothing is included by itself: decide in {FILE}, column decision."
        for failure in self.failures:
            yield f"Not answered: {failure}. What it has for these days is asked for next time."


def watch(
    path: str | Path,
    *,
    today: datetime.date | None = None,
    contact: str = "",
    replay: str | Path | None = None,
    addresses: Addresses | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Watched:
    """Ask what is new since the last watch, and write it into ``found.csv``.

    Parameters
    ----------
    path
        The folder of a review, or its folder ``data``.
    today
        The day; by default that of the clock.
    contact
        Address to which a service may write; by default that of ``review.toml``.
    replay
        Folder with the answers of an earlier watch, to be read instead of asking.
    addresses
        Where the services are.
    wait
        How to wait for some seconds.

    Returns
    -------
    Watched

    Raises
    ------
    ReviewError
        If the review, ``searches.toml`` or what earlier watches kept cannot be read, if nobody is
        named as contact, if the clock cannot be right, or if another watch is under way. Nothing is
        written then. A service that does not answer raises nothing: the others are heard, and it
        is asked next time.
    """
    data = data_folder(path)
    with kept.alone(data):
        return _watch(data, today, contact, replay, addresses or Addresses(), wait)


def _watch(
    data: Path,
    today: datetime.date | None,
    contact: str,
    replay: str | Path | None,
    at: Addresses,
    wait: Callable[[float], None],
) -> Watched:
    review, searches = load_review(data), read_searches(data)
    root = data / kept.FOLDER
    runs = rows_of(root / kept.RUNS, kept.schema(kept.RUNS))
    earlier, rules = read_found(data), _rules(review)
    who = contact or review.info.contact
    if searches.since is None:
        raise ReviewError(
            f"{SEARCHES}, key since is missing: the day of the last search by hand, such as "
            "since = 2025-03-31. Nothing was asked."
        )
    since = searches.since
    asker: Kept | Replay
    if replay is not None:
        asker, day = _replayed(Path(replay), root)
        harvest = Asking(review, searches, asker, day, who, at, runs, since).everything(rules)
    else:
        day = today or datetime.date.today()
        _check(day, kept.last_day(runs), who)
        with Web(who, day, wait) as web:
            asker = kept.begun(root, day, runs, web)
            harvest = Asking(review, searches, asker, day, who, at, runs, since).everything(rules)
    rows, known = without_known(harvest.rows, harvest.records, earlier, review)
    table, new, changed = news(earlier, rows, day)
    if known:
        write_table(asker.folder / KNOWN, list(known[0]), known)
    write_table(data / FILE, list(schema().columns), table)
    write_table(root / kept.RUNS, list(kept.schema(kept.RUNS).columns), _runs(runs, harvest, new))
    return Watched(day, new, changed, known, harvest.told, harvest.failures)


def _rules(review: Review) -> ScreeningRules | None:
    path = review.path / RULES
    return parse_rules(read_text(path), review.criteria) if path.is_file() else None


def _check(day: datetime.date, last: datetime.date | None, contact: str) -> None:
    if last is not None and day < last:
        raise ReviewError(
            f"the clock says {day}, but the last watch was on {last}: set it right. Nothing was "
            "asked."
        )
    if not contact:
        raise ReviewError(
            'review.toml has no contact = "name@example.org": services ask for an address to which '
            "they can write. Nothing was asked."
        )


def _replayed(folder: Path, root: Path) -> tuple[Replay, datetime.date]:
    """Return answers that were kept; those of another place are copied to the others first."""
    kept.replayed(folder)
    place = root / folder.resolve().name
    if folder.resolve() != place.resolve():
        if place.exists():
            raise ReviewError(f"{folder}: answers of that name are there already ({place})")
        shutil.copytree(folder, place, ignore=lambda _, names: {n for n in names if n == KNOWN})
    return kept.replayed(place)


def _runs(
    earlier: Sequence[Mapping[str, str]], harvest: Harvest, new: Sequence[Row]
) -> list[Mapping[str, str]]:
    """Return the rows of all watches; one that was replayed is there already."""
    names = ("folder", "service", "query")
    done = {tuple(run[name] for name in names) for run in earlier}
    fresh = []
    for run in harvest.runs:
        if tuple(run[name] for name in names) not in done:
            found = sum((r["service"], r["query"]) == (run["service"], run["query"]) for r in new)
            fresh.append(run | {"new": str(found)})
    return [*earlier, *fresh]
